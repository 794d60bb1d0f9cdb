//! The methods about contacts, their tags and their groups (sections 7 and 9.1 to 9.5).

use std::collections::{BTreeSet, HashSet};

use billhook_store::{
    Error, Kind,
    contacts::{
        self, By, Contact, ContactText, contact_changes, contact_tags,
        groups::{self, ALL_LEADS, Group, Kind as Joins},
        subscriptions::{self, Place},
    },
    managers,
    orders::{Order, TextField},
    partners,
    products::{Product, ProductText},
};
use billhook_wire::{
    Code, Email, Method, Name, Text,
    method::{
        AddLeadToGroup, AddTagToLead, AddUpdateLead, Count, DeleteSubscribe, GetAllGroups, GetAllLists,
        GetCountSubscribe, GetLeadGroupStatuses, GetLeadGroups, GroupInfo, LeadGroupInfo, ListInfo, Names,
        Nothing, RemoveLeadFromList, RemoveTagFromLead, SubscriptionStatus as Status, UpdateSubscriberData,
    },
};
use url::Url;

use crate::{
    failure::Failure,
    methods::{context::Context, country::country},
};

/// The word of `group_name` for every contact, and for those with an active subscription.
const ALL: &str = "all";
const UNIQUE: &str = "unique";
/// The most groups or tags in a call.
pub(crate) const NAMES_MAX: usize = 1_000;

/// Adds a contact to groups, all or none (decision 26).
pub(crate) fn add_lead_to_group(cx: &mut Context<'_, '_>, ask: &AddLeadToGroup) -> Result<Nothing, Failure> {
    let email = ask.lead_email.as_ref().ok_or(Code::NO_EMAIL)?;
    let email = Email::parse(email.as_str())
        .map_err(|_| Failure::detailed(Code::SUBSCRIPTION_ERROR, "wrong email".to_owned()))?;
    let done_url = plain(ask.doneurl2.as_ref());
    if !leads_to_us(cx, done_url) {
        return Err(
            cx.wrong("doneurl2", "it is no URL of the account's hosts; see the setting doneurl_hosts")
        );
    }
    let tags: Vec<_> =
        plain(ask.tag.as_ref()).split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    if tags.len() > NAMES_MAX || tags.iter().any(|tag| Name::new(tag).is_err()) {
        return Err(cx.wrong("tag", "a tag is longer than 255 bytes, or there are too many"));
    }
    let groups = open_groups(cx, &ask.rid)?;
    let by = by::<AddLeadToGroup>(cx);
    let known = contacts::of_email(cx.tx, cx.account, &email)?;
    if let Some(known) = &known {
        let subscribed = subscriptions::of_contact(cx.tx, cx.account, known.id)?;
        let is_in = |group: &Group| {
            subscribed.iter().any(|(subscription, of)| of.id == group.id && is_current(subscription.status))
        };
        if groups.iter().all(is_in) {
            return Err(Code::ALREADY_SUBSCRIBED.into());
        }
    }
    let is_new = known.is_none();
    let mut contact = known.unwrap_or_else(|| Contact { email: Some(email), ..Contact::default() });
    let before = contact.clone();
    let partner = partner(cx, ask)?;
    let utm = &ask.utm;
    for (field, text) in [
        (ContactText::FirstName, &ask.lead_name),
        (ContactText::Phone, &ask.lead_phone),
        (ContactText::City, &ask.lead_city),
        (ContactText::UtmMedium, &utm.utm_medium),
        (ContactText::UtmSource, &utm.utm_source),
        (ContactText::UtmCampaign, &utm.utm_campaign),
        (ContactText::UtmContent, &utm.utm_content),
        (ContactText::UtmTerm, &utm.utm_term),
        (ContactText::AffMedium, &utm.aff_medium),
        (ContactText::AffSource, &utm.aff_source),
        (ContactText::AffCampaign, &utm.aff_campaign),
        (ContactText::AffContent, &utm.aff_content),
        (ContactText::AffTerm, &utm.aff_term),
        (ContactText::AdId, &ask.ad),
    ] {
        set(&mut contact, field, text.as_ref());
    }
    if let Some(partner) = partner {
        contact.texts.set(ContactText::Aff, partner);
    }
    let id = keep(cx, &by, is_new, &before, contact)?;
    contact_tags::tag(cx.tx, cx.account, id, by.of(), tags, false)?;
    let consent = (plain(ask.activation.as_ref()), done_url);
    for group in &groups {
        subscriptions::put(cx.tx, cx.account, group, id, Status::Subscribe, by.of(), consent)?;
    }
    Ok(Nothing)
}

/// Changes what is named, and adds tags (decision 27).
pub(crate) fn update_subscriber_data(
    cx: &mut Context<'_, '_>,
    ask: &UpdateSubscriberData,
) -> Result<Nothing, Failure> {
    let by = by::<UpdateSubscriberData>(cx);
    let mut contact = known(cx, &ask.lead_email)?;
    let (id, before) = (contact.id, contact.clone());
    set(&mut contact, ContactText::FirstName, ask.lead_name.as_ref());
    set(&mut contact, ContactText::Phone, ask.lead_phone.as_ref());
    set(&mut contact, ContactText::City, ask.lead_city.as_ref());
    let tags = once(cx, ask.lead_tags.as_ref())?;
    keep(cx, &by, false, &before, contact)?;
    contact_tags::tag(cx.tx, cx.account, id, by.of(), tags, false)?;
    Ok(Nothing)
}

/// Unsubscribes a contact from one group (decision 28).
pub(crate) fn delete_subscribe(cx: &mut Context<'_, '_>, ask: &DeleteSubscribe) -> Result<Nothing, Failure> {
    let group = groups::named(cx.tx, cx.account, ask.rass_name.as_str())?.ok_or(Code::NO_GROUP)?;
    let contact = known(cx, &ask.lead_email)?;
    let by = by::<DeleteSubscribe>(cx);
    subscriptions::leave(cx.tx, cx.account, &group, contact.id, by.of())?.ok_or(Code::NO_SUBSCRIBER)?;
    Ok(Nothing)
}

pub(crate) fn get_all_groups(cx: &mut Context<'_, '_>, _: &GetAllGroups) -> Result<Vec<GroupInfo>, Failure> {
    let shown = shown(cx)?.map(|group| GroupInfo { rass_name: group.name, rass_title: group.title });
    Ok(shown.collect())
}

pub(crate) fn get_all_lists(cx: &mut Context<'_, '_>, _: &GetAllLists) -> Result<Vec<ListInfo>, Failure> {
    let shown = shown(cx)?.map(|group| ListInfo {
        id: group.id,
        rass_id: group.id,
        rass_name: group.name,
        rass_title: group.title,
    });
    Ok(shown.collect())
}

/// Groups that fill themselves are not listed (section 7.4).
fn shown(cx: &mut Context<'_, '_>) -> Result<impl Iterator<Item = Group> + use<>, Error> {
    let groups = groups::list(cx.tx, cx.account)?;
    Ok(groups.into_iter().filter(|group| group.kind == Joins::Open))
}

/// The groups that a contact is in, or waits to be in (decision 29).
pub(crate) fn get_lead_groups(
    cx: &mut Context<'_, '_>,
    ask: &GetLeadGroups,
) -> Result<Vec<GroupInfo>, Failure> {
    let mut places = groups_of(cx, &ask.email)?;
    places.retain(|place| is_current(place.status));
    if places.is_empty() {
        return Err(Code::NO_LEAD_GROUPS.into());
    }
    let shown =
        places.into_iter().map(|Place { name, title, .. }| GroupInfo { rass_name: name, rass_title: title });
    Ok(shown.collect())
}

pub(crate) fn get_lead_group_statuses(
    cx: &mut Context<'_, '_>,
    ask: &GetLeadGroupStatuses,
) -> Result<Vec<LeadGroupInfo>, Failure> {
    let places = groups_of(cx, &ask.email)?;
    if places.is_empty() {
        return Err(Code::NO_LEAD_GROUPS.into());
    }
    let shown = places.into_iter().map(|place| LeadGroupInfo {
        rass_name: place.name,
        rass_title: place.title,
        rass_status: place.status,
        subscription_time: place.at.to_string(),
    });
    Ok(shown.collect())
}

fn groups_of(cx: &mut Context<'_, '_>, email: &Email) -> Result<Vec<Place>, Failure> {
    Ok(subscriptions::of_email(cx.tx, cx.account, email)?.ok_or(Code::LEAD_NOT_FOUND)?)
}

/// Counts a group, or contacts by the reserved words (decision 31).
pub(crate) fn get_count_subscribe(
    cx: &mut Context<'_, '_>,
    ask: &GetCountSubscribe,
) -> Result<Count, Failure> {
    let count = match ask.group_name.as_str() {
        ALL | ALL_LEADS => contacts::count(cx.tx, cx.account, false)?,
        UNIQUE => contacts::count(cx.tx, cx.account, true)?,
        name => {
            let group = groups::named(cx.tx, cx.account, name)?.ok_or(Code::NO_GROUP)?;
            subscriptions::count(cx.tx, cx.account, group.id)?
        }
    };
    Ok(Count(count))
}

/// Adds or changes a contact, with its tags and groups. Without an e-mail it always adds one (decision 35).
pub(crate) fn add_update_lead(cx: &mut Context<'_, '_>, ask: &AddUpdateLead) -> Result<Nothing, Failure> {
    let by = by::<AddUpdateLead>(cx);
    let joins = ask.add_to_lists.as_ref().map_or(Ok(Vec::new()), |names| open_groups(cx, names))?;
    let leaves = ask.remove_from_lists.as_ref().map_or(Ok(Vec::new()), |names| known_groups(cx, names))?;
    let known = match &ask.lead_email {
        Some(email) => contacts::of_email(cx.tx, cx.account, email)?,
        None => None,
    };
    let is_new = known.is_none();
    let mut contact =
        known.unwrap_or_else(|| Contact { email: ask.lead_email.clone(), ..Contact::default() });
    let before = contact.clone();
    for (field, text) in [
        (ContactText::FirstName, &ask.lead_first_name),
        (ContactText::MiddleName, &ask.lead_middle_name),
        (ContactText::LastName, &ask.lead_last_name),
        (ContactText::Phone, &ask.lead_phone),
        (ContactText::Description, &ask.lead_description),
        (ContactText::ShippingAddress1, &ask.lead_shipping_address_1),
        (ContactText::ShippingAddress2, &ask.lead_shipping_address_2),
        (ContactText::ShippingCity, &ask.lead_shipping_city),
        (ContactText::ShippingState, &ask.lead_shipping_state),
        (ContactText::ShippingZip, &ask.lead_shipping_zip),
        (ContactText::BillingAddress1, &ask.lead_billing_address_1),
        (ContactText::BillingAddress2, &ask.lead_billing_address_2),
        (ContactText::BillingCity, &ask.lead_billing_city),
        (ContactText::BillingState, &ask.lead_billing_state),
        (ContactText::BillingZip, &ask.lead_billing_zip),
        (ContactText::Facebook, &ask.lead_facebook),
        (ContactText::Whatsapp, &ask.lead_whatsapp),
        (ContactText::Viber, &ask.lead_viber),
        (ContactText::Vkontakte, &ask.lead_vkontakte),
        (ContactText::LinkedIn, &ask.lead_in),
    ] {
        set(&mut contact, field, text.as_ref());
    }
    for (field, text) in [
        (ContactText::ShippingCountry, &ask.lead_shipping_country_code),
        (ContactText::BillingCountry, &ask.lead_billing_country_code),
    ] {
        if let Some(code) = text {
            contact.texts.set(field, country(code.as_str()));
        }
    }
    for (field, text, site) in [
        (ContactText::Instagram, &ask.lead_instagram, "https://www.instagram.com/"),
        (ContactText::Telegram, &ask.lead_telegram, "https://t.me/"),
    ] {
        if let Some(text) = text {
            contact.texts.set(field, linked(text.as_str().trim(), site));
        }
    }
    if let Some(utc) = &ask.lead_utc {
        contact.texts.set(ContactText::Utc, utc.to_string());
    }
    contact.manager = manager(cx, ask.lead_personal_manager)?.unwrap_or(contact.manager);
    let (added, removed) = (once(cx, ask.add_tags.as_ref())?, once(cx, ask.remove_tags.as_ref())?);
    let id = keep(cx, &by, is_new, &before, contact)?;
    contact_tags::tag(cx.tx, cx.account, id, by.of(), added, false)?;
    contact_tags::tag(cx.tx, cx.account, id, by.of(), removed, true)?;
    for group in &joins {
        subscriptions::put(cx.tx, cx.account, group, id, Status::Subscribe, by.of(), ("", ""))?;
    }
    for group in &leaves {
        subscriptions::leave(cx.tx, cx.account, group, id, by.of())?;
    }
    Ok(Nothing)
}

/// A manager's number, if one is named.
fn manager(cx: &mut Context<'_, '_>, named: Option<i64>) -> Result<Option<i64>, Failure> {
    if let Some(number) = named
        && managers::find(cx.tx, cx.account, number)?.is_none()
    {
        return Err(cx.wrong("lead_personal_manager", "no manager has this number"));
    }
    Ok(named)
}

pub(crate) fn add_tag_to_lead(cx: &mut Context<'_, '_>, ask: &AddTagToLead) -> Result<Nothing, Failure> {
    let (contact, by) = (known(cx, &ask.lead_email)?, by::<AddTagToLead>(cx));
    let tags = once(cx, Some(&ask.add_tags))?;
    contact_tags::tag(cx.tx, cx.account, contact.id, by.of(), tags, false)?;
    Ok(Nothing)
}

pub(crate) fn remove_tag_from_lead(
    cx: &mut Context<'_, '_>,
    ask: &RemoveTagFromLead,
) -> Result<Nothing, Failure> {
    let (contact, by) = (known(cx, &ask.lead_email)?, by::<RemoveTagFromLead>(cx));
    let tags = once(cx, Some(&ask.remove_tags))?;
    contact_tags::tag(cx.tx, cx.account, contact.id, by.of(), tags, true)?;
    Ok(Nothing)
}

/// Unsubscribes a contact from groups. One that it is not in is passed over.
pub(crate) fn remove_lead_from_list(
    cx: &mut Context<'_, '_>,
    ask: &RemoveLeadFromList,
) -> Result<Nothing, Failure> {
    let groups = known_groups(cx, &ask.remove_from_lists)?;
    let (contact, by) = (known(cx, &ask.lead_email)?, by::<RemoveLeadFromList>(cx));
    for group in &groups {
        subscriptions::leave(cx.tx, cx.account, group, contact.id, by.of())?;
    }
    Ok(Nothing)
}

/// The source of a subscription that comes from an order.
const ORDER: &str = "order";

/// Subscribes the buyer to the groups of what he orders. Groups that do not exist are made.
pub(super) fn join_buyer<'a>(
    cx: &mut Context<'_, '_>,
    order: &Order,
    goods: impl Iterator<Item = &'a Product>,
) -> Result<(), Error> {
    let names: BTreeSet<_> = goods
        .flat_map(|good| good.texts.get(ProductText::ClientRassilki).split(','))
        .filter_map(|name| Name::new(name).ok())
        .map(|name| name.as_str().to_owned())
        .filter(|name| name != ALL_LEADS)
        .collect();
    let Some(email) = order.email.as_ref().filter(|_| !names.is_empty()) else { return Ok(()) };
    let by = Caller::new(cx, ORDER);
    let id = if let Some(contact) = contacts::of_email(cx.tx, cx.account, email)? {
        contact.id
    } else {
        let mut contact = Contact { email: Some(email.clone()), ..Contact::default() };
        for (field, of_order) in [
            (ContactText::FirstName, TextField::FirstName),
            (ContactText::MiddleName, TextField::MiddleName),
            (ContactText::LastName, TextField::LastName),
            (ContactText::Phone, TextField::Phone),
            (ContactText::City, TextField::City),
        ] {
            contact.texts.set(field, order.texts.get(of_order));
        }
        contacts::add(cx.tx, cx.account, contact, by.of())?
    };
    for name in names {
        let known = groups::named(cx.tx, cx.account, &name)?;
        let group = Group { name, created: cx.now, ..Group::default() };
        let group = known.map_or_else(|| groups::add(cx.tx, cx.account, group), |known| Ok(Some(known)))?;
        let group = group.ok_or_else(|| Error::new(Kind::Conflict, "a group's name was taken meanwhile"))?;
        if cx.tx.events_are_muted() && has_left(cx, id, &group)? {
            continue;
        }
        subscriptions::put(cx.tx, cx.account, &group, id, Status::Subscribe, by.of(), ("", ""))?;
    }
    Ok(())
}

/// Whether the contact has left the group: an old order that is moved here does not bring it back.
fn has_left(cx: &mut Context<'_, '_>, contact: i64, group: &Group) -> Result<bool, Error> {
    let stored = subscriptions::find(cx.tx, cx.account, contact, group.id)?;
    Ok(stored.is_some_and(|stored| !is_current(stored.status)))
}

/// Who calls, and by which method.
struct Caller {
    at: i64,
    method: &'static str,
    address: String,
}

impl Caller {
    fn new(cx: &Context<'_, '_>, method: &'static str) -> Self {
        Self { at: cx.now, method, address: cx.caller.map(|address| address.to_string()).unwrap_or_default() }
    }

    fn of(&self) -> By<'_> {
        By { at: self.at, method: self.method, address: &self.address }
    }
}

fn by<M: Method>(cx: &Context<'_, '_>) -> Caller {
    Caller::new(cx, M::NAME)
}

fn known(cx: &mut Context<'_, '_>, email: &Email) -> Result<Contact, Failure> {
    Ok(contacts::of_email(cx.tx, cx.account, email)?.ok_or(Code::NO_SUBSCRIBER)?)
}

/// Writes a contact that is new, or that a call has changed. Returns its number.
fn keep(
    cx: &mut Context<'_, '_>,
    by: &Caller,
    is_new: bool,
    before: &Contact,
    contact: Contact,
) -> Result<i64, Error> {
    if is_new {
        return contacts::add(cx.tx, cx.account, contact, by.of());
    }
    if contact != *before {
        contact_changes::change(cx.tx, cx.account, &contact, by.of())?;
    }
    Ok(contact.id)
}

/// Whether the subscription holds, or waits to be confirmed.
fn is_current(status: Status) -> bool {
    matches!(status, Status::Subscribe | Status::Wait)
}

/// The names of a list, each once, in their order.
fn once<'n>(cx: &Context<'_, '_>, names: Option<&'n Names>) -> Result<Vec<&'n str>, Failure> {
    let mut seen = HashSet::new();
    let names = names.into_iter().flat_map(|names| &names.0).map(Name::as_str);
    let names: Vec<_> = names.filter(|name| seen.insert(*name)).collect();
    if names.len() > NAMES_MAX { Err(cx.wrong("names", "there are too many")) } else { Ok(names) }
}

/// The groups that a call adds a contact to.
fn open_groups(cx: &mut Context<'_, '_>, names: &Names) -> Result<Vec<Group>, Failure> {
    let mut groups = Vec::new();
    for name in once(cx, Some(names))? {
        let group = match groups::named(cx.tx, cx.account, name)? {
            Some(group) if group.kind == Joins::Open => group,
            Some(group) => return Err(Failure::detailed(Code::GROUP_FORBIDDEN, group.id.to_string())),
            None if name == ALL_LEADS => {
                return Err(Failure::detailed(Code::GROUP_FORBIDDEN, ALL_LEADS.to_owned()));
            }
            None => return Err(Code::WRONG_GROUP.into()),
        };
        groups.push(group);
    }
    Ok(groups)
}

/// The groups that a call removes a contact from.
fn known_groups(cx: &mut Context<'_, '_>, names: &Names) -> Result<Vec<Group>, Failure> {
    let names = once(cx, Some(names))?;
    let find = |name| Ok(groups::named(cx.tx, cx.account, name)?.ok_or(Code::NO_GROUP)?);
    names.into_iter().map(find).collect()
}

/// The partner that a subscription comes from, as an order's does (section 7.1): the number in the program, or what
/// the call says.
fn partner(cx: &mut Context<'_, '_>, ask: &AddLeadToGroup) -> Result<Option<String>, Error> {
    let named = match (plain(ask.aff.as_ref()).trim(), plain(ask.utm.utm_medium.as_ref())) {
        ("", "affiliate") => plain(ask.utm.utm_source.as_ref()).trim(),
        (named, _) => named,
    };
    if named.is_empty() {
        return Ok(None);
    }
    let found = match named.parse() {
        Ok(number) => partners::find(cx.tx, cx.account, number)?,
        Err(_) => partners::named(cx.tx, cx.account, named)?,
    };
    Ok(Some(found.map_or_else(|| named.to_owned(), |partner| partner.id.to_string())))
}

/// Whether a page that people are sent to is on a host of the account's, so that nobody uses it to lead them
/// elsewhere.
fn leads_to_us(cx: &Context<'_, '_>, url: &str) -> bool {
    if url.trim().is_empty() {
        return true;
    }
    let Ok(url) = Url::parse(url.trim()) else { return false };
    let host = url.host_str().unwrap_or_default();
    let allowed = &cx.settings.doneurl_hosts;
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && (cx.domains.iter().any(|domain| domain == host) || allowed.has(host))
}

/// A profile's URL from `@name`.
fn linked(text: &str, site: &str) -> String {
    text.strip_prefix('@').map_or_else(|| text.to_owned(), |name| format!("{site}{name}"))
}

fn set(contact: &mut Contact, field: ContactText, text: Option<&Text>) {
    if let Some(text) = text {
        contact.texts.set(field, text.as_str());
    }
}

fn plain(text: Option<&Text>) -> &str {
    text.map_or("", Text::as_str)
}

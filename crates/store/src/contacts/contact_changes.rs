//! Changes of contacts, of which whoever asked for them is told by the outbox, as with orders.

use billhook_wire::{
    OrderId, event,
    lead_event::{GroupTold, LeadEvent, LeadTold, LeadUtm},
};

use crate::{
    AccountId, Error, Tx,
    contacts::{self, By, Contact, ContactText, contact_tags, groups::Group},
    outbox::{
        deliveries,
        endpoints::{self, asks_for},
        events::{self, Happened},
    },
};

/// Writes a contact that was changed, notes it in its history, and tells whoever asked for it.
pub fn change(tx: &mut Tx<'_>, account: AccountId, contact: &Contact, by: By<'_>) -> Result<(), Error> {
    contacts::put(tx, account, contact, by)?;
    contacts::note(tx, account, contact.id, by, "changed", "")?;
    raise(tx, account, LeadEvent::Changed, contact, None, by)
}

/// Writes that something happened to a contact, with a delivery to each who asked for it.
pub(crate) fn raise(
    tx: &mut Tx<'_>,
    account: AccountId,
    event: LeadEvent,
    contact: &Contact,
    group: Option<&Group>,
    by: By<'_>,
) -> Result<(), Error> {
    if tx.events_are_muted() {
        return Ok(());
    }
    let word = event.as_str();
    let endpoints: Vec<_> = endpoints::list(tx, account)?
        .into_iter()
        .filter(|endpoint| endpoint.disabled == 0 && asks_for(&endpoint.events, word))
        .map(|endpoint| (endpoint.id, endpoint.url))
        .collect();
    let url = match (event, group) {
        (LeadEvent::Subscribed, Some(group)) => {
            Some(group.url_subscribed.trim()).filter(|url| !url.is_empty())
        }
        _ => None,
    };
    if url.is_none() && endpoints.is_empty() {
        return Ok(());
    }
    if deliveries::is_full(tx, account)? {
        let contact = contact.id;
        tx.on_commit(move || {
            tracing::error!(
                account = account.0,
                contact,
                event = word,
                "nobody is told of this event: too many deliveries wait; see `billhook outbox show`"
            );
        });
        return Ok(());
    }
    let told = told(tx, account, contact, group, by)?;
    let mut happened =
        Happened { event: word.to_owned(), contact: contact.id, at: by.at, ..Happened::default() };
    if url.is_some() {
        happened.form = String::from_utf8_lossy(&told.subscribed_form()).into_owned();
    }
    if !endpoints.is_empty() {
        happened.json = event::json(word, by.at, &told).map_err(|error| events::unwritten(&error))?;
    }
    let number = events::add(tx, account, happened)?;
    let targets: Vec<_> = url
        .map(|url| (0, url.to_owned()))
        .into_iter()
        .chain(endpoints)
        .filter(|(_, url)| !url.is_empty())
        .collect();
    deliveries::add(tx, account, (number, word, OrderId(0)), &targets)
}

fn told(
    tx: &mut Tx<'_>,
    account: AccountId,
    contact: &Contact,
    group: Option<&Group>,
    by: By<'_>,
) -> Result<LeadTold, Error> {
    let text = |field| contact.texts.get(field).to_owned();
    let names = [ContactText::FirstName, ContactText::MiddleName, ContactText::LastName];
    let names = names.map(|field| contact.texts.get(field).trim());
    Ok(LeadTold {
        id: contact.id,
        name: names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" "),
        email: contact.email.as_ref().map_or("", |email| email.as_str()).to_owned(),
        phone: text(ContactText::Phone),
        city: text(ContactText::City),
        ip: by.address.to_owned(),
        tags: contact_tags::tags(tx, account, contact.id)?,
        group: group.map(|group| GroupTold {
            rass_id: group.id,
            rass_name: group.name.clone(),
            rass_title: group.title.clone(),
        }),
        utm: LeadUtm {
            medium: text(ContactText::UtmMedium),
            source: text(ContactText::UtmSource),
            campaign: text(ContactText::UtmCampaign),
            content: text(ContactText::UtmContent),
            term: text(ContactText::UtmTerm),
        },
    })
}

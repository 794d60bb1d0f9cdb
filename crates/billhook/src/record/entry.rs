//! An account's data besides orders and products, for JSON Lines. Keys and domains are left out.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map};

use billhook_store::{
    AccountId, Error, Tx,
    accounts::{
        self,
        settings::{Setting, Settings},
    },
    contacts::groups,
    managers::{self, Manager},
    partners::{self, Partner},
    products::{
        categories::{self, Category},
        coupons::{self, Coupon, Discount},
        pincodes,
    },
};
use billhook_wire::{GoodId, Money, Name, OrderId, Percent, Text};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    change::Change,
    contact::{ContactEntry, GroupEntry},
    contact_put::Contacts,
};

/// An object whose single key names its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Entry {
    Settings(BTreeMap<String, String>),
    Category {
        id: i64,
        title: String,
    },
    /// `manager` is a field of orders.
    #[serde(rename = "personal_manager")]
    Manager {
        id: i64,
        name: String,
    },
    Partner {
        id: i64,
        login: String,
        #[serde(default, skip_serializing_if = "is_zero")]
        parent_id: i64,
    },
    /// A group of contacts.
    #[serde(skip_deserializing)]
    Group(GroupEntry),
    #[serde(skip_deserializing)]
    Contact(Box<ContactEntry>),
    Coupon(CouponEntry),
    /// A code that no order has yet.
    Pincode {
        good_id: GoodId,
        pincode: String,
    },
}

/// A coupon with either `percent` or `sum`. Times are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CouponEntry {
    id: i64,
    coupon: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<Percent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum: Option<Money>,
    #[serde(default, skip_serializing_if = "is_zero")]
    starts: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    ends: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    uses_max: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    uses: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goods: Vec<GoodId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Entry {
    /// The keys of the kinds.
    pub(crate) const KINDS: [&'static str; 8] =
        ["settings", "category", "personal_manager", "partner", "group", "contact", "coupon", "pincode"];

    /// Reads the value of a kind's key. Times without an offset are in `zone`.
    pub(crate) fn read(kind: &str, value: serde_json::Value, zone: &TimeZone) -> Result<Self, Fault> {
        let read = match kind {
            "group" => GroupEntry::read(value, zone).map(Self::Group),
            "contact" => ContactEntry::read(value, zone).map(|contact| Self::Contact(Box::new(contact))),
            _ => return Self::derived(kind, value),
        };
        read.map_err(|fault| fault.at(format_args!("`{kind}`")))
    }

    fn derived(kind: &str, value: serde_json::Value) -> Result<Self, Fault> {
        let object = serde_json::Map::from_iter([(kind.to_owned(), value)]);
        let entry: Self =
            serde_json::from_value(object.into()).map_err(|error| Fault(format!("`{kind}`: {error}")))?;
        entry.check().map_err(|why| Fault(format!("`{kind}`: {why}")))?;
        Ok(entry)
    }

    fn check(&self) -> Result<(), String> {
        let (id, name) = match self {
            Self::Settings(all) => {
                return all.iter().try_for_each(|(name, value)| {
                    Setting::parse(name, value).map(drop).map_err(|error| error.to_string())
                });
            }
            Self::Pincode { pincode, .. } if pincode.is_empty() => {
                return Err("`pincode` is empty".to_owned());
            }
            Self::Pincode { pincode, .. } => {
                return Text::new(pincode).map(drop).map_err(|error| format!("`pincode`: {error}"));
            }
            Self::Group(_) | Self::Contact(_) => return Ok(()),
            Self::Category { id, title } => (id, title),
            Self::Manager { id, name } => (id, name),
            Self::Partner { id, login, .. } => (id, login),
            Self::Coupon(coupon) => {
                coupon.check()?;
                (&coupon.id, &coupon.coupon)
            }
        };
        if *id < 1 {
            return Err("`id` is a number from 1 up".to_owned());
        }
        Name::new(name).map(drop).map_err(|error| error.to_string())
    }

    /// The unique name within a kind, such as a partner's login or a coupon's code, and the entry's number.
    pub(crate) fn unique(&self) -> Option<(&'static str, i64, String)> {
        match self {
            Self::Partner { id, login, .. } => Some(("login", *id, login.trim().to_lowercase())),
            Self::Coupon(coupon) => Some(("coupon", coupon.id, coupon.coupon.trim().to_lowercase())),
            _ => None,
        }
    }

    /// The products that the entry refers to.
    pub(crate) fn goods(&self) -> &[GoodId] {
        match self {
            Self::Coupon(coupon) => &coupon.goods,
            Self::Pincode { good_id, .. } => std::slice::from_ref(good_id),
            _ => &[],
        }
    }
}

impl CouponEntry {
    fn check(&self) -> Result<(), String> {
        if self.percent.is_some() == self.sum.is_some() {
            return Err("a coupon has either `percent` or `sum`".to_owned());
        }
        if [self.starts, self.ends, self.uses_max, self.uses].iter().any(|number| *number < 0) {
            return Err("times and uses are numbers from 0 up".to_owned());
        }
        Ok(())
    }

    fn coupon(&self) -> Coupon {
        let sum = Discount::Sum(self.sum.unwrap_or_default());
        let Self { id, starts, ends, uses_max, uses, .. } = *self;
        let (coupon, goods) = (self.coupon.trim().to_owned(), self.goods.clone());
        Coupon {
            id,
            coupon,
            discount: self.percent.map_or(sum, Discount::Percent),
            starts,
            ends,
            uses_max,
            uses,
            goods,
        }
    }
}

impl From<Coupon> for CouponEntry {
    fn from(coupon: Coupon) -> Self {
        let Coupon { id, coupon, discount, starts, ends, uses_max, uses, goods } = coupon;
        let (percent, sum) = match discount {
            Discount::Percent(share) => (Some(share), None),
            Discount::Sum(sum) => (None, Some(sum)),
        };
        Self { id, coupon, percent, sum, starts, ends, uses_max, uses, goods }
    }
}

/// The unique names in a store, as [`Entry::unique`] returns them.
pub(crate) fn names(
    tx: &mut Tx<'_>,
    account: AccountId,
) -> Result<HashMap<(&'static str, String), i64>, Error> {
    let mut names = HashMap::new();
    let mut note = |entry: Entry| {
        names.extend(entry.unique().map(|(kind, id, name)| ((kind, name), id)));
        Ok::<(), Error>(())
    };
    each_before(tx, account, None, &mut note)?;
    each_behind(tx, account, [], note)?;
    Ok(names)
}

/// Visits the entries that products and orders refer to. They come first in a file.
pub(crate) fn each_before<E: From<Error>>(
    tx: &mut Tx<'_>,
    id: AccountId,
    settings: Option<&Settings>,
    mut show: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(settings) = settings {
        let usual = Settings::default().shown();
        let set = settings.shown().into_iter().filter(|setting| !usual.contains(setting));
        show(Entry::Settings(set.map(|(name, value)| (name.to_owned(), value)).collect()))?;
    }
    let categories =
        categories::list(tx, id)?.into_iter().map(|Category { id, title }| Entry::Category { id, title });
    let managers =
        managers::list(tx, id)?.into_iter().map(|Manager { id, name }| Entry::Manager { id, name });
    let partners = partners::list(tx, id)?.into_iter();
    let partners = partners.map(|Partner { id, login, parent_id }| Entry::Partner { id, login, parent_id });
    let groups = groups::list(tx, id)?.into_iter().map(|group| Entry::Group(group.into()));
    categories.chain(managers).chain(partners).chain(groups).try_for_each(show)
}

/// Visits the entries that refer to products. They come last in a file.
pub(crate) fn each_behind<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    goods: impl IntoIterator<Item = GoodId>,
    mut show: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    for Coupon { id, .. } in coupons::list(tx, account)? {
        if let Some(coupon) = coupons::find(tx, account, id)? {
            show(Entry::Coupon(coupon.into()))?;
        }
    }
    for good_id in goods {
        pincodes::each(tx, account, good_id, |pincode, order| match order {
            None => show(Entry::Pincode { good_id, pincode: pincode.to_owned() }),
            Some(OrderId(_)) => Ok(()),
        })?;
    }
    Ok(())
}

/// What was read once for a batch of a file.
pub(crate) struct Known {
    pub(crate) contacts: Contacts,
    /// The products' pin codes.
    pincodes: HashMap<GoodId, HashSet<String>>,
}

impl Known {
    /// `now` in unix seconds is the time of what the import does. With `dry` nothing is written.
    pub(crate) fn new(now: i64, dry: bool) -> Self {
        Self { contacts: Contacts::new(now, dry), pincodes: HashMap::new() }
    }
}

/// Stores an entry in place of the one with its number. With `dry` it only compares.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    account: AccountId,
    entry: &Entry,
    known: &mut Known,
    dry: bool,
) -> Result<Change, Error> {
    macro_rules! put {
        ($family:ident, $new:expr) => {{
            let new = $new;
            let change = Change::from($family::find(tx, account, new.id)?.as_ref(), &new);
            if change != Change::Same && !dry {
                $family::put(tx, account, &new)?;
            }
            Ok(change)
        }};
    }
    match entry {
        Entry::Category { id, title } => {
            put!(categories, Category { id: *id, title: title.trim().to_owned() })
        }
        Entry::Manager { id, name } => put!(managers, Manager { id: *id, name: name.trim().to_owned() }),
        Entry::Partner { id, login, parent_id } => {
            put!(partners, Partner { id: *id, login: login.trim().to_lowercase(), parent_id: *parent_id })
        }
        Entry::Group(group) => known.contacts.put_group(tx, account, group),
        Entry::Contact(contact) => known.contacts.put(tx, account, contact),
        Entry::Coupon(coupon) => put!(coupons, coupon.coupon()),
        Entry::Pincode { good_id, pincode } => put_pincode(tx, account, (*good_id, pincode), known, dry),
        Entry::Settings(all) => put_settings(tx, account, all, dry),
    }
}

/// A code that the product already has stays as it is, whether free or handed out.
fn put_pincode(
    tx: &mut Tx<'_>,
    account: AccountId,
    (good, pincode): (GoodId, &String),
    known: &mut Known,
    dry: bool,
) -> Result<Change, Error> {
    let codes = match known.pincodes.entry(good) {
        hash_map::Entry::Occupied(codes) => codes.into_mut(),
        hash_map::Entry::Vacant(none) => {
            let codes = none.insert(HashSet::new());
            pincodes::each(tx, account, good, |pincode, _| {
                codes.insert(pincode.to_owned());
                Ok::<(), Error>(())
            })?;
            codes
        }
    };
    if !codes.insert(pincode.clone()) {
        return Ok(Change::Same);
    }
    if !dry {
        pincodes::add(tx, account, good, std::slice::from_ref(pincode))?;
    }
    Ok(Change::Added)
}

fn put_settings(
    tx: &mut Tx<'_>,
    account: AccountId,
    all: &BTreeMap<String, String>,
    dry: bool,
) -> Result<Change, Error> {
    let mut change = Change::Same;
    let stored = accounts::list(tx)?.into_iter().find(|stored| stored.id == account);
    let shown = stored.map(|stored| stored.settings.shown()).unwrap_or_default();
    for (name, value) in all {
        // The check of the file has refused everything that is no setting.
        let Ok(setting) = Setting::parse(name, value) else { continue };
        if !shown.iter().any(|(known, value)| *known == setting.name() && value == setting.value()) {
            change = Change::Changed;
            if !dry {
                accounts::set(tx, account, &setting)?;
            }
        }
    }
    Ok(change)
}

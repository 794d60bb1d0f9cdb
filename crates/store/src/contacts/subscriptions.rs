//! Who is in which group, since when, and by whose doing.

use billhook_wire::{Email, lead_event::LeadEvent, method::SubscriptionStatus as Status};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    contacts::{
        self, By, contact_changes,
        groups::{self, Group},
    },
    table::{self, Columns, Reader, Stores as _, Table, row, statement_text::sql, stored},
};

stored! {
    Status: false, |status| status.as_str(), Arg::Text(word) => Self::parse(word);
}

/// A contact's place in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The group's number.
    pub group: i64,
    /// The contact's number.
    pub contact: i64,
    /// How it stands.
    pub status: Status,
    /// Since when, unix seconds.
    pub at: i64,
    /// The method or command that did it.
    pub method: String,
    /// The address that called the method; empty: none did.
    pub address: String,
    /// `activation` as it was asked for.
    pub activation: String,
    /// `doneurl2`.
    pub doneurl: String,
}

row! {
    Subscription: "subscription" {
        group_id: i64 = group since 8,
        contact_id: i64 = contact since 8,
        status: Status = status since 8,
        at: i64 = at since 8,
        method: String = method since 8,
        address: String = address since 8,
        activation: String = activation since 8,
        doneurl: String = doneurl since 8,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "subscriptions",
    columns: &[Columns::one::<i64>("account_id").since(8), Columns::Of(Subscription::COLUMNS)],
    key: &["account_id", "contact_id", "group_id"],
};

const OF_CONTACT: Sql = sql!(
    "subscriptions.of_contact",
    "SELECT ",
    Piece::List(Subscription::COLUMNS, "s."),
    ", ",
    Piece::List(Group::COLUMNS, "g."),
    " FROM subscriptions s JOIN contact_groups g ON g.account_id = s.account_id AND g.group_id = s.group_id
      WHERE s.account_id = $1 AND s.contact_id = $2 ORDER BY s.group_id",
);

/// A contact's subscriptions with their groups, by the groups' numbers.
pub fn of_contact(
    tx: &mut Tx<'_>,
    account: AccountId,
    contact: i64,
) -> Result<Vec<(Subscription, Group)>, Error> {
    tx.all(&OF_CONTACT, &[account.0.into(), contact.into()], |row| {
        Ok((table::read(row)?, Group::read(&mut Reader::behind(row, Subscription::COLUMNS))?))
    })
}

/// A group that a contact is in, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The group's number.
    pub group: i64,
    /// The group's name in the API.
    pub name: String,
    /// The group's title.
    pub title: String,
    /// How the contact stands in it.
    pub status: Status,
    /// Since when, unix seconds.
    pub at: i64,
}

const OF_EMAIL: Sql = Sql::new(
    "subscriptions.of_email",
    "SELECT COALESCE(g.group_id, 0), g.name, g.title, s.status, s.at
       FROM contacts c
       LEFT JOIN subscriptions s ON s.account_id = c.account_id AND s.contact_id = c.contact_id
       LEFT JOIN contact_groups g ON g.account_id = s.account_id AND g.group_id = s.group_id
      WHERE c.account_id = $1 AND c.email_key = $2 AND c.email_key <> ''",
);

/// The groups of the contact with this e-mail, by their numbers; `None`: there is no such contact. It is one statement,
/// so it may be run on a thread that serves connections.
pub fn of_email(tx: &mut Tx<'_>, account: AccountId, email: &Email) -> Result<Option<Vec<Place>>, Error> {
    let mut is_known = false;
    let mut all = Vec::new();
    tx.rows(&OF_EMAIL, &[account.0.into(), email.key().into()], |row| {
        is_known = true;
        let group = row.int(0)?;
        if group != 0 {
            let (name, title) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
            let status =
                Status::parse(row.text(3)?).ok_or_else(|| Error::damaged("subscriptions: wrong status"))?;
            all.push(Place { group, name, title, status, at: row.int(4)? });
        }
        Ok::<(), Error>(())
    })?;
    // Sorting by the database would be one more step in its plan, for few rows.
    all.sort_unstable_by_key(|place: &Place| place.group);
    Ok(is_known.then_some(all))
}

const FIND: Sql = sql!(
    "subscriptions.find",
    "SELECT ",
    Piece::List(Subscription::COLUMNS, ""),
    " FROM subscriptions WHERE account_id = $1 AND contact_id = $2 AND group_id = $3",
);

/// A contact's subscription to a group.
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    contact: i64,
    group: i64,
) -> Result<Option<Subscription>, Error> {
    tx.row(&FIND, &[account.0.into(), contact.into(), group.into()], table::read)
}

const PUT: Sql = sql!("subscriptions.put", Piece::Upsert(&TABLE));
const ANY_ACTIVE: Sql = Sql::new(
    "subscriptions.any_active",
    "SELECT group_id FROM subscriptions WHERE account_id = $1 AND contact_id = $2 AND status = 'STATUS_SUBSCRIBE' LIMIT 1",
);

/// Writes how a contact stands in a group, and notes it in the contact's history. Nothing is written of one that
/// stands so already, which is false: when and how that came about stays. Whoever asked for it is told.
pub fn put(
    tx: &mut Tx<'_>,
    account: AccountId,
    group: &Group,
    contact: i64,
    status: Status,
    by: By<'_>,
    (activation, doneurl): (&str, &str),
) -> Result<bool, Error> {
    let before = find(tx, account, contact, group.id)?;
    if before.as_ref().is_some_and(|before| before.status == status) {
        return Ok(false);
    }
    let subscription = Subscription {
        group: group.id,
        contact,
        status,
        at: by.at,
        method: by.method.to_owned(),
        address: by.address.to_owned(),
        activation: activation.to_owned(),
        doneurl: doneurl.to_owned(),
    };
    tx.execute(&PUT, &table::args(account, &subscription))?;
    let what = if status == Status::Subscribe { "subscribed" } else { "unsubscribed" };
    contacts::note(tx, account, contact, by, what, &group.name)?;
    let is_active = status == Status::Subscribe || is_active(tx, account, contact)?;
    contacts::set_active(tx, account, contact, is_active)?;
    let event = if status == Status::Subscribe { LeadEvent::Subscribed } else { LeadEvent::Unsubscribed };
    if let Some(contact) = contacts::find(tx, account, contact)? {
        contact_changes::raise(tx, account, event, &contact, Some(group), by)?;
    }
    Ok(true)
}

const REMOVE: Sql = Sql::new(
    "subscriptions.remove",
    "DELETE FROM subscriptions WHERE account_id = $1 AND contact_id = $2 AND group_id = $3",
);

/// So many contacts of a group are taken out of it at once.
pub const REMOVED_AT_ONCE: u32 = 1_000;

/// Takes some contacts out of a group, of which nobody is told; the contacts stay. If there are no more, it removes the
/// group and says true. Call it until it does.
pub fn remove_some(tx: &mut Tx<'_>, account: AccountId, group: i64) -> Result<bool, Error> {
    for contact in some(tx, account, group, REMOVED_AT_ONCE)? {
        tx.execute(&REMOVE, &[account.0.into(), contact.into(), group.into()])?;
        let is_active = is_active(tx, account, contact)?;
        contacts::set_active(tx, account, contact, is_active)?;
    }
    if are_more_than(tx, account, group, 0)? {
        return Ok(false);
    }
    groups::remove(tx, account, group)?;
    Ok(true)
}

/// Whether any subscription of a contact is active.
fn is_active(tx: &mut Tx<'_>, account: AccountId, contact: i64) -> Result<bool, Error> {
    Ok(tx.row(&ANY_ACTIVE, &[account.0.into(), contact.into()], |row| row.int(0))?.is_some())
}

/// Unsubscribes a contact from a group; what was asked for at the subscription stays. False: it had left
/// already; `None`: it was never in it.
pub fn leave(
    tx: &mut Tx<'_>,
    account: AccountId,
    group: &Group,
    contact: i64,
    by: By<'_>,
) -> Result<Option<bool>, Error> {
    let Some(before) = find(tx, account, contact, group.id)? else { return Ok(None) };
    let asked = (&*before.activation, &*before.doneurl);
    put(tx, account, group, contact, Status::Unsubscribe, by, asked).map(Some)
}

const COUNT: Sql = Sql::new(
    "subscriptions.count",
    "SELECT COUNT(*) FROM subscriptions WHERE account_id = $1 AND group_id = $2 AND status = 'STATUS_SUBSCRIBE'",
);

/// How many active subscriptions a group has.
pub fn count(tx: &mut Tx<'_>, account: AccountId, group: i64) -> Result<u64, Error> {
    let count = tx.row(&COUNT, &[account.0.into(), group.into()], |row| row.int(0))?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Whether a group has more subscriptions than so many, active or not.
pub fn are_more_than(tx: &mut Tx<'_>, account: AccountId, group: i64, count: u32) -> Result<bool, Error> {
    let contacts = some(tx, account, group, count.saturating_add(1))?;
    Ok(u32::try_from(contacts.len()).is_ok_and(|found| found > count))
}

const SOME: Sql = Sql::new(
    "subscriptions.some",
    "SELECT contact_id FROM subscriptions WHERE account_id = $1 AND group_id = $2 LIMIT $3",
);

/// The numbers of some contacts that are in a group, whatever their status is.
fn some(tx: &mut Tx<'_>, account: AccountId, group: i64, most: u32) -> Result<Vec<i64>, Error> {
    tx.all(&SOME, &[account.0.into(), group.into(), i64::from(most).into()], |row| row.int(0))
}

// In the order of `Status::ALL`.
const STATUSES: Sql = Sql::new(
    "subscriptions.statuses",
    "SELECT COUNT(CASE WHEN status = 'STATUS_WAIT' THEN 1 END), COUNT(CASE WHEN status = 'STATUS_SUBSCRIBE' THEN 1 END),
            COUNT(CASE WHEN status = 'STATUS_UNSUBSCRIBE' THEN 1 END),
            COUNT(CASE WHEN status = 'STATUS_UNSUBSCRIBE_BY_SERVICE' THEN 1 END),
            COUNT(CASE WHEN status = 'STATUS_INVALID_EMAIL' THEN 1 END)
       FROM subscriptions WHERE account_id = $1 AND group_id = $2",
);

/// How many contacts of a group have each status; a status that nobody has is left out.
pub fn statuses(tx: &mut Tx<'_>, account: AccountId, group: i64) -> Result<Vec<(Status, u64)>, Error> {
    let counted = tx.row(&STATUSES, &[account.0.into(), group.into()], |row| {
        let of_status =
            (0..).zip(Status::ALL).map(|(column, status)| Ok((status, row.int(column)?.unsigned_abs())));
        of_status.collect::<Result<Vec<_>, Error>>()
    })?;
    Ok(counted.into_iter().flatten().filter(|(_, count)| *count > 0).collect())
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&OF_CONTACT, &OF_EMAIL, &FIND, &PUT, &ANY_ACTIVE, &REMOVE, &COUNT, &SOME, &STATUSES];

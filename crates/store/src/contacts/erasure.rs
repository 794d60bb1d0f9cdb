//! Takes a person out of an account's data, and keeps imports from bringing the person back.

use std::{collections::HashSet, fmt::Write as _};

use billhook_wire::{Email, OrderId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    AccountId, Error, Sql, Tx,
    contacts::{self, Contact},
    marks,
    orders::{self, Order, TextField, Texts, hidden_key},
    outbox::events::unix_micros,
    table::{Columns, Table, statement_text::sql},
};

/// The mark with the key that e-mails are hashed with. It was drawn at random for this store.
const KEY: &str = "erasure key";
/// The mark with the time of the last erasure, unix microseconds. Servers forget the calls before it.
const LAST: &str = "last erasure";

// Only a keyed hash of an e-mail stays, so that nobody can tell from it who was erased.
pub(crate) const TABLE: Table = Table {
    name: "erased",
    columns: &[Columns::one::<i64>("account_id").since(8), Columns::one::<String>("digest").since(8)],
    key: &["account_id", "digest"],
};

/// The texts of an order that stay: they say nothing about the person.
const KEPT: [TextField; 20] = [
    TextField::Kupon,
    TextField::Domain,
    TextField::Link,
    TextField::Type,
    TextField::Payway,
    TextField::UtmMedium,
    TextField::UtmSource,
    TextField::UtmCampaign,
    TextField::UtmContent,
    TextField::UtmTerm,
    TextField::AffMedium,
    TextField::AffSource,
    TextField::AffCampaign,
    TextField::AffContent,
    TextField::AffTerm,
    TextField::Aff,
    TextField::AffName,
    TextField::Paff,
    TextField::PaffName,
    TextField::AdId,
];

/// What an erasure has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Whether the person was a contact.
    pub was_contact: bool,
    /// How many orders were the person's. Their sums and products stay.
    pub orders: usize,
}

const ORDERS_OF: Sql = Sql::new(
    "erasure.orders_of",
    "SELECT DISTINCT order_id FROM order_lines WHERE account_id = $1 AND email_key = $2",
);
const DROP_WAITING: Sql = Sql::new(
    "erasure.drop_waiting",
    "UPDATE deliveries SET state = 'dropped', ended = $1, lease = '', leased_until = 0
      WHERE account_id = $2 AND state = 'pending'
        AND event_no IN (SELECT event_no FROM events WHERE account_id = $2 AND order_id = $3)",
);
const DROP_WAITING_OF_CONTACT: Sql = Sql::new(
    "erasure.drop_waiting_of_contact",
    "UPDATE deliveries SET state = 'dropped', ended = $1, lease = '', leased_until = 0
      WHERE account_id = $2 AND state = 'pending'
        AND event_no IN (SELECT event_no FROM events WHERE account_id = $2 AND contact_id <> 0 AND contact_id = $3)",
);
const CLEAR_ANSWERS: Sql = Sql::new(
    "erasure.clear_answers",
    "UPDATE delivery_tries SET answer = ''
      WHERE account_id = $1 AND event_no IN (SELECT event_no FROM events WHERE account_id = $1 AND order_id = $2)",
);
const CLEAR_ANSWERS_OF_CONTACT: Sql = Sql::new(
    "erasure.clear_answers_of_contact",
    "UPDATE delivery_tries SET answer = ''
      WHERE account_id = $1 AND event_no IN (SELECT event_no FROM events WHERE account_id = $1 AND contact_id <> 0 AND contact_id = $2)",
);
const CLEAR_EVENTS: Sql = Sql::new(
    "erasure.clear_events",
    "UPDATE events SET form = '', json = '' WHERE account_id = $1 AND order_id = $2",
);
const CLEAR_EVENTS_OF_CONTACT: Sql = Sql::new(
    "erasure.clear_events_of_contact",
    "UPDATE events SET form = '', json = '' WHERE account_id = $1 AND contact_id <> 0 AND contact_id = $2",
);
const CLEAR_AUDIT: Sql =
    Sql::new("erasure.clear_audit", "UPDATE audit SET detail = '' WHERE account_id = $1 AND order_id = $2");
// What was noted of contacts names no order. It begins with what a contact is called.
const NOTED: Sql = Sql::new(
    "erasure.noted",
    "SELECT at, position, detail FROM audit
      WHERE account_id = $1 AND order_id = 0 AND action IN ('contact-added', 'contact-changed', 'contact-removed')",
);
const CLEAR_NOTED: Sql = Sql::new(
    "erasure.clear_noted",
    "UPDATE audit SET detail = '' WHERE account_id = $1 AND at = $2 AND position = $3",
);
const NOTE: Sql = sql!("erasure.note", Piece::Insert(&TABLE), " ON CONFLICT (account_id, digest) DO NOTHING");

/// Erases whoever has this e-mail from contacts, orders, events and the audit list. `drawn` becomes the store's key
/// for hashes if it has none: 32 random bytes as text.
pub fn erase(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: &Email,
    drawn: &str,
    now: i64,
) -> Result<Erased, Error> {
    let contact = contacts::of_email(tx, account, email)?;
    let mut erased = Erased { was_contact: contact.is_some(), orders: 0 };
    if let Some(contact) = contact {
        remove_contact(tx, account, &contact, now)?;
    }
    for key in [email.key().to_owned(), hidden_key(email.key())] {
        for id in tx.all(&ORDERS_OF, &[account.0.into(), (&key).into()], |row| row.int(0))? {
            erase_order(tx, account, OrderId(id), now)?;
            erased.orders += 1;
        }
    }
    clear_audit(tx, account, email.key())?;
    let known = marks::get(tx, KEY)?;
    if known.is_none() {
        marks::set(tx, KEY, drawn)?;
    }
    let key = known.unwrap_or_else(|| drawn.to_owned());
    tx.execute(&NOTE, &[account.0.into(), (&digest(&key, account, email)?).into()])?;
    marks::set(tx, LAST, &unix_micros().to_string())?;
    Ok(erased)
}

/// Removes a contact, takes out what events say of it, and drops what still waits of them. Orders of the same e-mail
/// stay. No erasure finds a contact without e-mail, so the audit list forgets it now.
pub fn remove_contact(tx: &mut Tx<'_>, account: AccountId, contact: &Contact, now: i64) -> Result<(), Error> {
    let id = contact.id;
    tx.execute(&DROP_WAITING_OF_CONTACT, &[now.into(), account.0.into(), id.into()])?;
    for statement in [&CLEAR_ANSWERS_OF_CONTACT, &CLEAR_EVENTS_OF_CONTACT] {
        tx.execute(statement, &[account.0.into(), id.into()])?;
    }
    if contact.email.is_none() {
        clear_audit(tx, account, &contact.noted_as())?;
    }
    contacts::remove(tx, account, id)
}

/// Takes out what the audit list says of a contact, by what it calls the contact, in small letters. The text is
/// compared here, because engines disagree about letters.
fn clear_audit(tx: &mut Tx<'_>, account: AccountId, contact: &str) -> Result<(), Error> {
    let noted = tx.all(&NOTED, &[account.0.into()], |row| {
        Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_lowercase()))
    })?;
    for (at, position, detail) in noted {
        if detail.strip_prefix(contact).is_some_and(|rest| rest.is_empty() || rest.starts_with("; ")) {
            tx.execute(&CLEAR_NOTED, &[account.0.into(), at.into(), position.into()])?;
        }
    }
    Ok(())
}

/// What an erasure leaves of an order: all but what says something about the person.
pub fn without_person(order: Order) -> Order {
    let mut texts = Texts::default();
    for field in KEPT {
        texts.set(field, order.texts.get(field));
    }
    Order { email: None, texts, ..order }
}

fn erase_order(tx: &mut Tx<'_>, account: AccountId, id: OrderId, now: i64) -> Result<(), Error> {
    let Some(order) = orders::find(tx, account, id)? else { return Ok(()) };
    orders::replace(tx, account, &without_person(order))?;
    tx.execute(&DROP_WAITING, &[now.into(), account.0.into(), id.0.into()])?;
    for statement in [&CLEAR_ANSWERS, &CLEAR_EVENTS, &CLEAR_AUDIT] {
        tx.execute(statement, &[account.0.into(), id.0.into()])?;
    }
    Ok(())
}

const FIND: Sql = Sql::new("erasure.find", "SELECT digest FROM erased WHERE account_id = $1 AND digest = $2");

/// The keys of those of these e-mails that were erased, so that no import may bring them back.
pub fn erased_of<'e>(
    tx: &mut Tx<'_>,
    account: AccountId,
    emails: impl Iterator<Item = &'e Email>,
) -> Result<HashSet<String>, Error> {
    let Some(key) = marks::get(tx, KEY)? else { return Ok(HashSet::new()) };
    let emails: Vec<_> = emails.collect();
    let digests = emails.iter().map(|email| digest(&key, account, email)).collect::<Result<Vec<_>, _>>()?;
    let asked: Vec<_> = digests.iter().map(|digest| vec![account.0.into(), digest.into()]).collect();
    let mut erased = HashSet::new();
    tx.rows_each(&FIND, &asked, |at, _| {
        erased.extend(emails.get(at).map(|email| email.key().to_owned()));
        Ok(())
    })?;
    Ok(erased)
}

/// When somebody was last erased, unix microseconds; 0: nobody was.
pub fn last(tx: &mut Tx<'_>) -> Result<i64, Error> {
    Ok(marks::get(tx, LAST)?.and_then(|time| time.parse().ok()).unwrap_or(0))
}

fn digest(key: &str, account: AccountId, email: &Email) -> Result<String, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_err(|_| Error::damaged("marks: wrong erasure key"))?;
    mac.update(format!("{} {}", account.0, email.key()).as_bytes());
    let mut text = String::new();
    for byte in mac.finalize().into_bytes() {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &DROP_WAITING_OF_CONTACT,
    &CLEAR_ANSWERS_OF_CONTACT,
    &CLEAR_EVENTS_OF_CONTACT,
    &ORDERS_OF,
    &DROP_WAITING,
    &CLEAR_ANSWERS,
    &CLEAR_EVENTS,
    &CLEAR_AUDIT,
    &NOTED,
    &CLEAR_NOTED,
    &NOTE,
    &FIND,
];

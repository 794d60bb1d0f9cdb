//! Contacts: the people whom a seller writes to, with their tags and their history.
//!
//! A contact and the orders of the same e-mail are one customer.

pub mod contact_changes;
pub mod contact_files;
pub mod contact_lists;
pub mod contact_search;
pub mod contact_tags;
pub mod erasure;
pub mod groups;
pub mod subscriptions;

use billhook_wire::Email;

use crate::{
    AccountId, Arg, Error, Sql, Tx, marks,
    orders::order_keys::{phone_key, surname_key},
    outbox::events::unix_micros,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql, text_fields::text_fields},
};

/// The kind of contacts in `marks`.
const KIND: &str = "contact";
/// How many lines of a contact's history are kept.
pub const HISTORY_MAX: i64 = 200;

text_fields! {
    /// A text field of a contact (sections 7.1, 7.2 and 9.1).
    ContactText;
    /// A contact's texts; missing ones are empty.
    ContactTexts;
    FirstName = "first_name" since 8,
    MiddleName = "middle_name" since 8,
    LastName = "last_name" since 8,
    Phone = "phone" since 8,
    City = "city" since 8,
    Utc = "utc" since 8,
    Description = "description" since 8,
    ShippingAddress1 = "shipping_address_1" since 8,
    ShippingAddress2 = "shipping_address_2" since 8,
    ShippingCity = "shipping_city" since 8,
    ShippingState = "shipping_state" since 8,
    ShippingZip = "shipping_zip" since 8,
    ShippingCountry = "shipping_country" since 8,
    BillingAddress1 = "billing_address_1" since 8,
    BillingAddress2 = "billing_address_2" since 8,
    BillingCity = "billing_city" since 8,
    BillingState = "billing_state" since 8,
    BillingZip = "billing_zip" since 8,
    BillingCountry = "billing_country" since 8,
    Facebook = "facebook" since 8,
    Instagram = "instagram" since 8,
    Whatsapp = "whatsapp" since 8,
    Telegram = "telegram" since 8,
    Viber = "viber" since 8,
    Vkontakte = "vkontakte" since 8,
    LinkedIn = "linkedin" since 8,
    UtmMedium = "utm_medium" since 8,
    UtmSource = "utm_source" since 8,
    UtmCampaign = "utm_campaign" since 8,
    UtmContent = "utm_content" since 8,
    UtmTerm = "utm_term" since 8,
    AffMedium = "aff_medium" since 8,
    AffSource = "aff_source" since 8,
    AffCampaign = "aff_campaign" since 8,
    AffContent = "aff_content" since 8,
    AffTerm = "aff_term" since 8,
    Aff = "aff" since 8,
    AdId = "ad_id" since 8,
}

/// A contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The number in the account.
    pub id: i64,
    /// The e-mail as it was given; no other contact of the account has it. API 2.0 makes contacts without one.
    pub email: Option<Email>,
    /// When it was added, unix seconds.
    pub created: i64,
    /// When it was changed, unix seconds.
    pub changed: i64,
    /// The manager's number; 0: none.
    pub manager: i64,
    /// Whether any of its subscriptions is active. `subscriptions` keeps it so.
    pub is_active: bool,
    /// Its texts.
    pub texts: ContactTexts,
}

row! {
    Contact: "contact" {
        contact_id: i64 = id since 8,
        email: Option<Email> = email since 8,
        created: i64 = created since 8,
        changed: i64 = changed since 8,
        manager_id: i64 = manager since 8,
        active: bool = is_active since 8,
        ; ..texts: ContactTexts
    }
}

pub(crate) const TABLE: Table = Table {
    name: "contacts",
    columns: &[
        Columns::one::<i64>("account_id").since(8),
        Columns::Of(Contact::COLUMNS),
        Columns::one::<String>("email_key").since(8),
        Columns::one::<String>("phone_key").since(8),
        Columns::one::<String>("surname_key").since(8),
    ],
    key: &["account_id", "contact_id"],
};

pub(crate) const TAGS: Table = Table {
    name: "contact_tags",
    columns: &[
        Columns::one::<i64>("account_id").since(8),
        Columns::one::<i64>("contact_id").since(8),
        Columns::one::<String>("tag").since(8),
    ],
    key: &["account_id", "contact_id", "tag"],
};

impl Contact {
    /// Surname, first name and patronymic.
    pub fn full_name(&self) -> String {
        let names = [ContactText::LastName, ContactText::FirstName, ContactText::MiddleName];
        let names = names.map(|field| self.texts.get(field).trim());
        names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// What the audit list calls it. An erasure finds the e-mail there; a contact without one is not named.
    pub fn noted_as(&self) -> String {
        self.email.as_ref().map_or_else(|| format!("contact {}", self.id), |email| email.as_str().to_owned())
    }

    /// Its e-mail, or else its name or its phone; empty if it has none of them.
    pub fn known_as(&self) -> String {
        let email = self.email.as_ref().map_or("", Email::as_str).to_owned();
        let known = [email, self.full_name(), self.texts.get(ContactText::Phone).to_owned()];
        known.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
    }
}

/// A line of a contact's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number; a later one has a higher number.
    pub number: i64,
    /// When, unix seconds.
    pub at: i64,
    /// The method or command that did it.
    pub method: String,
    /// The address that called the method; empty: none did.
    pub address: String,
    /// What was done.
    pub what: String,
    /// To what: the name of a group or of a tag, or nothing.
    pub detail: String,
}

row! {
    Entry: "entry of a contact's history" {
        entry_no: i64 = number since 8,
        at: i64 = at since 8,
        method: String = method since 8,
        address: String = address since 8,
        what: String = what since 8,
        detail: String = detail since 8,
    }
}

pub(crate) const HISTORY: Table = Table {
    name: "contact_history",
    columns: &[
        Columns::one::<i64>("account_id").since(8),
        Columns::one::<i64>("contact_id").since(8),
        Columns::Of(Entry::COLUMNS),
    ],
    key: &["account_id", "contact_id", "entry_no"],
};

/// Who changes a contact, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Unix seconds.
    pub at: i64,
    /// The method or command.
    pub method: &'a str,
    /// The address that called the method; empty: none did.
    pub address: &'a str,
}

const OF_EMAIL: Sql = sql!(
    "contacts.of_email",
    "SELECT ",
    Piece::List(Contact::COLUMNS, ""),
    " FROM contacts WHERE account_id = $1 AND email_key = $2 AND email_key <> ''",
);

/// The contacts with these e-mails, asked for at once.
pub fn of_emails<'e>(
    tx: &mut Tx<'_>,
    account: AccountId,
    emails: impl Iterator<Item = &'e Email>,
) -> Result<Vec<Contact>, Error> {
    let asked: Vec<_> = emails.map(|email| vec![account.0.into(), email.key().into()]).collect();
    found(tx, &OF_EMAIL, &asked)
}

/// The contacts with these numbers, asked for at once.
pub fn of_numbers(
    tx: &mut Tx<'_>,
    account: AccountId,
    numbers: impl Iterator<Item = i64>,
) -> Result<Vec<Contact>, Error> {
    let asked: Vec<_> = numbers.map(|number| vec![account.0.into(), number.into()]).collect();
    found(tx, &FIND, &asked)
}

fn found(tx: &mut Tx<'_>, sql: &'static Sql, asked: &[Vec<Arg<'_>>]) -> Result<Vec<Contact>, Error> {
    let mut found = Vec::new();
    tx.rows_each(sql, asked, |_, row| {
        found.push(table::read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The contact with this e-mail, in any letter case.
pub fn of_email(tx: &mut Tx<'_>, account: AccountId, email: &Email) -> Result<Option<Contact>, Error> {
    tx.row(&OF_EMAIL, &[account.0.into(), email.key().into()], table::read)
}

const FIND: Sql = sql!(
    "contacts.find",
    "SELECT ",
    Piece::List(Contact::COLUMNS, ""),
    " FROM contacts WHERE account_id = $1 AND contact_id = $2",
);

/// The contact with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Contact>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const HIGHEST: Sql = Sql::new(
    "contacts.highest",
    "SELECT contact_id FROM contacts WHERE account_id = $1 ORDER BY contact_id DESC LIMIT 1",
);

/// The highest number of a contact; 0: there are none.
pub fn highest(tx: &mut Tx<'_>, account: AccountId) -> Result<i64, Error> {
    Ok(tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0))
}

/// A number that no contact has or had.
///
/// Where several machines write, it is the time in microseconds: if all took the next one, they would collide.
pub fn new_number(tx: &mut Tx<'_>, account: AccountId) -> Result<i64, Error> {
    if !tx.runs_alone() {
        return Ok(unix_micros());
    }
    Ok(highest(tx, account)?.max(marks::highest_removed(tx, account, KIND)?).saturating_add(1))
}

/// Adds a contact under a new number, and returns that.
pub fn add(tx: &mut Tx<'_>, account: AccountId, contact: Contact, by: By<'_>) -> Result<i64, Error> {
    let id = new_number(tx, account)?;
    write(tx, &ADD, account, &Contact { id, created: by.at, ..contact }, by)?;
    note(tx, account, id, by, "added", "")?;
    Ok(id)
}

// A number that another machine has just taken is a conflict, after which all is tried again.
pub(crate) const ADD: Sql = sql!("contacts.add", Piece::Insert(&TABLE));
const PUT: Sql = sql!("contacts.put", Piece::Upsert(&TABLE));

/// Writes a contact with its number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, contact: &Contact, by: By<'_>) -> Result<(), Error> {
    write(tx, &PUT, account, contact, by)
}

fn write(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    account: AccountId,
    contact: &Contact,
    by: By<'_>,
) -> Result<(), Error> {
    let contact = &Contact { changed: by.at, ..contact.clone() };
    tx.execute(sql, &row_args(account, contact, &keys(contact))).map(drop)
}

/// The keys of a contact's phone and surname. Forms ask for one name, which is the first name then.
pub(crate) fn keys(contact: &Contact) -> [String; 2] {
    let text = |field| contact.texts.get(field);
    let surname = surname_key(text(ContactText::LastName));
    let name = if surname.is_empty() { surname_key(text(ContactText::FirstName)) } else { surname };
    [phone_key(text(ContactText::Phone)), name]
}

pub(crate) fn row_args<'a>(account: AccountId, contact: &'a Contact, keys: &'a [String; 2]) -> Vec<Arg<'a>> {
    let mut args = table::args(account, contact);
    args.push(contact.email.as_ref().map_or("", Email::key).into());
    args.extend(keys.iter().map(Arg::from));
    args
}

const SET_ACTIVE: Sql = Sql::new(
    "contacts.set_active",
    "UPDATE contacts SET active = $1 WHERE account_id = $2 AND contact_id = $3",
);

pub(crate) fn set_active(tx: &mut Tx<'_>, account: AccountId, id: i64, is_active: bool) -> Result<(), Error> {
    tx.execute(&SET_ACTIVE, &[is_active.into(), account.0.into(), id.into()]).map(drop)
}

const COUNT: Sql = Sql::new("contacts.count", "SELECT COUNT(*) FROM contacts WHERE account_id = $1");
const COUNT_ACTIVE: Sql =
    Sql::new("contacts.count_active", "SELECT COUNT(*) FROM contacts WHERE account_id = $1 AND active = 1");

/// How many contacts there are; or only those with an active subscription.
pub fn count(tx: &mut Tx<'_>, account: AccountId, active_alone: bool) -> Result<u64, Error> {
    let sql = if active_alone { &COUNT_ACTIVE } else { &COUNT };
    Ok(tx.row(sql, &[account.0.into()], |row| row.int(0))?.unwrap_or(0).unsigned_abs())
}

const COUNT_FROM: Sql = Sql::new(
    "contacts.count_from",
    "SELECT COUNT(*) FROM contacts WHERE account_id = $1 AND substr(aff, 1, 200) = $2 AND aff <> '' AND created >= $3 AND created <= $4",
);

/// How many contacts of a time came from a partner.
pub fn count_from(
    tx: &mut Tx<'_>,
    account: AccountId,
    partner: i64,
    (first, last): (i64, i64),
) -> Result<u64, Error> {
    let number = partner.to_string();
    let args = [account.0.into(), (&number).into(), first.into(), last.into()];
    Ok(tx.row(&COUNT_FROM, &args, |row| row.int(0))?.unwrap_or(0).unsigned_abs())
}

const NEWEST: Sql = Sql::new(
    "contacts.newest_entry",
    "SELECT entry_no FROM contact_history WHERE account_id = $1 AND contact_id = $2 ORDER BY entry_no DESC LIMIT 1",
);
const NOTE: Sql = sql!("contacts.note", Piece::Insert(&HISTORY));
const FORGET: Sql = Sql::new(
    "contacts.forget",
    "DELETE FROM contact_history WHERE account_id = $1 AND contact_id = $2 AND entry_no <= $3",
);

/// Adds a line to a contact's history, and forgets what is too old.
pub fn note(
    tx: &mut Tx<'_>,
    account: AccountId,
    id: i64,
    by: By<'_>,
    what: &str,
    detail: &str,
) -> Result<(), Error> {
    let newest = tx.row(&NEWEST, &[account.0.into(), id.into()], |row| row.int(0))?.unwrap_or(0);
    let entry = Entry {
        number: newest + 1,
        at: by.at,
        method: by.method.to_owned(),
        address: by.address.to_owned(),
        what: what.to_owned(),
        detail: detail.to_owned(),
    };
    let mut args = vec![account.0.into(), id.into()];
    entry.args(&mut args);
    tx.execute(&NOTE, &args)?;
    if entry.number > HISTORY_MAX {
        tx.execute(&FORGET, &[account.0.into(), id.into(), (entry.number - HISTORY_MAX).into()])?;
    }
    Ok(())
}

const HISTORY_OF: Sql = sql!(
    "contacts.history",
    "SELECT ",
    Piece::List(Entry::COLUMNS, ""),
    " FROM contact_history WHERE account_id = $1 AND contact_id = $2 ORDER BY entry_no DESC",
);

/// A contact's history, the newest line first.
pub fn history(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Vec<Entry>, Error> {
    tx.all(&HISTORY_OF, &[account.0.into(), id.into()], table::read)
}

const REMOVE_TAGS: Sql =
    Sql::new("contacts.remove_tags", "DELETE FROM contact_tags WHERE account_id = $1 AND contact_id = $2");
const REMOVE_HISTORY: Sql = Sql::new(
    "contacts.remove_history",
    "DELETE FROM contact_history WHERE account_id = $1 AND contact_id = $2",
);
const UNSUBSCRIBE: Sql =
    Sql::new("contacts.unsubscribe", "DELETE FROM subscriptions WHERE account_id = $1 AND contact_id = $2");
const REMOVE: Sql =
    Sql::new("contacts.remove", "DELETE FROM contacts WHERE account_id = $1 AND contact_id = $2");

/// Removes a contact with its tags, its history and its subscriptions.
pub(crate) fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<(), Error> {
    for statement in [&REMOVE_TAGS, &REMOVE_HISTORY, &UNSUBSCRIBE, &REMOVE] {
        tx.execute(statement, &[account.0.into(), id.into()])?;
    }
    marks::note_removed(tx, account, KIND, id)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &OF_EMAIL,
    &FIND,
    &HIGHEST,
    &ADD,
    &PUT,
    &SET_ACTIVE,
    &COUNT,
    &COUNT_ACTIVE,
    &COUNT_FROM,
    &NEWEST,
    &NOTE,
    &FORGET,
    &HISTORY_OF,
    &REMOVE_TAGS,
    &REMOVE_HISTORY,
    &UNSUBSCRIBE,
    &REMOVE,
];

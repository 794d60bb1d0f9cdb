//! Groups of contacts, which the protocol calls lists and *rassilka* too.

use crate::{
    AccountId, Arg, Error, Sql, Tx, marks,
    outbox::events::unix_micros,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql, stored},
};

/// The kind of groups in `marks`.
const MARK: &str = "group";
/// The reserved name of the group that every contact is in.
pub const ALL_LEADS: &str = "allleads";

/// Whether a new group may have this name. Lists of groups have commas between, so a name has none.
pub fn may_be_named(name: &str) -> bool {
    name != ALL_LEADS && !name.contains(',')
}

/// Who joins a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Whom the seller or a form adds.
    #[default]
    Open,
    /// Buyers alone: the API may add nobody (code 104).
    Auto,
}

impl Kind {
    /// Its word in the store, in commands and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Auto => "auto",
        }
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Auto].into_iter().find(|kind| kind.as_str() == word)
    }
}

stored! {
    Kind: false, |kind| kind.as_str(), Arg::Text(word) => Self::parse(word);
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its number, `rass_id`.
    pub id: i64,
    /// Its name in the API, `rass_name`, unique in the account. Letter case matters.
    pub name: String,
    /// Its title, `rass_title`.
    pub title: String,
    /// Who joins it.
    pub kind: Kind,
    /// When it was added, unix seconds.
    pub created: i64,
    /// The URL that is told of new subscriptions (section 11.6); empty: none is.
    pub url_subscribed: String,
    /// The URL that is told when a person leaves (section 11.7); empty: none is.
    pub url_unsubscribed: String,
}

row! {
    Group: "group" {
        group_id: i64 = id since 8,
        name: String = name since 8,
        title: String = title since 8,
        kind: Kind = kind since 8,
        created: i64 = created since 8,
        url_subscribed: String = url_subscribed since 8,
        url_unsubscribed: String = url_unsubscribed since 8,
    }
}

pub(crate) const TABLE: Table = Table {
    // GROUPS is a word of SQL.
    name: "contact_groups",
    columns: &[Columns::one::<i64>("account_id").since(8), Columns::Of(Group::COLUMNS)],
    key: &["account_id", "group_id"],
};

const LIST: Sql = sql!(
    "groups.list",
    "SELECT ",
    Piece::List(Group::COLUMNS, ""),
    " FROM contact_groups WHERE account_id = $1 ORDER BY group_id",
);

/// Every group, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Group>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const NAMED: Sql = sql!(
    "groups.named",
    "SELECT ",
    Piece::List(Group::COLUMNS, ""),
    " FROM contact_groups WHERE account_id = $1 AND name = $2",
);

/// The group with this name.
pub fn named(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<Option<Group>, Error> {
    tx.row(&NAMED, &[account.0.into(), name.into()], table::read)
}

const FIND: Sql = sql!(
    "groups.find",
    "SELECT ",
    Piece::List(Group::COLUMNS, ""),
    " FROM contact_groups WHERE account_id = $1 AND group_id = $2",
);

/// The group with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Group>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const HIGHEST: Sql = Sql::new(
    "groups.highest",
    "SELECT group_id FROM contact_groups WHERE account_id = $1 ORDER BY group_id DESC LIMIT 1",
);
const ADD: Sql = sql!("groups.add", Piece::Insert(&TABLE), " ON CONFLICT (account_id, name) DO NOTHING");

/// Adds a group under a new number, and returns it; `None`: the name is in use. Without a name it gets one in the
/// documented shape, such as `1594725950.5982672784`.
pub fn add(tx: &mut Tx<'_>, account: AccountId, mut group: Group) -> Result<Option<Group>, Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    group.id = highest.max(marks::highest_removed(tx, account, MARK)?).saturating_add(1);
    if group.name.is_empty() {
        let micros = unix_micros();
        group.name =
            format!("{}.{:010}", micros / 1_000_000, micros % 1_000_000 * 10_000 + group.id % 10_000);
    }
    if group.title.is_empty() {
        group.title.clone_from(&group.name);
    }
    let is_new = group.name != ALL_LEADS && tx.execute(&ADD, &table::args(account, &group))? > 0;
    Ok(is_new.then_some(group))
}

const PUT: Sql = sql!("groups.put", Piece::Upsert(&TABLE));

/// Replaces the group with this number. Its name must be free.
pub fn put(tx: &mut Tx<'_>, account: AccountId, group: &Group) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, group)).map(drop)
}

const REMOVE: Sql =
    Sql::new("groups.remove", "DELETE FROM contact_groups WHERE account_id = $1 AND group_id = $2");

/// Removes a group that nobody is in.
pub(crate) fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<(), Error> {
    tx.execute(&REMOVE, &[account.0.into(), id.into()])?;
    marks::note_removed(tx, account, MARK, id)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &NAMED, &FIND, &HIGHEST, &ADD, &PUT, &REMOVE];

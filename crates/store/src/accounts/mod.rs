//! Accounts: logins, keys, bound domains, settings.
//!
//! Every change gives its account a new, higher `version`. A server that keeps accounts in memory asks for
//! those with higher versions ([`changed_since`]). A database that went back, after a restore or a failover
//! that lost commits, gives the same versions to other changes. So each change also has a random `token`.
//! With [`newest`] and [`sum`] a server notices that its accounts come from another history.

pub mod audit;
pub mod idempotency;
pub mod people;
pub mod settings;

use std::{collections::HashMap, iter};

use billhook_wire::{Key, Login};

use crate::{
    Arg, Error, Row, Sql, Tx,
    accounts::settings::{Setting, Settings},
    marks, random,
    table::{Columns, Reader, Table, statement_text::sql},
};

/// An account's number in the store: the first part of every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its number in the store.
    pub id: AccountId,
    /// Its login.
    pub login: Login,
    /// Its API key.
    pub key: Key,
    /// The previous key, while it is still accepted.
    pub old_key: Option<OldKey>,
    /// Whether it is disabled: every call gets code 7.
    pub disabled: bool,
    /// Whether it answers requests whose host names no account.
    pub is_default: bool,
    /// When it was added, unix seconds.
    pub created: i64,
    /// Host names bound to it, besides `LOGIN.DOMAIN`.
    pub domains: Vec<String>,
    /// Its settings.
    pub settings: Settings,
    /// Higher after every change, and unique among accounts.
    pub version: i64,
    /// A random number, new after every change.
    pub token: i64,
}

impl Account {
    /// The keys that are accepted at `now` (unix seconds).
    pub fn keys(&self, now: i64) -> impl Iterator<Item = &Key> {
        let old = self.old_key.as_ref().filter(|old| now < old.until);
        iter::once(&self.key).chain(old.map(|old| &old.key))
    }

    /// These, and an old one whose time is over.
    pub fn all_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys(i64::MIN)
    }
}

/// A replaced key that is still accepted for a while.
#[derive(Debug, Clone)]
pub struct OldKey {
    /// The key.
    pub key: Key,
    /// Until when it is accepted, unix seconds.
    pub until: i64,
}

/// The last change. Two states of the accounts with the same last change are the same state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Newest {
    /// The version that the change gave to its account; 0: there are no accounts.
    pub version: i64,
    /// Its token.
    pub token: i64,
}

/// A checksum over all accounts. It differs if a change is missing, or was undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    accounts: i64,
    versions_and_tokens: i64,
}

impl<'a> FromIterator<&'a Account> for Sum {
    fn from_iter<T: IntoIterator<Item = &'a Account>>(accounts: T) -> Self {
        accounts.into_iter().fold(Self::default(), |sum, account| Self {
            accounts: sum.accounts + 1,
            versions_and_tokens: sum.versions_and_tokens.wrapping_add(account.version + account.token),
        })
    }
}

/// Few enough bits that the sum over millions of accounts does not overflow.
const TOKEN_BITS: u32 = 40;

pub(crate) const TABLE: Table = Table {
    name: "accounts",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<Login>("login"),
        Columns::one::<Key>("api_key"),
        Columns::one::<Option<Key>>("old_key"),
        Columns::one::<i64>("old_key_until"),
        Columns::one::<bool>("disabled"),
        Columns::one::<i64>("created"),
        Columns::one::<i64>("version"),
        Columns::one::<i64>("token"),
        Columns::one::<bool>("is_default").since(4),
    ],
    key: &["account_id"],
};

pub(crate) const DOMAINS: Table = Table {
    name: "domains",
    columns: &[Columns::one::<i64>("account_id"), Columns::one::<String>("domain")],
    key: &["domain"],
};

pub(crate) const SETTINGS: Table = Table {
    name: "settings",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<String>("name"),
        Columns::one::<String>("value"),
    ],
    key: &["account_id", "name"],
};

macro_rules! accounts {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(TABLE.columns, ""), " FROM accounts WHERE ", $rest)
    };
}

const ADD: Sql = Sql::new(
    "accounts.add",
    "INSERT INTO accounts (account_id, login, api_key, old_key, old_key_until, disabled, created, version, token, is_default)
     VALUES ((SELECT COALESCE(MAX(account_id), 0) + 1 FROM accounts), $1, $2, '', 0, 0, $3,
             (SELECT COALESCE(MAX(version), 0) + 1 FROM accounts), $4,
             CASE WHEN (SELECT MAX(account_id) FROM accounts) IS NULL THEN 1 ELSE 0 END)
         ON CONFLICT (login) DO NOTHING",
);

/// Adds an account at `now` (unix seconds); `None` if the login is taken. A store's first is its default.
pub fn add(tx: &mut Tx<'_>, login: &Login, key: &Key, now: i64) -> Result<Option<AccountId>, Error> {
    let token = random::number(TOKEN_BITS);
    if tx.execute(&ADD, &[login.as_str().into(), key.reveal().into(), now.into(), token.into()])? == 0 {
        return Ok(None);
    }
    Ok(find(tx, login)?.map(|account| account.id))
}

/// Every account, by login.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Account>, Error> {
    let (mut accounts, _) = changed_since(tx, 0)?;
    accounts.sort_by(|one, other| one.login.as_str().cmp(other.login.as_str()));
    Ok(accounts)
}

const FIND: Sql = accounts!("accounts.find", "login = $1");

/// The account with this login.
pub fn find(tx: &mut Tx<'_>, login: &Login) -> Result<Option<Account>, Error> {
    let Some(mut found) = tx.row(&FIND, &[login.as_str().into()], account)? else { return Ok(None) };
    let id = found.id.0.into();
    complete(tx, std::slice::from_mut(&mut found), &DOMAINS_OF, &SETTINGS_OF, id)?;
    Ok(Some(found))
}

const NEWEST: Sql = Sql::new(
    "accounts.newest",
    "SELECT COALESCE((SELECT MAX(version) FROM accounts), 0),
            COALESCE((SELECT token FROM accounts WHERE version = (SELECT MAX(version) FROM accounts)), 0),
            COALESCE((SELECT value FROM marks WHERE name = 'copying'), '')",
);

/// The last change. It shows cheaply whether to call [`changed_since`]. Fails while a copy fills the store: a
/// server must not serve a partial copy.
pub fn newest(tx: &mut Tx<'_>) -> Result<Newest, Error> {
    let newest = tx.row(&NEWEST, &[], |row| {
        let newest = Newest { version: row.int(0)?, token: row.int(1)? };
        match row.text(2)? {
            "" => Ok(newest),
            mark => Err(marks::unfinished(mark)),
        }
    })?;
    Ok(newest.unwrap_or_default())
}

const SUM: Sql = Sql::new(
    "accounts.sum",
    "SELECT COUNT(*), CAST(COALESCE(SUM(version + token), 0) AS BIGINT) FROM accounts",
);

/// The checksum over all accounts.
pub fn sum(tx: &mut Tx<'_>) -> Result<Sum, Error> {
    let sum = tx.row(&SUM, &[], |row| Ok(Sum { accounts: row.int(0)?, versions_and_tokens: row.int(1)? }))?;
    Ok(sum.unwrap_or_default())
}

const CHANGED_SINCE: Sql = accounts!("accounts.changed_since", "version > $1 ORDER BY version");

/// The accounts that changed after `version`, and the version for the next call; 0 returns all accounts.
pub fn changed_since(tx: &mut Tx<'_>, version: i64) -> Result<(Vec<Account>, i64), Error> {
    let mut changed = tx.all(&CHANGED_SINCE, &[version.into()], account)?;
    let newest = changed.last().map_or(version, |account| account.version);
    complete(tx, &mut changed, &DOMAINS_SINCE, &SETTINGS_SINCE, version.into())?;
    Ok((changed, newest))
}

const ROTATE_KEY: Sql = Sql::new(
    "accounts.rotate_key",
    "UPDATE accounts SET old_key = CASE WHEN $1 > 0 THEN api_key ELSE '' END, old_key_until = $1, api_key = $2
      WHERE account_id = $3",
);

/// Replaces an account's key. The current one is accepted until `keep_old_until` (unix seconds).
pub fn rotate_key(
    tx: &mut Tx<'_>,
    id: AccountId,
    key: &Key,
    keep_old_until: Option<i64>,
) -> Result<(), Error> {
    tx.execute(&ROTATE_KEY, &[keep_old_until.unwrap_or(0).into(), key.reveal().into(), id.0.into()])?;
    touch(tx, id)
}

const END_OLD_KEY: Sql = Sql::new(
    "accounts.end_old_key",
    "UPDATE accounts SET old_key = '', old_key_until = 0
      WHERE account_id = $1 AND old_key_until > 0 AND old_key_until <= $2",
);

/// Deletes an account's old key if it has expired at `now` (unix seconds). Returns whether it did.
pub fn end_old_key(tx: &mut Tx<'_>, id: AccountId, now: i64) -> Result<bool, Error> {
    if tx.execute(&END_OLD_KEY, &[id.0.into(), now.into()])? == 0 {
        return Ok(false);
    }
    touch(tx, id)?;
    Ok(true)
}

const SET_DISABLED: Sql =
    Sql::new("accounts.set_disabled", "UPDATE accounts SET disabled = $1 WHERE account_id = $2");

/// Disables or enables an account.
pub fn set_disabled(tx: &mut Tx<'_>, id: AccountId, disabled: bool) -> Result<(), Error> {
    tx.execute(&SET_DISABLED, &[disabled.into(), id.0.into()])?;
    touch(tx, id)
}

const MARK_DEFAULT: Sql =
    Sql::new("accounts.mark_default", "UPDATE accounts SET is_default = $1 WHERE account_id = $2");

/// Makes this account the default one, or none.
pub fn set_default(tx: &mut Tx<'_>, chosen: Option<AccountId>) -> Result<(), Error> {
    for Account { id, is_default, .. } in list(tx)? {
        if is_default != (chosen == Some(id)) {
            tx.execute(&MARK_DEFAULT, &[(!is_default).into(), id.0.into()])?;
            touch(tx, id)?;
        }
    }
    Ok(())
}

const BIND: Sql = Sql::new(
    "accounts.bind",
    "INSERT INTO domains (domain, account_id) VALUES ($1, $2) ON CONFLICT (domain) DO NOTHING",
);
const BOUND_TO: Sql = Sql::new(
    "accounts.bound_to",
    "SELECT accounts.account_id, accounts.login FROM domains
       JOIN accounts ON accounts.account_id = domains.account_id WHERE domains.domain = $1",
);

/// Binds a host name (lower case, no port, no final dot) to an account. If another account has it, returns
/// that one's login and changes nothing.
pub fn bind(tx: &mut Tx<'_>, id: AccountId, domain: &str) -> Result<Option<Login>, Error> {
    if tx.execute(&BIND, &[domain.into(), id.0.into()])? > 0 {
        touch(tx, id)?;
        return Ok(None);
    }
    let bound = tx.row(&BOUND_TO, &[domain.into()], |row| Ok((AccountId(row.int(0)?), login(row, 1)?)))?;
    Ok(bound.filter(|(other, _)| *other != id).map(|(_, login)| login))
}

const UNBIND: Sql = Sql::new("accounts.unbind", "DELETE FROM domains WHERE domain = $1 AND account_id = $2");

/// Removes a host name from an account; false if it did not have it.
pub fn unbind(tx: &mut Tx<'_>, id: AccountId, domain: &str) -> Result<bool, Error> {
    if tx.execute(&UNBIND, &[domain.into(), id.0.into()])? == 0 {
        return Ok(false);
    }
    touch(tx, id)?;
    Ok(true)
}

const SET: Sql = Sql::new(
    "accounts.set",
    "INSERT INTO settings (account_id, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, name) DO UPDATE SET value = excluded.value",
);

/// Changes a setting.
pub fn set(tx: &mut Tx<'_>, id: AccountId, setting: &Setting) -> Result<(), Error> {
    tx.execute(&SET, &[id.0.into(), setting.name().into(), setting.value().into()])?;
    touch(tx, id)
}

const TOUCH: Sql = Sql::new(
    "accounts.touch",
    "UPDATE accounts SET version = (SELECT MAX(version) + 1 FROM accounts), token = $1 WHERE account_id = $2",
);

fn touch(tx: &mut Tx<'_>, id: AccountId) -> Result<(), Error> {
    tx.execute(&TOUCH, &[random::number(TOKEN_BITS).into(), id.0.into()]).map(drop)
}

const DOMAINS_OF: Sql =
    Sql::new("accounts.domains_of", "SELECT account_id, domain FROM domains WHERE account_id = $1");
const DOMAINS_SINCE: Sql = Sql::new(
    "accounts.domains_since",
    "SELECT d.account_id, d.domain FROM accounts a CROSS JOIN domains d
      WHERE a.version > $1 AND d.account_id = a.account_id",
);
const SETTINGS_OF: Sql =
    Sql::new("accounts.settings_of", "SELECT account_id, name, value FROM settings WHERE account_id = $1");
const SETTINGS_SINCE: Sql = Sql::new(
    "accounts.settings_since",
    "SELECT s.account_id, s.name, s.value FROM accounts a CROSS JOIN settings s
      WHERE a.version > $1 AND s.account_id = a.account_id",
);

/// Adds the accounts' domains and settings, which two statements find by `arg`.
fn complete(
    tx: &mut Tx<'_>,
    accounts: &mut [Account],
    domains: &'static Sql,
    settings: &'static Sql,
    arg: Arg<'_>,
) -> Result<(), Error> {
    let mut by_id: HashMap<i64, &mut Account> =
        accounts.iter_mut().map(|account| (account.id.0, account)).collect();
    tx.rows(domains, &[arg], |row| {
        if let Some(account) = by_id.get_mut(&row.int(0)?) {
            account.domains.push(row.text(1)?.to_owned());
        }
        Ok::<(), Error>(())
    })?;
    tx.rows(settings, &[arg], |row| {
        if let Some(account) = by_id.get_mut(&row.int(0)?) {
            let setting = Setting::parse(row.text(1)?, row.text(2)?)
                .map_err(|error| damaged(&account.login, &error))?;
            account.settings.apply(&setting);
        }
        Ok::<(), Error>(())
    })?;
    for account in accounts {
        account.domains.sort_unstable();
    }
    Ok(())
}

fn account(row: &dyn Row) -> Result<Account, Error> {
    let mut reader = Reader::new(row);
    let (id, login) = (reader.next("account", "account_id")?, reader.next("account", "login")?);
    let (key, old_key) = (reader.next("account", "api_key")?, reader.next("account", "old_key")?);
    let until = reader.next("account", "old_key_until")?;
    Ok(Account {
        id: AccountId(id),
        login,
        key,
        old_key: Option::map(old_key, |key| OldKey { key, until }),
        disabled: reader.next("account", "disabled")?,
        created: reader.next("account", "created")?,
        domains: Vec::new(),
        settings: Settings::default(),
        version: reader.next("account", "version")?,
        token: reader.next("account", "token")?,
        is_default: reader.next("account", "is_default")?,
    })
}

fn login(row: &dyn Row, column: usize) -> Result<Login, Error> {
    let text = row.text(column)?;
    Login::parse(text).map_err(|error| Error::damaged(&format!("account {text}: {error}")))
}

fn damaged(login: &Login, why: &dyn std::fmt::Display) -> Error {
    Error::damaged(&format!("account {login}: {why}"))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &ADD,
    &FIND,
    &NEWEST,
    &SUM,
    &CHANGED_SINCE,
    &ROTATE_KEY,
    &END_OLD_KEY,
    &SET_DISABLED,
    &MARK_DEFAULT,
    &BIND,
    &BOUND_TO,
    &UNBIND,
    &SET,
    &TOUCH,
    &DOMAINS_OF,
    &DOMAINS_SINCE,
    &SETTINGS_OF,
    &SETTINGS_SINCE,
];

//! The people who may sign in to an account's cabinet, their sign-in links and their sessions.
//!
//! Of a link and of a session only the SHA-256 is stored: who reads the store can't sign in with it.

use billhook_wire::Name;

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql, stored},
};

/// The most people of an account.
pub const PEOPLE_MAX: usize = 100;
/// The most sessions of a person: the one that was used least is ended for a new one.
const SESSIONS_MAX: usize = 50;
/// How long a session lasts that nobody uses, in seconds.
pub const SESSION_SECONDS: i64 = 30 * 24 * 60 * 60;
/// A session's last use is written down once in so many seconds.
pub const USE_SECONDS: i64 = 60 * 60;

/// What a person may do in the cabinet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything but secrets, and change nothing.
    #[default]
    Reader,
    /// Everything.
    Owner,
}

impl Role {
    /// The word that the store and the command line use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "read-only",
            Self::Owner => "owner",
        }
    }

    /// The role that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Reader, Self::Owner].into_iter().find(|role| role.as_str() == word)
    }
}

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_empty() { "none" } else { "secret" })
    }
}

stored! {
    Role: false, |role| role.as_str(), Arg::Text(word) => Self::parse(word);
    Secret: false, |secret| secret.0.as_str(), Arg::Text(text) => Some(Self(text.to_owned()));
}

/// A person of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The number in the account.
    pub id: i64,
    /// The name to sign in with, unique in the account.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The password's hash, in the PHC string format; empty: none was chosen yet.
    pub password: Secret,
    /// The secret of the one-time codes, in Base32; empty: none are asked for.
    pub totp: Secret,
    /// The time step of the last code that was accepted: no code is accepted twice.
    pub totp_used: i64,
    /// When the person was added, unix seconds.
    pub created: i64,
}

row! {
    Person: "person" {
        person_id: i64 = id since 5,
        name: String = name since 5,
        role: Role = role since 5,
        password: Secret = password since 5,
        totp: Secret = totp since 5,
        totp_used: i64 = totp_used since 5,
        created: i64 = created since 5,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "people",
    columns: &[Columns::one::<i64>("account_id").since(5), Columns::Of(Person::COLUMNS)],
    key: &["account_id", "person_id"],
};

/// A signed-in browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The SHA-256 of its cookie, hexadecimal.
    pub digest: String,
    /// Whose it is.
    pub person: i64,
    /// When it began, unix seconds.
    pub created: i64,
    /// When it was last used, unix seconds, to the hour.
    pub used: i64,
    /// Where from it was opened.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// Whether a link opened it, and no password was chosen since: then the old password is not asked for.
    pub is_by_link: bool,
}

row! {
    Session: "session" {
        digest: String = digest since 5,
        person_id: i64 = person since 5,
        created: i64 = created since 5,
        used: i64 = used since 5,
        address: String = address since 5,
        agent: String = agent since 5,
        is_by_link: bool = is_by_link since 5,
    }
}

pub(crate) const SESSIONS: Table = Table {
    name: "sessions",
    columns: &[Columns::one::<i64>("account_id").since(5), Columns::Of(Session::COLUMNS)],
    key: &["account_id", "digest"],
};

pub(crate) const LINKS: Table = Table {
    name: "login_links",
    columns: &[
        Columns::one::<i64>("account_id").since(5),
        Columns::one::<String>("digest").since(5),
        Columns::one::<i64>("person_id").since(5),
        Columns::one::<i64>("until").since(5),
    ],
    key: &["account_id", "digest"],
};

const LIST: Sql = sql!(
    "people.list",
    "SELECT ",
    Piece::List(Person::COLUMNS, ""),
    " FROM people WHERE account_id = $1 ORDER BY person_id",
);

/// Everybody of an account, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Person>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

/// The person of a name.
pub fn find(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<Option<Person>, Error> {
    Ok(list(tx, account)?.into_iter().find(|person| person.name == name))
}

const GET: Sql = sql!(
    "people.get",
    "SELECT ",
    Piece::List(Person::COLUMNS, ""),
    " FROM people WHERE account_id = $1 AND person_id = $2",
);

/// The person of a number.
pub fn get(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Person>, Error> {
    tx.row(&GET, &[account.0.into(), id.into()], table::read)
}

/// Adds a person; none if the name is taken, or the account has as many people as it may have.
pub fn add(
    tx: &mut Tx<'_>,
    account: AccountId,
    name: &Name,
    role: Role,
    now: i64,
) -> Result<Option<Person>, Error> {
    let people = list(tx, account)?;
    if people.len() >= PEOPLE_MAX || people.iter().any(|person| person.name == name.as_str()) {
        return Ok(None);
    }
    let id = people.last().map_or(0, |person| person.id) + 1;
    let person = Person { id, name: name.as_str().to_owned(), role, created: now, ..Person::default() };
    put(tx, account, &person)?;
    Ok(Some(person))
}

const PUT: Sql = sql!("people.put", Piece::Upsert(&TABLE));

/// Changes a person.
pub fn put(tx: &mut Tx<'_>, account: AccountId, person: &Person) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, person)).map(drop)
}

const REMOVE: Sql = Sql::new("people.remove", "DELETE FROM people WHERE account_id = $1 AND person_id = $2");

/// Removes a person, and ends the person's links and sessions.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<(), Error> {
    end_links(tx, account, id)?;
    end_sessions(tx, account, id, "")?;
    tx.execute(&REMOVE, &[account.0.into(), id.into()]).map(drop)
}

const ADD_LINK: Sql = sql!("people.add_link", Piece::Insert(&LINKS));

/// Makes a link that signs a person in once. `digest` is the SHA-256 of its secret, `until` is in unix seconds.
pub fn add_link(
    tx: &mut Tx<'_>,
    account: AccountId,
    person: i64,
    digest: &str,
    until: i64,
) -> Result<(), Error> {
    tx.execute(&ADD_LINK, &[account.0.into(), digest.into(), person.into(), until.into()]).map(drop)
}

const LINK: Sql = Sql::new(
    "people.link",
    "SELECT person_id FROM login_links WHERE account_id = $1 AND digest = $2 AND until > $3",
);

/// Whom a link signs in at `now`, unix seconds.
pub fn link(tx: &mut Tx<'_>, account: AccountId, digest: &str, now: i64) -> Result<Option<Person>, Error> {
    match tx.row(&LINK, &[account.0.into(), digest.into(), now.into()], |row| row.int(0))? {
        Some(id) => get(tx, account, id),
        None => Ok(None),
    }
}

const END_LINKS: Sql =
    Sql::new("people.end_links", "DELETE FROM login_links WHERE account_id = $1 AND person_id = $2");

/// Ends every link of a person.
pub fn end_links(tx: &mut Tx<'_>, account: AccountId, person: i64) -> Result<(), Error> {
    tx.execute(&END_LINKS, &[account.0.into(), person.into()]).map(drop)
}

const SESSION: Sql = sql!(
    "people.session",
    "SELECT ",
    Piece::List(Session::COLUMNS, ""),
    " FROM sessions WHERE account_id = $1 AND digest = $2 AND used > $3",
);

/// The session of a cookie's digest, if it has not ended at `now` (unix seconds), and whose it is.
pub fn session(
    tx: &mut Tx<'_>,
    account: AccountId,
    digest: &str,
    now: i64,
) -> Result<Option<(Session, Person)>, Error> {
    let args = [account.0.into(), digest.into(), (now - SESSION_SECONDS).into()];
    let Some(session) = tx.row(&SESSION, &args, table::read::<Session>)? else { return Ok(None) };
    Ok(get(tx, account, session.person)?.map(|person| (session, person)))
}

const SESSIONS_OF: Sql = sql!(
    "people.sessions_of",
    "SELECT ",
    Piece::List(Session::COLUMNS, ""),
    " FROM sessions WHERE account_id = $1 ORDER BY digest",
);

/// A person's sessions, the one that was used last first.
pub fn sessions_of(tx: &mut Tx<'_>, account: AccountId, person: i64) -> Result<Vec<Session>, Error> {
    let mut sessions: Vec<Session> = tx.all(&SESSIONS_OF, &[account.0.into()], table::read)?;
    sessions.retain(|session| session.person == person);
    sessions.sort_by_key(|session| std::cmp::Reverse((session.used, session.created)));
    Ok(sessions)
}

const PUT_SESSION: Sql = sql!("people.put_session", Piece::Upsert(&SESSIONS));
const END_OLD: Sql = Sql::new("people.end_old", "DELETE FROM sessions WHERE account_id = $1 AND used <= $2");
const END_OLD_LINKS: Sql =
    Sql::new("people.end_old_links", "DELETE FROM login_links WHERE account_id = $1 AND until <= $2");

/// Opens a session, and forgets what has ended in the account.
pub fn open_session(tx: &mut Tx<'_>, account: AccountId, session: &Session) -> Result<(), Error> {
    let now = session.used;
    tx.execute(&END_OLD, &[account.0.into(), (now - SESSION_SECONDS).into()])?;
    tx.execute(&END_OLD_LINKS, &[account.0.into(), now.into()])?;
    for old in sessions_of(tx, account, session.person)?.iter().skip(SESSIONS_MAX - 1) {
        end_session(tx, account, &old.digest)?;
    }
    tx.execute(&PUT_SESSION, &table::args(account, session)).map(drop)
}

const USE: Sql = Sql::new(
    "people.use",
    "UPDATE sessions SET used = $1 WHERE account_id = $2 AND digest = $3 AND used < $1",
);

/// Notes that a session was used at `now`, unix seconds.
pub fn use_session(tx: &mut Tx<'_>, account: AccountId, digest: &str, now: i64) -> Result<(), Error> {
    tx.execute(&USE, &[now.into(), account.0.into(), digest.into()]).map(drop)
}

const CHOSE_PASSWORD: Sql = Sql::new(
    "people.chose_password",
    "UPDATE sessions SET is_by_link = 0 WHERE account_id = $1 AND digest = $2",
);

/// Notes that a session's person has a password now.
pub fn chose_password(tx: &mut Tx<'_>, account: AccountId, digest: &str) -> Result<(), Error> {
    tx.execute(&CHOSE_PASSWORD, &[account.0.into(), digest.into()]).map(drop)
}

const END_SESSION: Sql =
    Sql::new("people.end_session", "DELETE FROM sessions WHERE account_id = $1 AND digest = $2");

/// Ends a session.
pub fn end_session(tx: &mut Tx<'_>, account: AccountId, digest: &str) -> Result<(), Error> {
    tx.execute(&END_SESSION, &[account.0.into(), digest.into()]).map(drop)
}

const END_SESSIONS: Sql = Sql::new(
    "people.end_sessions",
    "DELETE FROM sessions WHERE account_id = $1 AND person_id = $2 AND digest <> $3",
);

/// Ends every session of a person, but for the one of the digest `but`.
pub fn end_sessions(tx: &mut Tx<'_>, account: AccountId, person: i64, but: &str) -> Result<(), Error> {
    tx.execute(&END_SESSIONS, &[account.0.into(), person.into(), but.into()]).map(drop)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &LIST,
    &GET,
    &PUT,
    &REMOVE,
    &ADD_LINK,
    &LINK,
    &END_LINKS,
    &SESSION,
    &SESSIONS_OF,
    &PUT_SESSION,
    &END_OLD,
    &END_OLD_LINKS,
    &USE,
    &CHOSE_PASSWORD,
    &END_SESSION,
    &END_SESSIONS,
];

//! What a page of the cabinet is given, and what it gives back.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use billhook_store::{
    AccountId, Tx,
    accounts::{
        audit::{self, Action, Entry},
        people::{Person, Role, SESSION_SECONDS, Session},
    },
    orders::reports::{Period, Report},
};
use billhook_wire::{
    Form, OrderId,
    form::{Key, Value},
    signature::sha256,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use quick_cache::sync::Cache;

use crate::{
    cabinet::{cookies::Carrier, language::Language},
    failure::Failure,
    gate::accounts::Served,
    http::answer::{Page, Rest},
};

/// A request for a page of the cabinet. A transaction's body may run on another thread, and twice, so it is whole.
pub(crate) struct Visit {
    pub(crate) account: Arc<Served>,
    pub(crate) language: Language,
    pub(crate) carrier: Carrier,
    /// The host as the browser names it, with its port.
    pub(crate) host: String,
    pub(crate) path: String,
    /// The part of the path that the route leaves open.
    pub(crate) part: String,
    pub(crate) is_post: bool,
    pub(crate) query: Fields,
    pub(crate) form: Fields,
    /// Unix seconds.
    pub(crate) now: i64,
    pub(crate) address: IpAddr,
    pub(crate) request_id: String,
    pub(crate) agent: String,
    /// What the session's cookie holds, and its digest.
    pub(crate) secret: Option<String>,
    pub(crate) digest: String,
    pub(crate) reports: Arc<Reports>,
}

/// The reports that were made within the minute, with the time when they were.
pub(crate) type Reports = Cache<(AccountId, Period, i64), Arc<(i64, Report)>>;

/// Who is signed in; by default nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Viewer {
    pub(crate) session: Session,
    pub(crate) person: Person,
}

/// What a page's function has.
pub(crate) struct Context<'a, 'tx> {
    pub(crate) tx: &'a mut Tx<'tx>,
    pub(crate) visit: &'a Visit,
    pub(crate) viewer: &'a Viewer,
}

/// The fields of a form or of a query.
#[derive(Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads them as the API reads a form. What is no text is left out.
    pub(crate) fn read(text: &[u8]) -> Self {
        let form = Form::urlencoded(text);
        let fields = form.fields().iter().filter_map(|(key, value)| {
            let Value::Text(value) = value else { return None };
            let key = match key {
                Key::Int(number) => number.to_string(),
                Key::Text(key) => String::from_utf8_lossy(key).into_owned(),
            };
            Some((key, String::from_utf8_lossy(value).replace('\0', "")))
        });
        Self(fields.collect())
    }

    /// A field's text without the white space around it; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same as it was sent.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A digest of all of them, hexadecimal.
    pub(crate) fn digest(&self) -> String {
        sha256(format!("{:?}", self.0).as_bytes())
    }
}

impl Context<'_, '_> {
    pub(crate) fn language(&self) -> Language {
        self.visit.language
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.viewer.person.role == Role::Owner
    }

    /// A time as the account's zone has it.
    pub(crate) fn time(&self, unix: i64) -> String {
        self.language().time(unix, &self.visit.account.settings.time_zone)
    }

    /// The same to the second.
    pub(crate) fn moment(&self, unix: i64) -> String {
        self.language().moment(unix, &self.visit.account.settings.time_zone)
    }

    /// A day as the inputs of forms have it.
    pub(crate) fn day(&self, unix: i64) -> String {
        Language::day(unix, &self.visit.account.settings.time_zone)
    }

    /// Notes in the audit list what the viewer did.
    pub(crate) fn note(&mut self, action: Action, detail: &str) -> Result<(), Failure> {
        let name = self.viewer.person.name.clone();
        self.note_of(&name, action, detail)
    }

    /// Notes what the viewer did to an order.
    pub(crate) fn note_order(&mut self, action: Action, order: OrderId, detail: &str) -> Result<(), Failure> {
        let person = self.viewer.person.name.clone();
        self.add_entry(Entry {
            person,
            action,
            order: order.0,
            detail: detail.to_owned(),
            ..Entry::default()
        })
    }

    /// Notes in the audit list what a person did.
    pub(crate) fn note_of(&mut self, person: &str, action: Action, detail: &str) -> Result<(), Failure> {
        self.add_entry(Entry {
            person: person.to_owned(),
            action,
            detail: detail.to_owned(),
            ..Entry::default()
        })
    }

    fn add_entry(&mut self, entry: Entry) -> Result<(), Failure> {
        let entry = Entry { at: self.visit.now, address: self.visit.address.to_string(), ..entry };
        Ok(audit::add(self.tx, self.visit.account.id, &entry)?)
    }
}

/// What a request is answered with.
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A file that is made while it is read, in the place of a page.
    pub(crate) file: Option<(&'static Page, Rest)>,
}

impl Shown {
    pub(crate) fn new(status: StatusCode, body: String) -> Self {
        Self { status, body, headers: Vec::new(), file: None }
    }

    /// Sends the browser to another page.
    pub(crate) fn to(path: &str) -> Self {
        let mut shown = Self::new(StatusCode::SEE_OTHER, String::new());
        // A path of ours is plain ASCII.
        shown.headers.extend(path.parse().map(|path| (header::LOCATION, path)));
        shown
    }

    /// Sends it to a page that says that it is done.
    pub(crate) fn done(path: &str) -> Self {
        Self::to(&format!("{path}?done"))
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Gives the browser a session's secret; an empty one takes it away.
    pub(crate) fn with_session(mut self, carrier: Carrier, secret: &str) -> Self {
        self.headers.extend(carrier.set(secret, SESSION_SECONDS).map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }
}

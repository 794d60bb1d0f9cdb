//! Why a call was refused, for the people of its account. It is worked out from what the ring of calls has kept, when somebody looks:
//! a wrong hash takes some hundred MD5s.
//!
//! Those who look may not see the account's key, nor a hash with which a request could be sent. So what is shown is what the log may
//! have.

use std::fmt;

use billhook_wire::{
    Api, Credential, Key, Request,
    method::{METHODS, MethodInfo},
    mistake::{self, Diagnosis, Verdict},
};

use crate::{
    clock::unix_now,
    gate::accounts::Served,
    telemetry::calls::{Call, Refused},
};

/// The longest path that is kept, in bytes.
const PATH_BYTES_MAX: usize = 100;
/// What stands for a text that may hold a secret.
const HIDDEN: &str = "…";

/// Why a call was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// What the server read, with nothing secret in it.
    pub(crate) signed: String,
    /// How the hash begins that is expected over it, where a hash was sent.
    pub(crate) expected: Option<String>,
    /// How the hash begins that was sent.
    pub(crate) got: Option<String>,
}

/// The reason itself.
#[derive(Debug)]
pub(crate) enum Reason {
    /// Its credential.
    Credential(Verdict),
    /// A parameter: its name, and what is wrong with it; nothing where it is missing.
    Parameter(String, Option<String>),
    /// There is no such method.
    NoMethod,
    /// Only the beginning of its body was kept, which a hash can't be looked at by.
    TooLong,
}

impl fmt::Display for Reason {
    /// What was done, and how to mend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(Verdict::Fits { .. } | Verdict::KeyFits) => {
                f.write_str("It is right with the present key: the key was changed since.")
            }
            Self::Credential(verdict) => verdict.fmt(f),
            Self::Parameter(name, None) => write!(f, "The parameter {name} is missing."),
            Self::Parameter(name, Some(reason)) => write!(f, "The parameter {name} is wrong: {reason}."),
            Self::NoMethod => f.write_str("There is no such method."),
            Self::TooLong => f.write_str(
                "The body is longer than the 4 KiB that are kept. `billhook explain` takes it whole.",
            ),
        }
    }
}

impl Refusal {
    /// Works out why a call was refused, as far as it was kept.
    pub(crate) fn of(account: &Served, call: &Call) -> Option<Self> {
        let refused = call.trace.refused.as_deref()?;
        let Refused { content_type, body, is_whole } = refused;
        let content_type = content_type.as_deref();
        let request = Request::read(content_type, body);
        let key = fitting_key(account, &request);
        let diagnosis = mistake::diagnose(&account.login, key, content_type, body);
        let shown = |text: &str| hidden(account, text);
        let has_hash = request.credential() == Credential::Hash && !call.trace.is_authentic && *is_whole;
        let Diagnosis { encoded, sent, verdict, .. } = diagnosis;
        let reason = if call.trace.is_authentic {
            parameter_reason(call, &request, shown)?
        } else if *is_whole {
            Reason::Credential(verdict)
        } else {
            Reason::TooLong
        };
        Some(Self {
            reason,
            signed: shown(&encoded.text_for_log),
            expected: has_hash.then(|| mistake::first_digits(&encoded.hash)),
            got: sent.filter(|_| has_hash).map(|sent| shown(&mistake::first_digits(&sent))),
        })
    }
}

/// What is wrong with the parameters of a call whose credential was right.
fn parameter_reason(call: &Call, request: &Request<'_>, shown: impl Fn(&str) -> String) -> Option<Reason> {
    let api = if request.credential() == Credential::Hash { Api::Signed } else { Api::Keyed };
    let is_meant = |known: &&MethodInfo| known.api == api && known.name.eq_ignore_ascii_case(&call.method);
    let Some(method) = METHODS.iter().find(is_meant).or_else(|| MethodInfo::named(&call.method)) else {
        return (call.status == http::StatusCode::NOT_FOUND).then_some(Reason::NoMethod);
    };
    let fault = (method.fault)(request)?;
    let is_there = request.form().fields().get(fault.field().as_bytes()).is_some();
    Some(Reason::Parameter(shown(fault.field()), is_there.then(|| shown(fault.reason()))))
}

/// The key that the credential fits, or else the current one.
fn fitting_key<'a>(account: &'a Served, request: &Request<'_>) -> &'a Key {
    let keys: Vec<_> = account.keys(unix_now()).collect();
    request.verify(&account.login, &keys).unwrap_or(&account.key)
}

/// A path as it is kept: the method's name alone, where it is one. A path may hold anything, a key too.
pub(crate) fn shown_path(account: &Served, path: &str) -> String {
    let name = path.strip_prefix("/api/").filter(|name| !name.is_empty()).unwrap_or(path);
    let end = name.floor_char_boundary(PATH_BYTES_MAX);
    let (beginning, rest) = name.split_at(end);
    let mut shown = hidden(account, beginning);
    if !rest.is_empty() {
        shown.push('…');
    }
    shown
}

/// A text, unless it has a piece of one of the account's keys.
fn hidden(account: &Served, text: &str) -> String {
    let is_secret = account.all_keys().any(|key| mistake::looks_secret(text.as_bytes(), key));
    if is_secret { HIDDEN.to_owned() } else { text.to_owned() }
}

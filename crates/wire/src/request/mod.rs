//! One request: its form, its credential, its parameters.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::{
    Code, Form, Key, Login, Method,
    form::{FieldError, Value, de},
    query,
    signature::{self, RequestHash},
};

/// A parsed request body.
pub struct Request<'a> {
    body: &'a [u8],
    content: Content,
    form: Form<'a>,
}

/// How a body was read (decision 57).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// As `application/x-www-form-urlencoded`: this type, `text/plain`, or none.
    Urlencoded,
    /// As `multipart/form-data`: there is no raw body that could be hashed.
    Multipart,
    /// Not read: JSON and other types hold no parameters.
    Unread,
}

/// The parameters for the key itself (section 2.2); if both are sent, the first counts (decision 11).
pub const KEY_NAMES: [&str; 2] = ["rpsKey", "rps_key"];

/// A request's credential (decisions 6, 52, 53).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Neither `hash` nor a key, or an empty one: code 1.
    Absent,
    /// `hash`, to be checked with [`Request::verify`]. An array or an odd text never matches.
    Hash,
    /// `rpsKey` or `rps_key` (API 2.0, decision 11). An array becomes an empty text, which is nobody's key.
    Key(&'a [u8]),
}

impl Content {
    /// How to read a body with this type, which ends at the first `;`, `,` or space. Case does not matter.
    pub fn of(content_type: Option<&[u8]>) -> Self {
        let content_type = content_type.unwrap_or_default().trim_ascii();
        let end = content_type.iter().take_while(|byte| !matches!(byte, b';' | b',' | b' ')).count();
        let is = |name: &str| {
            content_type.get(..end).is_some_and(|sent| sent.eq_ignore_ascii_case(name.as_bytes()))
        };
        if content_type.is_empty() || is("application/x-www-form-urlencoded") || is("text/plain") {
            Self::Urlencoded
        } else if is("multipart/form-data") {
            Self::Multipart
        } else {
            Self::Unread
        }
    }
}

impl<'a> Request<'a> {
    /// Reads a body (decision 57): urlencoded, no type and text/plain as urlencoded, multipart as multipart,
    /// other types as no parameters.
    pub fn read(content_type: Option<&[u8]>, body: &'a [u8]) -> Self {
        let content = Content::of(content_type);
        let form = match content {
            Content::Urlencoded => Form::urlencoded(body),
            Content::Multipart => Form::multipart(content_type.unwrap_or_default(), body),
            Content::Unread => Form::default(),
        };
        Self { body, content, form }
    }

    /// How the body was read.
    pub fn content(&self) -> Content {
        self.content
    }

    /// The form.
    pub fn form(&self) -> &Form<'a> {
        &self.form
    }

    /// Whether there is no parameter: code 2. A lone `hash` is one, and so is one that a limit dropped.
    pub fn is_empty(&self) -> bool {
        self.form.fields().is_empty() && !self.form.over_limit()
    }

    /// Whether one of PHP's limits (1,000 variables, 64 brackets) is exceeded: code 3 (decision 50).
    pub fn over_limit(&self) -> bool {
        self.form.over_limit()
    }

    /// The request's credential.
    pub fn credential(&self) -> Credential<'_> {
        let fields = self.form.fields();
        match fields.get(b"hash") {
            Some(Value::Text(hash)) if hash.is_empty() => {}
            Some(_) => return Credential::Hash,
            None => {}
        }
        for name in KEY_NAMES {
            match fields.get(name.as_bytes()) {
                Some(Value::Text(key)) if key.is_empty() => {}
                Some(Value::Text(key)) => return Credential::Key(key),
                Some(Value::Array(_)) => return Credential::Key(b""),
                None => {}
            }
        }
        Credential::Absent
    }

    /// The sent `hash`, if it is a text.
    pub fn sent_hash(&self) -> Option<&[u8]> {
        self.form.fields().get(b"hash").and_then(Value::as_text)
    }

    /// The raw form of the signed text: the body without the pairs that PHP reads into `hash` (decisions 1
    /// and 52). `None` if the body is not urlencoded; PHP keeps no copy of multipart.
    pub fn raw_query(&self) -> Option<Vec<u8>> {
        (self.content == Content::Urlencoded).then(|| self.raw_parts().flatten().copied().collect())
    }

    /// The re-encoded form of the signed text: `http_build_query` of the variables without `hash`.
    pub fn encoded_query(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.body.len());
        query::build_without(self.form.fields(), &[b"hash"], &mut text);
        text
    }

    /// The SHA-256 of the parameters in hex, without credentials. The order of parameters does not matter.
    pub fn parameters_digest(&self) -> String {
        let mut text = Vec::with_capacity(self.body.len());
        query::build_without(self.form.fields(), &[b"hash", b"rpsKey", b"rps_key"], &mut text);
        let mut pairs: Vec<_> = text.split(|byte| *byte == b'&').collect();
        pairs.sort_unstable();
        signature::text(&signature::sha256_hex([pairs.join(&b'&')]))
    }

    /// The one of the keys that the credential matches: `hash` over the raw body or its re-encoding
    /// (decision 1), or `rpsKey`. Compares in constant time.
    pub fn verify<'k>(&self, login: &Login, keys: &[&'k Key]) -> Option<&'k Key> {
        match self.credential() {
            Credential::Absent => None,
            Credential::Key(sent) => keys.iter().copied().find(|key| key.matches(sent)),
            Credential::Hash => {
                let sent = self.sent_hash().filter(|sent| sent.len() == 32)?;
                let login = login.as_str().as_bytes();
                if self.content == Content::Multipart {
                    let encoded = self.encoded_query();
                    return fitting(&RequestHash::new([encoded.as_slice()], login), keys, sent);
                }
                fitting(&RequestHash::new(self.raw_parts(), login), keys, sent).or_else(|| {
                    let encoded = self.encoded_query();
                    let is_raw = self.raw_parts().flatten().eq(&encoded);
                    let hash = (!is_raw).then(|| RequestHash::new([encoded.as_slice()], login));
                    hash.and_then(|hash| fitting(&hash, keys, sent))
                })
            }
        }
    }

    /// A method's parameters, or the refusal's code and the name of the wrong field.
    pub fn parameters<M: Method>(&self) -> Result<M, (Code, String)> {
        self.read_parameters::<M>()
            .map_err(|error| (M::refuse(error.field(), error.fault()), error.field().to_owned()))
    }

    /// Like [`Request::parameters`], with the field's error. Its reason may quote the value.
    pub fn read_parameters<M: Method>(&self) -> Result<M, FieldError> {
        de::parameters(self.form.fields(), M::MAY_BE_EMPTY)
    }

    /// The raw body without only the last `hash`, if there are several.
    pub(crate) fn without_last_hash(&self) -> Option<Vec<u8>> {
        let [.., _, last] = self.form.hash_pairs() else { return None };
        let before = self.body.get(..last.start.checked_sub(1)?)?;
        Some([before, self.body.get(last.end..)?].concat())
    }

    /// The parts between the pairs that [`Request::raw_query`] leaves out, with the `&` that joins them.
    fn raw_parts(&self) -> impl Iterator<Item = &'a [u8]> {
        let body = self.body;
        let cuts = self.form.hash_pairs();
        let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut.end + 1));
        // The `&` before a cut is left out too; the last part ends at the end of the body.
        let ends = cuts.iter().map(|cut| cut.start.checked_sub(1)).chain(std::iter::once(Some(body.len())));
        let kept = starts.zip(ends).filter_map(move |(start, end)| body.get(start..end?));
        kept.enumerate().flat_map(|(at, part)| [if at == 0 { b"".as_slice() } else { b"&" }, part])
    }
}

/// The key that gives the sent hash.
fn fitting<'k>(hash: &RequestHash, keys: &[&'k Key], sent: &[u8]) -> Option<&'k Key> {
    keys.iter().copied().find(|key| hash.with_key(key.reveal().as_bytes()).ct_eq(sent).into())
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("content", &self.content)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential<'_> {
    /// Shows only the kind: a key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Hash => "Hash",
            Self::Key(_) => "Key(…)",
        })
    }
}

#[cfg(test)]
mod tests;

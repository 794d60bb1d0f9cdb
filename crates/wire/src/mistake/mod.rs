//! Finds known mistakes in signing (section 2, decision 54), for `billhook explain`, `billhook log`, the
//! cabinet and the debug log.
//!
//! A wrong hash does not show its cause. So each known mistake is tried on purpose. If one gives the hash
//! that was sent, it is the cause.

mod mask;
mod search;

use std::fmt;

use crate::{
    Credential, Key, Login, Request,
    request::Content,
    signature::{self, RequestHash},
};

pub use mask::{first_digits, looks_secret};

/// The result of a diagnosis.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// How the body was read.
    pub content: Content,
    /// The text over the raw body; `None` for multipart, which has none.
    pub raw: Option<Signed>,
    /// The text over the re-encoded variables. Equal to [`Diagnosis::raw`] for most clients.
    pub encoded: Signed,
    /// The sent `hash` in readable form, with the key masked; `None` if it is missing or an array.
    pub sent: Option<String>,
    /// The outcome.
    pub verdict: Verdict,
}

/// A text that the server hashes, and the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The text with KEY in place of the key, and unprintable characters escaped.
    pub text: String,
    /// The same for a log: e-mail addresses masked, and a long query cut.
    pub text_for_log: String,
    /// The expected hash, 32 hex digits. Never log it whole: with it the request could be sent.
    pub hash: String,
}

/// Whether the credential is right, or why it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The hash fits the text over the raw body, the re-encoded one, or both.
    Fits {
        /// It fits over the raw body.
        raw: bool,
        /// It fits over the re-encoded variables.
        encoded: bool,
    },
    /// `rpsKey` is the account's key.
    KeyFits,
    /// The body is JSON, or looks like it.
    Json,
    /// The body was not read, since its `Content-Type` is not a form's.
    NotAForm,
    /// The form exceeds one of PHP's limits, so PHP drops a part of it.
    OverLimit,
    /// Neither `hash` nor `rpsKey` was sent, or an empty one.
    NoCredential,
    /// `rpsKey` is another key.
    WrongKey,
    /// The hash is wrong. It would match after these one or two mistakes; empty if no known mistake explains
    /// it. [`Mistake::NotMd5`] is always alone.
    Wrong(Vec<Mistake>),
}

/// Makes the mistakes, each with what was done, and how to mend it.
macro_rules! mistakes {
    ($($mistake:ident = $text:literal;)+) => {
        /// A known mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(clippy::doc_markdown, reason = "the texts are for terminals")]
        pub enum Mistake {
            $(#[doc = $text] $mistake),+
        }

        impl fmt::Display for Mistake {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$mistake => $text),+
                })
            }
        }
    };
}

mistakes! {
    HashSpaces = "The hash has white space around it. Trim it before it is sent.";
    UpperCaseHash = "The hash is written in upper-case hex. Send it in lower case, as PHP's md5() gives it.";
    NotMd5 = "The hash is not 32 hexadecimal digits. Send the MD5 in lower case, as PHP's md5() gives it.";
    KeyAsHash = "The key itself was sent as the hash. Send the MD5 of `parameters::login::key`, or the key as `rpsKey`.";
    KeySpaces = "The key was signed with white space or a line end around it. Trim the key where it is read from.";
    KeyCase = "The key was signed in another letter case. Use it exactly as the account shows it.";
    EmptyKey = "The text was signed with an empty key. Check that the setting or variable with the key is really read.";
    LoginSpaces = "The login was signed with white space around it. Trim the login where it is read from.";
    LoginCase = "The login was signed with capital letters. Sign it in lower case, whatever the address looks like.";
    LoginHost = "The whole host name was signed as the login. Sign its first label only: `demo`, not `demo.justclick.ru`.";
    EmptyLogin = "The text was signed with an empty login. Check that the setting or variable with the login is really read.";
    Swapped = "Login and key were signed in each other's place. The order is parameters, login, key.";
    Separators = "The parts were joined in another way. Put two colons between parameters and login, and between login and key.";
    HmacMd5 = "The hash is an HMAC-MD5. Take the plain MD5 of `parameters::login::key`.";
    HmacSha256 = "The hash is an HMAC-SHA256. Take the plain MD5 of `parameters::login::key`.";
    Sha256 = "The hash is a SHA-256. Take the MD5.";
    Sorted = "The parameters were sorted for signing, but sent in another order. Don't sort, or send them sorted too.";
    PercentSpace = "The text was signed as rawurlencode or encodeURIComponent write it (a space as %20). Sign it as http_build_query does \
        (a space as +, ~ as %7E), or sign exactly the bytes that are sent.";
    LowerCaseEscapes = "The escapes were signed in lower-case hex. Write %2F, not %2f, or sign exactly the bytes that are sent.";
    BareBrackets = "Brackets in names were signed bare. Sign them as %5B and %5D, or sign exactly the bytes that are sent.";
    NotEncoded = "The text was signed without percent-encoding. Sign what http_build_query makes of the parameters.";
    HashIncluded = "A `hash` was among the parameters that were signed. Take it out before signing, and add it last.";
    KeyNotCovered = "`rpsKey` was sent but not signed. Sign every parameter but `hash`, or send `rpsKey` without a hash.";
    NothingCovered = "Only `::login::key` was signed, though there are parameters. Put them in front.";
    Cp1251 = "One of UTF-8 and windows-1251 was signed, and the other sent. Convert to UTF-8 first, then sign and send.";
    HtmlSeparator = "The pairs were signed with `&amp;` between them. Give http_build_query the separator `&`: PHP's setting \
        arg_separator.output changed it.";
    MultipartEmpty = "False or null was signed, but cURL sends both as empty text when it is given an array. Give CURLOPT_POSTFIELDS \
        http_build_query of the array.";
    MultipartList = "A list was signed, but cURL sends it as several fields of one name when it is given an array, of which the last \
        counts. Give CURLOPT_POSTFIELDS http_build_query of the array.";
}

impl fmt::Display for Verdict {
    /// One to three sentences for the person who must mend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits { raw: true, encoded: true } => f.write_str("The hash is right."),
            Self::Fits { raw: true, .. } => {
                f.write_str("The hash is right, over the body as it was sent. PHP would have encoded the parameters otherwise.")
            }
            Self::Fits { .. } => {
                f.write_str("The hash is right, over the parameters as PHP encodes them. The body was encoded otherwise.")
            }
            Self::KeyFits => f.write_str("The rpsKey is right."),
            Self::Json => {
                f.write_str("This looks like JSON. The API takes a form, as PHP's http_build_query writes it.")
            }
            Self::NotAForm => f.write_str(
                "The body was not read, so there are no parameters. Send it as application/x-www-form-urlencoded.",
            ),
            Self::OverLimit => {
                f.write_str("The form has more than 1,000 variables or 64 pairs of brackets in a name. Send it in several requests.")
            }
            Self::NoCredential => f.write_str(
                "There is neither a `hash` nor an `rpsKey`, or it is empty. API 1.0 takes `hash`, the MD5 of `parameters::login::key`, \
                 and API 2.0 takes `rpsKey`, the key itself.",
            ),
            Self::WrongKey => f.write_str("The rpsKey is not this account's key."),
            Self::Wrong(mistakes) if mistakes.is_empty() => {
                f.write_str("The hash is wrong, and no known mistake was found. Most likely the key is wrong, or what was signed is not what was sent.")
            }
            Self::Wrong(mistakes) => {
                f.write_str("The hash is wrong.")?;
                mistakes.iter().try_for_each(|mistake| write!(f, " {mistake}"))
            }
        }
    }
}

impl Diagnosis {
    /// Whether the raw and the re-encoded text are equal.
    pub fn texts_are_equal(&self) -> bool {
        self.raw.as_ref().is_some_and(|raw| raw.hash == self.encoded.hash)
    }
}

impl fmt::Debug for Diagnosis {
    /// Leaves out the hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnosis")
            .field("content", &self.content)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signed {
    /// Shows what may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = first_digits(&self.hash);
        f.debug_struct("Signed").field("text", &self.text_for_log).field("hash", &hash).finish()
    }
}

/// The longest body in which mistakes are searched, in bytes. Real callers send less.
pub const LONGEST_SEARCHED: usize = 64 * 1024;

/// Checks a request's credential. If it is wrong, searches for the mistake.
///
/// The search takes some hundred MD5s of the body, so it is only for a person, or for the debug log. Bodies
/// over [`LONGEST_SEARCHED`] are not searched.
pub fn diagnose(login: &Login, key: &Key, content_type: Option<&[u8]>, body: &[u8]) -> Diagnosis {
    let request = Request::read(content_type, body);
    let raw_query = request.raw_query();
    let encoded_query = request.encoded_query();
    let raw = raw_query.as_deref().map(|query| signed(query, login, key));
    let encoded = signed(&encoded_query, login, key);
    let verdict = match request.credential() {
        Credential::Absent if looks_like_json(body) => Verdict::Json,
        _ if request.content() == Content::Unread => Verdict::NotAForm,
        _ if request.over_limit() => Verdict::OverLimit,
        Credential::Absent => Verdict::NoCredential,
        Credential::Key(sent) if key.matches(sent) => Verdict::KeyFits,
        Credential::Key(_) => Verdict::WrongKey,
        Credential::Hash => {
            let sent = request.sent_hash().unwrap_or_default();
            let over_raw = raw.as_ref().is_some_and(|raw| raw.hash.as_bytes() == sent);
            let over_encoded = encoded.hash.as_bytes() == sent;
            if over_raw || over_encoded {
                Verdict::Fits { raw: over_raw, encoded: over_encoded }
            } else {
                let mut mistakes = Vec::new();
                if body.len() <= LONGEST_SEARCHED {
                    let lists = (request.content() == Content::Multipart)
                        .then(|| search::query_with_lists(content_type.unwrap_or_default(), body));
                    mistakes = search::mistakes(&request, lists.as_deref(), login, key, sent);
                }
                if mistakes.is_empty() && !is_md5(sent.trim_ascii()) {
                    mistakes.push(Mistake::NotMd5);
                }
                Verdict::Wrong(mistakes)
            }
        }
    };
    let sent = request.sent_hash().map(|sent| mask::hash(sent, key));
    Diagnosis { content: request.content(), raw, encoded, sent, verdict }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']'])
}

/// In either letter case: upper case is a separate mistake.
fn is_md5(sent: &[u8]) -> bool {
    sent.len() == 32 && sent.iter().all(u8::is_ascii_hexdigit)
}

fn signed(query: &[u8], login: &Login, key: &Key) -> Signed {
    let login = login.as_str();
    let hash = RequestHash::new([query], login.as_bytes()).with_key(key.reveal().as_bytes());
    Signed {
        text: format!("{}::{login}::KEY", mask::query(query, key, false)),
        text_for_log: format!("{}::{login}::KEY", mask::shortened(mask::query(query, key, true))),
        hash: signature::text(&hash),
    }
}

#[cfg(test)]
mod tests;

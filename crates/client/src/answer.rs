//! Parses and verifies an answer.

use std::time::Duration;

use billhook_wire::{
    Key,
    envelope::Answer as Envelope,
    method::Paged,
    signature::{self, SignatureError},
};

use crate::CallError;

/// A verified answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 0 means success. Everything else is a refusal.
    pub error_code: i64,
    /// The code's text, as it was sent.
    pub error_text: String,
    /// `result` as JSON; `[]` if the server left it out.
    pub result: String,
    /// The whole body, as it was sent.
    pub body: Vec<u8>,
    /// The HTTP status, for information only: refusals come with 200, too (section 1).
    pub http_status: u16,
    /// Whether `Billhook-Signature` was there and right. If not, only code and text are verified.
    pub signed: bool,
    /// The headers of a list's page, if `limit` or `after` asked for one. No signature covers them.
    pub paged: Option<Paged>,
    /// Whether it is a refusal without a key: the server knows no account at this host (decision 3).
    pub keyless: bool,
}

/// What is wrong with an answer's `Billhook-Signature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It is missing, but was required.
    #[error("it carries no Billhook-Signature, and one is required")]
    Missing,
    /// It is wrong.
    #[error(transparent)]
    Invalid(#[from] SignatureError),
}

/// How to verify answers.
#[derive(Debug)]
pub(crate) struct Proof<'a> {
    pub(crate) key: &'a Key,
    pub(crate) required: bool,
    pub(crate) max_age: Duration,
    /// Unix seconds.
    pub(crate) now: i64,
}

/// Reads and verifies an answer. `header` is its `Billhook-Signature`.
pub(crate) fn read(
    http_status: u16,
    header: Option<&[u8]>,
    body: Vec<u8>,
    proof: &Proof<'_>,
) -> Result<Answer, CallError> {
    let envelope = Envelope::read(&body).map_err(|error| {
        let start = start_of(&String::from_utf8_lossy(&body), 80);
        if error.is_data() {
            CallError::NotEnvelope { http_status, why: error, start }
        } else {
            CallError::NotJson { http_status, start }
        }
    })?;
    let claim = || (envelope.error_code, start_of(&envelope.error_text, 200));
    let keyless = envelope.error_code != 0 && envelope.is_keyless();
    if !keyless && !envelope.verify(proof.key) {
        let (code, text) = claim();
        return Err(CallError::Hash { code, text });
    }
    let signed = verify_header(header, &body, proof).map_err(|fault| {
        let (code, text) = claim();
        CallError::Signature { fault, code, text }
    })?;
    let Envelope { error_code, error_text, result, .. } = envelope;
    let result = result.map_or_else(|| "[]".to_owned(), |raw| raw.get().to_owned());
    Ok(Answer { error_code, error_text, result, body, http_status, signed, paged: None, keyless })
}

/// Whether there was a signature; an error if it is wrong.
fn verify_header(header: Option<&[u8]>, body: &[u8], proof: &Proof<'_>) -> Result<bool, SignatureFault> {
    let Some(header) = header else {
        return if proof.required { Err(SignatureFault::Missing) } else { Ok(false) };
    };
    let header = std::str::from_utf8(header).map_err(|_| SignatureError::Malformed)?;
    signature::verify_body(header, proof.key, body, proof.now, proof.max_age.as_secs())?;
    Ok(true)
}

/// The start of a text: at most `limit` characters, without control characters.
pub(crate) fn start_of(text: &str, limit: usize) -> String {
    let mut printable = text.split_whitespace().flat_map(|word| word.chars().chain([' '])).filter(|c| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    let mut start: String = printable.by_ref().take(limit).collect();
    if printable.next().is_some() {
        start.push('…');
    } else {
        start.truncate(start.trim_end().len());
    }
    if start.is_empty() { "it is empty".to_owned() } else { start }
}

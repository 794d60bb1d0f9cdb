//! The answer to one request: an envelope or a page, with its HTTP headers.

use billhook_wire::{
    Code, Key, TextCase, envelope,
    method::{NEXT_HEADER, Nothing, Paged, TOTAL_HEADER},
    signature,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::{
    failure::Failure,
    http::memory::{self, Budgets, Reservation, allocated},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SIGNATURE: HeaderName = HeaderName::from_static("billhook-signature");

pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Memory for answers of all connections, because clients that do not read make us hold them.
pub(crate) const MAX_BYTES_IN_ALL: usize = 256 * 1024 * 1024;
/// The share of one account, so that others keep some.
pub(crate) const MAX_BYTES_OF_ONE: usize = MAX_BYTES_IN_ALL / 2;
/// The same for orders' pages, separate from the API's answers.
pub(crate) const PAGES_BYTES_IN_ALL: usize = 32 * 1024 * 1024;
/// Answers up to this size are not counted: the limits on connections and streams bound them.
const SHORT_BYTES: usize = 4 * 1024;

/// Turns an answer's text into a body, if it fits the length limit and the memory budgets.
pub(crate) fn hold(mut text: Vec<u8>, budgets: Budgets<'_>) -> Result<Bytes, Failure> {
    if text.len() <= SHORT_BYTES {
        return Ok(text.into());
    }
    if text.len() > MAX_BYTES {
        return Err(Failure::TooLong);
    }
    let bytes = allocated(text.len());
    let reserved = memory::reserve(budgets, bytes).ok_or(Failure::NoRoom)?;
    // The buffer grew by doubling, so half of it may be unused, and the allocator would not give that back.
    if text.capacity() > bytes {
        text = text.as_slice().to_vec();
    }
    Ok(Bytes::from_owner(Held { text, _reserved: reserved }))
}

/// A long answer with its reservation, alive until the last piece of the bytes is dropped.
struct Held {
    text: Vec<u8>,
    _reserved: Vec<Reservation>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// What follows the first bytes of a long answer, made as the client reads it. A failure cuts the answer off.
pub(crate) type Rest = BoxStream<'static, Result<Bytes, CutOff>>;

/// Why an answer ends before its end; the cause is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the rest of an answer could not be made")]
pub(crate) struct CutOff;

/// An answer without its HTTP headers.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) body: Bytes,
    pub(crate) rest: Option<Rest>,
    kind: Kind,
}

/// The kind of answer, which decides the headers.
#[derive(Debug)]
enum Kind {
    Envelope { retry_after: Option<u64>, paged: Option<Paged> },
    Page(&'static Page, Vec<(HeaderName, HeaderValue)>),
}

impl Answer {
    pub(crate) fn done(
        envelope: Vec<u8>,
        paged: Option<Paged>,
        budgets: Budgets<'_>,
    ) -> Result<Self, Failure> {
        let kind = Kind::Envelope { retry_after: None, paged };
        Ok(Self { status: StatusCode::OK, code: Code::OK, body: hold(envelope, budgets)?, rest: None, kind })
    }

    /// The answer to a failure. `key` signs it, if the account is known.
    pub(crate) fn refusal(failure: &Failure, case: TextCase, key: Option<&Key>) -> Self {
        let ((status, code, retry_after), (detail, result)) = (failure.response(), failure.details());
        let body = match result {
            Some(result) => envelope::write(code, detail, case, result, key),
            None => envelope::write(code, detail, case, &Nothing, key),
        };
        // Serialising a JSON value can't fail.
        let body = body.unwrap_or_default().into();
        Self { status, code, body, rest: None, kind: Kind::Envelope { retry_after, paged: None } }
    }

    pub(crate) fn page(page: &'static Page, status: StatusCode, code: Code, body: Bytes) -> Self {
        Self { status, code, body, rest: None, kind: Kind::Page(page, Vec::new()) }
    }

    /// The same page with headers of this one request.
    pub(crate) fn with_headers(mut self, more: Vec<(HeaderName, HeaderValue)>) -> Self {
        if let Kind::Page(_, headers) = &mut self.kind {
            *headers = more;
        }
        self
    }

    /// The HTTP response's head. `key` signs the body of an envelope, if the account is known (decision 3).
    pub(crate) fn head(&self, key: Option<&Key>, now: i64, request_id: &str) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        insert(headers, REQUEST_ID, request_id);
        let (retry_after, paged) = match &self.kind {
            Kind::Page(page, more) => {
                page.add_headers(self.status, headers);
                headers.extend(more.iter().cloned());
                return response;
            }
            Kind::Envelope { retry_after, paged } => (*retry_after, *paged),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(key) = key {
            insert(headers, SIGNATURE, &signature::body(key, now, &self.body));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(Paged { next, total }) = paged {
            headers.insert(TOTAL_HEADER, total.into());
            if let Some(next) = next {
                headers.insert(NEXT_HEADER, next.into());
            }
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// HTTP headers of a page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    /// The Content-Security-Policy.
    pub(crate) policy: &'static str,
    pub(crate) headers: &'static [(HeaderName, &'static str)],
}

impl Page {
    /// The refusal of any method but GET and HEAD.
    pub(crate) fn refusal(&'static self, method: &Method) -> Option<Answer> {
        let body = Bytes::from_static(b"here is something to GET\n");
        (!matches!(*method, Method::GET | Method::HEAD))
            .then(|| Answer::page(self, StatusCode::METHOD_NOT_ALLOWED, Code::WRONG_DATA, body))
    }

    fn add_headers(&self, status: StatusCode, to: &mut HeaderMap) {
        let mut add = |name, value| to.insert(name, HeaderValue::from_static(value));
        let is_refused = status == StatusCode::METHOD_NOT_ALLOWED;
        add(header::CONTENT_TYPE, if is_refused { "text/plain; charset=utf-8" } else { self.content_type });
        for (name, value) in self.headers {
            add(name.clone(), value);
        }
        add(header::CONTENT_SECURITY_POLICY, self.policy);
        add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if is_refused {
            add(header::ALLOW, "GET, HEAD");
        }
    }
}

/// Sets a header to one of our own texts, which are plain ASCII.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::http::memory::Budget;

    fn shown(failure: &Failure) -> (u16, String, HeaderMap) {
        let key = Key::parse("sesame").unwrap();
        let answer = Answer::refusal(failure, TextCase::Sentence, Some(&key));
        let head = answer.head(Some(&key), 1_700_000_000, "1f");
        (head.status().as_u16(), String::from_utf8(answer.body.to_vec()).unwrap(), head.headers().clone())
    }

    #[test]
    fn a_refusal_is_an_answer_like_any_other() {
        let (status, body, headers) = shown(&Code::ORDER_NOT_FOUND.into());
        let hash =
            signature::answer(Code::ORDER_NOT_FOUND, "Order not found", Some(&Key::parse("sesame").unwrap()));
        assert_eq!(status, 200);
        assert_eq!(
            body,
            format!(r#"{{"error_code":400,"error_text":"Order not found","result":[],"hash":"{hash}"}}"#)
        );
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(headers["x-request-id"], "1f");
        assert!(headers["billhook-signature"].to_str().unwrap().starts_with("t=1700000000,v1="));
        assert!(!headers.contains_key("allow") && !headers.contains_key("retry-after"));
    }

    #[test]
    fn statuses_and_headers_of_failures() {
        let (status, body, headers) = shown(&Failure::Http(StatusCode::METHOD_NOT_ALLOWED));
        assert_eq!((status, &headers["allow"]), (405, &HeaderValue::from_static("POST")));
        assert!(
            body.starts_with(r#"{"error_code":3,"error_text":"Wrong posted data","result":[],"#),
            "{body}"
        );

        let (status, body, headers) = shown(&Failure::TooOften { retry_after: 7 });
        assert_eq!((status, &headers["retry-after"]), (200, &HeaderValue::from_static("7")));
        assert!(body.starts_with(r#"{"error_code":8,"#), "{body}");

        let (status, body, _) = shown(&Failure::Fault("a test"));
        assert_eq!(status, 500);
        assert!(
            body.starts_with(r#"{"error_code":9,"error_text":"Temporarily unavailable","result":[],"#),
            "{body}"
        );

        let (status, body, headers) = shown(&Failure::Broken(unavailable()));
        assert_eq!((status, headers["retry-after"].to_str().unwrap()), (503, "2"));
        assert!(
            body.starts_with(r#"{"error_code":9,"error_text":"Temporarily unavailable","result":[],"#),
            "{body}"
        );

        let (_, body, _) = shown(&Failure::ip_denied("192.0.2.1".parse().unwrap()));
        assert!(
            body.starts_with(r#"{"error_code":6,"error_text":"Permission denied for ip 192.0.2.1","#),
            "{body}"
        );

        let refused = Failure::refused(Code::WRONG_DATA, json!({"bill_id": 5}));
        assert!(shown(&refused).1.contains(r#""result":{"bill_id":5}"#));
    }

    /// The error of an unavailable store.
    fn unavailable() -> billhook_store::Error {
        let folder = tempfile::tempdir().unwrap();
        let data = billhook_store::Location::folder(folder.path());
        let _held = data.lock_for_serving().unwrap();
        data.lock_for_serving().map(drop).unwrap_err()
    }

    #[test]
    fn without_an_account_nothing_is_signed() {
        let answer = Answer::refusal(&Code::NO_USER.into(), TextCase::Sentence, None);
        let head = answer.head(None, 0, "1f");
        assert!(!head.headers().contains_key("billhook-signature"));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["hash"], signature::answer(Code::NO_USER, "Invalid user name", None));
    }

    fn of_spaces(bytes: usize, budget: &Arc<Budget>) -> Answer {
        Answer::done(vec![b' '; bytes], None, [Some(budget), None])
            .unwrap_or_else(|failure| Answer::refusal(&failure, TextCase::Sentence, None))
    }

    #[test]
    fn an_answer_has_a_bound() {
        let budget = Budget::new(MAX_BYTES_IN_ALL);
        let answer = of_spaces(MAX_BYTES + 1, &budget);
        assert_eq!((answer.status, answer.code), (StatusCode::OK, Code::WRONG_DATA));
        assert!(hold(vec![b' '; MAX_BYTES], [Some(&budget), None]).is_ok());
    }

    #[test]
    fn an_answer_counts_for_the_buffer_that_it_keeps() {
        let budget = Budget::new(MAX_BYTES);
        for (bytes, taken) in
            [(SHORT_BYTES, 0), (SHORT_BYTES + 1, 5 * 1024), (1 << 20, 1 << 20), ((1 << 20) + 1, 5 << 18)]
        {
            // As after growth by doubling: almost twice the length of its content.
            let mut text = Vec::with_capacity(2 * bytes - 1);
            text.resize(bytes, b' ');
            let held = hold(text, [Some(&budget), None]).unwrap();
            assert!(
                budget.reserve(MAX_BYTES - taken).is_some()
                    && budget.reserve(MAX_BYTES - taken + 1).is_none(),
                "{bytes}"
            );
            assert!(held.len() == bytes && held.iter().all(|byte| *byte == b' '));
        }
    }

    #[test]
    fn answers_have_a_bound_over_all() {
        let budget = Budget::new(3 * SHORT_BYTES);
        let answer = |bytes| of_spaces(bytes, &budget);
        let mut first = answer(2 * SHORT_BYTES);
        let refused = answer(SHORT_BYTES + 1);
        assert_eq!((refused.status, refused.code), (StatusCode::SERVICE_UNAVAILABLE, Code::UNAVAILABLE));
        assert_eq!(refused.head(None, 0, "1f").headers()["retry-after"], "2");
        assert_eq!(answer(SHORT_BYTES).status, StatusCode::OK, "a short one always passes");
        let piece = first.body.split_to(1);
        drop(first);
        assert_eq!(
            answer(2 * SHORT_BYTES).status,
            StatusCode::SERVICE_UNAVAILABLE,
            "a piece holds the whole"
        );
        drop(piece);
        assert_eq!(answer(3 * SHORT_BYTES).status, StatusCode::OK);
    }
}

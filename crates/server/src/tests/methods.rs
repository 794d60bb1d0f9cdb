//! How the table runs a method's function: transactions, panics, limits. The methods exist only in this test.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use billhook_store::marks;
use billhook_wire::{
    Access, Api, Code, Method,
    method::{Example, IDEMPOTENCY_KEY},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{failure::Failure, methods::context::Context};

macro_rules! method {
    ($name:ident { $($field:ident),* }, $access:expr) => {
        #[derive(Serialize, Deserialize)]
        pub(super) struct $name { $($field: String),* }
        impl Method for $name {
            const NAME: &'static str = stringify!($name);
            const API: Api = Api::Signed;
            const ACCESS: Access = $access;
            const REFUSALS: &'static [Code] = &[];
            const EXAMPLE: Example = &[];
            type Answer = Value;
        }
    };
}

/// Has two success texts, as in section 7.1, and a bare number as its result, as in section 7.7.
#[derive(Serialize, Deserialize)]
pub(super) struct Count {
    to: u32,
}

impl Method for Count {
    const NAME: &'static str = "Count";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[];
    const DONE: &'static [Code] = &[Code::OK, Code::ORDER_DELETED];
    const EXAMPLE: Example = &[];
    type Answer = u32;

    fn done(answer: &u32) -> Code {
        if *answer == 0 { Code::ORDER_DELETED } else { Code::OK }
    }
}

method!(Note { text }, Access::Write);
method!(NoteAndRefuse { text }, Access::Write);
method!(NoteAndPanic { text }, Access::Write);
method!(Look {}, Access::Read);
method!(Panic {}, Access::Read);
method!(Big { bytes }, Access::Read);
method!(Slow { ms }, Access::Write);
method!(HeldRead {}, Access::Read);

/// How many `HeldRead` calls have begun, and whether they may end.
pub(super) static HELD_READS: AtomicUsize = AtomicUsize::new(0);
pub(super) static HELD_READS_MAY_END: AtomicBool = AtomicBool::new(false);

pub(super) fn test_methods() -> Methods {
    crate::methods::table()
        .on::<Note>(|cx, ask| note(cx, &ask.text))
        .on::<NoteAndRefuse>(|cx, ask| {
            note(cx, &ask.text)?;
            Err(Failure::Refused {
                code: Code::ORDER_NOT_FOUND,
                detail: None,
                result: Some(Box::new(json!({"bill_id": 5}))),
            })
        })
        .on::<NoteAndPanic>(|cx, ask| {
            note(cx, &ask.text)?;
            panic!("a test's panic in a write");
        })
        .on::<Look>(|cx, _| Ok(json!([marks::get(cx.tx, "note")?])))
        .on::<Count>(|_, ask| Ok(ask.to))
        .on::<Panic>(|_, _| panic!("a test's panic in a read"))
        .on::<Big>(|_, ask| Ok(json!(["x".repeat(ask.bytes.parse().unwrap())])))
        .on::<Slow>(|_, ask| {
            std::thread::sleep(Duration::from_millis(ask.ms.parse().unwrap()));
            Ok(json!([]))
        })
        .on::<HeldRead>(|_, _| {
            HELD_READS.fetch_add(1, Ordering::SeqCst);
            while !HELD_READS_MAY_END.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(json!([]))
        })
}

fn note(cx: &mut Context<'_, '_>, text: &str) -> Result<Value, Failure> {
    marks::set(cx.tx, "note", text)?;
    Ok(json!({"noted": text}))
}

fn seen(server: &TestServer) -> Value {
    let reply = server.call("Look", "");
    assert_eq!(reply.checked(Some(KEY)), (200, 0));
    reply.json()["result"][0].clone()
}

#[test]
fn what_a_write_did_is_there_when_it_is_answered() {
    let server = TestServer::start_with(test_methods(), |_| {});
    let reply = server.call("Note", "text=one");
    assert_eq!(reply.checked(Some(KEY)), (200, 0));
    assert_eq!(reply.json()["result"], json!({"noted": "one"}));
    assert_eq!(seen(&server), "one");
}

#[test]
fn a_refused_write_keeps_nothing() {
    let server = TestServer::start_with(test_methods(), |_| {});
    let reply = server.call("NoteAndRefuse", "text=one");
    assert_eq!(reply.checked(Some(KEY)), (200, 400));
    assert_eq!(reply.json()["result"], json!({"bill_id": 5}));
    assert_eq!(seen(&server), Value::Null);
}

#[test]
fn a_panic_ends_one_request_only() {
    let server = TestServer::start_with(test_methods(), |_| {});
    let mut stream = server.connect();
    for (method, query) in [("Panic", ""), ("NoteAndPanic", "text=one")] {
        stream.write_all(&post(method, &sign(query, "anna", KEY))).unwrap();
        assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (500, 9), "{method}");
    }
    stream.write_all(&post("Look", &sign("", "anna", KEY))).unwrap();
    let reply = read_reply(&mut stream);
    assert_eq!((reply.code(), &reply.json()["result"][0]), (0, &Value::Null));
    assert_eq!(server.call("Note", "text=two").code(), 0);
}

#[test]
fn a_missing_parameter_is_refused() {
    let server = TestServer::start_with(test_methods(), |_| {});
    assert_eq!(server.call("Note", "other=x").checked(Some(KEY)), (200, 3));
}

#[test]
fn an_answer_may_be_large_but_not_endless() {
    let server = TestServer::start_with(test_methods(), |_| {});
    let large = server.call("Big", "bytes=20000000");
    assert_eq!(large.checked(Some(KEY)), (200, 0));
    assert_eq!(large.json()["result"][0].as_str().unwrap().len(), 20_000_000);
    // A longer answer is refused (decision 64).
    assert_eq!(server.call("Big", "bytes=67108864").checked(Some(KEY)), (200, 3));
}

#[test]
fn a_method_may_tell_success_in_two_ways_and_answer_with_a_number() {
    let server = TestServer::start_with(test_methods(), |_| {});
    for (to, told) in [("3", (0, "OK", 3)), ("0", (0, "Order deleted", 0))] {
        let body = sign(&format!("to={to}"), "anna", KEY);
        let header = format!("Host: anna.localhost\r\n{IDEMPOTENCY_KEY}: {to}");
        let request = String::from_utf8(post("Count", &body)).unwrap();
        let request = request.replace("Host: anna.localhost", &header);
        let replies = [(); 2].map(|()| server.send(request.as_bytes()));
        let json = replies[0].json();
        let (code, text, result) = told;
        assert_eq!((&json["error_code"], &json["error_text"]), (&json!(code), &json!(text)));
        assert_eq!(json["result"], json!(result));
        assert_eq!(replies[0].body, replies[1].body, "told again as it was");
    }
}

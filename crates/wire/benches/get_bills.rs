//! The protocol's share of the cost of one GetBills: form, signature, parameters, answer.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets a fault shall stop")]

use std::sync::Arc;

use billhook_wire::{
    Code, GoodId, Key, Login, OrderId, Request, TextCase, envelope,
    method::{Bills, GetBills, GoodNames},
    query, signature,
};
use divan::{Bencher, black_box};

const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded");

fn main() {
    divan::main();
}

fn login() -> Login {
    Login::parse("bench").unwrap()
}

fn key() -> Key {
    Key::parse("0123456789abcdef0123456789abcdef").unwrap()
}

/// A signed form as PHP's cURL sends it.
fn body() -> Vec<u8> {
    let mut body = b"email=".to_vec();
    query::encode(b"customer123456@example.com", &mut body);
    body.extend_from_slice(b"&pay_status=paid");
    let hash = signature::request(&body, &login(), &key());
    body.extend_from_slice(b"&hash=");
    body.extend_from_slice(&hash);
    body
}

#[divan::bench]
fn form(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher.bench(|| Request::read(FORM, black_box(&body)).form().fields().len());
}

#[divan::bench]
fn signature_right(bencher: Bencher<'_, '_>) {
    let (body, login, key) = (body(), login(), key());
    let request = Request::read(FORM, &body);
    assert_eq!(request.verify(&login, &[&key]), Some(&key));
    bencher.bench(|| black_box(&request).verify(&login, &[&key]));
}

#[divan::bench]
fn signature_wrong(bencher: Bencher<'_, '_>) {
    let (body, login) = (body(), login());
    let other = Key::parse("fedcba9876543210fedcba9876543210").unwrap();
    let request = Request::read(FORM, &body);
    assert_eq!(request.verify(&login, &[&other]), None);
    bencher.bench(|| black_box(&request).verify(&login, &[&other]));
}

#[divan::bench]
fn parameters(bencher: Bencher<'_, '_>) {
    let body = body();
    let request = Request::read(FORM, &body);
    bencher.bench(|| black_box(&request).parameters::<GetBills>().unwrap());
}

/// An answer with this many orders of two lines each.
fn bills(orders: i64) -> Bills {
    let names = Arc::new(GoodNames::new("good-123", "Курс «Фотография с нуля», выпуск 123").unwrap());
    let mut bills = Bills::default();
    for order in 0..orders {
        for good in 0..2 {
            bills.push(OrderId(258_367 + order), GoodId(12_549 + good), names.clone());
        }
    }
    bills
}

#[divan::bench(args = [0, 4, 100, 10_000])]
fn answer(bencher: Bencher<'_, '_>, orders: i64) {
    let (bills, key) = (bills(orders), key());
    bencher.bench(|| {
        envelope::write(Code::OK, None, TextCase::Sentence, black_box(&bills), Some(&key)).unwrap()
    });
}

#[divan::bench(args = [0, 4, 100, 10_000])]
fn answer_signature(bencher: Bencher<'_, '_>, orders: i64) {
    let key = key();
    let body = envelope::write(Code::OK, None, TextCase::Sentence, &bills(orders), Some(&key)).unwrap();
    bencher.bench(|| signature::body(&key, 1_700_000_000, black_box(&body)));
}

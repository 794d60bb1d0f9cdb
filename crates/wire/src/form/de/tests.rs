//! What methods can declare about their parameters, and forms from strangers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::{Email, Money, OrderId, PayStatus, method::GetBills};

fn read<T: de::DeserializeOwned>(body: &str) -> Result<T, (String, String)> {
    read_bytes(body.as_bytes())
}

fn read_bytes<T: de::DeserializeOwned>(body: &[u8]) -> Result<T, (String, String)> {
    let form = crate::Form::urlencoded(body);
    parameters(form.fields(), &[]).map_err(|Error { field, reason, .. }| (field, reason))
}

#[track_caller]
fn assert_fault<T: de::DeserializeOwned + fmt::Debug>(body: &str, field: &str) {
    assert_eq!(read::<T>(body).unwrap_err().0, field, "{body}");
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Many {
    on: bool,
    maybe: Option<bool>,
    count: Option<i64>,
    small: Option<u8>,
    ratio: Option<f64>,
    order: Option<OrderId>,
    sum: Option<Money>,
    rid: Vec<String>,
    goods: Vec<Good>,
    #[serde(alias = "coupon")]
    kupon: Option<String>,
    utm: Utm,
    names: BTreeMap<String, String>,
    by_number: BTreeMap<i64, String>,
    letter: Option<char>,
    any: Option<serde_json::Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Good {
    good_name: String,
    #[serde(alias = "price")]
    good_sum: Option<Money>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Utm {
    utm_source: Option<String>,
    utm_medium: Option<String>,
}

#[test]
fn get_bills() {
    let email = Email::parse("anna@example.com").unwrap();
    let both = GetBills { pay_status: Some(PayStatus::Paid), ..GetBills::of(email.clone()) };
    assert_eq!(read("email=anna%40example.com&pay_status=paid"), Ok(both));
    for body in [
        "email=ANNA@example.com",
        "email=+anna@example.com&pay_status=",
        "x[=1&email=anna@example.com&a[b]=%ff&%ff=1&5=2",
    ] {
        assert_eq!(read(body), Ok(GetBills::of(email.clone())), "{body}");
    }
    let too_long = format!("email={}@c", "a".repeat(253));
    for body in [
        "",
        "pay_status=paid",
        "email=",
        "email=anna",
        "email[]=anna@example.com",
        "email=%ff@c",
        "email=a%00@c",
        &too_long,
    ] {
        assert_fault::<GetBills>(body, "email");
    }
    for status in ["pay_status=Paid", "pay_status[]=paid", "pay_status=%ff", "pay_status=5"] {
        assert_fault::<GetBills>(&format!("email=anna@example.com&{status}"), "pay_status");
    }
}

#[test]
fn empty_text_is_not_given() {
    assert_eq!(
        read("on=&maybe=&count=&small=&rid=&kupon=&utm[utm_source]=&names[a]=&sum=&any=&goods="),
        Ok(Many::default())
    );
    let read: Many = read("rid[0]=&rid[1]=a&rid[2]=").unwrap();
    assert_eq!(read.rid, ["a"]);
}

#[test]
fn words_and_numbers() {
    for (text, truth) in [
        ("1", true),
        ("true", true),
        ("on", true),
        ("yes", true),
        ("TRUE", true),
        ("0", false),
        ("false", false),
    ] {
        assert_eq!(
            read::<Many>(&format!("on={text}&maybe={text}")).unwrap(),
            Many { on: truth, maybe: Some(truth), ..Many::default() }
        );
    }
    let read: Many =
        read("count=-5&small=255&ratio=1.5&order=258367&sum=3900,5&letter=%D0%B6&any=x").unwrap();
    assert_eq!(read.count, Some(-5));
    assert_eq!(read.small, Some(255));
    assert_eq!(read.ratio, Some(1.5));
    assert_eq!(read.order, Some(OrderId(258_367)));
    assert_eq!(read.sum, Some(Money::from_kopecks(390_050)));
    assert_eq!(read.letter, Some('ж'));
    assert_eq!(read.any, Some("x".into()));
    for (body, field) in [
        ("on=2", "on"),
        ("maybe=x", "maybe"),
        ("count=1.5", "count"),
        ("count=%ff", "count"),
        ("small=256", "small"),
        ("order=x", "order"),
        ("sum=1e3", "sum"),
        ("on[]=1", "on"),
        ("letter=ab", "letter"),
    ] {
        assert_fault::<Many>(body, field);
    }
}

#[test]
fn arrays() {
    let read_in: Many =
        read("rid[5]=a&rid[x]=b&rid[]=c&utm[utm_medium]=cpc&names[k]=v&names[5]=w&by_number[-7]=x&any[a]=1")
            .unwrap();
    assert_eq!(read_in.rid, ["a", "b", "c"]);
    assert_eq!(read_in.utm.utm_medium.as_deref(), Some("cpc"));
    assert_eq!(
        read_in.names.into_iter().collect::<Vec<_>>(),
        [("5".to_owned(), "w".to_owned()), ("k".to_owned(), "v".to_owned())]
    );
    assert_eq!(read_in.by_number.into_iter().collect::<Vec<_>>(), [(-7, "x".to_owned())]);
    assert_eq!(read_in.any, Some(serde_json::json!({"a": "1"})));
    assert_eq!(read::<Many>("any[]=1&any[]=2").unwrap().any, Some(serde_json::json!(["1", "2"])));
    for (body, field) in [
        ("rid=a", "rid"),
        ("rid[][]=a", "rid"),
        ("utm=x", "utm"),
        ("names=x", "names"),
        ("by_number[a]=x", "by_number"),
        ("kupon[]=x", "kupon"),
        ("names[%ff]=x", "names"),
    ] {
        assert_fault::<Many>(body, field);
    }
}

#[test]
fn faults_inside_name_the_outermost_field() {
    let read_in: Many =
        read("goods[0][good_name]=invoice&goods[0][good_sum]=1500&goods[1][good_name]=sales").unwrap();
    assert_eq!(read_in.goods.len(), 2);
    assert_eq!(
        read_in.goods[0],
        Good { good_name: "invoice".into(), good_sum: Some(Money::from_kopecks(150_000)) }
    );
    // An array with only empty elements is still there: its product has no name.
    let no_name = ["goods[0][good_sum]=1", "goods[0][good_name]="];
    for body in no_name.into_iter().chain(["goods[0]=x", "goods[0][good_name]=a&goods[0][good_sum]=x"]) {
        assert_fault::<Many>(body, "goods");
    }
}

#[test]
fn of_two_spellings_the_first_counts() {
    for body in ["coupon=a&kupon=b", "kupon=a&x=1&coupon=b", "kupon=&coupon=a", "kupon=a&coupon[]=b"] {
        assert_eq!(read::<Many>(body).unwrap().kupon.as_deref(), Some("a"), "{body}");
    }
    let inside: Many = read(
        "goods[0][good_name]=a&goods[0][good_sum]=1&goods[0][price]=2&goods[1][good_name]=b&goods[1][price]=3&goods[1][good_sum]=4&coupon=c&kupon=d",
    )
    .unwrap();
    let sums: Vec<_> = inside.goods.iter().map(|good| good.good_sum.unwrap().kopecks()).collect();
    assert_eq!(sums, [100, 300]);
    assert_eq!(inside.kupon.as_deref(), Some("c"));
}

#[test]
fn bytes_that_nobody_asked_for_may_be_anything() {
    assert!(read_bytes::<Many>(b"\xff=\xfe&x=\xff&y[\xff]=\xff&goods_=\xff&\xd0=1").is_ok());
    assert_eq!(read_bytes::<Many>(b"kupon=\xff").unwrap_err(), ("kupon".to_owned(), "not UTF-8".to_owned()));
}

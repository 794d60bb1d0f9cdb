//! Which requests are accepted, and which are refused.

use super::*;
use crate::{method::GetBills, signature};

fn demo() -> (Login, Key) {
    (Login::parse("demo").unwrap(), Key::parse("0123456789abcdef0123456789abcdef").unwrap())
}

fn read(body: &str) -> Request<'_> {
    Request::read(None, body.as_bytes())
}

fn hash(query: &str) -> String {
    let (login, key) = demo();
    signature::text(&signature::request(query.as_bytes(), &login, &key))
}

fn fits(body: &str) -> bool {
    let (login, key) = demo();
    read(body).verify(&login, &[&key]).is_some()
}

#[test]
fn content_types() {
    for (content_type, content) in [
        (None, Content::Urlencoded),
        (Some(""), Content::Urlencoded),
        (Some("application/x-www-form-urlencoded"), Content::Urlencoded),
        (Some("Application/X-WWW-Form-Urlencoded;charset=windows-1251"), Content::Urlencoded),
        (Some("text/plain; charset=utf-8"), Content::Urlencoded),
        (Some("multipart/form-data; boundary=B"), Content::Multipart),
        (Some("application/json"), Content::Unread),
        (Some("multipart/mixed; boundary=B"), Content::Unread),
        (Some("text/plainer"), Content::Unread),
        (Some("\u{ff}"), Content::Unread),
    ] {
        assert_eq!(Content::of(content_type.map(str::as_bytes)), content, "{content_type:?}");
    }
    let json = Request::read(Some(b"application/json"), b"a=1&hash=x");
    assert!(json.is_empty() && json.credential() == Credential::Absent);
}

#[test]
fn raw_form() {
    for (body, raw) in [
        ("", ""),
        ("a=1", "a=1"),
        ("hash=x", ""),
        ("a=1&hash=x", "a=1"),
        ("hash=x&a=1", "a=1"),
        ("a=1&hash=x&b=2", "a=1&b=2"),
        ("a=1&hash=x&hash=y", "a=1"),
        ("hash=x&hash=y&a=1", "a=1"),
        ("hash=x&a&hash=y&hash=z&b&hash", "a&b"),
        ("hash=x&&hash=y", ""),
        ("a&&hash=x&&b", "a&&&b"),
        ("a=1&hash=x&", "a=1&"),
        ("+hash=x&a~&%68ash=y&hash[b]=z&hash%00=1", "a~"),
        ("Hash=x&hash.=1&ahash=2&a[hash]=3", "Hash=x&hash.=1&ahash=2&a[hash]=3"),
    ] {
        assert_eq!(read(body).raw_query().unwrap(), raw.as_bytes(), "{body}");
    }
}

#[test]
fn credentials() {
    for (body, credential) in [
        ("a=1", Credential::Absent),
        ("hash=", Credential::Absent),
        ("hash=&rpsKey=", Credential::Absent),
        ("hash", Credential::Absent),
        ("hash=x", Credential::Hash),
        ("hash[]=x", Credential::Hash),
        ("hash=x&hash=", Credential::Absent),
        ("rpsKey=k", Credential::Key(b"k")),
        ("hash=&rpsKey=k", Credential::Key(b"k")),
        ("hash=x&rpsKey=k", Credential::Hash),
        ("rpsKey[]=k", Credential::Key(b"")),
        ("rps_key=k", Credential::Key(b"k")),
        ("rps_key=k&rpsKey=l", Credential::Key(b"l")),
        ("rpskey=k", Credential::Absent),
    ] {
        assert_eq!(read(body).credential(), credential, "{body}");
    }
    assert_eq!(format!("{:?}", read("rpsKey=sesame").credential()), "Key(…)");
    assert!(!format!("{:?}", read("rpsKey=sesame&hash=open")).contains("sesame"));
}

#[test]
fn either_form_of_the_text_is_accepted() {
    // Only the re-encoding matches: spaces signed as +, sent as %20, the hash anywhere.
    let signed = hash("name=a+b&x=1");
    assert!(fits(&format!("hash={signed}&name=a%20b&x=1")));
    assert!(fits(&format!("name=a%20b&hash={signed}&x=1")));
    // Only the raw body matches: an unencoded tilde.
    assert!(fits(&format!("name=~&hash={}", hash("name=~"))));
    assert!(fits(&format!("hash={}", hash(""))));
    assert!(!fits(&format!("x=1&hash={}", hash(""))));
    assert!(!fits(&format!("x=1&name=a+b&hash={signed}")));
}

#[test]
fn odd_hashes_never_fit() {
    let right = hash("a=1");
    assert!(fits(&format!("a=1&hash={right}")));
    assert!(fits(&format!("a=1&hash=x&hash={right}")));
    for odd in [
        right.to_uppercase(),
        right[..31].to_owned(),
        format!("{right}0"),
        format!("{right}+"),
        String::new(),
        "x".to_owned(),
    ] {
        assert!(!fits(&format!("a=1&hash={odd}")), "{odd}");
    }
    assert!(!fits(&format!("a=1&hash={right}&hash=x")));
    assert!(!fits(&format!("a=1&hash[]={right}")));
    assert!(!fits("a=1"));
}

#[test]
fn keys_in_the_body() {
    let (login, key) = demo();
    let old = Key::parse("old").unwrap();
    let verify = |body: &str| read(body).verify(&login, &[&old, &key]);
    assert_eq!(verify("rpsKey=old"), Some(&old));
    assert_eq!(verify(&format!("a=1&rpsKey={}", key.reveal())), Some(&key));
    assert_eq!(verify(&format!("a=1&hash={}", hash("a=1"))), Some(&key));
    for body in ["rpsKey=OLD", "rpsKey=old+", "rpsKey[]=old", "rpsKey=", "rpsKey=old&hash=x"] {
        assert_eq!(verify(body), None, "{body}");
    }
    assert_eq!(verify(&format!("rpsKey=wrong&hash={}", hash("rpsKey=wrong"))), Some(&key));
    assert_eq!(read("rpsKey=old").verify(&login, &[]), None);
}

#[test]
fn multipart_is_checked_over_the_re_encoding() {
    let (login, key) = demo();
    let part = |name: &str, value: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = part("name", "a b~")
        + &part("rid[0]", "x")
        + &part("hash", &hash("name=a+b%7E&rid%5B0%5D=x"))
        + "--B--\r\n";
    let request = Request::read(Some(b"multipart/form-data; boundary=B"), body.as_bytes());
    assert_eq!(request.verify(&login, &[&key]), Some(&key));
    assert_eq!(request.raw_query(), None);
}

#[test]
fn limits() {
    let pairs = |count: usize| vec!["a=1"; count].join("&");
    assert!(!read(&pairs(1000)).over_limit());
    assert!(read(&pairs(1001)).over_limit());
    assert!(!read(&(pairs(1000) + "&")).over_limit());
    assert!(read(&"&".repeat(1001)).over_limit());
    let nested = |levels: usize| format!("a{}=1", "[x]".repeat(levels));
    assert!(!read(&nested(64)).over_limit());
    let deep = nested(65);
    assert!(read(&deep).over_limit() && read(&deep).form().fields().is_empty() && !read(&deep).is_empty());
    let part = "--B\n\n".replace("\n\n", "\nContent-Disposition: x; name=a\n\n\n");
    let multipart = |count: usize| part.repeat(count);
    let over =
        |body: String| Request::read(Some(b"multipart/form-data; boundary=B"), body.as_bytes()).over_limit();
    assert!(!over(multipart(1000)));
    assert!(over(multipart(1001)));
}

#[test]
fn hostile_bodies_are_read() {
    let mega = 1 << 20;
    for body in [
        "a[".repeat(mega / 2),
        "[".repeat(mega),
        "a".to_owned() + &"[".repeat(mega),
        "a".to_owned() + &"[]".repeat(mega / 2),
        "%".repeat(mega),
        "&".repeat(mega),
        "a]".repeat(mega / 2),
    ] {
        let request = read(&body);
        let _ = (request.credential(), request.encoded_query());
    }
    let nests: Vec<_> = (0..1000).map(|at| format!("k{at}{}", "[]".repeat(64))).collect();
    let nests = nests.join("&");
    assert_eq!(read(&nests).form().fields().len(), 1000);
}

#[test]
fn empty_requests() {
    for body in ["", "&&&", "=x", "[a]=1", "&=&%00=1"] {
        assert!(read(body).is_empty(), "{body}");
    }
    assert!(!read("hash=x").is_empty());
    assert!(!read("a").is_empty());
}

#[test]
fn parameters_and_the_code_to_refuse_with() {
    let request = read("email=anna%40example.com&pay_status=paid&hash=x");
    assert_eq!(request.parameters::<GetBills>().unwrap().email.as_str(), "anna@example.com");
    assert_eq!(read("hash=x").parameters::<GetBills>(), Err((Code::WRONG_DATA, "email".to_owned())));
    let request = read("email=anna%40example.com&pay_status=new");
    assert_eq!(request.parameters::<GetBills>(), Err((Code::WRONG_DATA, "pay_status".to_owned())));
    assert!(request.read_parameters::<GetBills>().unwrap_err().reason().contains("new"));
}

#[test]
fn a_digest_is_of_the_parameters_alone() {
    let digest = |body: &[u8]| Request::read(None, body).parameters_digest();
    let one = digest(b"a=1&b[0]=x+y&hash=0123");
    for same in [&b"b%5B0%5D=x%20y&a=1"[..], b"a=2&a=1&b[]=x+y&rpsKey=k", b"hash=&rps_key=k&b[0]=x+y&a=1"] {
        assert_eq!(digest(same), one, "{}", same.escape_ascii());
    }
    for other in [&b"a=1"[..], b"a=1&b[0]=x+z", b"a=1&b[1]=x+y", b"a=1&b[0]=x+y&c=", b"a=1%26b[0]=x+y"] {
        assert_ne!(digest(other), one, "{}", other.escape_ascii());
    }
}

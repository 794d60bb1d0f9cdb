//! Makes each mistake on purpose, and checks that it is found.

use super::*;
use crate::{form::decode, query, signature::md5_hex};

const KEY: &str = "0123456789abcdef0123456789abcDEF";
const QUERY: &str = "z=1&name=%D0%90%D0%BD+%7E%2F&rid%5B0%5D=super&email=anna%40example.com";

fn look(body: &str) -> Diagnosis {
    diagnose(&Login::parse("demo").unwrap(), &Key::parse(KEY).unwrap(), None, body.as_bytes())
}

fn hash(query: &str, login: &str, key: &str) -> String {
    signature::text(&md5_hex([query, "::", login, "::", key]))
}

#[track_caller]
fn assert_found(hash: &str, mistakes: &[Mistake]) {
    let body = format!("{QUERY}&hash={hash}");
    assert_eq!(look(&body).verdict, Verdict::Wrong(mistakes.to_vec()));
}

#[test]
fn other_secrets() {
    let right = hash(QUERY, "demo", KEY);
    assert_eq!(look(&format!("{QUERY}&hash={right}")).verdict, Verdict::Fits { raw: true, encoded: true });
    assert_found(&right.to_uppercase(), &[Mistake::UpperCaseHash]);
    assert_found(&format!("+{right}%0A"), &[Mistake::HashSpaces]);
    assert_found(&hash(QUERY, "demo", &format!("{KEY}\n")), &[Mistake::KeySpaces]);
    assert_found(&hash(QUERY, "demo", &format!(" {KEY}")), &[Mistake::KeySpaces]);
    assert_found(&hash(QUERY, "demo", &KEY.to_lowercase()), &[Mistake::KeyCase]);
    assert_found(&hash(QUERY, "demo", ""), &[Mistake::EmptyKey]);
    assert_found(&hash(QUERY, " demo", KEY), &[Mistake::LoginSpaces]);
    assert_found(&hash(QUERY, "demo ", &format!("{KEY} ")), &[Mistake::LoginSpaces]);
    assert_found(&hash(QUERY, "Demo", KEY), &[Mistake::LoginCase]);
    assert_found(&hash(QUERY, "DEMO", KEY), &[Mistake::LoginCase]);
    assert_found(&hash(QUERY, "demo.justclick.ru", KEY), &[Mistake::LoginHost]);
    assert_found(&hash(QUERY, "https://demo.justclick.io", KEY), &[Mistake::LoginHost]);
    assert_found(&hash(QUERY, "", KEY), &[Mistake::EmptyLogin]);
    assert_found(&hash(QUERY, KEY, "demo"), &[Mistake::Swapped]);
    assert_found(&hash(QUERY, "demo", "another"), &[]);
}

#[test]
fn what_is_no_md5_is_told_from_a_wrong_one() {
    let right = hash(QUERY, "demo", KEY);
    for odd in [&right[..31], &format!("{right}0"), "%E2%80%A6", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
        assert_found(odd, &[Mistake::NotMd5]);
    }
    assert_found(&"0F".repeat(16), &[]);
    let long = format!("a={}&hash=x", "b".repeat(LONGEST_SEARCHED));
    assert_eq!(look(&long).verdict, Verdict::Wrong(vec![Mistake::NotMd5]));
}

#[test]
fn the_key_as_the_hash() {
    assert_found(&format!("{KEY}%0A"), &[Mistake::KeyAsHash]);
    assert_eq!(look(&format!("hash={KEY}")).sent.as_deref(), Some("KEY"));
}

#[test]
fn a_key_with_separators_in_it_is_masked_too() {
    let key = Key::parse("ab&cd=ef").unwrap();
    let diagnosis = diagnose(&Login::parse("demo").unwrap(), &key, None, b"x=1ab&cd=ef&y=ab%26cd%3Def");
    assert_eq!(diagnosis.raw.unwrap().text, "x=1KEY&y=KEY::demo::KEY");
}

#[test]
fn other_digests() {
    let text = [QUERY, "::", "demo", "::", KEY];
    assert_found(&signature::text(&md5_hex([QUERY, ":", "demo", ":", KEY])), &[Mistake::Separators]);
    assert_found(&signature::text(&signature::hmac_md5_hex(KEY.as_bytes(), [QUERY])), &[Mistake::HmacMd5]);
    assert_found(&signature::text(&signature::hmac_md5_hex(KEY.as_bytes(), text)), &[Mistake::HmacMd5]);
    assert_found(&signature::text(&signature::hmac_sha256_hex(KEY.as_bytes(), text)), &[Mistake::HmacSha256]);
    assert_found(&signature::text(&signature::sha256_hex(text)), &[Mistake::Sha256]);
}

#[test]
fn other_queries() {
    let sorted = "email=anna%40example.com&name=%D0%90%D0%BD+%7E%2F&rid%5B0%5D=super&z=1";
    let space = QUERY.replace('+', "%20");
    for (query, mistake) in [
        (sorted.to_owned(), Mistake::Sorted),
        (space.clone(), Mistake::PercentSpace),
        (space.replace("%7E", "~"), Mistake::PercentSpace),
        (
            QUERY
                .replace("%D0%90%D0%BD", "%d0%90%d0%bd")
                .replace("%7E%2F", "%7e%2f")
                .replace("5B0%5D", "5b0%5d"),
            Mistake::LowerCaseEscapes,
        ),
        (QUERY.replace("%5B", "[").replace("%5D", "]"), Mistake::BareBrackets),
        (String::from_utf8(decode(QUERY.as_bytes()).into_owned()).unwrap(), Mistake::NotEncoded),
        (format!("{QUERY}&hash="), Mistake::HashIncluded),
        (String::new(), Mistake::NothingCovered),
        (QUERY.replace("%D0%90%D0%BD", "%C0%ED"), Mistake::Cp1251),
        (QUERY.replace('&', "&amp;"), Mistake::HtmlSeparator),
    ] {
        assert_found(&hash(&query, "demo", KEY), &[mistake]);
        assert_found(&hash(&query, "demo", &format!("{KEY}\r\n")), &[mistake, Mistake::KeySpaces]);
        assert_found(&hash(&query, "demo", KEY).to_uppercase(), &[mistake, Mistake::UpperCaseHash]);
    }
}

#[test]
fn the_body_in_cp1251_and_the_text_in_utf_8() {
    let body = format!("name=%C0%ED&hash={}", hash("name=%D0%90%D0%BD", "demo", KEY));
    assert_eq!(look(&body).verdict, Verdict::Wrong(vec![Mistake::Cp1251]));
}

#[test]
fn a_hash_over_another_hash() {
    let last = hash("a=1&hash=old", "demo", KEY);
    assert_eq!(
        look(&format!("a=1&hash=old&hash={last}")).verdict,
        Verdict::Wrong(vec![Mistake::HashIncluded])
    );
}

#[test]
fn a_key_that_the_hash_does_not_cover() {
    let body = format!("a=1&rpsKey={KEY}&hash={}", hash("a=1", "demo", KEY));
    let diagnosis = look(&body);
    assert_eq!(diagnosis.verdict, Verdict::Wrong(vec![Mistake::KeyNotCovered]));
    assert_eq!(diagnosis.encoded.text, "a=1&rpsKey=KEY::demo::KEY");
}

#[test]
fn what_curl_makes_of_an_array() {
    let empty = [("a", "1"), ("off", "")];
    let list = [("rid", "x"), ("rid", "y"), ("a", "1")];
    for (query, sent, mistake) in [
        ("a=1&off=0", empty.as_slice(), Mistake::MultipartEmpty),
        ("a=1", &empty, Mistake::MultipartEmpty),
        ("rid%5B0%5D=x&rid%5B1%5D=y&a=1", &list, Mistake::MultipartList),
    ] {
        let hash = hash(query, "demo", KEY);
        let part = |(name, value): &(&str, &str)| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: Vec<_> = sent.iter().chain([&("hash", &*hash)]).map(part).collect();
        let body = parts.concat() + "--B--\r\n";
        let content_type = Some(b"multipart/form-data; boundary=B".as_slice());
        let (login, key) = (Login::parse("demo").unwrap(), Key::parse(KEY).unwrap());
        let diagnosis = diagnose(&login, &key, content_type, body.as_bytes());
        assert_eq!(diagnosis.verdict, Verdict::Wrong(vec![mistake]));
        assert_eq!(diagnosis.raw, None);
    }
}

#[test]
fn other_verdicts() {
    assert_eq!(look("a=1").verdict, Verdict::NoCredential);
    assert_eq!(look("hash=&rpsKey=").verdict, Verdict::NoCredential);
    assert_eq!(look(&format!("rpsKey={KEY}")).verdict, Verdict::KeyFits);
    assert_eq!(look("rpsKey=x").verdict, Verdict::WrongKey);
    assert_eq!(look("hash[]=x").verdict, Verdict::Wrong(vec![Mistake::NotMd5]));
    let too_many = format!("{}&hash=x", vec!["a[]=1&hash=y"; 1001].join("&"));
    let diagnosis = look(&too_many);
    assert_eq!(diagnosis.verdict, Verdict::OverLimit);
    let json =
        diagnose(&Login::parse("demo").unwrap(), &Key::parse(KEY).unwrap(), Some(b"application/json"), b"{}");
    assert_eq!(json.verdict, Verdict::Json);
    assert_eq!(json.raw, None);
    assert_eq!(look(" {\"email\": \"a@b\", \"hash\": \"x\"}\n").verdict, Verdict::Json);
    let odd = diagnose(&Login::parse("demo").unwrap(), &Key::parse(KEY).unwrap(), Some(b"text/xml"), b"<a/>");
    assert_eq!(odd.verdict, Verdict::NotAForm);
    let space_as_hex = hash("a=b+c", "demo", KEY);
    let diagnosis = look(&format!("a=b%20c&hash={space_as_hex}"));
    assert_eq!(diagnosis.verdict, Verdict::Fits { raw: false, encoded: true });
    assert!(!diagnosis.texts_are_equal());
}

#[test]
fn nobody_sees_the_key_and_a_log_no_address() {
    let mut query = format!("email=anna%40example.com&mail=x&name=a@b@c&two=%2540&note=see{KEY}&x=1%0A");
    query.push_str("&%C0=\x1b&Api-Key=other");
    let body = format!("{query}&hash=0123456789");
    let diagnosis = look(&body);
    let raw = diagnosis.raw.clone().unwrap();
    assert_eq!(
        raw.text,
        "email=anna%40example.com&mail=x&name=a@b@c&two=%2540&note=seeKEY&x=1%0A&%C0=\\u{1b}&Api-Key=KEY::demo::KEY"
    );
    assert_eq!(
        raw.text_for_log,
        "email=a…%40example.com&mail=…&name=…&two=…&note=seeKEY&x=1%0A&%C0=\\u{1b}&Api-Key=KEY::demo::KEY"
    );
    let shown = format!("{diagnosis:?} {raw:?} {} {}", diagnosis.verdict, first_digits("0123456789"));
    assert!(!shown.contains(KEY) && !shown.contains("anna") && !shown.contains(&raw.hash), "{shown}");
    assert!(shown.ends_with(" 012345…"), "{shown}");
}

#[test]
fn a_log_has_no_hash_and_no_piece_of_the_key() {
    let digits = "ABCDEF0123456789abcdef0123456789";
    let once = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let twice = |text: &str| once(text).replace('%', "%25");
    for pair in [
        format!("x={digits}"),
        format!("x=+{digits}%0A"),
        format!("x={}", twice(digits)),
        "Hash=secret".to_owned(),
        "data%5BmyHASH%5D=secret".to_owned(),
        "SIG=secret".to_owned(),
        "data[sign]=secret".to_owned(),
        format!("x=see{}", &KEY[5..13]),
        format!("x={}", &KEY.to_uppercase()[..31]),
        format!("x={}", once(&KEY[..8])),
        format!("x={}", twice(KEY)),
        format!("hash={}", &KEY[..9]),
        format!("a=1&{}", twice(&KEY[20..])),
    ] {
        let logged = mask::query(pair.as_bytes(), &Key::parse(KEY).unwrap(), true);
        assert_eq!(logged.rsplit(['=', '&']).next(), Some("…"), "{pair}: {logged}");
    }
    for pair in ["design=secret", "x=0123456", "x=abcdef01234567890123456789", "signal=1"] {
        let key = Key::parse("another-one").unwrap();
        assert_eq!(mask::query(pair.as_bytes(), &key, true), pair);
    }
}

#[test]
fn long_bodies_are_not_searched_and_not_logged_whole() {
    let query = format!("a={}", "ж".repeat(LONGEST_SEARCHED / 2));
    let diagnosis = look(&format!("{query}&hash={}", hash(&query, "demo", "")));
    assert_eq!(diagnosis.verdict, Verdict::Wrong(vec![]));
    let raw = diagnosis.raw.unwrap();
    assert_eq!(raw.text_for_log.chars().count(), 2001 + "::demo::KEY".len());
    assert!(raw.text.len() > LONGEST_SEARCHED);
}

#[test]
fn a_right_hash_over_unsorted_pairs_is_no_mistake() {
    let mut text = Vec::new();
    query::build_pairs([(b"rid[0]".as_slice(), b"1".as_slice()), (b"x", b"2"), (b"rid[1]", b"3")], &mut text);
    let text = String::from_utf8(text).unwrap();
    let body = format!("{text}&hash={}", hash(&text, "demo", KEY));
    assert_eq!(look(&body).verdict, Verdict::Fits { raw: true, encoded: false });
}

//! Every refusal: its message, its line, and that nothing is stored.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::record::{Field, GoodField};

/// A good line, so that the refused line is not the only one.
const GOOD: &str = r#"{"id":1,"email":"a@b","items":[{"id":7,"good_name":"book"}]}"#;

fn refuses_line(line: &str, fault: &str) {
    let shop = Fixture::new();
    let summary = "nothing was imported: FILE holds 1 bad record among 2; correct the file, or add --skip-bad to import the others";
    let expected = (vec![format!("line 3: {fault}")], summary.to_owned());
    assert_eq!(shop.jsonl(&format!("{GOOD}\n\n{line}\n")), Err(expected), "{line}");
    assert_eq!((shop.orders(), shop.products()), (vec![], vec![]));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn json_lines() {
    for (line, fault) in [
        ("id,email", "expected value, column 1"),
        ("[]", "invalid type: sequence, expected an order as one JSON object on a line"),
        ("7", "invalid type: integer `7`, expected an order as one JSON object on a line"),
        (r#"{"id":2,"email":"a@b""#, "EOF while parsing an object, column 21"),
        (r#"{"id":2} x"#, "trailing characters, column 10"),
        (r#"{"id":2,"emial":"a@b"}"#, "unknown field \"emial\" (did you mean `email`?)"),
        (r#"{"id":2,"item":[]}"#, "unknown field \"item\" (did you mean `items`?)"),
        (
            r#"{"id":2,"email":"a@b","items":[{"goodname":"x"}]}"#,
            "item 1: unknown field of an item \"goodname\" (did you mean `good_name`?)",
        ),
        (
            r#"{"id":2,"items":[{"quantity":1}]}"#,
            "item 1: unknown field of an item \"quantity\"; known are id, good_name, good_title, sum, price, pincode, partner_fee, partner_pfee",
        ),
        (r#"{"id":2,"id":2}"#, "`id` occurs twice"),
        (r#"{"id":2,"items":[{"id":1,"id":null}]}"#, "item 1: `id` occurs twice"),
        (r#"{"items":[],"items":[]}"#, "`items` occurs twice"),
        (r#"{"id":0}"#, "`id`: a number from 1 to 9223372036854775807 is expected, not 0"),
        (
            r#"{"id":9223372036854775808}"#,
            "`id`: a number from 1 to 9223372036854775807 is expected, not 9223372036854775808",
        ),
        (r#"{"id":"x1"}"#, "`id`: a number from 1 to 9223372036854775807 is expected, not \"x1\""),
        (r#"{"id":[2]}"#, "`id`: invalid type: sequence, expected a text, a number, true, false or null"),
        (r#"{"id":2,"email":"anna"}"#, "`email`: an e-mail has one @ with something on both sides"),
        (
            r#"{"id":2,"pay_status":"Paid"}"#,
            "`pay_status`: waiting, paid, cancel or return is expected, not \"Paid\"",
        ),
        (r#"{"id":2,"is_recurrent":"x"}"#, "`is_recurrent`: true, false, 1 or 0 is expected, not \"x\""),
        (
            r#"{"id":2,"created":-1}"#,
            "`created`: a time is unix seconds, 2024-01-31 10:00:00, 2024-01-31T10:00:00Z or 31.01.2024 10:00, from 1970 to 9999, not -1",
        ),
        (r#"{"id":2,"phone":true}"#, "`phone`: a text in quotes is expected, not true"),
        (r#"{"id":2,"phone":"a\u0000"}"#, "`phone`: the text holds a NUL character"),
        (r#"{"id":2,"phone":"\ud800"}"#, "`phone`: unexpected end of hex escape"),
        (
            r#"{"id":2,"items":[{"id":7,"sum":"1.234"}]}"#,
            "item 1: `sum`: a sum is digits with at most two more behind a point, such as 3900.00, not \"1.234\"",
        ),
        (r#"{"id":2,"items":{}}"#, "invalid type: map, expected a list of items"),
        (r#"{"email":"a@b","items":[{"id":7}]}"#, "`id` is missing"),
        (r#"{"id":2,"items":[{"id":7}]}"#, "`email` is missing"),
        (r#"{"id":2,"email":null,"items":[{"id":7}]}"#, "`email` is missing"),
        (r#"{"id":2,"email":"a@b"}"#, "`items` is missing or empty: an order has at least one"),
        (r#"{"id":2,"email":"a@b","items":[]}"#, "`items` is missing or empty: an order has at least one"),
        (r#"{"id":2,"email":"a@b","items":[{"id":7},{"good_name":"book"}]}"#, "item 2: `id` is missing"),
        (
            r#"{"id":2,"email":"a@b","items":[{"id":8,"good_name":""}]}"#,
            "item 1: product 8 is not in the catalogue, so `good_name` is needed",
        ),
        (
            r#"{"id":2,"email":"a@b","items":[{"id":7,"good_name":"disc"}]}"#,
            "item 1: product 7 is called \"disc\" here and \"book\" in line 1",
        ),
        (
            r#"{"id":2,"email":"a@b","items":[{"id":8,"good_name":"book"}]}"#,
            "item 1: \"book\" is product 8 here and product 7 in line 1",
        ),
        (
            r#"{"id":2,"email":"a@b","items":[{"id":8,"good_name":"x"},{"id":8,"good_name":"y"}]}"#,
            "item 2: product 8 is called \"y\" here and \"x\" in line 3",
        ),
        (GOOD, "order 1 is in the file already"),
        (r#"{"product":{"id":8}}"#, "product 8 is not in the catalogue, so `good_name` is needed"),
        (r#"{"product":{"good_name":"x"}}"#, "`product`: `id` is missing"),
        (r#"{"product":{"id":8,"good_name":"book"}}"#, "\"book\" is product 8 here and product 7 in line 1"),
        (
            r#"{"product":{"id":8,"price":1}}"#,
            "`product`: `price`: belongs to an order's line, and not to a product",
        ),
        (r#"{"product":{"id":8},"id":2}"#, "a line with `product` holds nothing else"),
        (r#"{"product":{"id":8},"product":{"id":8}}"#, "`product` occurs twice"),
        (
            r#"{"product":{"id":8,"title":"x"}}"#,
            "`product`: unknown field of a product \"title\" (did you mean `good_title`?)",
        ),
    ] {
        refuses_line(line, fault);
    }
}

#[test]
fn json_lines_about_payments_parcels_and_settings() {
    for (line, fault) in [
        (r#"{"product":{"id":8,"good_type":1,"good_type":null}}"#, "`product`: `good_type` occurs twice"),
        (
            r#"{"product":{"id":8,"good_type":2}}"#,
            "`product`: `good_type`: 0, digital, 1, physical or floating is expected, not 2",
        ),
        (
            r#"{"product":{"id":8,"good_timer_duration":4294967296}}"#,
            "`product`: `good_timer_duration`: at most 4294967295 is expected, not 4294967296",
        ),
        (
            r#"{"product":{"id":8,"good_timer_unit":"week"}}"#,
            "`product`: `good_timer_unit`: min, hour or day is expected, not \"week\"",
        ),
        (
            r#"{"product":{"id":8,"good_rashod":"-1"}}"#,
            "`product`: `good_rashod`: a price is a sum from 0.00 to 9999999999.99, not \"-1\"",
        ),
        (
            r#"{"product":{"id":8,"good_rashod_perc":101}}"#,
            "`product`: `good_rashod_perc`: a percentage is a number from 0 to 100 with at most two digits behind the point, not 101",
        ),
        (
            r#"{"product":{"id":8,"good_parnter_fee":1}}"#,
            "`product`: unknown field of a product \"good_parnter_fee\" (did you mean `good_partner_fee`?)",
        ),
        (r#"{"id":2,"delivery":"paid"}"#, "`delivery`: sent or return is expected, not \"paid\""),
        (r#"{"id":2,"manager":-1}"#, "`manager`: a number from 0 to 9223372036854775807 is expected, not -1"),
        (
            r#"{"id":2,"payments":"1@2"}"#,
            "`payments`: invalid type: string \"1@2\", expected a list of payments",
        ),
        (r#"{"id":2,"payments":[{"sum":1}]}"#, "`payments`: payment 1: `received` is missing"),
        (
            r#"{"id":2,"payments":[{"sum":1,"received":1},{"received":1}]}"#,
            "`payments`: payment 2: `sum` is missing",
        ),
        (
            r#"{"id":2,"payments":[{"sum":"x","received":1}]}"#,
            "`payments`: payment 1: `sum`: a sum is digits with at most two more behind a point, such as 3900.00, not \"x\"",
        ),
        (
            r#"{"id":2,"payments":[{"sum":1,"time":1}]}"#,
            "`payments`: payment 1: unknown field `time`, expected `sum` or `received`",
        ),
        (
            r#"{"id":2,"payments":[{"sum":"92233720368547758.07","received":1},{"sum":"0.01","received":1}]}"#,
            "`payments`: the payments come to more than a sum can be",
        ),
        (r#"{"id":2,"payments":[],"payments":[]}"#, "`payments` occurs twice"),
        (
            r#"{"id":2,"received":"1.00"}"#,
            "unknown field \"received\"; known are id, email, pay_status, created, paid, is_recurrent, items, product and 50 more that `billhook import --help` names",
        ),
        (r#"{"id":2,"email":" "}"#, "`email`: the e-mail is empty"),
    ] {
        refuses_line(line, fault);
    }
}

#[test]
fn texts_that_are_too_long_and_orders_too() {
    let text =
        |bytes| format!(r#"{{"id":2,"email":"a@b","comment":"{}","items":[{{"id":7}}]}}"#, "x".repeat(bytes));
    refuses_line(&text(65_537), "`comment`: the text is 65537 bytes long, 65536 are allowed");
    let name = |bytes| {
        format!(r#"{{"id":2,"email":"a@b","items":[{{"id":8,"good_name":"{}"}}]}}"#, "x".repeat(bytes))
    };
    refuses_line(&name(256), "item 1: `good_name`: the text is 256 bytes long, 255 are allowed");
    let key = format!(r#"{{"{}":2}}"#, "x".repeat(1 << 20));
    let known = "id, email, pay_status, created, paid, is_recurrent, items, product and 50 more that `billhook import --help` names";
    refuses_line(&key, &format!("unknown field \"{}…\"; known are {known}", "x".repeat(40)));
    let list = format!(r#"{{"id":2,"items":"{}"}}"#, "я".repeat(10_000));
    refuses_line(&list, &format!("invalid type: string \"{}…", "я".repeat(178)));
    let items =
        |count| format!(r#"{{"id":2,"email":"a@b","items":[{}]}}"#, vec![r#"{"id":7}"#; count].join(","));
    refuses_line(&items(1001), "an order has at most 1,000 items");
    let payments = |count| {
        let payments = vec![r#"{"sum":1,"received":1}"#; count].join(",");
        format!(r#"{{"id":2,"email":"a@b","payments":[{payments}],"items":[{{"id":7}}]}}"#)
    };
    refuses_line(&payments(100_001), "`payments`: an order has at most 100,000 payments");

    let shop = Fixture::new();
    for good in [text(65_536), name(255), payments(100_000), items(1000)] {
        shop.jsonl(&format!("{GOOD}\n{good}")).unwrap();
    }
    assert_eq!(shop.orders()[1].lines.len(), 1000);
}

#[test]
fn the_catalogue_is_named_where_it_contradicts() {
    let shop = Fixture::new();
    shop.jsonl(GOOD).unwrap();
    let summary = "nothing was imported: FILE holds 2 bad records and no good one";
    let text = "{\"id\":2,\"email\":\"a@b\",\"items\":[{\"id\":7,\"good_name\":\"disc\"}]}\n{\"product\":{\"id\":8,\"good_name\":\"book\"}}";
    let faults = vec![
        "line 1: item 1: product 7 is called \"disc\" here and \"book\" in the catalogue".to_owned(),
        "line 2: \"book\" is product 8 here and product 7 in the catalogue".to_owned(),
    ];
    assert_eq!(shop.jsonl(text), Err((faults, summary.to_owned())));
    let twice = "{\"product\":{\"id\":7,\"sum\":1}}\n{\"product\":{\"id\":7,\"sum\":1}}";
    assert_eq!(shop.jsonl(twice).unwrap_err().0, ["line 2: product 7 is described already, in line 1"]);
}

#[test]
fn the_first_twenty_are_told_and_all_are_counted() {
    let shop = Fixture::new();
    let (faults, summary) = shop.jsonl(&"x\n".repeat(25)).unwrap_err();
    assert_eq!((faults.len(), faults[19].as_str()), (20, "line 20: expected value, column 1"));
    assert_eq!(summary, "nothing was imported: FILE holds 25 bad records and no good one");
}

#[test]
fn a_file_without_a_good_record_is_refused_also_where_bad_ones_are_skipped() {
    let shop = Fixture::new();
    let text = format!("x\n{}", GOOD.replace("a@b", "anna"));
    let job = Job { skip_bad: true, ..shop.job(text.as_bytes(), Format::Jsonl) };
    let (faults, summary) = said(&job).unwrap_err();
    assert_eq!(
        (faults.len(), summary.as_str()),
        (2, "nothing was imported: FILE holds 2 bad records and no good one")
    );
    assert_eq!((shop.orders(), shop.products()), (vec![], vec![]));
}

#[test]
fn bytes_that_are_no_text() {
    let shop = Fixture::new();
    let said_of = |bytes: &[u8], format, encoding| {
        let job = Job { encoding, ..shop.job(bytes, format) };
        said(&job).unwrap_err().0
    };
    assert_eq!(
        said_of(b"\n{\"id\":\"\xff\"}", Format::Jsonl, None),
        ["line 2: not valid UTF-8: --encoding cp1251 names another encoding"]
    );
    assert_eq!(
        said_of(b"id,email,item_id\n5,a@b,7\n5,\xff,8\n", Format::Csv, None),
        ["line 3: `email`: not valid UTF-8: --encoding cp1251 names another encoding"]
    );
    // Two halves that would form a letter if the cells were one text.
    assert_eq!(
        said_of(b"id,email,item_id\n5,\xd0,\x90\n", Format::Csv, None),
        ["line 2: `email`: not valid UTF-8: --encoding cp1251 names another encoding"]
    );
    assert_eq!(
        said_of(b"{\"id\":\"\x81\xff\"}", Format::Jsonl, Some(encoding_rs::SHIFT_JIS)),
        ["line 1: not valid Shift_JIS"]
    );
}

#[test]
fn csv_rows() {
    let head = "id,email,created,item_id,item_good_name,item_price,\n1,a@b,,7,book,,\n";
    for (rows, fault) in [
        ("2,a@b,,7,book,\n", "line 3: the row has 6 cells, the header has 7"),
        ("2,a@b,,7,book,,,\n", "line 3: the row has 8 cells, the header has 7"),
        ("2,a@b,,7,book,,x\n", "line 3: cell 7 is in a column without a name"),
        (
            "2,a@b,,7,book,,\n\n\"2\",\"c@d\n\",,7,,,\n",
            "line 5: `email`: differs from the order's first row, line 3",
        ),
        ("2,a@b,,7,,,\r\n2,,5,7,,,\r\n", "line 4: `created`: differs from the order's first row, line 3"),
        (
            "2,a@b,soon,7,,,\n",
            "line 3: `created`: a time is unix seconds, 2024-01-31 10:00:00, 2024-01-31T10:00:00Z or 31.01.2024 10:00, from 1970 to 9999, not \"soon\"",
        ),
        ("2,,,7,,,\n", "line 3: `email` is missing"),
        ("2,a@b,,,book,,\n", "line 3: item 1: `id` is missing"),
        (
            "2,a@b,,7,,,\n2,,,8,,,\n",
            "line 3: item 2: product 8 is not in the catalogue, so `good_name` is needed",
        ),
        (",a@b,,7,,,\n", "line 3: `email`: the row has no `id`: every row of an order repeats its number"),
        ("2, ,,7,,,\n", "line 3: `email`: the e-mail is empty"),
        (",,,7,,2,\n", "line 3: `item_price`: belongs to an order's line, and not to a product"),
        ("3,a@b,,7,,,\n1,,,7,,,\n", "line 4: `email` is missing"),
        ("3,a@b,,7,,,\n1,a@b,,7,,,\n", "line 4: order 1 is in the file already"),
        ("x,a@b,,7,,,\n", "line 3: `id`: a number from 1 to 9223372036854775807 is expected, not \"x\""),
    ] {
        let shop = Fixture::new();
        assert_eq!(shop.csv(&format!("{head}{rows}")).unwrap_err().0, [fault], "{rows}");
        assert_eq!((shop.orders(), shop.products()), (vec![], vec![]));
    }
    let shop = Fixture::new();
    let long = format!("{head}2,a@b,,7,,,\n{}", "2,,,7,,,\n".repeat(1000));
    assert_eq!(shop.csv(&long).unwrap_err().0, ["line 1003: an order has at most 1,000 items"]);
}

#[test]
fn csv_payments_and_settings() {
    let head = "id,email,payments,item_id,item_good_name,good_publish\n1,a@b,,7,book,\n";
    for (row, fault) in [
        (
            "2,a@b,5,7,,\n",
            "line 3: `payments`: payment 1: a payment is its sum and its time, such as 3900.00@1577880000, not \"5\"",
        ),
        (
            "2,a@b,5@6|,7,,\n",
            "line 3: `payments`: payment 2: a payment is its sum and its time, such as 3900.00@1577880000, not \"\"",
        ),
        (
            &format!("2,a@b,5@6{},7,,\n", "|5@6".repeat(100_000)),
            "line 3: `payments`: an order has at most 100,000 payments",
        ),
        ("2,a@b,5@6,7,,\n2,,5@7,7,,\n", "line 4: `payments`: differs from the order's first row, line 3"),
        (
            "2,a@b,,7,,1\n",
            "line 3: `good_publish`: belongs to a product, whose row has no `id`, and not to an order",
        ),
        (
            "2,a@b,,7,,\n2,,,7,,0\n",
            "line 4: `good_publish`: belongs to a product, whose row has no `id`, and not to an order",
        ),
        (",,,7,,yes\n", "line 3: `good_publish`: true, false, 1 or 0 is expected, not \"yes\""),
        (",,5@6,7,,\n", "line 3: `payments`: the row has no `id`: every row of an order repeats its number"),
    ] {
        let shop = Fixture::new();
        assert_eq!(shop.csv(&format!("{head}{row}")).unwrap_err().0, [fault], "{row}");
    }
}

#[test]
fn csv_rows_of_any_width_with_and_without_a_last_line_break() {
    for width in [63, 64, 65, 127, 128, 129, 1_000] {
        let unnamed = ",".repeat(width - 4);
        for end in ["", "\n", "\r\n", "\r"] {
            let shop = Fixture::new();
            let text = format!(
                "id,email,item_id,item_good_name{unnamed}\n1,a@b,7,book{unnamed}\n1,,8,disc{unnamed}{end}"
            );
            assert_eq!(
                shop.csv(&text).unwrap(),
                "added 1, changed 0, same 0 orders; 2 products added",
                "{width}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes get an answer, and a refusal stores nothing.
    #[test]
    fn any_bytes_get_an_answer(
        files in vec((vec(prop_oneof![
            vec(any::<u8>(), 0..4),
            prop::sample::select(vec![
                "{", "}", "\"", ",", ";", "\n", "\r\n", ":", "[", "]", "id,email,item_id,item_good_name\n", "1,a@b,7,book\n",
                "{\"id\":1,\"email\":\"a@b\",\"items\":[{\"id\":7,\"good_name\":\"book\"}]}\n", "\u{feff}", "2", "\"id\"", "\"items\"",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..20), prop::sample::select(vec!["utf-8", "cp1251", "utf-16le", "gb18030"])), 8)
    ) {
        let shop = Fixture::new();
        for (parts, label) in files {
            for format in [Format::Jsonl, Format::Csv] {
                let job = Job { encoding: Some(encoding(label).unwrap()), ..shop.job(&parts.concat(), format) };
                let before = shop.orders();
                if said(&job).is_err() {
                    prop_assert_eq!(shop.orders(), before);
                }
            }
        }
    }
}

#[test]
fn csv_files_that_cannot_be_read_at_all() {
    for (text, fault) in [
        ("", "line 1: the file is empty: a header with the columns' names is expected"),
        ("id,email\n", "line 1: the column `item_id` is missing"),
        ("id,item_id\n", "line 1: the column `email` is missing"),
        ("email,item_id\n", "line 1: the column `id` is missing"),
        ("\nid,email,item_id,email\n", "line 2: the column `email` occurs twice"),
        ("id,e_mail,item_id\n", "line 1: unknown column \"e_mail\" (did you mean `email`?)"),
        (
            "id|email|item_id\n",
            "line 1: unknown column \"id|email|item_id\"; known are id, email, pay_status, created, paid, is_recurrent, item_id, item_good_name, item_good_title, item_sum, item_price, item_pincode, item_partner_fee, item_partner_pfee and MORE more that `billhook import --help` names",
        ),
        (
            "ID;E_mail;Item_ID;item_name\n",
            "line 1: unknown columns \"E_mail\" (did you mean `email`?), \"item_name\" (did you mean `item_good_name`?)",
        ),
        ("id,Email,item_id,EMAIL\n", "line 1: the column `email` occurs twice"),
        (
            "17,a@b,7,book\n",
            "line 1: no header line? It begins with \"17\", not with columns' names such as id,email,item_id",
        ),
        (
            "id,email,item_id\n1,a@b,7\n2,\"a@b,7\n3,a@b,7\n",
            "line 3: a quote is opened here and never closed",
        ),
    ] {
        let shop = Fixture::new();
        let more = Field::others().count() + GoodField::all().count();
        let fault = fault.replace("MORE", &more.to_string());
        let expected = (vec![], format!("cannot read FILE: {fault}"));
        assert_eq!(shop.csv(text), Err(expected), "{text}");
        assert_eq!(shop.orders(), []);
    }
}

#[test]
fn csv_records_that_are_too_long() {
    let shop = Fixture::new();
    let (faults, failure) =
        shop.csv(&format!("id,email,item_id\n1,a@b,\"{}", "x".repeat(40 << 20))).unwrap_err();
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(
        failure,
        "cannot read FILE: line 2: the row is longer than 16 MiB: a closing quote may be missing"
    );
}

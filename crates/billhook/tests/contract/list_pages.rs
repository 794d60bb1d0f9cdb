//! Lists in pages: `limit`, `after`, and the headers of the answer (decision 90).

use billhook_store::{
    orders::{self, Handling, Line, Order, TextField, Texts},
    products::{self, Listing},
};
use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus};
use serde_json::{Value, json};

use crate::shop::{Shop, done};

/// A page: its numbers, `Billhook-Next`, `Billhook-Total`.
type Page = (Vec<i64>, Option<i64>, Option<i64>);

fn page(shop: &Shop, method: &str, form: &[(&str, &str)]) -> Page {
    let answer = shop.call(method, form);
    let header = |name: &str| answer.header(name).map(|number| number.parse().unwrap());
    (numbers(&done(&answer)), header("billhook-next"), header("billhook-total"))
}

fn numbers(list: &Value) -> Vec<i64> {
    let number = |text: &Value| text.as_str().unwrap().parse().unwrap();
    match list {
        Value::Object(bills) => bills.keys().map(|order| order.parse().unwrap()).collect(),
        list => list
            .as_array()
            .unwrap()
            .iter()
            .map(|item| number(item.get("id").unwrap_or(&item["good_id"])))
            .collect(),
    }
}

/// Eight orders of one customer, the fifth hidden, with falling times. Four products, one deleted.
fn shop() -> Shop {
    let shop = Shop::with_settings(&["same_order_hours=0", "getorders_max=1"]);
    shop.add_good("gift", "0", "Gift", "1.00", &[]);
    shop.result("DeleteGood", &[("good_name", "guide")]);
    for (number, good) in (1..=8).zip(["course", "book"].into_iter().cycle()) {
        let created = format!("{:02}.02.2020 12:00:00", 20 - number);
        let status = if number % 3 == 0 { "Paid" } else { "Expected" };
        let form = [
            ("customer_email", "anna@example.com"),
            ("order_created_at", &*created),
            ("order_status", status),
        ];
        assert_eq!(shop.keyed_order(&[&[("product_names", good)], &form[..]].concat()), number);
    }
    shop.result("DeleteOrder", &[("bill_id", "5")]);
    shop
}

/// Every list with every filter and page length: the pages together are the list, in order of number.
#[test]
fn pages_are_the_list_in_pieces() {
    let shop = shop();
    let days = [("begin_date", "01.02.2020"), ("end_date", "28.02.2020")];
    let until = ("date_e", "1581843600"); // 16 February, 12:00 in Moscow
    for (method, narrowed, all) in [
        ("GetOrders", &[][..], &[1, 2, 3, 4, 6, 7, 8][..]),
        ("GetOrders", &[until], &[4, 6, 7, 8]),
        ("GetOrders", &[("paid", "1")], &[3, 6]),
        ("GetOrders", &[("goods", "3")], &[2, 4, 6, 8]),
        ("GetOrders", &[("goods", "book,nothing"), ("paid", "1"), until], &[6]),
        ("getOrdersWithGoods", &days, &[1, 2, 3, 4, 6, 7, 8]),
        (
            "getOrdersWithGoods",
            &[days[0], days[1], ("goods[]", "course"), ("goods[]", "3")],
            &[1, 2, 3, 4, 6, 7, 8],
        ),
        ("getOrdersWithGoods", &[days[0], ("end_date", "14.02.2020"), ("goods", "1")], &[7]),
        ("GetBills", &[("email", "Anna@example.com")], &[1, 2, 3, 4, 6, 7, 8]),
        ("GetBills", &[("email", "anna@example.com"), ("pay_status", "waiting")], &[1, 2, 4, 7, 8]),
        ("GetAllGoods", &[], &[1, 3, 4]),
    ] {
        let total = i64::try_from(all.len()).unwrap();
        for limit in 1..=total + 1 {
            let (limit, most) = (usize::try_from(limit).unwrap(), limit.to_string());
            let mut after = String::new();
            for (at, piece) in all.chunks(limit).enumerate() {
                let form = [narrowed, &[("limit", &*most), ("after", &*after)]].concat();
                let next = piece.last().copied().filter(|_| (at + 1) * limit < all.len());
                assert_eq!(
                    page(&shop, method, &form),
                    (piece.to_vec(), next, Some(total)),
                    "{method} {form:?}"
                );
                after = piece.last().unwrap().to_string();
            }
        }
        // `after` without `limit` gives the longest page. A page after the last entry is empty, but no
        // refusal.
        let behind = |after: &str| page(&shop, method, &[narrowed, &[("after", after)]].concat());
        assert_eq!(behind("2").0, all.iter().copied().filter(|id| *id > 2).collect::<Vec<_>>(), "{method}");
        assert_eq!(behind("9223372036854775807"), (vec![], None, Some(total)), "{method} {narrowed:?}");
        // Without them the headers are missing, and the account's own limit applies.
        let (whole, next, count) = page(&shop, method, narrowed);
        let kept = if method == "GetOrders" { &all[all.len() - 1..] } else { all };
        assert_eq!((&*whole, next, count), (kept, None, None), "{method} {narrowed:?}");
    }
}

/// A page shows the same entries as the whole list.
#[test]
fn items_are_those_of_the_whole_list() {
    let shop = shop();
    let days = [("begin_date", "01.02.2020"), ("end_date", "28.02.2020")];
    for (method, form) in [
        ("getOrdersWithGoods", &days[..]),
        ("GetBills", &[("email", "anna@example.com")]),
        ("GetAllGoods", &[]),
    ] {
        assert_eq!(shop.result(method, &[form, &[("limit", "10000")]].concat()), shop.result(method, form));
        assert_eq!(done(&shop.keyed(method, &[form, &[("after", "0")]].concat())), shop.result(method, form));
    }
}

#[test]
fn what_is_no_page_is_refused() {
    let shop = Shop::empty();
    let mail = ("email", "anna@example.com");
    for method in ["GetOrders", "getOrdersWithGoods", "GetBills", "GetAllGoods"] {
        for wrong in [
            ("limit", "0"),
            ("limit", "10001"),
            ("limit", "-1"),
            ("limit", "x"),
            ("limit[]", "1"),
            ("after", "x"),
            ("after[]", "1"),
        ] {
            assert_eq!(shop.code(method, &[mail, wrong]), 3, "{method} {wrong:?}");
        }
    }
    // If nothing matches, the answer is the same as without pages.
    for (method, code) in
        [("GetOrders", 0), ("getOrdersWithGoods", 0), ("GetBills", 400), ("GetAllGoods", 700)]
    {
        let answer = shop.call(method, &[mail, ("limit", "5")]);
        assert_eq!((answer.code(), &answer.json()["result"]), (code, &json!([])), "{method}");
        assert_eq!(answer.header("billhook-total"), (code == 0).then_some("0"), "{method}");
    }
    // The hash covers both, as any parameter.
    let form = crate::program::signed(crate::shop::LOGIN, crate::shop::KEY, &[("paid", "1")]);
    let unsigned = shop.server().post("shop.localhost", "GetOrders", &format!("limit=5&{form}"));
    assert_eq!(unsigned.code(), 4);
}

/// A list above 64 MiB is refused as the caller's mistake, and a page of it is answered (decision 64).
#[test]
fn a_list_that_is_too_long_is_the_callers_to_narrow() {
    let shop = Shop::with_settings(&["same_order_hours=0"]);
    // Each is six bytes in JSON, so 171 of these are too much.
    let controls = "\u{1}".repeat(65_536);
    shop.write(move |tx, account| {
        let product = Listing {
            id: GoodId(9),
            good_name: "long".into(),
            good_title: controls.clone(),
            good_sum: Money::ZERO,
        };
        products::add_missing(tx, account, &product)?;
        let mut texts = Texts::default();
        texts.set(TextField::Comment, &controls);
        let line = Line {
            good_id: product.id,
            good_name: product.good_name,
            good_title: product.good_title,
            sum: Money::ZERO,
            price: Money::ZERO,
            pincode: String::new(),
            partner_fee: Money::ZERO,
            partner_pfee: Money::ZERO,
        };
        let order = |id| Order {
            id: OrderId(id),
            email: Email::parse("anna@example.com").ok(),
            pay_status: PayStatus::Waiting,
            created: 1_580_504_400 + id,
            paid: 0,
            is_recurrent: false,
            handling: Handling::default(),
            texts: texts.clone(),
            lines: vec![line.clone()],
        };
        let orders: Vec<_> = (1..=171).map(order).collect();
        orders::add_all(tx, account, &orders.iter().collect::<Vec<_>>())
    });
    let day = [("begin_date", "01.02.2020"), ("end_date", "01.02.2020")];
    for (method, form) in
        [("GetOrders", &[][..]), ("getOrdersWithGoods", &day), ("GetBills", &[("email", "anna@example.com")])]
    {
        let answer = shop.call(method, form);
        assert_eq!((answer.status, answer.code()), (200, 3), "{method}");
        assert_eq!(answer.json()["result"], json!([]), "{method}");
        assert_eq!(
            page(&shop, method, &[form, &[("limit", "2")]].concat()),
            (vec![1, 2], Some(2), Some(171)),
            "{method}"
        );
    }
    let log = shop.server().log();
    assert!(log.contains("an answer would be longer than 64 MiB") && !log.contains("fault"), "{log}");
}

/// `billhook call` sends both parameters, and prints the headers on standard error.
#[test]
fn call_tells_of_pages() {
    let shop = Shop::with_goods();
    let url = format!("http://{}", shop.server().http());
    let told = |more: &[&str]| {
        let call =
            ["call", "GetAllGoods", "--url", &url, "--login", crate::shop::LOGIN, "--key", crate::shop::KEY];
        let output = crate::program::run(shop.server().place(), &[&call, more].concat());
        assert_eq!(output.status, Some(0), "{output:?}");
        output.stderr
    };
    assert_eq!(told(&["limit=2"]), "billhook: 3 in all; more with after=2\n");
    assert_eq!(told(&["limit=2", "after=2"]), "billhook: 3 in all; no more follow\n");
    assert_eq!(told(&[]), "");
}

//! The page behind an order's link: what it shows, and to whom (decision 81).

use crate::{
    program::{Answer, succeed},
    shop::{LOGIN, Shop},
};

/// Reads a path under a host of the account, in a browser's language.
fn get(shop: &Shop, path: &str, language: &str) -> Answer {
    ask(shop, "GET", path, &format!("{LOGIN}.localhost"), language)
}

fn ask(shop: &Shop, verb: &str, path: &str, host: &str, language: &str) -> Answer {
    let head = format!("Host: {host}\r\nAccept-Language: {language}\r\n");
    shop.server().send(&format!("{verb} {path} HTTP/1.1"), &head, b"")
}

/// The link of an order, which has no domain.
fn link(shop: &Shop, id: i64) -> String {
    shop.details(id)["link"].as_str().unwrap().to_owned()
}

#[test]
fn a_customer_sees_the_order_and_how_to_pay() {
    let shop = Shop::with_goods();
    let text = "<b>#PRODUCT#</b> costs #PRICE#.#IMAGE##USD#<script>alert(1)</script>";
    shop.result(
        "UpdateGood",
        &[("good_name", "course"), ("good_pay_text", text), ("good_title", "A & <B> 'C'")],
    );
    let id = shop.order("anna@example.com", "course", &[("goods[0][good_sum]", "1500")]);
    let link = link(&shop, id);

    let page = get(&shop, &link, "ru");
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    // The seller's text is shown unchanged, and scripts in it do not run.
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
    // Nor does the text navigate away without a click. The button and the link to the payment work.
    let sandbox = "sandbox allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation";
    assert!(policy.ends_with(sandbox), "{policy}");
    for part in [
        &format!("Заказ {id}"),
        "1\u{a0}500\u{a0}₽",
        "Ожидает оплаты",
        "<b>A &amp; &lt;B&gt; &#39;C&#39;</b> costs 1500.00.",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(get(&shop, &link, "en-US").body.contains("Waiting for payment"));
    assert!(!page.body.contains("anna@example.com"), "who forwards the link forwards no address");

    succeed(shop.server().place(), &["order", "pay", &id.to_string(), "500", "--account", LOGIN]);
    let page = get(&shop, &link, "en").body;
    assert!(page.contains("Left to pay") && page.contains("1,000\u{a0}₽"), "{page}");
    shop.result(
        "UpdateOrderStatus",
        &[("bill_id", &id.to_string()), ("status", "paid"), ("date", "1700000000")],
    );
    let page = get(&shop, &link, "en").body;
    assert!(page.contains("Paid") && !page.contains("Left to pay") && !page.contains("costs"), "{page}");
}

/// A seller's texts can't make the page too large: it shows those of twenty products, and no long one.
#[test]
fn the_page_is_bounded() {
    let shop = Shop::with_goods();
    let mut goods = Vec::new();
    for number in 0..25 {
        let name = format!("g{number}");
        shop.add_good(
            &name,
            "0",
            &format!("Good {number}"),
            "1.00",
            &[("good_pay_text", &format!("pay {name}."))],
        );
        goods.push((format!("goods[{number}][good_name]"), name));
    }
    let goods: Vec<_> = goods.iter().map(|(field, name)| (field.as_str(), name.as_str())).collect();
    let page = get(&shop, &link(&shop, shop.order("anna@example.com", "g0", &goods)), "en").body;
    assert!(page.contains("pay g19.") && !page.contains("pay g20."), "{page}");

    let (title, text) = ("T".repeat(255), "#PRODUCT#".repeat(1100));
    shop.result("UpdateGood", &[("good_name", "course"), ("good_pay_text", &text), ("good_title", &title)]);
    let page = get(&shop, &link(&shop, shop.order("boris@example.com", "course", &[])), "en").body;
    assert!(page.len() < 64 * 1024, "{}", page.len());
    assert!(page.contains(&title));
}

#[test]
fn nobody_sees_an_order_without_its_link() {
    let shop = Shop::with_goods();
    let id = shop.order("anna@example.com", "course", &[]);
    let other = shop.order("boris@example.com", "course", &[]);
    let link = link(&shop, id);
    succeed(shop.server().place(), &["account", "add", "another"]);

    let token = link.rsplit_once('/').unwrap().1;
    for path in [
        format!("/bill/{other}/{token}"),
        format!("/bill/{id}/{}", "0".repeat(32)),
        format!("/bill/999/{token}"),
    ] {
        let page = get(&shop, &path, "en");
        assert_eq!((page.status, page.body.contains("There is no such order.")), (404, true), "{path}");
    }
    // A wrong link gets the answer for an unknown path.
    assert_eq!(get(&shop, &format!("/bill/{id}"), "en").status, 404);
    assert_eq!(ask(&shop, "POST", &link, "shop.localhost", "en").status, 405);
    for host in ["another.localhost", "nobody.localhost"] {
        assert_eq!(ask(&shop, "GET", &link, host, "en").status, 404, "{host}");
    }
    assert_eq!(get(&shop, &link, "en").status, 200);
    shop.result("DeleteOrder", &[("bill_id", &id.to_string())]);
    assert_eq!(get(&shop, &link, "en").status, 404);
}

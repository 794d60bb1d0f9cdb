//! Real PHP's forms about orders and products, and its view of the answers.

use std::process::Command;

use expect_test::expect;
use serde_json::{Value, json};

use crate::shop::{KEY, LOGIN, Shop};

/// What PHP prints about a call: code, text, and the result in the form of `var_export`.
#[track_caller]
pub(crate) fn php(shop: &Shop, method: &str, how: &str, form: &Value) -> String {
    let url = format!("http://{LOGIN}.localhost:{}/api/{method}", shop.server().http().port());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/call.php");
    let mut php = Command::new("php");
    php.args([script, &url, LOGIN, KEY, how, &form.to_string()]);
    for name in ["http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        php.env_remove(name);
    }
    let output = php.output().expect("php runs: apt-get install php-cli php-curl");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The number of a new order in PHP's output.
#[track_caller]
fn made(printed: &str) -> i64 {
    let number =
        printed.strip_prefix("0 OK\narray (\n  'bill_id' => ").and_then(|rest| rest.strip_suffix(",\n)"));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{printed}"))
}

#[test]
fn create_order_in_both_editions_spellings() {
    let shop = Shop::with_goods();
    shop.add_coupon("half", 50);
    let russian = json!({
        "goods": [{"good_name": "course", "good_sum": 1500}, {"good_name": "book"}],
        "bill_first_name": "Анна", "bill_surname": "О'Нил \"~*(!", "bill_otchestvo": "И.",
        "bill_email": "anna+1@example.com", "bill_country": "Россия", "bill_city": "Москва", "bill_address": "Мира, 1\nкв. 2",
        "bill_kupon": "half", "bill_timer_kill": false, "bill_tag": null, "bill_comment": "",
        "utm": {"utm_medium": "cpc", "utm_source": "a&b=c", "aff_term": "x"},
    });
    let order = shop.details(made(&php(&shop, "CreateOrder", "hash", &russian)));
    for (field, value) in [
        ("last_name", "О'Нил \"~*(!"),
        ("middle_name", "И."),
        ("email", "anna+1@example.com"),
        ("address", "Мира, 1\nкв. 2"),
        ("kupon", "half"),
        ("price", "1750.25"),
    ] {
        assert_eq!(order[field], value, "{field}");
    }
    assert_eq!((&order["utm"]["medium"], &order["utm"]["source"]), (&json!("cpc"), &json!("a&b=c")));
    let repeat = php(&shop, "CreateOrder", "hash", &russian);
    assert_eq!(
        repeat,
        "601 Order already exist. His number send in result array.\narray (\n  'bill_id' => 1,\n)"
    );

    // Keys with gaps, and brackets as part of a literal key.
    let english = json!({
        "goods": {"3": {"good_name": "course"}, "7": {"good_name": "guide", "good_sum": "10.5"}},
        "bill_email": "john@example.com", "bill_middle_name": "M", "bill_coupon": "half", "bill_timer_kill": true,
        "utm[utm_campaign]": "spring",
    });
    let order = shop.details(made(&php(&shop, "CreateOrder", "hash", &english)));
    assert_eq!(
        (&order["middle_name"], &order["coupon"], &order["price"]),
        (&json!("M"), &json!("half"), &json!("510.50"))
    );
    assert_eq!(order["utm"]["campaign"], "spring");
    let missing = json!({"goods": [{"good_name": "nothing"}], "bill_email": "a@b"});
    expect![[r"
        604 Product not exist
        array (
          'good_name' => 'nothing',
        )"]]
    .assert_eq(&php(&shop, "CreateOrder", "hash", &missing));
    let none = json!({"goods": [], "bill_email": "a@b"});
    assert_eq!(php(&shop, "CreateOrder", "hash", &none), "603 Missing products\narray (\n)");
}

#[test]
fn createorder_urlencoded_and_as_multipart() {
    let shop = Shop::with_goods();
    let form = json!({
        "product_names": "course, guide", "product_prices": ",10.50", "customer_email": "anna@example.com",
        "customer_first_name": "Анна", "customer_shipping_country_code": "RU", "note": "two\r\nlines & more",
        "order_status": "Paid", "order_created_at": "30.01.2020 04:22:16", "order_confirmed": "Сonfirmed",
        "utm_medium": "cpc", "order_tag": "",
    });
    let orders: Vec<_> = ["key", "multipart"]
        .map(|how| {
            let mut order = shop.details(made(&php(&shop, "createorder", how, &form)));
            order.as_object_mut().unwrap().retain(|field, _| field != "id" && field != "link");
            order
        })
        .into();
    assert_eq!(orders[0], orders[1]);
    let seen = ["first_name", "country", "price", "pay_status", "created"]
        .map(|field| orders[1][field].as_str().unwrap());
    assert_eq!(seen, ["Анна", "Russian Federation", "1010.50", "paid", "1580347336"]);
    assert_eq!(orders[1]["utm"]["medium"], "cpc");
    assert_eq!(
        php(&shop, "createorder", "multipart", &json!({"note": "x"})),
        "603 Missing products\narray (\n)"
    );
    // A list works in a query, but not in cURL's array.
    let lists = json!({"product_names": ["course", "guide", "course"], "product_prices": [null, "", 7]});
    let order = shop.details(made(&php(&shop, "createorder", "key", &lists)));
    assert_eq!(order["price"], "1340.33");
}

/// A shop with one product and one paid order, both made by PHP.
fn shop_of_php() -> Shop {
    let shop = Shop::empty();
    let good = json!({
        "good_name": "course", "good_type": "digital", "good_title": "Курс", "good_sum": 1000.5, "good_publish": true,
        "good_client_mailings": "a, b", "good_partner_fee_perc": 10,
    });
    expect![[r"
        0 OK
        array (
          'good_id' => 1,
        )"]]
    .assert_eq(&php(&shop, "AddGood", "hash", &good));
    shop.add_partner("bob", 0);
    let form = json!({
        "goods": [{"good_name": "course"}], "bill_email": "a@b", "bill_created": 1_362_250_000, "bill_aff": 1,
    });
    made(&php(&shop, "CreateOrder", "hash", &form));
    let paid = json!({"bill_id": 1, "status": "paid", "date": 1_362_254_400});
    expect![[r"
        0 Order status changed
        array (
        )"]]
    .assert_eq(&php(&shop, "UpdateOrderStatus", "hash", &paid));
    shop
}

/// The types that PHP's JSON decoder sees: texts, numbers, lists.
#[test]
fn what_php_makes_of_an_order() {
    let shop = shop_of_php();
    let details = php(&shop, "getOrderDetails", "hash", &json!({"bill_id": "1", "good_info": true}));
    let (before, token) = details.split_once("/bill/1/").unwrap();
    expect![[r"
        0 OK
        array (
          'id' => '1',
          'first_name' => '',
          'last_name' => '',
          'middle_name' => '',
          'email' => 'a@b',
          'phone' => '',
          'city' => '',
          'country' => '',
          'address' => '',
          'region' => '',
          'postalcode' => '',
          'created' => '1362250000',
          'pay_status' => 'paid',
          'paid' => '1362254400',
          'type' => '',
          'payway' => '',
          'comment' => '',
          'domain' => '',
          'link' => '/bill/1/TOKEN',
          'good_count' => 1,
          'price' => '1000.50',
          'bill_sum_topay' => '0.00',
          'tag' => '',
          'kupon' => '',
          'coupon' => '',
          'utm' => 
          array (
            'medium' => '',
            'source' => '',
            'campaign' => '',
            'content' => '',
            'term' => '',
          ),
          'items' => 
          array (
            0 => 
            array (
              'id' => 'course',
              'title' => 'Курс',
              'sum' => '1000.50',
              'price' => '1000.50',
              'pincode' => '',
              'partners' => 
              array (
                0 => 
                array (
                  'partner_lvl' => 1,
                  'partner_id' => '1',
                  'partner_name' => 'bob',
                  'partner_fee' => '100.05',
                ),
              ),
            ),
          ),
          'good_ids' => 
          array (
            0 => '1',
          ),
          'prepayment_enabled' => 0,
          'prepayment_minsum' => '0.00',
        )"]]
    .assert_eq(&format!("{before}/bill/1/TOKEN{}", &token[32..]));
}

#[test]
fn what_php_makes_of_lists() {
    let shop = shop_of_php();
    expect![[r"
        0 OK
        array (
          0 => 
          array (
            'good_id' => '1',
            'good_name' => 'course',
            'good_title' => 'Курс',
            'good_sum' => '1000.50',
            'good_type' => '0',
          ),
        )"]]
    .assert_eq(&php(&shop, "GetAllGoods", "hash", &json!({})));
    expect![[r"
        0 OK
        array (
          0 => 
          array (
            'id' => 1,
            'good_name' => 'course',
            'good_title' => 'Курс',
          ),
        )"]]
    .assert_eq(&php(&shop, "getgoods", "key", &json!({})));
    let listed = php(
        &shop,
        "getOrdersWithGoods",
        "hash",
        &json!({"begin_date": "02.03.2013", "end_date": "03.03.2013", "paid": "true", "goods": [1, "course"]}),
    );
    assert!(listed.starts_with("0 OK\narray (\n  0 => \n  array (\n    'id' => '1',\n"), "{listed}");
    assert!(listed.contains("'is_recurrent' => false,"), "{listed}");
    expect![[r"
        0 OK
        array (
          1 => 
          array (
            1 => 
            array (
              'good_name' => 'course',
              'good_title' => 'Курс',
            ),
          ),
        )"]]
    .assert_eq(&php(&shop, "GetBills", "hash", &json!({"email": "a@b"})));
    expect![[r"
        0 Order deleted
        array (
        )"]]
    .assert_eq(&php(&shop, "DeleteOrder", "hash", &json!({"bill_id": 1})));
    assert_eq!(php(&shop, "GetOrders", "hash", &json!({"paid": false})), "0 OK\narray (\n)");
}

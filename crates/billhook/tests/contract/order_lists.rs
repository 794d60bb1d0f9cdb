//! GetOrders and getOrdersWithGoods: which orders they list (sections 4.6 and 4.7, decisions 24 and 25).

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::shop::{Shop, now};

#[track_caller]
fn listed(shop: &Shop, method: &str, form: &[(&str, &str)]) -> Vec<i64> {
    let result = shop.result(method, form);
    let orders = result.as_array().unwrap_or_else(|| panic!("no list: {result}"));
    orders.iter().map(|order| order["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn at(text: &str) -> String {
    text.parse::<Timestamp>().unwrap().as_second().to_string()
}

/// Orders 1 to 6. Order 4 is the oldest, and has the highest number of the paid ones.
fn shop_with_orders() -> Shop {
    let shop = Shop::with_goods();
    for (email, goods, created, paid) in [
        ("a@b", "course", "01.02.2020 00:00:00", None),
        ("c@d", "guide", "01.02.2020 23:59:59", Some("03.03.2020 00:00:00")),
        ("e@f", "course,guide", "02.02.2020 00:00:00", Some("02.02.2020 12:00:00")),
        ("g@h", "guide", "31.12.2019 12:00:00", Some("01.02.2020 12:00:00")),
        ("i@j", "course", "02.03.2020 23:59:59", None),
        ("k@l", "book", "03.03.2020 00:00:00", None),
    ] {
        let mut form =
            vec![("product_names", goods), ("customer_email", email), ("order_created_at", created)];
        if let Some(paid) = paid {
            form.extend([("order_status", "Paid"), ("order_paid_at", paid)]);
        }
        shop.keyed_order(&form);
    }
    shop
}

#[test]
fn days_are_the_accounts_and_both_ends_count() {
    let shop = shop_with_orders();
    let days = |begin: &str, end: &str| {
        listed(&shop, "getOrdersWithGoods", &[("begin_date", begin), ("end_date", end)])
    };
    assert_eq!(days("01.02.2020", "01.02.2020"), [1, 2]);
    assert_eq!(days("1.2.2020", "2.2.2020"), [1, 2, 3]);
    assert_eq!(days("31.01.2020", "31.01.2020"), [] as [i64; 0]);
    assert_eq!(days("", "01.02.2020"), [1, 2]);
    // 31 days, both ends included. A longer range loses its beginning.
    assert_eq!(days("01.02.2020", "03.03.2020"), [1, 2, 3, 5, 6]);
    assert_eq!(days("01.01.1970", "03.03.2020"), [1, 2, 3, 5, 6]);
    assert_eq!(days("01.01.2019", "04.03.2020"), [3, 5, 6]);
    assert_eq!(days("01.12.2019", "31.12.2019"), [4]);
    assert_eq!(days("01.01.2020", ""), [] as [i64; 0]);

    for wrong in [
        &[("begin_date", "02.02.2020"), ("end_date", "01.02.2020")][..],
        &[("begin_date", "2020-02-01")],
        &[("begin_date", "30.02.2020")],
        &[("begin_date", "01.02.20")],
        &[("end_date", "yesterday")],
        &[("begin_date[]", "01.02.2020")],
        &[("begin_date", "31.12.9999")],
        &[("paid", "2")],
        &[("goods[][]", "1")],
    ] {
        assert_eq!(shop.code("getOrdersWithGoods", wrong), 3, "{wrong:?}");
    }
    assert_eq!(days("", "31.12.9999"), [] as [i64; 0]);
}

#[test]
fn without_dates_it_is_the_current_day() {
    let shop = Shop::with_goods();
    let zone = TimeZone::get("Europe/Moscow").unwrap();
    let today = Timestamp::now().to_zoned_datetime(zone).start_of_day().unwrap();
    let midnight = today.timestamp().as_second();
    let day = |days: i64| today.date().saturating_add(days.days()).strftime("%d.%m.%Y").to_string();
    let order =
        |email: &str, created: i64| shop.order(email, "course", &[("bill_created", &created.to_string())]);
    order("a@b", midnight - 1);
    order("c@d", midnight);
    shop.order("e@f", "course", &[]);
    order("g@h", now() + 3600);
    let form = [("begin_date", &*day(-1))];
    assert_eq!(listed(&shop, "getOrdersWithGoods", &[]), [2, 3]);
    assert_eq!(listed(&shop, "getOrdersWithGoods", &form), [1, 2, 3]);
    assert_eq!(listed(&shop, "getOrdersWithGoods", &[("begin_date", &day(0))]), [2, 3]);
    assert_eq!(shop.code("getOrdersWithGoods", &[("begin_date", &day(1))]), 3);
    // An end date includes its last second, and so an order dated later today.
    let to_come = listed(&shop, "getOrdersWithGoods", &[("begin_date", &day(0)), ("end_date", &day(1))]);
    assert_eq!(to_come, [2, 3, 4]);
}

#[test]
fn days_follow_the_accounts_zone() {
    let shop = Shop::with_settings(&["time_zone=Asia/Tokyo"]);
    shop.order("a@b", "course", &[("bill_created", &at("2020-01-31T23:59:59+09:00"))]);
    shop.order("c@d", "course", &[("bill_created", &at("2020-02-01T00:00:00+09:00"))]);
    shop.keyed_order(&[("product_names", "course"), ("order_created_at", "2020-02-01 23:59:59")]);
    let day = [("begin_date", "01.02.2020"), ("end_date", "01.02.2020")];
    assert_eq!(listed(&shop, "getOrdersWithGoods", &day), [2, 3]);
    assert_eq!(shop.details(3)["created"], at("2020-02-01T23:59:59+09:00"));
}

#[test]
fn paid_is_of_payments() {
    let shop = shop_with_orders();
    let days = |begin: &str, end: &str, paid: &str| {
        listed(&shop, "getOrdersWithGoods", &[("begin_date", begin), ("end_date", end), ("paid", paid)])
    };
    for paid in ["1", "true", "On", "YES"] {
        assert_eq!(days("01.02.2020", "02.02.2020", paid), [3, 4], "{paid}");
    }
    for no_filter in ["0", "false", ""] {
        assert_eq!(days("01.02.2020", "02.02.2020", no_filter), [1, 2, 3], "{no_filter}");
    }
    assert_eq!(days("03.03.2020", "03.03.2020", "1"), [2]);
    let paid = |more: &[(&str, &str)]| listed(&shop, "GetOrders", &[&[("paid", "true")], more].concat());
    assert_eq!(paid(&[]), [2, 3, 4]);
    assert_eq!(paid(&[("date_e", &at("2020-02-02T12:00:00+03:00"))]), [3, 4]);
    assert_eq!(paid(&[("date_s", &at("2020-02-02T12:00:01+03:00"))]), [2]);
    // An order that was cancelled after payment does not count as paid.
    shop.result("UpdateOrderStatus", &[("bill_id", "3"), ("status", "cancel")]);
    assert_eq!(paid(&[]), [2, 4]);
}

#[test]
fn goods_are_named_by_number_or_by_name_as_a_list_or_with_commas() {
    let shop = shop_with_orders();
    for method in ["GetOrders", "getOrdersWithGoods"] {
        let find = |goods: &[(&str, &str)]| {
            let window = [("begin_date", "01.02.2020"), ("end_date", "03.03.2020"), ("date_s", "1580504400")];
            listed(&shop, method, &[goods, &window].concat())
        };
        for goods in [
            &[("goods", "1")][..],
            &[("goods", "course")],
            &[("goods", " course , 77")],
            &[("goods[0]", "1")],
            &[("goods[]", "nothing"), ("goods[]", "course")],
            &[("goods[]", ""), ("goods[]", "1")],
        ] {
            assert_eq!(find(goods), [1, 3, 5], "{method} {goods:?}");
        }
        for goods in
            [&[("goods", "1,book")][..], &[("goods[]", "3"), ("goods[]", "course")], &[("goods[]", "3,1")]]
        {
            assert_eq!(find(goods), [1, 3, 5, 6], "{method} {goods:?}");
        }
        for all in [&[][..], &[("goods", "")], &[("goods", " , ")], &[("goods[]", "")]] {
            assert_eq!(find(all), [1, 2, 3, 5, 6], "{method} {all:?}");
        }
        assert_eq!(find(&[("goods", "77")]), [] as [i64; 0]);
        // PHP lists have gaps in their keys if elements were removed.
        assert_eq!(find(&[("goods[1]", "1"), ("goods[4]", "book")]), [1, 3, 5, 6], "{method}");
    }
}

#[test]
fn get_orders_lists_all_unless_it_is_told_less() {
    let shop = shop_with_orders();
    let orders = |form: &[(&str, &str)]| listed(&shop, "GetOrders", form);
    assert_eq!(orders(&[]), [1, 2, 3, 4, 5, 6]);
    let (begin, end) = (at("2020-02-01T00:00:00+03:00"), at("2020-02-02T00:00:00+03:00"));
    assert_eq!(orders(&[("date_s", &begin), ("date_e", &end)]), [1, 2, 3]);
    assert_eq!(orders(&[("date_e", &begin)]), [1, 4]);
    assert_eq!(orders(&[("date_s", &end)]), [3, 5, 6]);
    for wrong in [
        &[("date_s", &*end), ("date_e", &*begin)][..],
        &[("date_s", "01.02.2020")],
        &[("date_e", "-1")],
        &[("date_e[]", "1")],
        &[("paid", "maybe")],
    ] {
        assert_eq!(shop.code("GetOrders", wrong), 3, "{wrong:?}");
    }
    assert_eq!(listed(&Shop::empty(), "GetOrders", &[]), [] as [i64; 0]);
}

#[test]
fn get_orders_can_be_capped_to_the_highest_numbers() {
    let shop = Shop::with_settings(&["getorders_max=2", "same_order_hours=0"]);
    for created in ["30", "10", "20", "40"] {
        shop.order("a@b", "course", &[("bill_created", created)]);
    }
    assert_eq!(listed(&shop, "GetOrders", &[]), [3, 4]);
    assert_eq!(listed(&shop, "GetOrders", &[("date_e", "30")]), [2, 3]);
    assert_eq!(listed(&shop, "GetOrders", &[("date_e", "10")]), [2]);
    let all = [("begin_date", "01.01.1970"), ("end_date", "01.01.1970")];
    assert_eq!(listed(&shop, "getOrdersWithGoods", &all), [1, 2, 3, 4], "the cap is GetOrders' own");
}

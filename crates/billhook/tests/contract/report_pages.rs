//! Reports: their numbers against a naive model, and each number against the list that it leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, date},
    tz::TimeZone,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, login_link},
    order_pages::numbers,
    program::{Billhook, succeed, write},
    shop::LOGIN,
};

/// In its autumn a day has 25 hours.
const ZONE: &str = "Europe/Berlin";
const FIRST: Date = date(2025, 9, 20);
const STATUSES: [&str; 5] = ["waiting", "waiting", "paid", "cancel", "return"];
const NAMES: [&str; 5] = ["", "", "vk", "VK", "<b>&\"Ё\""];

#[derive(Debug, Clone)]
struct Order {
    status: &'static str,
    created: i64,
    paid: i64,
    is_deleted: bool,
    /// Product, and kopecks.
    lines: Vec<(i64, i64)>,
    /// Kopecks, and time.
    payments: Vec<(i64, i64)>,
    channel: &'static str,
    coupon: &'static str,
    partners: [&'static str; 4],
}

/// Times of some weeks, also on the borders of days.
fn times() -> impl Strategy<Value = i64> {
    let seconds = prop_oneof![Just(0), Just(86_399), 0..86_400_i64];
    (0..70_i64, seconds).prop_map(|(day, second)| {
        let midnight = FIRST.saturating_add(day.days()).at(0, 0, 0, 0).to_zoned_datetime(zone()).unwrap();
        midnight.timestamp().as_second() + second
    })
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let name = || prop::sample::select(&NAMES[..]);
    let order = (
        (prop::sample::select(&STATUSES[..]), times(), times(), prop::bool::weighted(0.1)),
        prop::collection::vec((1..5_i64, 0..5_000_i64), 1..4),
        prop::collection::vec((-3_000..5_000_i64, times()), 0..3),
        (name(), name(), [name(), name(), name(), name()]),
    );
    let order = order.prop_map(
        |((status, created, paid, is_deleted), lines, payments, (channel, coupon, partners))| Order {
            status,
            created,
            paid,
            is_deleted,
            lines,
            payments,
            channel,
            coupon,
            partners,
        },
    );
    prop::collection::vec(order, 0..25)
}

fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap()
}

fn day(at: i64) -> Date {
    Timestamp::from_second(at).unwrap().to_zoned_datetime(zone()).date()
}

fn rubles(kopecks: i64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks.abs() % 100)
}

impl Order {
    fn line(&self, id: usize) -> Value {
        let items: Vec<_> = self.lines.iter().map(|(good, sum)| {
            json!({"id": good, "good_name": format!("g{good}"), "good_title": format!("G{good}"), "sum": rubles(*sum)})
        }).collect();
        let sum = |sum: i64| format!("{}{}", if sum < 0 { "-" } else { "" }, rubles(sum.abs()));
        let payments: Vec<_> = self
            .payments
            .iter()
            .map(|(kopecks, received)| json!({"sum": sum(*kopecks), "received": received}))
            .collect();
        let [aff, aff_name, paff, paff_name] = self.partners;
        let mut line = json!({
            "id": id, "email": "anna@example.com", "pay_status": self.status, "created": self.created, "items": items,
            "payments": payments, "utm_source": self.channel, "kupon": self.coupon, "aff": aff, "aff_name": aff_name,
            "paff": paff, "paff_name": paff_name,
        });
        if self.status == "paid" {
            line["paid"] = json!(self.paid);
        }
        if self.is_deleted {
            line["deleted"] = json!(1);
        }
        line
    }

    fn price(&self) -> i64 {
        self.lines.iter().map(|(_, sum)| sum).sum()
    }

    /// Its payments, and what a paid one's payments lack.
    fn money(&self) -> Vec<(i64, i64)> {
        let came: i64 = self.payments.iter().map(|(sum, _)| sum.max(&0)).sum();
        let lacks = (self.status == "paid" && self.price() > came).then(|| (self.price() - came, self.paid));
        self.payments.iter().copied().chain(lacks).collect()
    }
}

/// The numbers of some days, from a look at every order.
fn sums(orders: &[Order], (first, last): (Date, Date)) -> Value {
    let is_in = |at: i64| (first..=last).contains(&day(at));
    let there = orders.iter().filter(|order| !order.is_deleted);
    let money = there.clone().flat_map(Order::money).filter(|(_, at)| is_in(*at)).map(|(sum, _)| sum);
    let count = |is_meant: fn(&Order) -> bool| {
        there.clone().filter(|order| is_in(order.created) && is_meant(order)).count()
    };
    json!({
        "orders": count(|_| true),
        "waiting": count(|order| order.status == "waiting"),
        "prepaid": count(|order| order.status == "waiting" && order.payments.iter().map(|(sum, _)| sum).sum::<i64>() > 0),
        "paid": count(|order| order.status == "paid"),
        "income": rubles(money.clone().map(|sum| sum.max(0)).sum()),
        "refunds": rubles(-money.map(|sum| sum.min(0)).sum::<i64>()),
    })
}

/// Orders, paid ones and the sum of these by some names, of which letter case does not matter.
fn by(
    orders: &[Order],
    (first, last): (Date, Date),
    names: impl Fn(&Order) -> Vec<(String, i64)>,
) -> BTreeMap<String, (u64, u64, String)> {
    let mut groups: BTreeMap<String, (u64, u64, i64)> = BTreeMap::new();
    for order in
        orders.iter().filter(|order| !order.is_deleted && (first..=last).contains(&day(order.created)))
    {
        let ordered: Vec<_> = names(order).into_iter().filter(|(name, _)| !name.is_empty()).collect();
        for name in ordered.iter().map(|(name, _)| name.to_lowercase()).collect::<BTreeSet<_>>() {
            let group = groups.entry(name.clone()).or_default();
            group.0 += 1;
            if order.status == "paid" {
                group.1 += 1;
                group.2 += ordered
                    .iter()
                    .filter(|(other, _)| other.to_lowercase() == name)
                    .map(|(_, sum)| sum)
                    .sum::<i64>();
            }
        }
    }
    groups.into_iter().map(|(name, (orders, paid, sum))| (name, (orders, paid, rubles(sum)))).collect()
}

/// The same of a report.
fn told(groups: &Value) -> BTreeMap<String, (u64, u64, String)> {
    let group = |group: &Value| {
        let sum = group["sum"].as_str().unwrap().to_owned();
        let numbers = (group["orders"].as_u64().unwrap(), group["paid"].as_u64().unwrap(), sum);
        (group["name"].as_str().unwrap().to_lowercase(), numbers)
    };
    groups.as_array().unwrap().iter().map(group).collect()
}

fn partners(order: &Order) -> Vec<(String, i64)> {
    let [aff, aff_name, paff, paff_name] = order.partners;
    let mut names: Vec<String> = [(aff, aff_name), (paff, paff_name)]
        .map(|(number, name)| if name.is_empty() { number } else { name }.to_owned())
        .into();
    if names[0].to_lowercase() == names[1].to_lowercase() {
        names.pop();
    }
    names.into_iter().map(|name| (name, order.price())).collect()
}

/// The steps of some days: those that fall into the same week or month, one after the other.
fn steps((first, last): (Date, Date), step: &str) -> Vec<(Date, Date)> {
    let mut steps: Vec<(Date, Date)> = Vec::new();
    let mut at = first;
    while at <= last {
        let is_new = match step {
            "day" => true,
            "week" => at.weekday() == jiff::civil::Weekday::Monday,
            _ => at.day() == 1,
        };
        match steps.last_mut() {
            Some((_, end)) if !is_new => *end = at,
            _ => steps.push((at, at)),
        }
        at = at.tomorrow().unwrap();
    }
    steps
}

fn import(shop: &Billhook, login: &str, orders: &[Order]) {
    shop.run(&["account", "add", login]);
    shop.run(&["account", "set", login, &format!("time_zone={ZONE}")]);
    let lines: Vec<_> = orders.iter().enumerate().map(|(at, order)| order.line(at + 1).to_string()).collect();
    let file = write(shop.place(), &format!("{login}.jsonl"), &lines.join("\n"));
    succeed(shop.place(), &["import", "--account", login, file.to_str().unwrap()]);
}

fn report(shop: &Billhook, login: &str, (first, last): (Date, Date), step: &str) -> Value {
    let (first, last) = (first.to_string(), last.to_string());
    let report =
        shop.run(&["report", "--account", login, "--from", &first, "--until", &last, "--by", step, "--json"]);
    serde_json::from_str(&report).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_report_is_what_a_naive_model_says(
        orders in orders(), others in orders(), from in 0..60_i64, days in 1..50_i64, step in 0..3_usize,
    ) {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
        thread_local! {
            static SHOP: Billhook = Billhook::start(&[]);
        }
        SHOP.with(|shop| {
            let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
            let (login, other) = (format!("report{number}"), format!("other{number}"));
            import(shop, &login, &orders);
            import(shop, &other, &others);
            let step = ["day", "week", "month"][step];
            let first = FIRST.saturating_add(from.days());
            let last = first.saturating_add((days - 1).days());
            // Whole months have another period before them.
            let days = if first.day() == 1 && last == last.last_of_month() { days + 1 } else { days };
            let period = (first, first.saturating_add((days - 1).days()));
            let before = |date: Date| date.saturating_sub(days.days());
            let earlier = (before(period.0), before(period.1));
            let told_of = report(shop, &login, period, step);
            let part = |days: (Date, Date), earlier: Value| json!({
                "from": days.0.to_string(), "until": days.1.to_string(), "sums": sums(&orders, days), "earlier": earlier,
            });
            prop_assert_eq!(&told_of["total"], &part(period, part(earlier, Value::Null)));
            let expected: Vec<_> = steps(period, step)
                .into_iter()
                .map(|days| part(days, sums(&orders, (before(days.0), before(days.1)))))
                .collect();
            prop_assert_eq!(&told_of["steps"], &json!(expected));
            let named = |name: &'static str, order: &Order| vec![(name.to_owned(), order.price())];
            prop_assert_eq!(told(&told_of["channels"]), by(&orders, period, |order| named(order.channel, order)));
            prop_assert_eq!(told(&told_of["coupons"]), by(&orders, period, |order| named(order.coupon, order)));
            prop_assert_eq!(told(&told_of["partners"]), by(&orders, period, partners));
            let goods = |order: &Order| order.lines.iter().map(|(good, sum)| (format!("G{good}"), *sum)).collect();
            prop_assert_eq!(told(&told_of["products"]), by(&orders, period, goods));
            Ok(())
        })?;
    }
}

/// Orders that differ in what a report tells apart; the last number is the day in November 2025.
fn made() -> Vec<Order> {
    let at = |day: i8| {
        date(2025, 11, day).at(12, 0, 0, 0).to_zoned_datetime(zone()).unwrap().timestamp().as_second()
    };
    let order = |status, created, payments: &[(i64, i8)], channel| Order {
        status,
        created: at(created),
        paid: at(created + 1),
        is_deleted: false,
        lines: vec![(1, 1_000), (2, 500)],
        payments: payments.iter().map(|(sum, day)| (*sum, at(*day))).collect(),
        channel,
        coupon: "SPRING",
        partners: ["", "ivan", "7", ""],
    };
    vec![
        order("waiting", 3, &[], "vk"),
        order("waiting", 3, &[(700, 4)], "VK"),
        order("paid", 4, &[], "site & co"),
        order("paid", 4, &[(1_500, 5), (-400, 7)], ""),
        order("return", 5, &[(1_500, 5), (-1_500, 8)], "vk"),
        order("cancel", 9, &[], "vk"),
        Order { is_deleted: true, ..order("paid", 4, &[(1_500, 5)], "vk") },
        order("paid", 20, &[(100, 20)], "vk"),
    ]
}

/// The links of a page to orders, each with its text.
fn links(page: &str) -> Vec<(String, String)> {
    let links = page.split("<a href=\"/cabinet/orders?").skip(1).map(|link| {
        let (href, rest) = link.split_once("\">").unwrap();
        (href.replace("&amp;", "&"), rest.split_once("</a>").unwrap().0.to_owned())
    });
    links.filter(|(_, text)| !text.contains('<')).collect()
}

#[test]
fn each_number_leads_to_its_orders() {
    let shop = Billhook::start(&[]);
    import(&shop, LOGIN, &made());
    shop.run(&["account", "add", "stranger"]);
    let reader = Browser::of_reader(&shop);
    let query = "?from=2025-11-01&to=2025-11-10";
    let page = reader.page(&format!("/cabinet{query}"));
    assert!(page.contains("site &amp; co") && page.contains("aria-current=\"page\""), "{page}");
    let links = links(&page);
    let (mut counts, mut sums) = (0, 0);
    for (href, text) in &links {
        let found = numbers(&reader.page(&format!("/cabinet/orders?{href}")));
        if let Ok(count) = text.parse::<usize>() {
            assert_eq!(found.len(), count, "{href}: {text}");
            counts += 1;
        } else {
            sums += 1;
        }
    }
    assert!(counts > 40 && sums > 10, "{counts} {sums}: {links:?}");
    for (href, expected) in [
        ("by=income&from=2025-11-01&to=2025-11-10", &[2, 3, 4, 5][..]),
        ("by=income&from=2025-11-04&to=2025-11-04", &[2]),
        ("by=income&from=2025-11-05&to=2025-11-05", &[3, 4, 5]),
        ("by=refunds&from=2025-11-01&to=2025-11-10", &[4, 5]),
        ("by=refunds&from=2025-11-08&to=2025-11-08", &[5]),
        ("by=income&from=2025-11-05&to=2025-11-05&status=paid&product=1", &[3, 4]),
        ("from=2025-11-01&to=2025-11-10&status=prepaid", &[2]),
        ("from=2025-11-01&to=2025-11-10&channel=site+%26+co", &[3]),
        ("from=2025-11-01&to=2025-11-10&channel=Vk", &[1, 2, 5, 6]),
    ] {
        assert_eq!(numbers(&reader.page(&format!("/cabinet/orders?{href}"))), expected, "{href}");
    }

    // The same numbers on the command line, and nothing of them in another account.
    let told = &report(&shop, LOGIN, (date(2025, 11, 1), date(2025, 11, 10)), "week")["total"]["sums"];
    assert_eq!(
        (&told["orders"], &told["income"], &told["refunds"]),
        (&json!(6), &json!("52.00"), &json!("19.00"))
    );
    assert!(page.contains(">52\u{a0}₽</a>") && page.contains(">19\u{a0}₽</a>"), "{page}");
    let stranger = Browser::by_link(&shop, "stranger.localhost", &login_link(&shop, "stranger", &[]));
    let page = stranger.page(&format!("/cabinet{query}"));
    assert!(self::links(&page).iter().all(|(_, text)| text == "0" || text == "0\u{a0}₽"), "{page}");
}

#[test]
fn a_whole_month_stands_beside_the_month_before() {
    let shop = Billhook::start(&[]);
    import(&shop, LOGIN, &made());
    let told = report(&shop, LOGIN, (date(2025, 12, 1), date(2025, 12, 31)), "day");
    let earlier = &told["total"]["earlier"];
    assert_eq!([&earlier["from"], &earlier["until"]], ["2025-11-01", "2025-11-30"]);
    assert_eq!(earlier["sums"], sums(&made(), (date(2025, 11, 1), date(2025, 11, 30))));
    let of_day = |day: usize| told["steps"][day - 1]["earlier"]["orders"].as_u64().unwrap();
    assert_eq!([of_day(3), of_day(20), of_day(30), of_day(31)], [2, 1, 0, 0]);
    // A longer month before ends with the last day.
    let told = report(&shop, LOGIN, (date(2025, 2, 1), date(2025, 2, 28)), "month");
    assert_eq!(told["total"]["earlier"]["until"], "2025-01-31");
    // A year has the year before, whatever the length of either.
    let told = report(&shop, LOGIN, (date(2024, 1, 1), date(2024, 12, 31)), "month");
    assert_eq!(told["total"]["earlier"]["from"], "2023-01-01");
}

#[test]
fn what_no_report_is_of_is_told() {
    let shop = Billhook::start(&[]);
    import(&shop, LOGIN, &made());
    let reader = Browser::of_reader(&shop);
    for (query, is_told, bars) in [
        ("", false, Some(30)),
        ("?from=2025-01-01&to=2025-01-31", false, Some(31)),
        ("?from=2025-01-01&to=2025-12-31", false, Some(53)),
        ("?from=2020-01-01&to=2025-12-31", false, Some(72)),
        ("?from=2025-01-01&to=2025-12-31&by=month", false, Some(12)),
        ("?from=2025-02-01&to=2025-01-01", true, Some(30)),
        ("?from=2020-01-01&to=2025-12-31&by=day", true, Some(30)),
        ("?from=0001-01-01&to=9999-12-31", true, Some(30)),
        ("?from=%22%3E%3Cb%3E&to=x", true, Some(30)),
    ] {
        let page = reader.page(&format!("/cabinet{query}"));
        assert_eq!(page.contains("role=\"alert\""), is_told, "{query}");
        assert!(!page.contains("\"><b>"), "{query}");
        // Of two charts.
        assert_eq!(Some(page.matches("class=\"own\"").count() / 2), bars, "{query}");
    }
}

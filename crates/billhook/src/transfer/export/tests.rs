//! Exports: the exact bytes, and that an import of them makes the same account.

use std::{fs, os::unix::fs::PermissionsExt as _};

use billhook_store::{
    orders::{Handling, Line, Parcel, TextField, Texts},
    products::{Fee, Listing, ProductText, Timer},
};
use billhook_wire::{
    Email, Money, OrderId, PayStatus, Percent,
    method::{GoodType, TimerUnit},
};
use expect_test::{Expect, expect};
use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::transfer::import::tests::{Fixture, product};

fn asked(shop: &Fixture, format: Format) -> Asked<'_> {
    Asked { store: &shop.store, account: &shop.account, format, settings: false, contacts: false }
}

fn exported(shop: &Fixture, format: Format) -> String {
    let mut out = Vec::new();
    asked(shop, format).export(&mut out, |_| {}).unwrap();
    String::from_utf8(out).unwrap()
}

/// Adds products and orders, and sets each order's `received` to the sum of its payments.
fn add(shop: &Fixture, goods: Vec<Product>, mut orders: Vec<Paid>) {
    let account = shop.account.id;
    for (order, payments) in &mut orders {
        order.handling.received = payments.iter().map(|payment| payment.sum).sum();
    }
    shop.store
        .write(move |tx| {
            goods.iter().try_for_each(|good| products::save(tx, account, good))?;
            orders.iter().try_for_each(|(order, _)| orders::add(tx, account, order))?;
            let paid: Vec<_> = orders.iter().map(|(order, payments)| (order.id, &payments[..])).collect();
            payments::add_all(tx, account, &paid)
        })
        .unwrap();
}

fn unpaid(orders: Vec<Order>) -> Vec<Paid> {
    orders.into_iter().map(|order| (order, vec![])).collect()
}

fn line(product: &Listing, good_title: &str, sum: i64, price: i64, pincode: &str) -> Line {
    Line {
        good_id: product.id,
        good_name: product.good_name.clone(),
        good_title: good_title.to_owned(),
        sum: Money::from_kopecks(sum),
        price: Money::from_kopecks(price),
        pincode: pincode.to_owned(),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    }
}

fn order(id: i64, pay_status: PayStatus, paid: i64, lines: Vec<Line>) -> Order {
    let (id, email) = (OrderId(id), Some(Email::parse("Anna@example.com").unwrap()));
    Order {
        id,
        email,
        pay_status,
        created: 5,
        paid,
        is_recurrent: false,
        handling: Handling::default(),
        texts: Texts::default(),
        lines,
    }
}

/// A paid order, one with every field, one whose product's catalogue entry differs; a product without orders.
fn sample() -> Fixture {
    let shop = Fixture::new();
    let (book, disc, pen) =
        (product(7, "book", "Книга", 100), product(8, "disc", "Disc", 200), product(9, "pen", "Pen", 1));
    let mut full = order(
        20,
        PayStatus::Return,
        9,
        vec![line(&book, "Книга", 100, 100, ""), line(&disc, "Old", 150, 200, "pin")],
    );
    full.is_recurrent = true;
    full.texts.set(TextField::Comment, " \"=1+1\",\r\n<b>\t");
    let orders = vec![order(3, PayStatus::Paid, 0, vec![line(&book, "Книга", 100, 100, "")]), full];
    add(&shop, [book, disc, pen].map(Product::new).into(), unpaid(orders));
    shop
}

fn check(shop: &Fixture, format: Format, expected: &Expect) {
    expected.assert_eq(&exported(shop, format));
}

#[test]
fn json_lines_leave_out_what_is_empty() {
    check(
        &sample(),
        Format::Jsonl,
        &expect![[r#"
        {"id":3,"email":"Anna@example.com","pay_status":"paid","created":5,"paid":0,"items":[{"id":7,"good_name":"book","good_title":"Книга","sum":"1.00"}]}
        {"product":{"id":8,"good_name":"disc","good_title":"Disc","sum":"2.00"}}
        {"id":20,"email":"Anna@example.com","pay_status":"return","created":5,"paid":9,"is_recurrent":true,"comment":" \"=1+1\",\r\n<b>\t","items":[{"id":7,"good_name":"book","good_title":"Книга","sum":"1.00"},{"id":8,"good_name":"disc","good_title":"Old","sum":"1.50","price":"2.00","pincode":"pin"}]}
        {"product":{"id":9,"good_name":"pen","good_title":"Pen","sum":"0.01"}}
    "#]],
    );
}

#[test]
fn csv_has_every_column() {
    let text = exported(&sample(), Format::Csv);
    let short: Vec<_> = text.lines().map(|line| line.replace(",,,,,,,,", "…")).collect();
    expect![[r#"
        id,email,pay_status,created,paid,is_recurrent,deleted,kill_at,delivery,sent,confirmed,manager,first_name,last_name,middle_name,phone,country,region,city,address,postalcode,comment,tag,kupon,ip,domain,link,type,payway,rpo,utm_medium,utm_source,utm_campaign,utm_content,utm_term,aff_medium,aff_source,aff_campaign,aff_content,aff_term,aff,aff_name,paff,paff_name,ad_id,affiliates,shipping_phone,address_2,billing_country,billing_region,billing_city,billing_address,billing_address_2,billing_postalcode,note,payments,item_id,item_good_name,item_good_title,item_sum,item_price,item_pincode,item_partner_fee,item_partner_pfee
        3,Anna@example.com,paid,5,0………………,,,,7,book,Книга,1.00,,,,
        …………………8,disc,Disc,2.00,,,,
        20,Anna@example.com,return,5,9,true……" ""=1+1"",
        <b>	"…………,,,7,book,Книга,1.00,,,,
        20…………………8,disc,Old,1.50,2.00,pin,,
        …………………9,pen,Pen,0.01,,,,"#]].assert_eq(&short.join("\n"));
}

/// A hidden order without e-mail and with all handling; a product with some settings; a deleted product.
fn full_sample() -> Fixture {
    let shop = Fixture::new();
    let (book, disc) = (product(7, "book", "Book", 100), product(8, "disc", "Disc", 200));
    let mut fees = line(&book, "Book", 100, 100, "");
    fees.partner_fee = Money::from_kopecks(10);
    fees.partner_pfee = Money::from_kopecks(-5);
    let mut full = order(3, PayStatus::Waiting, 0, vec![fees, line(&disc, "Disc", 200, 200, "")]);
    full.email = None;
    full.handling = Handling {
        deleted: 6,
        kill_at: 7,
        received: Money::ZERO,
        delivery: Parcel::Return,
        sent: 8,
        confirmed: true,
        manager: 9,
    };
    full.texts.set(TextField::Note, "n");
    let payment = |kopecks, received| Payment { sum: Money::from_kopecks(kopecks), received };
    let mut book = Product::new(book);
    book.good_type = GoodType::Floating;
    book.timer = Timer { is_on: true, unit: TimerUnit::Day, duration: 3 };
    book.partner_fee = Fee { sum: Money::ZERO, share: Percent::from_hundredths(1250).unwrap() };
    book.texts.set(ProductText::PartnerSlLink, "https://a");
    let mut disc = Product::new(disc);
    disc.is_deleted = true;
    add(&shop, vec![book, disc], vec![(full, vec![payment(150, 1), payment(-50, 2)])]);
    shop
}

#[test]
fn what_became_of_orders_and_settings_of_products() {
    let shop = full_sample();
    check(
        &shop,
        Format::Jsonl,
        &expect![[r#"
        {"product":{"id":7,"good_name":"book","good_title":"Book","sum":"1.00","good_type":"floating","good_timer":true,"good_timer_unit":"day","good_timer_duration":3,"good_partner_fee_perc":"12.50","good_partner_SL_link":"https://a"}}
        {"product":{"id":8,"good_name":"disc","good_title":"Disc","sum":"2.00","good_deleted":true}}
        {"id":3,"email":"","pay_status":"waiting","created":5,"deleted":6,"kill_at":7,"delivery":"return","sent":8,"confirmed":true,"manager":9,"note":"n","payments":[{"sum":"1.50","received":1},{"sum":"-0.50","received":2}],"items":[{"id":7,"good_name":"book","good_title":"Book","sum":"1.00","partner_fee":"0.10","partner_pfee":"-0.05"},{"id":8,"good_name":"disc","good_title":"Disc","sum":"2.00"}]}
    "#]],
    );
    let text = exported(&shop, Format::Csv);
    let short: Vec<_> = text.lines().map(|line| line.replace(",,,,,,,,", "…")).collect();
    expect![[r"
        id,email,pay_status,created,paid,is_recurrent,deleted,kill_at,delivery,sent,confirmed,manager,first_name,last_name,middle_name,phone,country,region,city,address,postalcode,comment,tag,kupon,ip,domain,link,type,payway,rpo,utm_medium,utm_source,utm_campaign,utm_content,utm_term,aff_medium,aff_source,aff_campaign,aff_content,aff_term,aff,aff_name,paff,paff_name,ad_id,affiliates,shipping_phone,address_2,billing_country,billing_region,billing_city,billing_address,billing_address_2,billing_postalcode,note,payments,item_id,item_good_name,item_good_title,item_sum,item_price,item_pincode,item_partner_fee,item_partner_pfee,good_deleted,good_type,good_timer,good_timer_unit,good_timer_duration,good_partner_fee_perc,good_partner_SL_link
        …………………7,book,Book,1.00,,,,,,floating,true,day,3,12.50,https://a
        …………………8,disc,Disc,2.00,,,,,true,,,,,,
        3,-,waiting,5,,,6,7,return,8,true,9……………,,,n,1.50@1|-0.50@2,7,book,Book,1.00,,,0.10,-0.05,,,,,,,
        3…………………8,disc,Disc,2.00…,,,"]].assert_eq(&short.join("\n"));
    comes_back(&shop);
}

#[test]
fn an_empty_account() {
    let shop = Fixture::new();
    assert_eq!(exported(&shop, Format::Jsonl), "");
    let header = exported(&shop, Format::Csv);
    assert!(header.starts_with("id,email,pay_status,created,paid,is_recurrent,deleted,"), "{header}");
    assert_eq!(Fixture::new().csv(&header).unwrap(), "added 0, changed 0, same 0 orders; 0 products added");
}

/// Both formats, imported into an empty account, give the same account and the same exports.
fn comes_back(shop: &Fixture) {
    let (jsonl, csv) = (exported(shop, Format::Jsonl), exported(shop, Format::Csv));
    let (first, second) = (Fixture::new(), Fixture::new());
    first.jsonl(&jsonl).unwrap();
    second.csv(&csv).unwrap();
    for copy in [&first, &second] {
        assert_eq!(copy.paid_orders(), shop.paid_orders());
        assert_eq!(copy.goods(), shop.goods());
        assert_eq!(copy.findings(), [""; 0]);
        assert_eq!(exported(copy, Format::Jsonl), jsonl);
        assert_eq!(exported(copy, Format::Csv), csv);
    }
    let same = counted(shop.orders().len() as u64, "order");
    let same = format!("added 0, changed 0, same {same}; 0 products added");
    assert_eq!(shop.csv(&csv).unwrap(), same);
    assert_eq!(shop.jsonl(&jsonl).unwrap(), same);
}

#[test]
fn an_import_of_an_export_is_the_same_account() {
    comes_back(&sample());
}

/// Texts with characters that formats must quote, but without NUL.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\0]{0,6}",
        vec(
            prop::sample::select(vec![
                ",", ";", "\t", "\"", "\r", "\n", "\r\n", " ", "'", "=1", "\u{feff}", "я", "\\", "\u{2028}",
                "{}"
            ]),
            0..5
        )
        .prop_map(|parts| parts.concat()),
    ]
}

fn money() -> impl Strategy<Value = i64> {
    prop_oneof![0..300_000_i64, any::<i64>().prop_filter("has an opposite", |kopecks| *kopecks > i64::MIN)]
}

/// A valid sum for a price or a fee.
fn price() -> impl Strategy<Value = Money> {
    prop_oneof![Just(0), 0..=999_999_999_999_i64].prop_map(Money::from_kopecks)
}

fn fee() -> impl Strategy<Value = Fee> {
    let share = prop_oneof![Just(0), 0..=10_000_i64];
    (price(), share).prop_map(|(sum, share)| Fee { sum, share: Percent::from_hundredths(share).unwrap() })
}

prop_compose! {
    /// Settings of some product.
    fn settings()(
        flags in prop_oneof![Just([false; 7]), any::<[bool; 7]>()],
        good_type in prop::sample::select(GoodType::ALL.to_vec()),
        parent_id in prop_oneof![Just(0), 0..=i64::MAX],
        unit in prop::sample::select(TimerUnit::ALL.to_vec()),
        duration in prop_oneof![Just(0), any::<u32>()],
        fees in [fee(), fee(), fee()],
        prepayment_minsum in price(),
        texts in vec((prop::sample::select(ProductText::ALL.to_vec()), text()), 0..4),
    ) -> Product {
        let [is_deleted, nalozh_only, partner_show, use_short, publish, is_on, prepayment_enabled] = flags;
        let [partner_fee, partner_pfee, rashod] = fees;
        let mut good = Product {
            good_type, is_deleted, parent_id, nalozh_only, partner_show, use_short, publish,
            timer: Timer { is_on, unit, duration },
            partner_fee, partner_pfee, rashod, prepayment_enabled, prepayment_minsum,
            ..Product::new(product(1, "", "", 0))
        };
        for (field, text) in texts {
            good.texts.set(field, text);
        }
        good
    }
}

prop_compose! {
    /// Products with different numbers and names, and some with settings.
    fn catalogue()(words in vec((text(), text(), money(), option::of(settings())), 1..5)) -> Vec<Product> {
        (1..).zip(words).map(|(id, (name, title, sum, settings))| {
            let title = if title.is_empty() { "x" } else { &title };
            let product = product(id * 1_000_003, &format!("{name}{id}"), title, sum);
            match settings {
                Some(good) => Product { listing: product, ..good },
                None => Product::new(product),
            }
        }).collect()
    }
}

prop_compose! {
    fn handling()(
        times in prop_oneof![Just([0; 3]), [0..=253_402_300_799_i64, 0..=253_402_300_799, 0..=253_402_300_799]],
        delivery in prop::sample::select(Parcel::ALL.to_vec()),
        confirmed in any::<bool>(),
        manager in prop_oneof![Just(0), 0..=i64::MAX],
    ) -> Handling {
        let [deleted, kill_at, sent] = times;
        Handling { deleted, kill_at, received: Money::ZERO, delivery, sent, confirmed, manager }
    }
}

/// Payments whose sum does not overflow.
fn payments_of_one() -> impl Strategy<Value = Vec<Payment>> {
    let payment = (-1_000_000..1_000_000_000_000_i64, 0..=253_402_300_799_i64);
    vec(payment, 0..4).prop_map(|list| {
        list.into_iter().map(|(sum, received)| Payment { sum: Money::from_kopecks(sum), received }).collect()
    })
}

prop_compose! {
    fn any_order(products: Vec<Listing>)(
        email in prop::sample::select(vec!["Anna@example.com", "я@я", "a\"'=;,@b", "-@-", ""]),
        pay_status in prop::sample::select(PayStatus::ALL.to_vec()),
        created in 0..=253_402_300_799_i64,
        paid in option::of(0..=253_402_300_799_i64),
        is_recurrent in any::<bool>(),
        texts in vec((prop::sample::select(TextField::ALL.to_vec()), text()), 0..6),
        handling in handling(),
        payments in payments_of_one(),
        lines in vec(
            (
                prop::sample::select(products), option::of(text()), money(), option::of(money()), text(),
                option::of((money(), money())),
            ),
            1..5,
        ),
    ) -> Paid {
        let lines = lines.into_iter().map(|(product, title, sum, price, pincode, fees)| {
            let title = title.filter(|title| !title.is_empty()).unwrap_or_else(|| product.good_title.clone());
            let mut line = line(&product, &title, sum, price.unwrap_or(sum), &pincode);
            if let Some((fee, pfee)) = fees {
                line.partner_fee = Money::from_kopecks(fee);
                line.partner_pfee = Money::from_kopecks(pfee);
            }
            line
        }).collect();
        let mut order = order(1, pay_status, paid.unwrap_or(0), lines);
        order.email = Email::parse(email).ok();
        order.handling = handling;
        order.created = created;
        order.is_recurrent = is_recurrent;
        for (field, text) in texts {
            order.texts.set(field, text);
        }
        (order, payments)
    }
}

fn account() -> impl Strategy<Value = (Vec<Product>, Vec<Paid>)> {
    catalogue().prop_flat_map(|goods| {
        let products = goods.iter().map(|good| good.listing.clone()).collect();
        let orders = vec(any_order(products), 0..6);
        (Just(goods), orders, 1..=i64::MAX / 8).prop_map(|(goods, mut orders, step)| {
            (1..).zip(&mut orders).for_each(|(place, (order, _))| order.id = OrderId(place * step));
            (goods, orders)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_account_comes_back((goods, orders) in account()) {
        let shop = Fixture::new();
        add(&shop, goods, orders);
        comes_back(&shop);
    }
}

#[test]
fn files_are_private_whole_and_not_written_over() {
    let shop = sample();
    let file = shop.file("there.jsonl", b"old");
    let Err(Failure::Failed(text)) = asked(&shop, Format::Jsonl).to_file(&file, false) else {
        panic!("it was written over")
    };
    assert_eq!(text, format!("{} is there already: choose another name, or add --force", file.display()));
    assert_eq!(fs::read(&file).unwrap(), b"old");

    let new = file.with_file_name("new.jsonl");
    for (file, force) in [(&file, true), (&new, false)] {
        let written = asked(&shop, Format::Jsonl).to_file(file, force).unwrap();
        assert_eq!(written, Some(Written { orders: 2, products: 3, contacts: 0 }));
        assert_eq!(fs::read_to_string(file).unwrap(), exported(&shop, Format::Jsonl));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let names = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(names, 3, "the data folder and two files; nothing temporary is left");

    let nowhere = file.with_file_name("no").join("x");
    let Err(Failure::Failed(text)) = asked(&shop, Format::Jsonl).to_file(&nowhere, false) else {
        panic!("a folder was made")
    };
    assert!(text.starts_with(&format!("cannot write {}: ", nowhere.display())), "{text}");
    let device = asked(&shop, Format::Csv).to_file(Path::new("/dev/null"), false).unwrap();
    assert_eq!(device, None);
}

#[test]
fn an_output_that_fails_stops_the_export() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let shop = sample();
    // The second is larger than any buffer.
    for bytes in [0, 60_000] {
        let mut long =
            order(100 + bytes, PayStatus::Waiting, 0, vec![line(&product(9, "pen", "", 0), "Pen", 0, 0, "")]);
        long.texts.set(TextField::Comment, "x".repeat(usize::try_from(bytes).unwrap()));
        add(&shop, vec![], unpaid(vec![long]));
        for format in [Format::Jsonl, Format::Csv] {
            let result = asked(&shop, format).export(&mut Closed, |_| {});
            assert!(
                matches!(&result, Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe),
                "{result:?}"
            );
        }
    }
}

/// An output with limited space.
struct Full(usize);
impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end may come in any reader's batch.
#[test]
fn batches_come_in_order() {
    let shop = Fixture::new();
    let good = product(1, "book", "Book", 1);
    let mut expected = Vec::new();
    // With gaps, since numbers are not positions.
    for (count, id) in
        [0, 1, 498, 499, 500, 501, 999, 1000, 1001, 1500, 2600].into_iter().scan(0, |before, count| {
            let first = std::mem::replace(before, count);
            Some((count, first..count))
        })
    {
        let ids: Vec<i64> = id.map(|number| 7 * number + 1).collect();
        let orders =
            ids.iter().map(|id| order(*id, PayStatus::Waiting, 0, vec![line(&good, "Book", 1, 1, "")]));
        add(&shop, vec![], unpaid(orders.collect()));
        expected.extend(ids);
        let text = exported(&shop, Format::Jsonl);
        let found: Vec<i64> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, expected, "{count}");
    }

    // A full output ends the export, however much the readers still have.
    for room in [0, 1000, 100_000] {
        let stopped = asked(&shop, Format::Jsonl).export(&mut Full(room), |_| {});
        assert!(matches!(stopped, Err(Stop::Output(error)) if error.kind() == io::ErrorKind::StorageFull));
    }
}

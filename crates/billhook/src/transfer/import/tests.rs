//! Imports into a store: refusals with their messages, what is read, and what is stored.

mod model;
mod refusals;

use std::{
    fs,
    path::{Path, PathBuf},
};

use billhook_store::{
    Error, Location, Store,
    accounts::{self, Account},
    orders::{self, Handling, Order, Parcel, TextField, order_changes::Payment, payments},
    products::{self, Listing, Product, ProductText},
};
use billhook_wire::{GoodId, Key, Login, Money, OrderId, PayStatus, method::GoodType};
use tempfile::TempDir;

use super::*;

/// 1 January 2020, 12:00 UTC: the time of every import here.
pub(crate) const NOW: i64 = 1_577_880_000;

pub(crate) struct Fixture {
    folder: TempDir,
    pub(crate) store: Store,
    pub(crate) account: Account,
}

/// The result of an import: its report, or its faults and the summary.
pub(crate) type Said = Result<String, (Vec<String>, String)>;

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::folder(&folder.path().join("data"))).unwrap();
        let login = Login::parse("shop").unwrap();
        let key = Key::parse("0123456789abcdef").unwrap();
        store.write(move |tx| accounts::add(tx, &login, &key, NOW)).unwrap();
        let account = store.read(|tx| accounts::find(tx, &Login::parse("shop").unwrap())).unwrap().unwrap();
        Self { folder, store, account }
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn job(&self, bytes: &[u8], format: Format) -> Job<'_> {
        let source = Source::open(Some(&self.file("orders", bytes))).unwrap();
        let name = "FILE".to_owned();
        let (store, account) = (&self.store, &self.account);
        Job {
            store,
            account,
            source,
            name,
            format,
            encoding: None,
            skip_bad: false,
            dry_run: false,
            settings: false,
            contacts: false,
            now: NOW,
        }
    }

    pub(crate) fn jsonl(&self, text: &str) -> Said {
        said(&self.job(text.as_bytes(), Format::Jsonl))
    }

    pub(crate) fn csv(&self, text: &str) -> Said {
        said(&self.job(text.as_bytes(), Format::Csv))
    }

    /// Every order with its payments.
    pub(crate) fn paid_orders(&self) -> Vec<(Order, Vec<Payment>)> {
        let mut all = Vec::new();
        self.store
            .read(|tx| {
                payments::each_order(
                    tx,
                    self.account.id,
                    (OrderId(0), OrderId(i64::MAX)),
                    |order, payments| {
                        all.push((order, payments));
                        Ok::<(), Error>(())
                    },
                )
            })
            .unwrap();
        all
    }

    pub(crate) fn orders(&self) -> Vec<Order> {
        self.paid_orders().into_iter().map(|(order, _)| order).collect()
    }

    /// Every product with its settings.
    pub(crate) fn goods(&self) -> Vec<Product> {
        let mut all = Vec::new();
        self.store
            .read(|tx| {
                products::each_good(tx, self.account.id, |good| {
                    all.push(good);
                    Ok::<(), Error>(())
                })
            })
            .unwrap();
        all
    }

    pub(crate) fn products(&self) -> Vec<Listing> {
        self.goods().into_iter().map(|good| good.listing).collect()
    }

    /// The findings of `check`.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.store.check(&mut |_| {}).unwrap().iter().map(ToString::to_string).collect()
    }
}

fn said(job: &Job<'_>) -> Said {
    let mut faults = Vec::new();
    let report = job.run(&mut |tally| {
        faults = tally.faults.iter().map(|(line, fault)| format!("line {line}: {fault}")).collect();
    });
    match report {
        Ok(report) => Ok(report.to_string()),
        Err(Failure::Failed(text)) => Err((faults, text)),
        Err(other) => panic!("{other:?}"),
    }
}

pub(crate) fn product(id: i64, good_name: &str, good_title: &str, kopecks: i64) -> Listing {
    let (id, good_name, good_title) = (GoodId(id), good_name.to_owned(), good_title.to_owned());
    Listing { id, good_name, good_title, good_sum: Money::from_kopecks(kopecks) }
}

const ONE: &str = r#"{"id":5,"email":" Anna@example.com","items":[{"id":7,"good_name":"book"}]}"#;

#[test]
fn what_is_left_out_has_a_default() {
    let shop = Fixture::new();
    assert_eq!(shop.jsonl(ONE).unwrap(), "added 1, changed 0, same 0 orders; 1 product added");
    let order = &shop.orders()[0];
    assert_eq!((order.id, order.email_text()), (OrderId(5), "Anna@example.com"));
    assert_eq!((order.pay_status, order.created, order.paid), (PayStatus::Waiting, NOW, 0));
    assert!(!order.is_recurrent);
    let line = &order.lines[0];
    assert_eq!((line.good_name.as_str(), line.good_title.as_str()), ("book", "book"));
    assert_eq!((line.sum, line.price), (Money::ZERO, Money::ZERO));
    assert_eq!(shop.products(), [product(7, "book", "book", 0)]);
}

#[test]
fn every_form_of_a_value_is_taken() {
    let shop = Fixture::new();
    let text = r#"
{"id":"1","email":"a@b","pay_status":"paid","created":"02.03.2013 22:46:40","items":[{"id":"7","good_name":"book","sum":"10,5","price":12}]}
{"id":2,"email":"a@b","pay_status":"paid","created":5,"paid":"1970-01-01T00:00:09Z","is_recurrent":1,"phone":79990000000,"comment":"","tag":null,"items":[{"id":7,"sum":3.25}]}
{"id":3,"email":"a@b","pay_status":"paid","created":5,"paid":0,"is_recurrent":"true","items":[{"id":7}]}
{"id":4,"email":"a@b","pay_status":"return","paid":null,"created":5,"items":[{"id":7,"pincode":"x"}]}"#;
    assert_eq!(shop.jsonl(text).unwrap(), "added 4, changed 0, same 0 orders; 1 product added");
    let orders = shop.orders();
    let times: Vec<_> = orders.iter().map(|order| (order.created, order.paid, order.is_recurrent)).collect();
    // The account's zone is Moscow, which was four hours ahead in 2013.
    assert_eq!(times, [(1_362_250_000, 1_362_250_000, false), (5, 9, true), (5, 0, true), (5, 0, false)]);
    assert_eq!(orders[1].texts.get(TextField::Phone), "79990000000");
    let sums: Vec<_> =
        orders.iter().map(|order| (order.lines[0].sum.kopecks(), order.lines[0].price.kopecks())).collect();
    assert_eq!(sums, [(1050, 1200), (325, 325), (1200, 1200), (1200, 1200)]);
    assert_eq!(orders[3].lines[0].pincode, "x");
}

#[test]
fn an_order_that_exists_keeps_what_is_left_out() {
    let shop = Fixture::new();
    let full = r#"{"id":5,"email":"a@b","pay_status":"return","created":5,"paid":9,"is_recurrent":true,"phone":"1","comment":"c","items":[{"id":7,"good_name":"book","good_title":"Book","sum":"1","price":"2","pincode":"p"},{"id":8,"good_name":"disc"}]}"#;
    shop.jsonl(full).unwrap();
    let before = shop.orders();
    let short = r#"{"id":5,"email":"a@b","items":[{"id":7},{"id":8}]}"#;
    assert_eq!(shop.jsonl(short).unwrap(), "added 0, changed 0, same 1 order; 0 products added");
    assert_eq!(shop.orders(), before);

    // A new product at a position takes nothing from the old line; an empty text counts as given.
    let other = r#"{"id":5,"email":"A@b","phone":"","items":[{"id":8},{"id":7,"sum":"3"}]}"#;
    assert_eq!(shop.jsonl(other).unwrap(), "added 0, changed 1, same 0 orders; 0 products added");
    let order = &shop.orders()[0];
    assert_eq!((order.email_text(), order.paid, order.is_recurrent), ("A@b", 9, true));
    assert_eq!((order.texts.get(TextField::Phone), order.texts.get(TextField::Comment)), ("", "c"));
    let lines: Vec<_> =
        order.lines.iter().map(|line| (line.good_id.0, line.sum.kopecks(), line.pincode.as_str())).collect();
    assert_eq!(lines, [(8, 0, ""), (7, 300, "")]);
    assert_eq!(order.lines[1].price.kopecks(), 300);
}

#[test]
fn an_order_that_becomes_paid_was_paid_when_it_was_created() {
    let shop = Fixture::new();
    shop.jsonl(r#"{"id":5,"email":"a@b","created":50,"items":[{"id":7,"good_name":"book"}]}"#).unwrap();
    let paid = r#"{"id":5,"email":"a@b","pay_status":"paid","items":[{"id":7}]}"#;
    assert_eq!(shop.jsonl(paid).unwrap(), "added 0, changed 1, same 0 orders; 0 products added");
    assert_eq!(shop.orders()[0].paid, 50);
    assert_eq!(shop.jsonl(paid).unwrap(), "added 0, changed 0, same 1 order; 0 products added");
}

#[test]
fn what_became_of_an_order_is_kept_where_it_is_left_out() {
    let shop = Fixture::new();
    let full = r#"{"id":5,"email":"","deleted":7,"kill_at":8,"delivery":"sent","sent":9,"confirmed":1,"manager":3,"payments":[{"sum":"1.50","received":"1970-01-01T00:00:02Z"},{"sum":2,"received":3}],"items":[{"id":7,"good_name":"book","partner_fee":"0.10","partner_pfee":"0.20"}]}"#;
    assert_eq!(shop.jsonl(full).unwrap(), "added 1, changed 0, same 0 orders; 1 product added");
    let payment = |kopecks, received| Payment { sum: Money::from_kopecks(kopecks), received };
    let handling = Handling {
        deleted: 7,
        kill_at: 8,
        received: Money::from_kopecks(350),
        delivery: Parcel::Sent,
        sent: 9,
        confirmed: true,
        manager: 3,
    };
    let before = shop.paid_orders();
    let (order, payments) = &before[0];
    assert_eq!((&order.email, order.handling), (&None, handling));
    assert_eq!(payments, &[payment(150, 2), payment(200, 3)]);
    let fees = (order.lines[0].partner_fee.kopecks(), order.lines[0].partner_pfee.kopecks());
    assert_eq!(fees, (10, 20));

    // In CSV the mark for "none" counts as given.
    for same in [
        r#"{"id":5,"email":"-","payments":null,"items":[{"id":7}]}"#,
        r#"{"id":5,"email":"","items":[{"id":7}]}"#,
    ] {
        assert_eq!(shop.jsonl(same).unwrap(), "added 0, changed 0, same 1 order; 0 products added");
    }
    let same = "id,email,payments,item_id\n5,-,1.5@2|2@1970-01-01T00:00:03Z,7\n";
    assert_eq!(shop.csv(same).unwrap(), "added 0, changed 0, same 1 order; 0 products added");
    assert_eq!(shop.paid_orders(), before);

    // Payments are replaced as a whole, and nothing else changes.
    let other = "id,email,payments,item_id\n5,-,4@5,7\n";
    assert_eq!(shop.csv(other).unwrap(), "added 0, changed 1, same 0 orders; 0 products added");
    let (order, payments) = shop.paid_orders().remove(0);
    assert_eq!(order.handling, Handling { received: Money::from_kopecks(400), ..handling });
    assert_eq!(payments, [payment(400, 5)]);
    assert_eq!(shop.findings(), [""; 0]);

    let none = r#"{"id":5,"email":"a@b","deleted":0,"kill_at":0,"delivery":"","sent":0,"confirmed":false,"manager":0,"payments":[],"items":[{"id":7,"partner_fee":0}]}"#;
    assert_eq!(shop.jsonl(none).unwrap(), "added 0, changed 1, same 0 orders; 0 products added");
    let (order, payments) = shop.paid_orders().remove(0);
    assert_eq!((order.handling, order.email_text(), payments), (Handling::default(), "a@b", vec![]));
    assert_eq!(order.lines[0].partner_pfee.kopecks(), 20);
    shop.csv("id,email,payments,item_id\n5,a@b,4@5,7\n").unwrap();
    shop.csv("id,email,payments,item_id\n5,a@b,-,7\n").unwrap();
    assert_eq!(shop.paid_orders()[0].1, []);
    assert_eq!(shop.findings(), [""; 0]);
}

#[test]
fn a_products_settings_are_kept_where_they_are_left_out() {
    let shop = Fixture::new();
    let full = r#"{"product":{"id":7,"good_name":"book","sum":1,"good_deleted":true,"good_type":"real","good_partner_fee_perc":"12,5","good_partner_SL_link":"x"}}"#;
    assert_eq!(shop.jsonl(full).unwrap(), "added 0, changed 0, same 0 orders; 1 product added");
    let good = shop.goods().remove(0);
    assert_eq!((good.is_deleted, good.good_type.as_str()), (true, "1"));
    assert_eq!(good.partner_fee.share.hundredths(), 1250);
    assert_eq!(good.texts.get(ProductText::PartnerSlLink), "x");
    // An order's line says nothing about it.
    let text = "{\"id\":1,\"email\":\"a@b\",\"items\":[{\"id\":7}]}\n{\"product\":{\"id\":7,\"good_publish\":false}}";
    assert_eq!(shop.jsonl(text).unwrap(), "added 1, changed 0, same 0 orders; 0 products added");
    assert_eq!(shop.goods(), std::slice::from_ref(&good));
    let back = "id,email,item_id,good_deleted,good_partner_sl_link,GOOD_TYPE\n,,7,0,y,floating\n";
    assert_eq!(shop.csv(back).unwrap(), "added 0, changed 0, same 0 orders; 0 products added, 1 changed");
    let mut expected = good;
    expected.is_deleted = false;
    expected.good_type = GoodType::Floating;
    expected.texts.set(ProductText::PartnerSlLink, "y");
    assert_eq!(shop.goods(), [expected]);
}

#[test]
fn the_catalogue_keeps_its_own_words_unless_a_product_has_a_line() {
    let shop = Fixture::new();
    let first = r#"{"id":1,"email":"a@b","items":[{"id":7,"good_name":"book","good_title":"First","sum":"10","price":"12"},{"id":7,"good_name":"book","good_title":"Second"}]}"#;
    shop.jsonl(first).unwrap();
    assert_eq!(shop.products(), [product(7, "book", "First", 1200)]);
    shop.jsonl(r#"{"id":2,"email":"a@b","items":[{"id":7,"good_title":"Third"}]}"#).unwrap();
    assert_eq!(shop.products(), [product(7, "book", "First", 1200)]);
    assert_eq!(shop.orders()[1].lines[0].good_title, "Third");

    let lines = "{\"product\":{\"id\":7,\"sum\":15}}\n{\"product\":{\"id\":9,\"good_name\":\"disc\"}}";
    assert_eq!(shop.jsonl(lines).unwrap(), "added 0, changed 0, same 0 orders; 1 product added, 1 changed");
    assert_eq!(shop.products(), [product(7, "book", "First", 1500), product(9, "disc", "disc", 0)]);
    assert_eq!(shop.jsonl(lines).unwrap(), "added 0, changed 0, same 0 orders; 0 products added");
}

#[test]
fn a_product_that_the_catalogue_lost_is_told_by_the_stored_order() {
    let shop = Fixture::new();
    // An import can't make this, but a catalogue may lose products later.
    let order = {
        let other = Fixture::new();
        other.jsonl(r#"{"id":5,"email":"a@b","items":[{"id":7,"good_name":"book","good_title":"T","sum":1,"price":2}]}"#).unwrap();
        other.orders().remove(0)
    };
    let account = shop.account.id;
    shop.store.write(move |tx| orders::add(tx, account, &order)).unwrap();
    let line = r#"{"id":5,"email":"a@b","items":[{"id":7}]}"#;
    assert_eq!(shop.jsonl(line).unwrap(), "added 0, changed 0, same 1 order; 1 product added");
    assert_eq!(shop.products(), [product(7, "book", "T", 200)]);
}

#[test]
fn csv_with_every_delimiter_line_break_and_encoding() {
    let comma = "id,email,first_name,item_id,item_good_name,item_sum\r\n5,a@b,\"Анна \"\"А\"\",\r\n и Ко\",7,book,1\r\n5,,,8,disc,\"2,50\"\r\n";
    let expected = {
        let shop = Fixture::new();
        assert_eq!(shop.csv(comma).unwrap(), "added 1, changed 0, same 0 orders; 2 products added");
        shop.orders()
    };
    assert_eq!(expected[0].texts.get(TextField::FirstName), "Анна \"А\",\r\n и Ко");
    assert_eq!(expected[0].lines[1].sum.kopecks(), 250);

    let semicolon = "id; email ;first_name;item_id;item_good_name;item_sum;\n5;a@b;\"Анна \"\"А\"\",\r\n и Ко\";7;book;1;\n;;;;;;\n5;a@b;;8;disc;2,50;";
    let tab = "id\temail\tfirst_name\titem_id\titem_good_name\titem_sum\n\n5\ta@b\t\"Анна \"\"А\"\",\r\n и Ко\"\t7\tbook\t1\n5\t\t\t8\tdisc\t2.5";
    let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode(semicolon);
    let utf_16 = |text: &str| {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let marked = format!("\u{feff}{comma}").into_bytes();
    let files: [(Vec<u8>, Option<&'static Encoding>); 6] = [
        (semicolon.into(), None),
        (tab.into(), None),
        (marked.clone(), None),
        // A byte order mark overrides the option.
        (marked, Some(encoding_rs::WINDOWS_1251)),
        (cp1251.into_owned(), Some(encoding("CP1251").unwrap())),
        (utf_16(tab), None),
    ];
    for (bytes, encoding) in files {
        let shop = Fixture::new();
        let job = Job { encoding, ..shop.job(&bytes, Format::Csv) };
        said(&job).unwrap();
        assert_eq!(shop.orders(), expected, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_row_without_an_order_is_a_product() {
    let shop = Fixture::new();
    let text = "item_id,id,email,item_good_name,item_good_title,item_sum\n9,,,disc,Disc,3\n7,5,a@b,book,,\n9,5,,,,\n8,,,pen,,";
    assert_eq!(shop.csv(text).unwrap(), "added 1, changed 0, same 0 orders; 3 products added");
    assert_eq!(
        shop.products(),
        [product(7, "book", "book", 0), product(8, "pen", "pen", 0), product(9, "disc", "Disc", 300)]
    );
    assert_eq!(shop.orders()[0].lines[1].sum.kopecks(), 300);
}

#[test]
fn bad_lines_are_skipped_where_that_is_asked() {
    let shop = Fixture::new();
    let text = format!(
        "{}\n{ONE}\n{ONE}\n{}\n",
        r#"{"id":5,"email":"a@b","items":[{"id":7,"good_name":"other"},{"id":8}]}"#,
        r#"{"id":6,"email":"a@b","items":[{"id":8,"good_name":"other"}]}"#
    );
    let job = Job { skip_bad: true, ..shop.job(text.as_bytes(), Format::Jsonl) };
    let mut told = Vec::new();
    let report = job
        .run(&mut |tally| told = tally.faults.iter().map(|(line, fault)| (*line, fault.0.clone())).collect());
    // Products of a bad line are ignored.
    assert_eq!(
        report.unwrap().to_string(),
        "added 2, changed 0, same 0 orders; 2 products added; 2 bad records skipped"
    );
    assert_eq!(
        told[0],
        (1, "item 2: product 8 is not in the catalogue, so `good_name` is needed".to_owned())
    );
    assert_eq!(told[1], (3, "order 5 is in the file already".to_owned()));
    assert_eq!(shop.products(), [product(7, "book", "book", 0), product(8, "other", "other", 0)]);
}

#[test]
fn a_csv_order_with_one_bad_row_is_skipped_whole() {
    let shop = Fixture::new();
    let text = "id,email,item_id,item_good_name\n5,a@b,7,book\n5,,x,book\n5,,8,disc\n6,a@b,8,disc\n";
    let job = Job { skip_bad: true, ..shop.job(text.as_bytes(), Format::Csv) };
    assert_eq!(
        said(&job).unwrap(),
        "added 1, changed 0, same 0 orders; 1 product added; 1 bad record skipped"
    );
    assert_eq!(shop.orders()[0].id, OrderId(6));
}

#[test]
fn a_header_says_its_names_in_either_case_with_spaces_around() {
    let shop = Fixture::new();
    shop.csv("ID, Email ,ITEM_ID,Item_Good_Name\n5,a@b,7,book\n").unwrap();
    assert_eq!(
        (shop.orders()[0].email_text(), &shop.products()[..]),
        ("a@b", &[product(7, "book", "book", 0)][..])
    );
}

#[test]
fn an_order_with_as_long_titles_as_there_may_be() {
    let shop = Fixture::new();
    let item = format!(r#"{{"id":7,"good_name":"book","good_title":"{}"}}"#, "x".repeat(65_536));
    let text = format!(r#"{{"id":5,"email":"a@b","items":[{}]}}"#, vec![item; 1_000].join(","));
    assert_eq!(shop.jsonl(&text).unwrap(), "added 1, changed 0, same 0 orders; 1 product added");
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let shop = Fixture::new();
    shop.jsonl(&format!("{ONE}\n{}", ONE.replace("\"id\":5", "\"id\":6"))).unwrap();
    let text = format!(
        "{ONE}\n{}\n{}\n{{\"product\":{{\"id\":7,\"sum\":5}}}}",
        ONE.replace("\"id\":5", "\"id\":6,\"tag\":\"x\""),
        ONE.replace("\"id\":5", "\"id\":4").replace("7,\"good_name\":\"book\"", "9,\"good_name\":\"disc\"")
    );
    let before = (shop.orders(), shop.products());
    let job = Job { dry_run: true, ..shop.job(text.as_bytes(), Format::Jsonl) };
    let counts = "added 1, changed 1, same 1 order; 1 product added, 1 changed";
    assert_eq!(said(&job).unwrap(), format!("dry run, nothing was written: {counts}"));
    assert_eq!((shop.orders(), shop.products()), before);
    assert_eq!(shop.jsonl(&text).unwrap(), counts);
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    let shop = Fixture::new();
    let job = shop.job(ONE.as_bytes(), Format::Jsonl);
    let tally = job.check().unwrap();
    fs::write(shop.folder.path().join("orders"), format!("{ONE}\n")).unwrap();
    let Err(Failure::Failed(text)) = job.write(&tally) else { panic!("it was not noticed") };
    assert_eq!(
        text,
        "FILE or the catalogue changed while it was read; 0 added and 0 changed orders are kept: run the same import again"
    );
    assert_eq!(shop.orders(), []);
}

#[test]
fn a_catalogue_that_changes_meanwhile_is_noticed() {
    let shop = Fixture::new();
    let job = shop.job(ONE.as_bytes(), Format::Jsonl);
    let tally = job.check().unwrap();
    let account = shop.account.id;
    shop.store.write(move |tx| products::add_missing(tx, account, &product(3, "book", "Book", 1))).unwrap();
    assert!(matches!(job.write(&tally), Err(Failure::Failed(text)) if text.contains("catalogue changed")));
    assert_eq!(shop.orders(), []);
}

#[test]
fn files_larger_than_a_batch() {
    let shop = Fixture::new();
    let count = BATCH_RECORDS * 2 + 5;
    let text: String =
        (1..=count).map(|id| ONE.replace("\"id\":5", &format!("\"id\":{id}")) + "\n").collect();
    assert_eq!(
        shop.jsonl(&text).unwrap(),
        format!("added {count}, changed 0, same 0 orders; 1 product added")
    );
    assert_eq!(
        shop.jsonl(&text).unwrap(),
        format!("added 0, changed 0, same {count} orders; 0 products added")
    );
    assert_eq!(shop.jsonl("").unwrap(), "added 0, changed 0, same 0 orders; 0 products added");
}

#[test]
fn forms_and_encodings_by_name() {
    assert_eq!(Format::of(Path::new("a/b.NDJSON")), Some(Format::Jsonl));
    assert_eq!(Format::of(Path::new("b.csv")), Some(Format::Csv));
    assert_eq!(Format::of(Path::new("-")), None);
    assert_eq!(encoding("koi8-r").unwrap().name(), "KOI8-R");
    assert_eq!(
        encoding("cp-1251"),
        Err("unknown encoding; known are utf-8, cp1251, koi8-r, cp866, utf-16le and the web's others"
            .to_owned())
    );
}

#[test]
fn what_is_no_file_of_orders_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let form = |file: &str, format| {
        let account = AccountOption { account: Login::parse("shop").ok() };
        let file = PathBuf::from(file);
        let arguments = Arguments {
            account,
            format,
            encoding: None,
            skip_bad: false,
            settings: false,
            contacts: false,
            dry_run: false,
            json: false,
            file,
        };
        arguments.form().map_err(|failure| match failure {
            Failure::Usage(text) => text,
            other => panic!("{other:?}"),
        })
    };
    let name = folder.path().to_str().unwrap();
    for format in [None, Some(Format::Csv)] {
        assert_eq!(form(name, format), Err(format!("{name} is a folder: name a file in it")));
    }
    for (file, text) in [
        ("x.XLSX", "x.XLSX is a spreadsheet: save it as CSV, and import that"),
        (
            "order.json",
            "order.json is imported only if it has an order a line: then add --format jsonl; of a list, `jq -c .[] order.json` makes such lines",
        ),
        ("-", "standard input has no name: add --format jsonl or --format csv"),
        ("orders.txt", "the name orders.txt does not show its format: add --format jsonl or --format csv"),
    ] {
        assert_eq!(form(file, None), Err(text.to_owned()));
        assert_eq!(form(file, Some(Format::Jsonl)), Ok(Format::Jsonl));
    }
    assert_eq!(form("orders.csv", None), Ok(Format::Csv));
}

fn command() -> clap::Command {
    <Arguments as Args>::augment_args(clap::Command::new("import"))
}

#[test]
fn the_help_fits_a_terminal_and_its_samples_are_good() {
    for width in [80, 100] {
        let help = command().term_width(width).render_long_help().to_string();
        let (_, after) = help.split_once("CSV has a header").unwrap();
        let long: Vec<_> = after.lines().filter(|line| line.chars().count() > width).collect();
        assert_eq!(long, Vec::<&str>::new());
        // No line was wrapped by hand: a line that ends early ends its paragraph.
        for (line, next) in after.lines().zip(after.lines().skip(1)).filter(|(line, _)| line.ends_with(',')) {
            let word = next.split_whitespace().next().unwrap();
            assert!(line.chars().count() + 1 + word.chars().count() > width, "{width}: {line}");
        }
        let lines: Vec<_> = after.lines().map(str::trim).collect();
        let csv = lines.iter().position(|line| line.starts_with("id,email,")).unwrap();
        let shop = Fixture::new();
        let added = "added 1, changed 0, same 0 orders; 1 product added";
        assert_eq!(shop.csv(&lines[csv..csv + 2].join("\n")).unwrap(), added);
        let json = lines.iter().find(|line| line.starts_with("{\"id\"")).unwrap();
        assert_eq!(Fixture::new().jsonl(json).unwrap(), added);
    }
}

#[test]
fn the_help_names_every_field() {
    use crate::record::{Field, GoodField, ItemField};
    let help = command().get_after_help().unwrap().to_string();
    let words: Vec<_> = help.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let fields = Field::all().map(Field::name).chain(ItemField::ALL.map(ItemField::name));
    for name in fields.chain(GoodField::all().map(GoodField::name)) {
        assert!(words.contains(&name), "{name} is missing");
    }
}

//! A shop for tests: an account whose products are made through the API. What the API has no method for is
//! written straight into the store.

use std::{path::Path, time::SystemTime};

use billhook_store::{
    AccountId, Error, Location, Store, Tx, accounts, managers,
    orders::order_changes,
    partners,
    products::{
        self, categories,
        coupons::{self, Coupon, Discount},
        pincodes,
    },
};
use billhook_wire::{GoodId, Login, Money, OrderId, Percent};
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Answer, Billhook, STORE_FILE, keyed, signed, succeed};

/// The shop's login.
pub(crate) const LOGIN: &str = "shop";
/// Its key.
pub(crate) const KEY: &str = "key-of-the-shop-0123456789";

pub(crate) struct Shop {
    server: Billhook,
}

impl Shop {
    /// A shop without products.
    pub(crate) fn empty() -> Self {
        Self::set_up(&[])
    }

    fn set_up(settings: &[&str]) -> Self {
        Self::over(tempfile::tempdir().unwrap(), settings, &[])
    }

    /// An empty shop in a folder, on a server with these arguments.
    pub(crate) fn over(place: tempfile::TempDir, settings: &[&str], arguments: &[&str]) -> Self {
        succeed(place.path(), &["account", "add", LOGIN, "--key", KEY]);
        for setting in settings {
            succeed(place.path(), &["account", "set", LOGIN, setting]);
        }
        Self::of(Billhook::start_over(place, arguments))
    }

    pub(crate) fn of(server: Billhook) -> Self {
        Self { server }
    }

    /// A shop with the digital 1 `course` at 1000.00 and 2 `guide` at 333.33, and the physical 3 `book` at
    /// 500.50.
    pub(crate) fn with_goods() -> Self {
        Self::with_settings(&[])
    }

    /// The same, with settings.
    pub(crate) fn with_settings(settings: &[&str]) -> Self {
        let shop = Self::set_up(settings);
        shop.add_good("course", "0", "Course", "1000.00", &[]);
        shop.add_good("guide", "0", "Guide", "333.33", &[]);
        shop.add_good("book", "1", "Book", "500.50", &[]);
        shop
    }

    /// Ends the server with a signal, and starts another on the same data.
    pub(crate) fn restarted(self, signal: Signal, arguments: &[&str]) -> Self {
        Self::of(self.server.restarted(signal, arguments))
    }

    pub(crate) fn server(&self) -> &Billhook {
        &self.server
    }

    /// Calls a method with a signed form. Every signature of the answer must be right.
    pub(crate) fn call(&self, method: &str, form: &[(&str, &str)]) -> Answer {
        self.sent(method, &signed(LOGIN, KEY, form))
    }

    /// Calls a method with the key as credential.
    pub(crate) fn keyed(&self, method: &str, form: &[(&str, &str)]) -> Answer {
        self.sent(method, &keyed(KEY, form))
    }

    fn sent(&self, method: &str, body: &str) -> Answer {
        self.sent_with("", method, body)
    }

    /// Sends a body with more headers.
    pub(crate) fn sent_with(&self, head: &str, method: &str, body: &str) -> Answer {
        let answer = self.server.post_with(head, &format!("{LOGIN}.localhost"), method, body);
        answer.checked(Some(KEY));
        answer
    }

    pub(crate) fn code(&self, method: &str, form: &[(&str, &str)]) -> i64 {
        self.call(method, form).code()
    }

    /// The result of a call, which must succeed.
    #[track_caller]
    pub(crate) fn result(&self, method: &str, form: &[(&str, &str)]) -> Value {
        done(&self.call(method, form))
    }

    /// Adds a product, with more parameters than the four required ones, and returns its number.
    #[track_caller]
    pub(crate) fn add_good(
        &self,
        name: &str,
        kind: &str,
        title: &str,
        sum: &str,
        more: &[(&str, &str)],
    ) -> i64 {
        let form = [("good_name", name), ("good_type", kind), ("good_title", title), ("good_sum", sum)];
        self.result("AddGood", &[&form, more].concat())["good_id"].as_i64().unwrap()
    }

    /// Makes an order of one product, and returns its number.
    #[track_caller]
    pub(crate) fn order(&self, email: &str, good: &str, more: &[(&str, &str)]) -> i64 {
        let form = [("goods[0][good_name]", good), ("bill_email", email)];
        number(&self.result("CreateOrder", &[&form, more].concat()))
    }

    /// Makes an order with `createorder`, and returns its number.
    #[track_caller]
    pub(crate) fn keyed_order(&self, form: &[(&str, &str)]) -> i64 {
        number(&done(&self.keyed("createorder", form)))
    }

    /// An order as `getOrderDetails` shows it.
    #[track_caller]
    pub(crate) fn details(&self, id: i64) -> Value {
        self.result("getOrderDetails", &[("bill_id", &id.to_string())])
    }

    /// Every order, as `billhook export` writes it.
    pub(crate) fn exported(&self) -> String {
        self.server.run(&["export", "--account", LOGIN])
    }

    pub(crate) fn first_exported(&self) -> Value {
        let exported = self.exported();
        let orders = exported.lines().filter(|line| line.starts_with(r#"{"id":"#));
        serde_json::from_str(orders.take(1).collect::<Vec<_>>()[0]).unwrap()
    }

    /// Asserts that `billhook check` finds nothing.
    pub(crate) fn is_sound(&self) {
        self.server.run(&["check"]);
    }

    /// Adds a coupon with a percentage, and returns its number.
    pub(crate) fn add_coupon(&self, code: &str, percent: i64) -> i64 {
        let share = Percent::from_hundredths(percent * 100).unwrap();
        self.add_any_coupon(&Coupon {
            id: 0,
            coupon: code.to_owned(),
            discount: Discount::Percent(share),
            starts: 0,
            ends: 0,
            uses_max: 0,
            uses: 0,
            goods: Vec::new(),
        })
    }

    /// Adds a coupon, and returns its number.
    pub(crate) fn add_any_coupon(&self, coupon: &Coupon) -> i64 {
        let coupon = coupon.clone();
        self.write(move |tx, account| coupons::add(tx, account, &coupon)).unwrap()
    }

    pub(crate) fn uses_of(&self, coupon: i64) -> i64 {
        self.write(move |tx, account| coupons::find(tx, account, coupon)).unwrap().uses
    }

    /// Adds a partner whom `parent` recruited (0: nobody), and returns the number.
    pub(crate) fn add_partner(&self, login: &'static str, parent: i64) -> i64 {
        self.write(move |tx, account| partners::add(tx, account, login, parent)).unwrap()
    }

    /// Adds a manager, and returns the number.
    pub(crate) fn add_manager(&self, name: &'static str) -> i64 {
        self.write(move |tx, account| managers::add(tx, account, name))
    }

    /// Adds a category, and returns its number.
    pub(crate) fn add_category(&self, title: &'static str) -> i64 {
        self.write(move |tx, account| categories::add(tx, account, title))
    }

    pub(crate) fn add_pincodes(&self, good: i64, pincodes: &[&str]) {
        let pincodes: Vec<_> = pincodes.iter().map(|&pincode| pincode.to_owned()).collect();
        self.write(move |tx, account| pincodes::add(tx, account, GoodId(good), &pincodes));
    }

    /// How many pin codes of a product are free.
    pub(crate) fn pincodes_left(&self, good: i64) -> u64 {
        self.write(move |tx, account| pincodes::left(tx, account, GoodId(good)))
    }

    /// Lets a product be paid for in parts.
    pub(crate) fn allow_prepayment(&self, good: &'static str, kopecks: i64) {
        self.write(move |tx, account| {
            let mut found = products::named(tx, account, good)?.unwrap();
            found.prepayment_enabled = true;
            found.prepayment_minsum = Money::from_kopecks(kopecks);
            products::save(tx, account, &found)
        });
    }

    /// An order's payments: sum in kopecks, and time.
    pub(crate) fn payments_of(&self, order: i64) -> Vec<(i64, i64)> {
        let payments = self.write(move |tx, account| order_changes::payments(tx, account, OrderId(order)));
        payments.into_iter().map(|(_, payment)| (payment.sum.kopecks(), payment.received)).collect()
    }

    /// Runs a transaction on the server's store.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Tx<'_>, AccountId) -> Result<T, Error> + Send + 'static,
    ) -> T {
        let store = store_of(self.server.place());
        let done = store.write(move |tx| {
            let account = accounts::find(tx, &Login::parse(LOGIN).unwrap())?.unwrap();
            body(tx, account.id)
        });
        done.unwrap()
    }
}

pub(crate) fn store_of(place: &Path) -> Store {
    let location = if crate::ON_POSTGRES {
        Location::parse(&std::fs::read_to_string(place.join(STORE_FILE)).unwrap()).unwrap()
    } else {
        Location::folder(&place.join("data"))
    };
    Store::open(&location).unwrap()
}

/// The result in an answer, which must be a success.
#[track_caller]
pub(crate) fn done(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.code()), (200, 0), "{answer:?}");
    answer.json()["result"].take()
}

/// The order's number in an answer of `CreateOrder`.
#[track_caller]
pub(crate) fn number(result: &Value) -> i64 {
    result["bill_id"].as_i64().unwrap_or_else(|| panic!("no number: {result}"))
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

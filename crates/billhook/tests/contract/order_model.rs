//! Random sequences of calls over HTTP, compared with a simple model in plain lists. After each step,
//! getOrderDetails, GetBills, GetOrders and GetAllGoods must answer as the model says.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use billhook_test_kit::until;

use crate::{
    program::{Answer, Billhook, keyed, signed},
    shop::now,
};

pub(crate) const KEY: &str = "key-of-the-model-0123456789";
pub(crate) const EMAILS: [&str; 4] = ["anna@example.com", "ANNA@Example.com", "боря@пример.рф", "c+d@e"];
const GOODS: [&str; 3] = ["alpha", "beta", "222"];

/// A call. Orders are named by their index in the model, because the server assigns the numbers.
#[derive(Debug, Clone)]
enum Step {
    AddGood { good: usize, physical: bool, kopecks: i64 },
    UpdateGood { good: usize, title: Option<String>, kopecks: Option<i64> },
    DeleteGood { good: usize },
    Create { email: usize, goods: Vec<(usize, Option<i64>)>, address: bool, comment: String },
    CreateKeyed { email: Option<usize>, goods: Vec<usize>, prices: Vec<Option<i64>>, status: usize },
    SetStatus { order: usize, status: usize, date: i64 },
    Delete { order: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let good = || 0..GOODS.len();
    let kopecks = || select(&[0_i64, 1, 99, 100_000, 33_333, 999_999_999_999][..]);
    let goods = prop::collection::vec((good(), prop::option::of(kopecks())), 0..4);
    let step = prop_oneof![
        3 => (good(), any::<bool>(), kopecks())
            .prop_map(|(good, physical, kopecks)| Step::AddGood { good, physical, kopecks }),
        1 => (good(), prop::option::of("[ -~а-я]{1,8}"), prop::option::of(kopecks()))
            .prop_map(|(good, title, kopecks)| Step::UpdateGood { good, title, kopecks }),
        1 => good().prop_map(|good| Step::DeleteGood { good }),
        6 => (0..EMAILS.len(), goods, any::<bool>(), "[ -~а-я😀\u{2028}]{0,8}")
            .prop_map(|(email, goods, address, comment)| Step::Create { email, goods, address, comment }),
        2 => (
            prop::option::of(0..EMAILS.len()),
            prop::collection::vec(good(), 0..3),
            prop::collection::vec(prop::option::of(kopecks()), 0..3),
            0..4_usize,
        )
            .prop_map(|(email, goods, prices, status)| Step::CreateKeyed { email, goods, prices, status }),
        4 => (0..8_usize, 0..4_usize, 0..3_i64)
            .prop_map(|(order, status, day)| Step::SetStatus { order, status, date: 1_362_254_400 + 86_400 * day }),
        1 => (0..8_usize).prop_map(|order| Step::Delete { order }),
    ];
    prop::collection::vec(step, 1..16)
}

#[derive(Debug, Clone)]
struct Good {
    name: &'static str,
    title: String,
    kopecks: i64,
    physical: bool,
    is_there: bool,
}

#[derive(Debug, Clone)]
struct Order {
    id: i64,
    email: &'static str,
    comment: String,
    address: bool,
    status: &'static str,
    /// When it was paid. `None` is the time of its creation, which the model cannot know.
    paid: Option<i64>,
    received: i64,
    /// Product, title, sum and price.
    lines: Vec<(usize, String, i64, i64)>,
    is_deleted: bool,
}

/// The model: product number N at index N - 1; orders in order of creation.
#[derive(Debug, Default)]
struct Model {
    goods: Vec<Good>,
    orders: Vec<Order>,
}

/// The expected code, and the result if the model can know it.
type Expected = (i64, Option<Value>);

fn money(kopecks: i64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks % 100)
}

impl Order {
    fn price(&self) -> i64 {
        self.lines.iter().map(|line| line.2).sum()
    }

    /// The answer of getOrderDetails, without `created` and `link`.
    fn details(&self, goods: &[Good], created: i64) -> Value {
        let is_settled = matches!(self.status, "paid" | "return");
        let left = if is_settled { 0 } else { self.price() - self.received };
        let address = |text: &str| if self.address { text.to_owned() } else { String::new() };
        let items: Vec<_> = self
            .lines
            .iter()
            .map(|(good, title, sum, price)| {
                json!({"id": goods[*good].name, "title": title, "sum": money(*sum), "price": money(*price), "pincode": "", "partners": []})
            })
            .collect();
        json!({
            "id": self.id.to_string(), "first_name": address("A"), "last_name": address("B"), "middle_name": "",
            "email": self.email, "phone": "", "city": address("C"), "country": address("D"), "address": address("E"),
            "region": "", "postalcode": "", "pay_status": self.status, "paid": if is_settled { self.paid.unwrap_or(created) } else { 0 }.to_string(), "type": "",
            "payway": "", "comment": self.comment, "domain": "", "good_count": self.lines.len(),
            "price": money(self.price()), "bill_sum_topay": money(left.max(0)), "tag": "", "kupon": "", "coupon": "",
            "utm": {"medium": "", "source": "", "campaign": "", "content": "", "term": ""}, "items": items,
        })
    }
}

impl Model {
    fn good(&self, name: usize) -> Option<usize> {
        self.goods.iter().position(|good| good.name == GOODS[name] && good.is_there)
    }

    fn visible(&self, order: usize) -> Option<usize> {
        self.orders.get(order).filter(|order| !order.is_deleted).map(|_| order)
    }

    /// The lines of an order of these products, or the refusal that names a missing one.
    fn lines(&self, names: &[(usize, Option<i64>)]) -> Result<Vec<(usize, String, i64, i64)>, Expected> {
        let line = |&(name, sum): &(usize, Option<i64>)| match self.good(name) {
            Some(at) => {
                let good = &self.goods[at];
                Ok((at, good.title.clone(), sum.unwrap_or(good.kopecks), good.kopecks))
            }
            None => Err((604, Some(json!({"good_name": GOODS[name]})))),
        };
        if names.is_empty() { Err((603, None)) } else { names.iter().map(line).collect() }
    }

    /// Applies a step to the model. Returns the expected answer, without a new order's number.
    fn take(&mut self, step: &Step) -> Expected {
        match step {
            Step::AddGood { good, physical, kopecks } => {
                if self.good(*good).is_some() {
                    return (3, None);
                }
                let (name, title) = (GOODS[*good], format!("Title of {}", GOODS[*good]));
                let fresh = Good { name, title, kopecks: *kopecks, physical: *physical, is_there: true };
                let at = self.goods.iter().position(|known| known.name == name).unwrap_or(self.goods.len());
                if at == self.goods.len() {
                    self.goods.push(fresh);
                } else {
                    self.goods[at] = fresh;
                }
                (0, Some(json!({"good_id": at + 1})))
            }
            Step::UpdateGood { good, title, kopecks } => match self.good(*good) {
                None => (604, Some(json!({"good_name": GOODS[*good]}))),
                Some(at) => {
                    let known = &mut self.goods[at];
                    if let Some(title) = title {
                        known.title.clone_from(title);
                    }
                    known.kopecks = kopecks.unwrap_or(known.kopecks);
                    (0, None)
                }
            },
            Step::DeleteGood { good } => match self.good(*good) {
                None => (604, Some(json!({"good_name": GOODS[*good]}))),
                Some(at) => {
                    self.goods[at].is_there = false;
                    (0, None)
                }
            },
            Step::Create { email, goods, address, comment } => {
                self.create(EMAILS[*email], goods, *address, comment)
            }
            Step::CreateKeyed { email, goods, prices, status } => {
                self.create_keyed(email.map_or("", |email| EMAILS[email]), goods, prices, *status)
            }
            Step::SetStatus { order, status, date } => {
                let Some(at) = self.visible(*order) else { return (302, None) };
                let order = &mut self.orders[at];
                match status {
                    0 if order.status != "paid" => {
                        order.status = "paid";
                        order.paid = Some(*date);
                        order.received = order.price();
                    }
                    1 => order.status = "cancel",
                    _ => {}
                }
                (0, None)
            }
            Step::Delete { order } => {
                let Some(at) = self.visible(*order) else { return (302, None) };
                self.orders[at].is_deleted = true;
                (0, None)
            }
        }
    }

    fn create(
        &mut self,
        email: &'static str,
        goods: &[(usize, Option<i64>)],
        address: bool,
        comment: &str,
    ) -> Expected {
        let lines = match self.lines(goods) {
            Ok(lines) => lines,
            Err(refused) => return refused,
        };
        if !address && lines.iter().any(|line| self.goods[line.0].physical) {
            return (605, None);
        }
        let key = |lines: &[(usize, String, i64, i64)]| {
            let mut key: Vec<_> = lines.iter().map(|line| (line.0, line.2)).collect();
            key.sort_unstable();
            key
        };
        let same = self.orders.iter().rev().find(|order| {
            order.status == "waiting"
                && !order.is_deleted
                && order.email.to_lowercase() == email.to_lowercase()
                && key(&order.lines) == key(&lines)
        });
        if let Some(same) = same {
            return (601, Some(json!({"bill_id": same.id})));
        }
        // Decision 93: an order that costs nothing is paid at once.
        let is_free = lines.iter().all(|line| line.2 == 0);
        let (status, paid) = if is_free { ("paid", None) } else { ("waiting", Some(0)) };
        let comment = comment.to_owned();
        self.orders.push(Order {
            id: 0,
            email,
            comment,
            address,
            status,
            paid,
            received: 0,
            lines,
            is_deleted: false,
        });
        (0, None)
    }

    fn create_keyed(
        &mut self,
        email: &'static str,
        goods: &[usize],
        prices: &[Option<i64>],
        status: usize,
    ) -> Expected {
        if goods.is_empty() {
            return (603, None);
        }
        if prices.len() > goods.len() {
            return (3, None);
        }
        let prices = prices.iter().copied().chain(std::iter::repeat(None));
        let lines = match self.lines(&goods.iter().copied().zip(prices).collect::<Vec<_>>()) {
            Ok(lines) => lines,
            Err(refused) => return refused,
        };
        // Decision 82: in any status.
        let (status, paid) = (["waiting", "paid", "cancel", "return"][status], Some(1_580_418_000));
        let sum = lines.iter().map(|line| line.2).sum();
        let received = if status == "paid" { sum } else { 0 };
        let (comment, address) = (String::new(), false);
        self.orders.push(Order {
            id: 0,
            email,
            comment,
            address,
            status,
            paid,
            received,
            lines,
            is_deleted: false,
        });
        (0, None)
    }

    fn bills(&self, email: &str, status: Option<&str>) -> Value {
        let mut bills = Map::new();
        for order in &self.orders {
            let same = !order.email.is_empty() && order.email.to_lowercase() == email.to_lowercase();
            if !same || order.is_deleted || status.is_some_and(|status| status != order.status) {
                continue;
            }
            let mut goods = Map::new();
            for (good, title, ..) in &order.lines {
                let names = json!({"good_name": self.goods[*good].name, "good_title": title});
                goods.insert((good + 1).to_string(), names);
            }
            bills.insert(order.id.to_string(), goods.into());
        }
        if bills.is_empty() { json!([]) } else { bills.into() }
    }

    fn catalogue(&self) -> Value {
        let goods = self.goods.iter().enumerate().filter(|(_, good)| good.is_there).map(|(at, good)| {
            json!({
                "good_id": (at + 1).to_string(), "good_name": good.name, "good_title": good.title,
                "good_sum": money(good.kopecks), "good_type": if good.physical { "1" } else { "0" },
            })
        });
        goods.collect()
    }
}

/// An account of one case on a server that all cases share.
pub(crate) struct Real<'a> {
    pub(crate) server: &'a Billhook,
    pub(crate) login: String,
}

/// Runs one case with an account of its own.
pub(crate) fn with_account<T>(case: impl FnOnce(&Real<'_>) -> T) -> T {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static SERVER: Billhook = Billhook::start(&[]);
    }
    SERVER.with(|server| {
        let login = format!("shop{}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
        server.run(&["account", "add", &login, "--key", KEY]);
        let real = Real { server, login };
        until(|| real.server.post(&format!("{}.localhost", real.login), "GetBills", "a=1").code() == 1);
        case(&real)
    })
}

impl Real<'_> {
    pub(crate) fn send(&self, method: &str, body: &str) -> Answer {
        let answer = self.server.post(&format!("{}.localhost", self.login), method, body);
        answer.checked(Some(KEY));
        answer
    }

    pub(crate) fn call(&self, method: &str, form: &[(&str, &str)]) -> Answer {
        self.send(method, &signed(&self.login, KEY, form))
    }

    /// Sends a step. The model maps orders to their numbers.
    fn take(&self, step: &Step, model: &Model) -> Answer {
        let id = |order: usize| model.orders.get(order).map_or(9_000_000, |order| order.id).to_string();
        match step {
            Step::AddGood { good, physical, kopecks } => {
                let (title, kind) = (format!("Title of {}", GOODS[*good]), if *physical { "1" } else { "0" });
                let form = [
                    ("good_name", GOODS[*good]),
                    ("good_type", kind),
                    ("good_title", &title),
                    ("good_sum", &money(*kopecks)),
                ];
                self.call("AddGood", &form)
            }
            Step::UpdateGood { good, title, kopecks } => {
                let sum = kopecks.map(money).unwrap_or_default();
                let title = title.as_deref().unwrap_or_default();
                self.call(
                    "UpdateGood",
                    &[("good_name", GOODS[*good]), ("good_title", title), ("good_sum", &sum)],
                )
            }
            Step::DeleteGood { good } => self.call("DeleteGood", &[("good_name", GOODS[*good])]),
            Step::Create { email, goods, address, comment } => {
                let mut form = vec![("bill_email".to_owned(), EMAILS[*email].to_owned())];
                for (at, (good, sum)) in goods.iter().enumerate() {
                    form.push((format!("goods[{at}][good_name]"), GOODS[*good].to_owned()));
                    form.extend(sum.map(|sum| (format!("goods[{at}][good_sum]"), money(sum))));
                }
                let names = ["bill_first_name", "bill_surname", "bill_city", "bill_country", "bill_address"];
                if *address {
                    form.extend(
                        names
                            .iter()
                            .zip(["A", "B", "C", "D", "E"])
                            .map(|(name, text)| ((*name).to_owned(), text.to_owned())),
                    );
                }
                form.push(("bill_comment".to_owned(), comment.clone()));
                let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.call("CreateOrder", &form)
            }
            Step::CreateKeyed { email, goods, prices, status } => {
                let goods: Vec<_> = goods.iter().map(|good| GOODS[*good]).collect();
                let prices: Vec<_> =
                    prices.iter().map(|price| price.map(money).unwrap_or_default()).collect();
                let form = [
                    ("product_names", &*goods.join(",")),
                    ("product_prices", &*prices.join(",")),
                    ("customer_email", email.map_or("", |email| EMAILS[email])),
                    ("order_status", ["Expected", "Paid", "Cancel", "MoneyBack"][*status]),
                    ("order_paid_at", "2020-01-31 00:00:00"),
                ];
                self.send("createorder", &keyed(KEY, &form))
            }
            Step::SetStatus { order, status, date } => {
                let (id, date) = (id(*order), date.to_string());
                let status = ["paid", "cancel", "sent", "return"][*status];
                self.call(
                    "UpdateOrderStatus",
                    &[("bill_id", &*id), ("status", status), ("date", &*date), ("rpo", "RA1")],
                )
            }
            Step::Delete { order } => self.call("DeleteOrder", &[("bill_id", &*id(*order))]),
        }
    }

    /// Asserts that all answers match the model.
    fn shows(&self, model: &Model, since: i64) -> Result<(), TestCaseError> {
        let mut listed = Vec::new();
        for order in &model.orders {
            let answer = self.call("getOrderDetails", &[("bill_id", &*order.id.to_string())]);
            if order.is_deleted {
                prop_assert_eq!(answer.code(), 400);
                continue;
            }
            let mut details = answer.json()["result"].take();
            let fields = details.as_object_mut().unwrap();
            let created = fields.remove("created").unwrap().as_str().unwrap().parse::<i64>().unwrap();
            prop_assert!((since..=now()).contains(&created), "{}", created);
            let link = fields.remove("link").unwrap();
            let is_link = link.as_str().unwrap().starts_with(&format!("/bill/{}/", order.id));
            prop_assert!(is_link, "{}", link);
            prop_assert_eq!(&details, &order.details(&model.goods, created));
            for field in ["good_count", "bill_sum_topay", "tag", "kupon", "coupon", "items"] {
                details.as_object_mut().unwrap().remove(field);
            }
            listed.push(details);
        }
        for paid in [false, true] {
            let mut orders =
                self.call("GetOrders", &[("paid", if paid { "1" } else { "" })]).json()["result"].take();
            for order in orders.as_array_mut().unwrap() {
                let fields = order.as_object_mut().unwrap();
                prop_assert!(fields.remove("created").is_some() && fields.remove("link").is_some());
            }
            let expected: Vec<_> =
                listed.iter().filter(|order| !paid || order["pay_status"] == "paid").cloned().collect();
            prop_assert_eq!(orders, Value::Array(expected));
        }
        for email in EMAILS {
            for status in [None, Some("paid"), Some("waiting"), Some("cancel"), Some("return")] {
                let form = [("email", email), ("pay_status", status.unwrap_or_default())];
                let answer = self.call("GetBills", &form);
                let expected = model.bills(email, status);
                prop_assert_eq!(answer.code(), if expected.is_array() { 400 } else { 0 });
                // Compared as text, since the order of entries matters.
                prop_assert_eq!(answer.json()["result"].to_string(), expected.to_string());
            }
        }
        let answer = self.call("GetAllGoods", &[]);
        let expected = model.catalogue();
        prop_assert_eq!(answer.code(), if expected == json!([]) { 700 } else { 0 });
        prop_assert_eq!(answer.json()["result"].take(), expected);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if crate::ON_POSTGRES { 8 } else { 60 }, max_shrink_iters: 100, ..ProptestConfig::default() })]
    #[test]
    fn every_answer_is_the_models(steps in steps()) {
        with_account(|real| {
            let (mut model, since) = (Model::default(), now());
            for step in &steps {
                let before = model.orders.len();
                let answer = real.take(step, &model);
                let (code, result) = model.take(step);
                prop_assert_eq!(answer.code(), code, "{:?}: {:?}", step, answer);
                if model.orders.len() > before {
                    let id = answer.json()["result"]["bill_id"].as_i64().unwrap();
                    prop_assert!(model.orders[..before].iter().all(|order| order.id < id));
                    model.orders[before].id = id;
                } else {
                    prop_assert_eq!(answer.json()["result"].take(), result.unwrap_or_else(|| json!([])));
                }
                real.shows(&model, since)?;
            }
            real.server.run(&["check"]);
            Ok(())
        })?;
    }
}

//! Sequences of imports against a plain model: a map of orders and a map of products.

use std::collections::BTreeMap;

use billhook_store::orders::{Handling, Line};
use billhook_wire::Email;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value as Json, json};

use super::*;

/// What one line says; what is none is left out.
#[derive(Debug, Clone)]
struct Said {
    id: i64,
    email: &'static str,
    pay_status: Option<PayStatus>,
    created: Option<i64>,
    paid: Option<i64>,
    is_recurrent: Option<bool>,
    comment: Option<&'static str>,
    items: Vec<SaidItem>,
}

#[derive(Debug, Clone)]
struct SaidItem {
    id: i64,
    named: bool,
    good_title: Option<&'static str>,
    sum: Option<i64>,
    price: Option<i64>,
    pincode: Option<&'static str>,
}

fn said() -> impl Strategy<Value = Said> {
    let item = (
        1..4_i64,
        prop::bool::weighted(0.7),
        option::of(prop::sample::select(vec!["A", "Б"])),
        option::of(0..3_i64),
        option::of(0..3_i64),
        option::of(prop::sample::select(vec!["p", "q"])),
    )
        .prop_map(|(id, named, good_title, sum, price, pincode)| SaidItem {
            id,
            named,
            good_title,
            sum,
            price,
            pincode,
        });
    (
        1..6_i64,
        prop::sample::select(vec!["a@b", "A@b", "c@d"]),
        option::of(prop::sample::select(PayStatus::ALL.to_vec())),
        option::of(0..3_i64),
        option::of(0..3_i64),
        option::of(any::<bool>()),
        option::of(prop::sample::select(vec!["", "x"])),
        vec(item, 1..4),
    )
        .prop_map(|(id, email, pay_status, created, paid, is_recurrent, comment, items)| Said {
            id,
            email,
            pay_status,
            created,
            paid,
            is_recurrent,
            comment,
            items,
        })
}

impl Said {
    fn line(&self) -> String {
        let mut object = Map::new();
        let mut put =
            |name: &str, value: Option<Json>| value.map(|value| object.insert(name.to_owned(), value));
        put("id", Some(json!(self.id)));
        put("email", Some(json!(self.email)));
        put("pay_status", self.pay_status.map(|status| json!(status)));
        put("created", self.created.map(|created| json!(created)));
        put("paid", self.paid.map(|paid| json!(paid)));
        put("is_recurrent", self.is_recurrent.map(|flag| json!(flag)));
        put("comment", self.comment.map(|text| json!(text)));
        let items: Vec<_> = self.items.iter().map(SaidItem::object).collect();
        put("items", Some(json!(items)));
        format!("{}\n", Json::Object(object))
    }
}

impl SaidItem {
    fn good_name(&self) -> String {
        format!("good-{}", self.id)
    }

    fn object(&self) -> Json {
        let mut object = Map::new();
        let mut put =
            |name: &str, value: Option<Json>| value.map(|value| object.insert(name.to_owned(), value));
        put("id", Some(json!(self.id)));
        put("good_name", self.named.then(|| json!(self.good_name())));
        put("good_title", self.good_title.map(|title| json!(title)));
        put("sum", self.sum.map(|sum| json!(Money::from_kopecks(sum))));
        put("price", self.price.map(|price| json!(Money::from_kopecks(price))));
        put("pincode", self.pincode.map(|pincode| json!(pincode)));
        Json::Object(object)
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    orders: BTreeMap<i64, Order>,
    products: BTreeMap<i64, Product>,
}

impl Model {
    /// One import: the model after it with the report, or none if it is refused.
    fn import(&self, file: &[Said]) -> Option<(Self, String)> {
        let mut next = self.clone();
        let (mut added, mut changed, mut same) = (0, 0, 0_u64);
        for (at, said) in file.iter().enumerate() {
            if file[..at].iter().any(|other| other.id == said.id) {
                return None;
            }
            let order = next.order(said)?;
            match next.orders.insert(said.id, order.clone()) {
                None => added += 1,
                Some(stored) if stored == order => same += 1,
                Some(_) => changed += 1,
            }
        }
        let products = next.products.len() - self.products.len();
        let (same, products) = (counted(same, "order"), counted(products as u64, "product"));
        let report = format!("added {added}, changed {changed}, same {same}; {products} added");
        Some((next, report))
    }

    fn order(&mut self, said: &Said) -> Option<Order> {
        let stored = self.orders.get(&said.id).cloned();
        let stored = stored.as_ref();
        let mut lines = Vec::new();
        for (at, item) in said.items.iter().enumerate() {
            lines.push(self.line(item, stored.and_then(|order| order.lines.get(at)))?);
        }
        let created = said.created.or(stored.map(|order| order.created)).unwrap_or(NOW);
        let pay_status =
            said.pay_status.or(stored.map(|order| order.pay_status)).unwrap_or(PayStatus::Waiting);
        let stored_paid = stored.map_or(0, |order| order.paid);
        let newly_paid = said.pay_status == Some(PayStatus::Paid) && stored_paid == 0;
        let paid = said.paid.unwrap_or(if newly_paid { created } else { stored_paid });
        let mut texts = stored.map(|order| order.texts.clone()).unwrap_or_default();
        if let Some(comment) = said.comment {
            texts.set(TextField::Comment, comment.to_owned());
        }
        Some(Order {
            id: OrderId(said.id),
            email: Some(Email::parse(said.email).unwrap()),
            pay_status,
            created,
            paid,
            is_recurrent: said.is_recurrent.or(stored.map(|order| order.is_recurrent)).unwrap_or(false),
            handling: Handling::default(),
            texts,
            lines,
        })
    }

    fn line(&mut self, said: &SaidItem, stored: Option<&Line>) -> Option<Line> {
        let stored = stored.filter(|line| line.good_id.0 == said.id);
        let known = self.products.get(&said.id).cloned();
        if known.is_none() && !said.named {
            return None;
        }
        let title = said.good_title.map(str::to_owned);
        let sum = said.sum.map(Money::from_kopecks);
        let price = said.price.map(Money::from_kopecks);
        let good_title = title
            .or(stored.map(|line| line.good_title.clone()))
            .or(known.as_ref().map(|known| known.good_title.clone()))
            .unwrap_or_else(|| said.good_name());
        let good_sum = known.as_ref().map(|known| known.good_sum);
        let sum = sum.or(stored.map(|line| line.sum)).or(good_sum).unwrap_or(Money::ZERO);
        let price = price.or(stored.map(|line| line.price)).unwrap_or(sum);
        if known.is_none() {
            self.products.insert(said.id, product(said.id, &said.good_name(), &good_title, price.kopecks()));
        }
        let pincode = said.pincode.or(stored.map(|line| line.pincode.as_str())).unwrap_or("").to_owned();
        Some(Line {
            good_id: GoodId(said.id),
            good_name: said.good_name(),
            good_title,
            sum,
            price,
            pincode,
            partner_fee: Money::ZERO,
            partner_pfee: Money::ZERO,
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn imports_do_as_the_model_does(files in vec(vec(said(), 1..5), 1..6)) {
        let shop = Shop::new();
        let mut model = Model::default();
        for file in files {
            let text: String = file.iter().map(Said::line).collect();
            match (model.import(&file), shop.jsonl(&text)) {
                (Some((next, report)), Ok(said)) => {
                    prop_assert_eq!(said, report);
                    model = next;
                    let again = shop.jsonl(&text).unwrap();
                    let same = counted(file.len() as u64, "order");
                    prop_assert_eq!(again, format!("added 0, changed 0, same {same}; 0 products added"));
                }
                (None, Err(_)) => {}
                (expected, said) => prop_assert!(false, "expected {:?}, said {:?}", expected, said),
            }
            prop_assert_eq!(shop.orders(), model.orders.values().cloned().collect::<Vec<_>>());
            prop_assert_eq!(shop.products(), model.products.values().cloned().collect::<Vec<_>>());
        }
    }
}

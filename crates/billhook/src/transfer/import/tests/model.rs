//! Random sequences of imports, compared with a simple model of orders and products.

use std::collections::BTreeMap;

use billhook_store::orders::Line;
use billhook_wire::{Email, Percent};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value as Json, json};

use super::*;

/// One line of a file.
#[derive(Debug, Clone)]
enum Row {
    Order(Said),
    Product(SaidProduct),
}

/// The fields of an order's line; `None` is a field left out.
#[derive(Debug, Clone)]
struct Said {
    id: i64,
    email: &'static str,
    pay_status: Option<PayStatus>,
    created: Option<i64>,
    paid: Option<i64>,
    is_recurrent: Option<bool>,
    comment: Option<&'static str>,
    handling: SaidHandling,
    /// Sum in kopecks and time.
    payments: Option<Vec<(i64, i64)>>,
    items: Vec<SaidItem>,
}

#[derive(Debug, Clone)]
struct SaidHandling {
    deleted: Option<i64>,
    kill_at: Option<i64>,
    delivery: Option<Parcel>,
    sent: Option<i64>,
    confirmed: Option<bool>,
    manager: Option<i64>,
}

#[derive(Debug, Clone)]
struct SaidItem {
    id: i64,
    named: bool,
    good_title: Option<&'static str>,
    sum: Option<i64>,
    price: Option<i64>,
    pincode: Option<&'static str>,
    partner_fee: Option<i64>,
    partner_pfee: Option<i64>,
}

/// The fields of a product's line.
#[derive(Debug, Clone)]
struct SaidProduct {
    id: i64,
    named: bool,
    good_title: Option<&'static str>,
    sum: Option<i64>,
    deleted: Option<bool>,
    good_type: Option<GoodType>,
    /// In hundredths of a percent.
    share: Option<i64>,
    pay_text: Option<&'static str>,
}

fn row() -> impl Strategy<Value = Row> {
    prop_oneof![3 => said().prop_map(Row::Order), 1 => said_product().prop_map(Row::Product)]
}

fn said_product() -> impl Strategy<Value = SaidProduct> {
    (
        1..4_i64,
        prop::bool::weighted(0.7),
        option::of(prop::sample::select(vec!["A", "Б"])),
        option::of(0..3_i64),
        option::of(any::<bool>()),
        option::of(prop::sample::select(GoodType::ALL.to_vec())),
        option::of(0..3_i64),
        option::of(prop::sample::select(vec!["", "x"])),
    )
        .prop_map(|(id, named, good_title, sum, deleted, good_type, share, pay_text)| SaidProduct {
            id,
            named,
            good_title,
            sum,
            deleted,
            good_type,
            share,
            pay_text,
        })
}

fn said_handling() -> impl Strategy<Value = SaidHandling> {
    (
        option::of(0..2_i64),
        option::of(0..2_i64),
        option::of(prop::sample::select(Parcel::ALL.to_vec())),
        option::of(0..2_i64),
        option::of(any::<bool>()),
        option::of(0..2_i64),
    )
        .prop_map(|(deleted, kill_at, delivery, sent, confirmed, manager)| SaidHandling {
            deleted,
            kill_at,
            delivery,
            sent,
            confirmed,
            manager,
        })
}

fn said() -> impl Strategy<Value = Said> {
    let item =
        (
            1..4_i64,
            prop::bool::weighted(0.7),
            option::of(prop::sample::select(vec!["A", "Б"])),
            option::of(0..3_i64),
            option::of(0..3_i64),
            option::of(prop::sample::select(vec!["p", "q"])),
            option::of(0..3_i64),
            option::of(0..3_i64),
        )
            .prop_map(|(id, named, good_title, sum, price, pincode, partner_fee, partner_pfee)| {
                SaidItem { id, named, good_title, sum, price, pincode, partner_fee, partner_pfee }
            });
    (
        1..6_i64,
        prop::sample::select(vec!["a@b", "A@b", "c@d", ""]),
        option::of(prop::sample::select(PayStatus::ALL.to_vec())),
        option::of(0..3_i64),
        option::of(0..3_i64),
        option::of(any::<bool>()),
        option::of(prop::sample::select(vec!["", "x"])),
        (said_handling(), option::of(vec((-1..3_i64, 0..2_i64), 0..3))),
        vec(item, 1..4),
    )
        .prop_map(|(id, email, pay_status, created, paid, is_recurrent, comment, rest, items)| Said {
            id,
            email,
            pay_status,
            created,
            paid,
            is_recurrent,
            comment,
            handling: rest.0,
            payments: rest.1,
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
        let handling = &self.handling;
        put("deleted", handling.deleted.map(|time| json!(time)));
        put("kill_at", handling.kill_at.map(|time| json!(time)));
        put("delivery", handling.delivery.map(|delivery| json!(delivery.as_str())));
        put("sent", handling.sent.map(|time| json!(time)));
        put("confirmed", handling.confirmed.map(|flag| json!(flag)));
        put("manager", handling.manager.map(|number| json!(number)));
        let payment =
            |(sum, received): &(i64, i64)| json!({"sum": Money::from_kopecks(*sum), "received": received});
        put("payments", self.payments.as_ref().map(|list| list.iter().map(payment).collect()));
        let items: Vec<_> = self.items.iter().map(SaidItem::object).collect();
        put("items", Some(json!(items)));
        format!("{}\n", Json::Object(object))
    }
}

impl Row {
    fn line(&self) -> String {
        match self {
            Self::Order(said) => said.line(),
            Self::Product(said) => said.line(),
        }
    }
}

impl SaidProduct {
    fn line(&self) -> String {
        let mut object = Map::new();
        let mut put =
            |name: &str, value: Option<Json>| value.map(|value| object.insert(name.to_owned(), value));
        put("id", Some(json!(self.id)));
        put("good_name", self.named.then(|| json!(format!("good-{}", self.id))));
        put("good_title", self.good_title.map(|title| json!(title)));
        put("sum", self.sum.map(|sum| json!(Money::from_kopecks(sum))));
        put("good_deleted", self.deleted.map(|flag| json!(flag)));
        put("good_type", self.good_type.map(|kind| json!(kind)));
        put("good_partner_fee_perc", self.share.map(|share| json!(Percent::from_hundredths(share).unwrap())));
        put("good_pay_text", self.pay_text.map(|text| json!(text)));
        format!("{}\n", json!({"product": object}))
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
        put("partner_fee", self.partner_fee.map(|fee| json!(Money::from_kopecks(fee))));
        put("partner_pfee", self.partner_pfee.map(|fee| json!(Money::from_kopecks(fee))));
        Json::Object(object)
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    orders: BTreeMap<i64, (Order, Vec<Payment>)>,
    goods: BTreeMap<i64, Product>,
}

impl Model {
    /// One import: the new model and the report, or `None` if it is refused.
    fn import(&self, file: &[Row]) -> Option<(Self, String)> {
        let mut next = self.clone();
        let (mut added, mut changed, mut same, mut goods_changed) = (0, 0, 0_u64, 0);
        for (at, row) in file.iter().enumerate() {
            let is_told = file[..at].iter().any(|other| match (other, row) {
                (Row::Order(other), Row::Order(said)) => other.id == said.id,
                (Row::Product(other), Row::Product(said)) => other.id == said.id,
                _ => false,
            });
            if is_told {
                return None;
            }
            match row {
                Row::Product(said) => goods_changed += u64::from(next.product(said)?),
                Row::Order(said) => {
                    let order = next.order(said)?;
                    match next.orders.insert(said.id, order.clone()) {
                        None => added += 1,
                        Some(stored) if stored == order => same += 1,
                        Some(_) => changed += 1,
                    }
                }
            }
        }
        let goods = next.goods.len() - self.goods.len();
        let (same, goods) = (counted(same, "order"), counted(goods as u64, "product"));
        let goods_changed =
            if goods_changed > 0 { format!(", {goods_changed} changed") } else { String::new() };
        let report = format!("added {added}, changed {changed}, same {same}; {goods} added{goods_changed}");
        Some((next, report))
    }

    /// Whether it changes a known product.
    fn product(&mut self, said: &SaidProduct) -> Option<bool> {
        let known = self.goods.get(&said.id).cloned();
        let name = format!("good-{}", said.id);
        let mut good = match known.clone() {
            Some(good) => good,
            None if said.named => Product::new(product(said.id, &name, &name, 0)),
            None => return None,
        };
        if let Some(title) = said.good_title {
            good.listing.good_title = title.to_owned();
        }
        good.listing.good_sum = said.sum.map_or(good.listing.good_sum, Money::from_kopecks);
        good.is_deleted = said.deleted.unwrap_or(good.is_deleted);
        good.good_type = said.good_type.unwrap_or(good.good_type);
        if let Some(share) = said.share {
            good.partner_fee.share = Percent::from_hundredths(share).unwrap();
        }
        if let Some(text) = said.pay_text {
            good.texts.set(ProductText::PayText, text);
        }
        let is_changed = known.is_some_and(|known| known != good);
        self.goods.insert(said.id, good);
        Some(is_changed)
    }

    fn order(&mut self, said: &Said) -> Option<(Order, Vec<Payment>)> {
        let (stored, stored_payments) = self.orders.get(&said.id).cloned().unzip();
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
            texts.set(TextField::Comment, comment);
        }
        let payment = |(sum, received): (i64, i64)| Payment { sum: Money::from_kopecks(sum), received };
        let payments = said.payments.clone().map(|list| list.into_iter().map(payment).collect());
        let payments = payments.or(stored_payments).unwrap_or_default();
        let old: Handling = stored.map(|order| order.handling).unwrap_or_default();
        let new = &said.handling;
        let handling = Handling {
            deleted: new.deleted.unwrap_or(old.deleted),
            kill_at: new.kill_at.unwrap_or(old.kill_at),
            received: payments.iter().map(|payment: &Payment| payment.sum).sum(),
            delivery: new.delivery.unwrap_or(old.delivery),
            sent: new.sent.unwrap_or(old.sent),
            confirmed: new.confirmed.unwrap_or(old.confirmed),
            manager: new.manager.unwrap_or(old.manager),
        };
        let order = Order {
            id: OrderId(said.id),
            email: Email::parse(said.email).ok(),
            pay_status,
            created,
            paid,
            is_recurrent: said.is_recurrent.or(stored.map(|order| order.is_recurrent)).unwrap_or(false),
            handling,
            texts,
            lines,
        };
        Some((order, payments))
    }

    fn line(&mut self, said: &SaidItem, stored: Option<&Line>) -> Option<Line> {
        let stored = stored.filter(|line| line.good_id.0 == said.id);
        let known = self.goods.get(&said.id).map(|good| good.listing.clone());
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
            let product = product(said.id, &said.good_name(), &good_title, price.kopecks());
            self.goods.insert(said.id, Product::new(product));
        }
        let fee = |said: Option<i64>, stored: Option<Money>| {
            said.map(Money::from_kopecks).or(stored).unwrap_or_default()
        };
        let pincode = said.pincode.or(stored.map(|line| line.pincode.as_str())).unwrap_or("").to_owned();
        Some(Line {
            good_id: GoodId(said.id),
            good_name: said.good_name(),
            good_title,
            sum,
            price,
            pincode,
            partner_fee: fee(said.partner_fee, stored.map(|line| line.partner_fee)),
            partner_pfee: fee(said.partner_pfee, stored.map(|line| line.partner_pfee)),
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn imports_do_as_the_model_does(files in vec(vec(row(), 1..5), 1..6)) {
        let shop = Fixture::new();
        let mut model = Model::default();
        for file in files {
            let text: String = file.iter().map(Row::line).collect();
            match (model.import(&file), shop.jsonl(&text)) {
                (Some((next, report)), Ok(said)) => {
                    prop_assert_eq!(said, report);
                    model = next;
                    let again = shop.jsonl(&text).unwrap();
                    let orders = file.iter().filter(|row| matches!(row, Row::Order(_))).count();
                    let same = counted(orders as u64, "order");
                    prop_assert_eq!(again, format!("added 0, changed 0, same {same}; 0 products added"));
                }
                (None, Err(_)) => {}
                (expected, said) => prop_assert!(false, "expected {:?}, said {:?}", expected, said),
            }
            prop_assert_eq!(shop.paid_orders(), model.orders.values().cloned().collect::<Vec<_>>());
            prop_assert_eq!(shop.goods(), model.goods.values().cloned().collect::<Vec<_>>());
        }
        prop_assert_eq!(shop.findings(), [""; 0]);
    }
}

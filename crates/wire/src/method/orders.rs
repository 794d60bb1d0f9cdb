//! The methods about orders (section 4).

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess},
    ser::SerializeMap,
};

use super::{Access, Api, Method};
use crate::{Code, Email, GoodId, OrderId, PayStatus};

/// All orders of one customer, by e-mail, with the products in each (section 4.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetBills {
    /// The customer's e-mail; letter case and outer spaces do not matter.
    pub email: Email,
    /// Only orders in this state; absent or empty: all (decision 51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_status: Option<PayStatus>,
}

impl Method for GetBills {
    const NAME: &'static str = "GetBills";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[Code::ORDER_NOT_FOUND];
    type Answer = Bills;
}

/// A customer's orders and the products in each: order number → product code → names.
///
/// Filled in order: orders one after the other, each with its lines. All names share one buffer, so that however many rows
/// there are, few allocations are made.
#[derive(Clone, Default)]
pub struct Bills {
    text: String,
    lines: Vec<BillLine>,
    orders: usize,
}

/// One product of one order, its names as ranges that end at the given offsets of [`Bills::text`].
#[derive(Clone, Copy)]
struct BillLine {
    order: OrderId,
    good: GoodId,
    start: usize,
    name_end: usize,
    title_end: usize,
}

/// One product of one order, as [`Bills::iter`] shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill<'a> {
    /// The order's number.
    pub order: OrderId,
    /// The product's numeric code.
    pub good: GoodId,
    /// The product's symbolic name, as it was when ordered.
    pub good_name: &'a str,
    /// The product's title, as it was when ordered.
    pub good_title: &'a str,
}

impl Bills {
    /// Adds a line. Lines of one order must come together; a product that the order already has keeps its place and takes
    /// these names, as an entry of a PHP array would (decision 55).
    pub fn push(&mut self, order: OrderId, good: GoodId, good_name: &str, good_title: &str) {
        let start = self.text.len();
        self.text.push_str(good_name);
        let name_end = self.text.len();
        self.text.push_str(good_title);
        let line = BillLine { order, good, start, name_end, title_end: self.text.len() };
        let twin = self
            .lines
            .iter_mut()
            .rev()
            .take_while(|known| known.order == order)
            .find(|known| known.good == good);
        if let Some(twin) = twin {
            *twin = line;
            return;
        }
        if self.lines.last().is_none_or(|last| last.order != order) {
            self.orders += 1;
        }
        self.lines.push(line);
    }

    /// How many orders there are.
    pub fn orders(&self) -> usize {
        self.orders
    }

    /// Whether there is no order at all.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The memory that the names take, in bytes.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Every line, order by order.
    pub fn iter(&self) -> impl Iterator<Item = Bill<'_>> {
        self.lines.iter().map(|line| self.show(line))
    }

    fn show(&self, line: &BillLine) -> Bill<'_> {
        Bill {
            order: line.order,
            good: line.good,
            good_name: self.text.get(line.start..line.name_end).unwrap_or_default(),
            good_title: self.text.get(line.name_end..line.title_end).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Bills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Bills {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Bills {
    /// A map of maps; empty it is `[]`, as PHP writes an empty array.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            return serializer.collect_seq(std::iter::empty::<()>());
        }
        let mut orders = serializer.serialize_map(Some(self.orders))?;
        for lines in self.lines.chunk_by(|one, next| one.order == next.order) {
            if let Some(first) = lines.first() {
                orders.serialize_entry(&first.order, &Goods { bills: self, lines })?;
            }
        }
        orders.end()
    }
}

/// One order's products, as a map.
struct Goods<'a> {
    bills: &'a Bills,
    lines: &'a [BillLine],
}

impl Serialize for Goods<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut goods = serializer.serialize_map(Some(self.lines.len()))?;
        for line in self.lines {
            let Bill { good, good_name, good_title, .. } = self.bills.show(line);
            goods.serialize_entry(
                &good,
                &Names { good_name: good_name.into(), good_title: good_title.into() },
            )?;
        }
        goods.end()
    }
}

#[derive(Serialize, Deserialize)]
struct Names<'a> {
    good_name: std::borrow::Cow<'a, str>,
    good_title: std::borrow::Cow<'a, str>,
}

impl<'de> Deserialize<'de> for Bills {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Bills;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of orders, or an empty list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut orders: A) -> Result<Bills, A::Error> {
                let mut bills = Bills::default();
                while let Some((order, OneOrder(goods))) = orders.next_entry::<OrderId, OneOrder<'_>>()? {
                    for (good, names) in goods {
                        bills.push(order, good, &names.good_name, &names.good_title);
                    }
                }
                Ok(bills)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bills, A::Error> {
                match list.next_element::<de::IgnoredAny>()? {
                    None => Ok(Bills::default()),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// One order's products on their way in, in the order of the text.
struct OneOrder<'a>(Vec<(GoodId, Names<'a>)>);

impl<'de> Deserialize<'de> for OneOrder<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OneOrder<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of products")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut goods: A) -> Result<Self::Value, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = goods.next_entry()? {
                    lines.push(line);
                }
                Ok(OneOrder(lines))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Bills {
        let mut bills = Bills::default();
        bills.push(OrderId(258_367), GoodId(12549), "oplata", "Оплата");
        bills.push(OrderId(258_368), GoodId(13011), "sales", "Продажи");
        bills.push(OrderId(258_368), GoodId(28363), "222", "222 способа");
        bills
    }

    #[test]
    fn bills_are_a_map_of_maps() {
        let text = serde_json::to_string(&page()).unwrap();
        assert_eq!(
            text,
            r#"{"258367":{"12549":{"good_name":"oplata","good_title":"Оплата"}},"258368":{"13011":{"good_name":"sales","good_title":"Продажи"},"28363":{"good_name":"222","good_title":"222 способа"}}}"#
        );
        assert_eq!(serde_json::from_str::<Bills>(&text).unwrap(), page());
        assert_eq!(page().orders(), 2);
    }

    #[test]
    fn no_bills_are_an_empty_list() {
        assert_eq!(serde_json::to_string(&Bills::default()).unwrap(), "[]");
        assert!(serde_json::from_str::<Bills>("[]").unwrap().is_empty());
        assert!(serde_json::from_str::<Bills>("{}").unwrap().is_empty());
        assert!(serde_json::from_str::<Bills>("[1]").is_err());
    }

    #[test]
    fn a_product_ordered_twice_keeps_its_place_and_takes_the_last_names() {
        let mut bills = Bills::default();
        bills.push(OrderId(1), GoodId(5), "a", "A");
        bills.push(OrderId(1), GoodId(6), "b", "B");
        bills.push(OrderId(1), GoodId(5), "c", "C");
        bills.push(OrderId(2), GoodId(5), "d", "D");
        let lines: Vec<_> = bills.iter().map(|bill| (bill.order.0, bill.good.0, bill.good_name)).collect();
        assert_eq!(lines, [(1, 5, "c"), (1, 6, "b"), (2, 5, "d")]);
    }
}

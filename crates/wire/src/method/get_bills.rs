//! `GetBills`: the orders of one customer (section 4.8).

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess},
    ser::SerializeMap,
};

use serde_json::value::RawValue;

use super::{Access, Api, Example, Limit, Method, page};
use crate::{Code, Email, GoodId, OrderId, PayStatus, json};

/// All orders of one customer, by e-mail, with the products in each (section 4.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetBills {
    /// The customer's e-mail; letter case and outer spaces do not matter.
    pub email: Email,
    /// Only orders in this state; absent or empty: all (decision 51).
    pub pay_status: Option<PayStatus>,
    /// At most this many orders, by number. The headers `Billhook-Next` and `Billhook-Total` tell the rest.
    pub limit: Option<Limit>,
    /// Only orders with a higher number than this one. Without `limit`: at most 10,000.
    pub after: Option<i64>,
}

impl GetBills {
    /// Asks for all orders of a customer.
    pub fn of(email: Email) -> Self {
        Self { email, pay_status: None, limit: None, after: None }
    }
}

impl Method for GetBills {
    const NAME: &'static str = "GetBills";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[Code::ORDER_NOT_FOUND];
    const EXAMPLE: Example = &[("email", "anna@example.com")];
    type Answer = Bills;

    fn access(&self) -> Access {
        page::access(self.limit, self.after)
    }
}

/// A customer's orders and their products: order number → product code → names.
///
/// Filled order by order, each with its lines.
#[derive(Clone, Default, PartialEq)]
pub struct Bills {
    lines: Vec<Bill>,
    orders: usize,
    bytes: usize,
}

/// One product of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// The order's number.
    pub order: OrderId,
    /// The product's numeric code.
    pub good: GoodId,
    /// The product's names, as they were when ordered.
    pub names: Arc<GoodNames>,
}

/// A product's names with their JSON, which is made once and used in many answers.
#[derive(Debug, Clone)]
pub struct GoodNames {
    good_name: Box<str>,
    good_title: Box<str>,
    json: Box<RawValue>,
}

impl GoodNames {
    /// A symbolic name and a title. Fails if they can't be written as JSON, which does not happen.
    pub fn new(good_name: &str, good_title: &str) -> Result<Self, serde_json::Error> {
        #[derive(Serialize)]
        struct Names<'a> {
            good_name: &'a str,
            good_title: &'a str,
        }
        let json = json::to_vec(&Names { good_name, good_title })?;
        let json = serde_json::from_slice(&json)?;
        Ok(Self { good_name: good_name.into(), good_title: good_title.into(), json })
    }

    /// The symbolic name.
    pub fn good_name(&self) -> &str {
        &self.good_name
    }

    /// The title.
    pub fn good_title(&self) -> &str {
        &self.good_title
    }

    /// The size of the texts in bytes.
    pub fn bytes(&self) -> usize {
        self.good_name.len() + self.good_title.len() + self.json.get().len()
    }
}

impl PartialEq for GoodNames {
    fn eq(&self, other: &Self) -> bool {
        self.good_name == other.good_name && self.good_title == other.good_title
    }
}

impl<'de> Deserialize<'de> for GoodNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Names {
            good_name: String,
            good_title: String,
        }
        let names = Names::deserialize(deserializer)?;
        Self::new(&names.good_name, &names.good_title).map_err(de::Error::custom)
    }
}

impl Bills {
    /// No orders, with capacity for this many lines.
    pub fn with_capacity(lines: usize) -> Self {
        Self { lines: Vec::with_capacity(lines), ..Self::default() }
    }

    /// Adds a line. Lines of one order must follow each other. A product that the order already has keeps its
    /// position and gets these names, like an entry of a PHP array (decision 55).
    pub fn push(&mut self, order: OrderId, good: GoodId, names: Arc<GoodNames>) {
        self.bytes += names.json.get().len();
        let of_this_order = self.lines.iter_mut().rev().take_while(|line| line.order == order);
        if let Some(twin) = of_this_order.into_iter().find(|line| line.good == good) {
            twin.names = names;
            return;
        }
        if self.lines.last().is_none_or(|last| last.order != order) {
            self.orders += 1;
        }
        self.lines.push(Bill { order, good, names });
    }

    /// The number of orders.
    pub fn orders(&self) -> usize {
        self.orders
    }

    /// Whether there is no order.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The size of the names in an answer, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every line, order by order.
    pub fn iter(&self) -> impl Iterator<Item = &Bill> {
        self.lines.iter()
    }
}

impl fmt::Debug for Bills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Bills {
    /// A map of maps; an empty one is `[]`, PHP's empty array.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            return serializer.collect_seq(std::iter::empty::<()>());
        }
        let mut orders = serializer.serialize_map(Some(self.orders))?;
        for lines in self.lines.chunk_by(|one, next| one.order == next.order) {
            if let Some(first) = lines.first() {
                orders.serialize_entry(&first.order, &Goods(lines))?;
            }
        }
        orders.end()
    }
}

/// One order's products, as a map.
struct Goods<'a>(&'a [Bill]);

impl Serialize for Goods<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|line| (line.good, &line.names.json)))
    }
}

impl<'de> Deserialize<'de> for Bills {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entries(orders) = Entries::<OrderId, Entries<GoodId, GoodNames>>::deserialize(deserializer)?;
        let mut bills = Self::default();
        for (order, Entries(goods)) in orders {
            for (good, names) in goods {
                bills.push(order, good, Arc::new(names));
            }
        }
        Ok(bills)
    }
}

/// A map's entries in their original order; an empty list has none.
struct Entries<K, V>(Vec<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Entries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> de::Visitor<'de> for Visitor<K, V> {
            type Value = Entries<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map, or an empty list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }

            /// Other servers send null for an order without products.
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Entries(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                match list.next_element::<de::IgnoredAny>()? {
                    None => Ok(Entries(Vec::new())),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

#[cfg(feature = "schema")]
mod schema {
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    impl JsonSchema for super::Bills {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Bills".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let names = generator.subschema_for::<super::GoodNames>();
            json_schema!({
                "description": "Order number → product code → the product's names. Without orders it is an empty list.",
                "anyOf": [
                    {
                        "type": "object",
                        "propertyNames": { "pattern": r"^\d+$" },
                        "minProperties": 1,
                        "additionalProperties": {
                            "type": "object",
                            "propertyNames": { "pattern": r"^\d+$" },
                            "additionalProperties": names,
                        },
                    },
                    { "type": "array", "maxItems": 0 },
                ],
            })
        }
    }

    impl JsonSchema for super::GoodNames {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "GoodNames".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A product's names, as they were when it was ordered.",
                "type": "object",
                "properties": {
                    "good_name": { "type": "string", "description": "Its symbolic name." },
                    "good_title": { "type": "string", "description": "Its title." },
                },
                "required": ["good_name", "good_title"],
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(good_name: &str, good_title: &str) -> Arc<GoodNames> {
        Arc::new(GoodNames::new(good_name, good_title).unwrap())
    }

    fn page() -> Bills {
        let mut bills = Bills::default();
        bills.push(OrderId(258_367), GoodId(12549), names("oplata", "Оплата"));
        bills.push(OrderId(258_368), GoodId(13011), names("sales", "a/b"));
        bills.push(OrderId(258_368), GoodId(28363), names("222", "222"));
        bills
    }

    #[test]
    fn bills_are_a_map_of_maps() {
        let text = String::from_utf8(json::to_vec(&page()).unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"258367":{"12549":{"good_name":"oplata","good_title":"\u041e\u043f\u043b\u0430\u0442\u0430"}},"258368":{"13011":{"good_name":"sales","good_title":"a\/b"},"28363":{"good_name":"222","good_title":"222"}}}"#
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
        bills.push(OrderId(1), GoodId(5), names("a", "A"));
        bills.push(OrderId(1), GoodId(6), names("b", "B"));
        bills.push(OrderId(1), GoodId(5), names("c", "C"));
        bills.push(OrderId(2), GoodId(5), names("d", "D"));
        let lines: Vec<_> =
            bills.iter().map(|bill| (bill.order.0, bill.good.0, bill.names.good_name())).collect();
        assert_eq!(lines, [(1, 5, "c"), (1, 6, "b"), (2, 5, "d")]);
    }
}

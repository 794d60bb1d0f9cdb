//! Reads other servers' answers leniently: PHP treats types as the same that ours would refuse.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};

/// Reads a value from JSON. If a type does not match: null is an empty text, zero or nothing; 0 and 1 are
/// flags; numbers may be texts and texts numbers; `[]` is an object without fields; an object is the list of
/// its values.
pub fn from_str<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).or_else(|_| T::deserialize(Loose(serde_json::from_str(json)?)))
}

/// JSON whose types are read leniently.
struct Loose(Value);

impl Loose {
    /// A whole number, as a number or a text.
    fn whole(&self) -> Option<i64> {
        match &self.0 {
            Value::Null => Some(0),
            Value::Bool(flag) => Some((*flag).into()),
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.trim().is_empty() => Some(0),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether it means "nothing".
    fn is_nothing(&self) -> bool {
        match &self.0 {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        }
    }

    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let fields = if self.is_nothing() { Value::Object(serde_json::Map::new()) } else { self.0 };
        Self(fields).deserialize_any(visitor)
    }
}

impl IntoDeserializer<'_, Error> for Loose {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! whole_numbers {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.whole() {
                Some(number) => visitor.visit_i64(number),
                None => self.0.$method(visitor),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Loose {
    type Error = Error;

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }
    forward_to_deserialize_any! { f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self))),
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (Self(Value::String(name)), Self(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            simple => simple.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self.whole(), &self.0) {
            (Some(flag @ (0 | 1)), _) => visitor.visit_bool(flag == 1),
            (_, Value::String(text)) if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            (_, Value::String(text)) if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => self.0.deserialize_bool(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_str(""),
            Value::Number(number) => visitor.visit_string(number.to_string()),
            other => other.deserialize_string(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Raw JSON is passed on unchanged.
        if name.starts_with("$serde_json::") {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.0 {
            Value::Object(fields) => fields.into_iter().map(|(_, value)| value).collect(),
            Value::Array(items) => items,
            _ if self.is_nothing() => Vec::new(),
            other => return other.deserialize_seq(visitor),
        };
        Self(Value::Array(items)).deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Money,
        method::{Bills, CouponInfo, GoodInfo, GoodType, List, OrderInfo, OrderMade},
    };

    /// The same value in all its accepted forms.
    #[test]
    fn one_order_in_many_ways() {
        let strict = r#"{"id":"7","first_name":"","email":"a@b","created":"5","pay_status":"paid","paid":"0","good_count":2,"price":"10.00",
            "is_recurrent":true,"utm":{},"items":[{"id":"12","title":"","sum":"10.00","price":"0.00","partners":[]}],
            "prepayment_enabled":1,"good_ids":["3"]}"#;
        let loose = r#"{"id":7,"first_name":null,"email":"a@b","created":5,"pay_status":"paid","paid":null,"good_count":"2","price":10,
            "is_recurrent":1,"utm":[],"items":{"4":{"id":12,"title":null,"sum":"10","price":null,"partners":""}},
            "prepayment_enabled":"1","good_ids":[3],"comment":null,"tag":null}"#;
        let order: OrderInfo = from_str(strict).unwrap();
        assert_eq!(from_str::<OrderInfo>(loose).unwrap(), order);
        let with = |from: &str, to: &str| from_str::<OrderInfo>(&loose.replace(from, to));
        for flag in ["\"1\"", "true", "\"true\""] {
            assert_eq!(
                with("\"is_recurrent\":1", &format!("\"is_recurrent\":{flag}")).unwrap(),
                order,
                "{flag}"
            );
        }
        for flag in ["0", "\"0\"", "\"\"", "false"] {
            let order = with("\"is_recurrent\":1", &format!("\"is_recurrent\":{flag}")).unwrap();
            assert_eq!(order.is_recurrent, Some(false), "{flag}");
        }
        let odd = with("\"paid\",", "\"prepaid\",").unwrap();
        assert_eq!(odd.pay_status.as_str(), "prepaid");
        for (from, to) in
            [("\"created\":5", "\"created\":\"soon\""), ("\"is_recurrent\":1", "\"is_recurrent\":2")]
        {
            assert!(with(from, to).is_err(), "{to}");
        }
        let list: List<OrderInfo> = from_str(&format!("{{\"0\":{loose}}}")).unwrap();
        assert_eq!(list.items().unwrap(), [order]);
        assert_eq!(from_str::<List<OrderInfo>>("null").unwrap().items().unwrap(), []);
    }

    #[test]
    fn lists_and_maps_of_nothing() {
        let bills: Bills =
            from_str(r#"{"9":{"2":{"good_name":5,"good_title":null}},"10":[],"11":null}"#).unwrap();
        let lines: Vec<_> =
            bills.iter().map(|bill| (bill.order.0, bill.good.0, bill.names.good_name())).collect();
        assert_eq!(lines, [(9, 2, "5")]);
        for nothing in ["null", "\"\"", "{}"] {
            assert_eq!(from_str::<Vec<GoodInfo>>(nothing).unwrap(), [], "{nothing}");
        }
        let goods: Vec<GoodInfo> = from_str(
            r#"{"5":{"good_id":5,"good_name":222,"good_title":null,"good_sum":null,"good_type":null}}"#,
        )
        .unwrap();
        assert_eq!((&*goods[0].good_name, goods[0].good_sum), ("222", Money::ZERO));
        assert_eq!(goods[0].good_type, GoodType::Floating);
        let coupons: Vec<CouponInfo> = from_str(r#"[{"id":"3","coupon":15}]"#).unwrap();
        assert_eq!((coupons[0].id, &*coupons[0].coupon), (3, "15"));
        assert_eq!(from_str::<OrderMade>(r#"{"bill_id":"17"}"#).unwrap().bill_id.unwrap().0, 17);
        assert!(from_str::<Vec<CouponInfo>>("[1]").is_err() && from_str::<Vec<CouponInfo>>("").is_err());
    }
}

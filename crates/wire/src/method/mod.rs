//! Every method of the API: its parameters, its refusals, its answer.
//!
//! A method is a plain struct of its parameters with an [`impl Method`](Method); what the server routes, the client calls and
//! the command line explains is derived from that. [`METHODS`] lists them all.

mod calls;
mod change_good;
mod change_order;
mod comma_list;
mod coupons;
mod create_order;
mod create_order_2;
mod get_bills;
mod get_orders;
mod goods;
mod list;
mod managers;
mod number_text;
mod order_info;
mod page;

pub use calls::{CallInfo, GetCalls, WAIT_MAX, WhyInfo};
pub use change_good::{AddGood, DeleteGood, GoodAdded, GoodFields, TimerUnit, UpdateGood};
pub use change_order::{DeleteOrder, NewStatus, UpdateOrderStatus};
pub use comma_list::{Goods, Names, Prices};
pub use coupons::{CouponInfo, GetCoupons};
pub use create_order::{CreateOrder, Marks, OrderMade, OrderedGood, TimerKill};
pub use create_order_2::{Confirmed, CreateOrder2, OrderStatus};
pub use get_bills::{Bill, Bills, GetBills, GoodNames};
pub use get_orders::{GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods};
pub use goods::{GetAllGoods, GetGoods, GoodInfo, GoodName, GoodType};
pub use list::{LIST_BYTES_MAX, List, ListError, ListWriter};
pub use managers::{GetPersonalManagers, ManagerInfo};
pub use order_info::{GoodIdText, ItemInfo, OrderInfo, PartnerInfo, ShownStatus, UtmInfo};
pub use page::{LIMIT_MAX, Limit, NEXT_HEADER, Paged, TOTAL_HEADER};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::{
    Code, Request,
    form::{Fault, FieldError},
};

/// A method of the API, implemented by the struct of its parameters.
pub trait Method: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name, as the documentation spells it; requests may use any letter case (decision 5).
    const NAME: &'static str;
    /// Which edition it belongs to. `CreateOrder` and `createorder` differ only here, so this is part of the key.
    const API: Api;
    /// Whether it changes anything: which kind of transaction it runs in.
    const ACCESS: Access;
    /// The codes of its own that it may refuse with, beyond the general ones.
    const REFUSALS: &'static [Code];
    /// How success is told: [`Code::OK`], or the method's own texts beside its 0. Of several, [`Self::done`] picks.
    const DONE: &'static [Code] = &[Code::OK];
    /// Other names that it answers to where the credential is of its edition. Two methods that name each other are one path with
    /// two shapes, under two names (decision 5).
    const ALIASES: &'static [&'static str] = &[];
    /// The parameters that say something where they are empty; all others are then as if absent (decision 45).
    const MAY_BE_EMPTY: &'static [&'static str] = &[];
    /// A call that the demo's shop answers with success. It stands in the reference, and tests make it of every method.
    const EXAMPLE: Example;
    /// What stands in `result` when it was done: an array or an object (decision 44), but for the one number of section 7.7.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The one of [`Self::DONE`] that tells this answer.
    fn done(answer: &Self::Answer) -> Code {
        let _ = answer;
        Self::DONE.first().copied().unwrap_or(Code::OK)
    }

    /// The transaction that this call needs, if it needs less than [`Self::ACCESS`].
    fn access(&self) -> Access {
        Self::ACCESS
    }

    /// The code for a parameter that is missing or wrong. `field` is the parameter's name on the wire.
    fn refuse(field: &str, fault: Fault) -> Code {
        let _ = (field, fault);
        Code::WRONG_DATA
    }
}

/// The parameters of a call, named as PHP writes them.
pub type Example = &'static [(&'static str, &'static str)];

/// The answer of a method that has nothing to tell: `[]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(std::iter::empty::<()>())
    }
}

impl<'de> Deserialize<'de> for Nothing {
    /// From whatever a server sends where nothing is expected.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

schema!(Nothing, { "type": "array", "maxItems": 0 });

/// The edition that a method belongs to: what its callers authenticate with (sections 2.1 and 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// 1.0: a `hash` over the request.
    Signed,
    /// 2.0: the key itself, as `rpsKey`.
    Keyed,
}

/// The header under which a call that writes is done once (decision 91).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Whether a method changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It looks, with one statement that is soon done: others may wait behind it.
    ReadOne,
    /// It looks, with several statements that must see the same state, or for long.
    Read,
    /// It may write.
    Write,
}

/// What is known of a method without its types.
#[derive(Debug, Clone, Copy)]
pub struct MethodInfo {
    /// [`Method::NAME`].
    pub name: &'static str,
    /// [`Method::API`].
    pub api: Api,
    /// [`Method::ACCESS`].
    pub access: Access,
    /// [`Method::REFUSALS`].
    pub refusals: &'static [Code],
    /// [`Method::DONE`].
    pub done: &'static [Code],
    /// [`Method::ALIASES`].
    pub aliases: &'static [&'static str],
    /// [`Method::EXAMPLE`].
    pub example: Example,
    /// What is wrong with a request's parameters, if they are not this method's.
    pub fault: fn(&Request<'_>) -> Option<FieldError>,
    /// The JSON schema of the parameters: an object, however the generator is set.
    #[cfg(feature = "schema")]
    pub parameters: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// The JSON schema of [`Method::Answer`].
    #[cfg(feature = "schema")]
    pub answer: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl MethodInfo {
    /// The method of a name: of two that differ only in letter case the one that is spelled so, else the first.
    pub fn named(name: &str) -> Option<&'static Self> {
        let spelled = METHODS.iter().find(|method| method.name == name);
        spelled.or_else(|| METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name)))
    }
}

/// What is done with the type of every method.
pub trait EachMethod {
    /// Does it with this one.
    fn with<M: Method>(&mut self);
}

macro_rules! methods {
    ($($method:ty),+ $(,)?) => {
        /// Does something with the type of every method, in the order of [`METHODS`].
        pub fn each_method(each: &mut impl EachMethod) {
            $(each.with::<$method>();)+
        }

        /// Every method.
        pub const METHODS: &[MethodInfo] = &[$(MethodInfo {
            name: <$method>::NAME,
            api: <$method>::API,
            access: <$method>::ACCESS,
            refusals: <$method>::REFUSALS,
            done: <$method>::DONE,
            aliases: <$method>::ALIASES,
            example: <$method>::EXAMPLE,
            fault: |request| request.read_parameters::<$method>().err(),
            #[cfg(feature = "schema")]
            parameters: <$method as schemars::JsonSchema>::json_schema,
            #[cfg(feature = "schema")]
            answer: |generator| generator.subschema_for::<<$method as Method>::Answer>(),
        }),+];
    };
}

/// The methods that are documented and that Billhook doesn't have yet (sections 7 to 9).
pub const TO_COME: [(&str, Api); 13] = [
    ("AddLeadToGroup", Api::Signed),
    ("UpdateSubscriberData", Api::Signed),
    ("DeleteSubscribe", Api::Signed),
    ("GetAllGroups", Api::Signed),
    ("GetLeadGroups", Api::Signed),
    ("GetLeadGroupStatuses", Api::Signed),
    ("GetCountSubscribe", Api::Signed),
    ("GetPartnerStats", Api::Signed),
    ("addupdatelead", Api::Keyed),
    ("addtagtolead", Api::Keyed),
    ("removetagfromlead", Api::Keyed),
    ("removeleadfromlist", Api::Keyed),
    ("getalllists", Api::Keyed),
];

/// The documentation's spelling of a method that is to come, in any letter case.
pub fn to_come(name: &str) -> Option<(&'static str, Api)> {
    TO_COME.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

methods![
    GetBills,
    CreateOrder,
    UpdateOrderStatus,
    DeleteOrder,
    GetOrderDetails,
    GetOrderInfo,
    GetOrders,
    GetOrdersWithGoods,
    GetAllGoods,
    AddGood,
    UpdateGood,
    DeleteGood,
    CreateOrder2,
    GetGoods,
    GetCoupons,
    GetPersonalManagers,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query;

    #[test]
    fn every_method_reads_its_example() {
        for method in METHODS {
            let mut form = Vec::new();
            let pairs = method.example.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            query::build_pairs(pairs, &mut form);
            assert_eq!((method.fault)(&Request::read(None, &form)), None, "{}", method.name);
        }
    }
}

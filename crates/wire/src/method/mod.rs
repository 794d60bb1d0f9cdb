//! Every method of the API: its parameters, refusals and answer.
//!
//! A method is a struct of its parameters with an [`impl Method`](Method). Routing, client and help are
//! derived from that. [`METHODS`] lists them all.

mod calls;
mod change_good;
mod change_order;
mod comma_list;
mod coupons;
mod create_order;
mod create_order_2;
mod events;
mod get_bills;
mod get_orders;
mod goods;
mod groups;
mod leads;
mod list;
mod managers;
mod number_text;
mod order_info;
mod page;
mod partner_stats;
mod subscriptions;

pub use calls::{CallInfo, GetCalls, WAIT_MAX, WhyInfo};
pub use change_good::{AddGood, DeleteGood, GoodAdded, GoodFields, TimerUnit, UpdateGood};
pub use change_order::{DeleteOrder, NewStatus, UpdateOrderStatus};
pub use comma_list::{Goods, Names, Prices};
pub use coupons::{CouponInfo, GetCoupons};
pub use create_order::{CreateOrder, OrderMade, OrderedGood, TimerKill, UtmMarks};
pub use create_order_2::{Confirmed, CreateOrder2, OrderStatus};
pub use events::{EventInfo, EventList, GetEvents};
pub use get_bills::{Bill, Bills, GetBills, GoodNames};
pub use get_orders::{GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods};
pub use goods::{GetAllGoods, GetGoods, GoodInfo, GoodName, GoodType};
pub use groups::{
    GetAllGroups, GetAllLists, GetLeadGroupStatuses, GetLeadGroups, GroupInfo, LeadGroupInfo, ListInfo,
    SubscriptionStatus,
};
pub use leads::{
    AddTagToLead, AddUpdateLead, OffsetError, RemoveTagFromLead, UpdateSubscriberData, UtcOffset,
};
pub use list::{LIST_BYTES_MAX, List, ListError, ListWriter};
pub use managers::{GetPersonalManagers, ManagerInfo};
pub use order_info::{GoodIdText, ItemInfo, OrderInfo, PartnerInfo, ShownStatus, UtmInfo};
pub use page::{LIMIT_MAX, Limit, NEXT_HEADER, Paged, TOTAL_HEADER};
pub use partner_stats::{GetPartnerStats, PartnerStats};
pub use subscriptions::{AddLeadToGroup, Count, DeleteSubscribe, GetCountSubscribe, RemoveLeadFromList};

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
    /// The name as in the documentation; letter case does not matter in requests (decision 5).
    const NAME: &'static str;
    /// The API version. `CreateOrder` and `createorder` differ only in it, so it is part of the key.
    const API: Api;
    /// The kind of transaction that it needs.
    const ACCESS: Access;
    /// Its refusals besides the general codes.
    const REFUSALS: &'static [Code];
    /// The codes of success: [`Code::OK`], or the method's own texts for 0, of which [`Self::done`] picks
    /// one.
    const DONE: &'static [Code] = &[Code::OK];
    /// Other names in its API version. Two methods that name each other share a path (decision 5).
    const ALIASES: &'static [&'static str] = &[];
    /// The parameters that may be empty; others count as absent then (decision 45).
    const MAY_BE_EMPTY: &'static [&'static str] = &[];
    /// A call that succeeds in the demo's shop. The reference shows it, and tests make it.
    const EXAMPLE: Example;
    /// The type of `result`: an array or an object (decision 44), except the number of section 7.7.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The code of [`Self::DONE`] for this answer.
    fn done(answer: &Self::Answer) -> Code {
        let _ = answer;
        Self::DONE.first().copied().unwrap_or(Code::OK)
    }

    /// The transaction that this call needs, which may be less than [`Self::ACCESS`].
    fn access(&self) -> Access {
        Self::ACCESS
    }

    /// The code for a missing or wrong parameter. `field` is its name on the wire.
    fn refuse(field: &str, fault: Fault) -> Code {
        let _ = (field, fault);
        Code::WRONG_DATA
    }
}

/// The parameters of a call, with names as in PHP.
pub type Example = &'static [(&'static str, &'static str)];

/// An empty answer: `[]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(std::iter::empty::<()>())
    }
}

impl<'de> Deserialize<'de> for Nothing {
    /// Ignores what other servers send here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

schema!(Nothing, { "type": "array", "maxItems": 0 });

/// The API version of a method, which is also that of its callers' credentials (sections 2.1 and 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// 1.0: a `hash` over the request.
    Signed,
    /// 2.0: the key itself, as `rpsKey`.
    Keyed,
}

/// The header that makes a repeated call be done once (decision 91).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The transaction that a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// A read of one short statement: other requests may wait for it.
    ReadOne,
    /// A read of several statements that must see the same state, or of a long one.
    Read,
    /// A write.
    Write,
}

/// A method's constants, without its types.
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
    /// Why a request's parameters are not valid for this method, if they are not.
    pub fault: fn(&Request<'_>) -> Option<FieldError>,
    /// The JSON schema of the parameters: an object, whatever the generator's settings.
    #[cfg(feature = "schema")]
    pub parameters: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// The JSON schema of [`Method::Answer`].
    #[cfg(feature = "schema")]
    pub answer: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl MethodInfo {
    /// The method with this name. If two differ only in letter case, the exact spelling wins, else the first.
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
    GetAllGroups,
    GetLeadGroups,
    GetLeadGroupStatuses,
    GetCountSubscribe,
    AddLeadToGroup,
    UpdateSubscriberData,
    DeleteSubscribe,
    GetPartnerStats,
    GetAllLists,
    AddUpdateLead,
    AddTagToLead,
    RemoveTagFromLead,
    RemoveLeadFromList,
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

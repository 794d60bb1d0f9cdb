//! The table of methods: each type of parameters and its function.

pub(crate) mod call;
mod calls;
pub(crate) mod contacts;
pub(crate) mod context;
mod country;
mod coupons;
mod create_order;
mod events;
mod goods;
pub(crate) mod idempotency;
mod managers;
pub(crate) mod new_order;
mod orders;
mod partner_stats;

use std::{collections::HashMap, iter::once, sync::Arc};

use billhook_wire::{
    Api, Method,
    method::{
        AddGood, AddLeadToGroup, AddTagToLead, AddUpdateLead, CreateOrder, CreateOrder2, DeleteGood,
        DeleteOrder, DeleteSubscribe, GetAllGoods, GetAllGroups, GetAllLists, GetBills, GetCalls,
        GetCountSubscribe, GetCoupons, GetEvents, GetGoods, GetLeadGroupStatuses, GetLeadGroups,
        GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods, GetPartnerStats, GetPersonalManagers,
        RemoveLeadFromList, RemoveTagFromLead, UpdateGood, UpdateOrderStatus, UpdateSubscriberData,
    },
};

use self::{
    call::{Begun, Call},
    context::Function,
};
use crate::failure::Failure;

/// Every method of the server.
pub(crate) fn table() -> Methods {
    Methods::new()
        .on::<GetBills>(orders::get_bills)
        .on::<CreateOrder>(create_order::create_order)
        .on::<UpdateOrderStatus>(orders::update_order_status)
        .on::<DeleteOrder>(orders::delete_order)
        .on::<GetOrderDetails>(orders::get_order_details)
        .on::<GetOrderInfo>(orders::get_order_info)
        .on::<GetOrders>(orders::get_orders)
        .on::<GetOrdersWithGoods>(orders::get_orders_with_goods)
        .on::<GetAllGoods>(goods::get_all_goods)
        .on::<AddGood>(goods::add_good)
        .on::<UpdateGood>(goods::update_good)
        .on::<DeleteGood>(goods::delete_good)
        .on::<CreateOrder2>(create_order::create_order_2)
        .on::<GetGoods>(goods::get_goods)
        .on::<GetCoupons>(coupons::get_coupons)
        .on::<GetPersonalManagers>(managers::get_personal_managers)
        .on::<AddLeadToGroup>(contacts::add_lead_to_group)
        .on::<UpdateSubscriberData>(contacts::update_subscriber_data)
        .on::<DeleteSubscribe>(contacts::delete_subscribe)
        .on::<GetAllGroups>(contacts::get_all_groups)
        .on::<GetLeadGroups>(contacts::get_lead_groups)
        .on::<GetLeadGroupStatuses>(contacts::get_lead_group_statuses)
        .on::<GetCountSubscribe>(contacts::get_count_subscribe)
        .on::<GetPartnerStats>(partner_stats::get_partner_stats)
        .on::<AddUpdateLead>(contacts::add_update_lead)
        .on::<AddTagToLead>(contacts::add_tag_to_lead)
        .on::<RemoveTagFromLead>(contacts::remove_tag_from_lead)
        .on::<RemoveLeadFromList>(contacts::remove_lead_from_list)
        .on::<GetAllLists>(contacts::get_all_lists)
        .with::<GetCalls>(Arc::new(calls::begin))
        .with::<GetEvents>(Arc::new(events::begin))
}

/// Begins a call of one method; its types are erased.
pub(crate) type Begin = dyn Fn(&Call<'_>) -> Result<Begun, Failure> + Send + Sync;

/// The table, by lower-case name (decision 5).
#[derive(Default)]
pub(crate) struct Methods {
    by_name: HashMap<String, Editions>,
}

/// The methods with one lower-case name: `CreateOrder` and `createorder` differ in their API version.
#[derive(Default)]
struct Editions {
    signed: Option<Entry>,
    keyed: Option<Entry>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    name: &'static str,
    pub(crate) begin: Arc<Begin>,
}

impl Methods {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a method and its function. It would replace an existing method; a test ensures that it does not.
    pub(crate) fn on<M: Method>(self, function: Function<M>) -> Self {
        self.with::<M>(Arc::new(move |call| call::begin(function, call)))
    }

    /// The same for a method that needs no transaction.
    fn with<M: Method>(mut self, begin: Arc<Begin>) -> Self {
        let entry = Entry { name: M::NAME, begin };
        for name in once(&M::NAME).chain(M::ALIASES) {
            let editions = self.by_name.entry(name.to_ascii_lowercase()).or_default();
            match M::API {
                Api::Signed => editions.signed = Some(entry.clone()),
                Api::Keyed => editions.keyed = Some(entry.clone()),
            }
        }
        self
    }

    /// The method of a path: that of the credential's API version, else the other (decisions 5 and 53).
    pub(crate) fn find(&self, path: &str, credential: Api) -> Option<&Entry> {
        let Editions { signed, keyed } = self.by_name.get(&folded(path)?)?;
        match credential {
            Api::Signed => signed.as_ref().or(keyed.as_ref()),
            Api::Keyed => keyed.as_ref().or(signed.as_ref()),
        }
    }

    /// The name of the method of a path, spelled as in the table, for log and metrics.
    pub(crate) fn name_of(&self, path: &str) -> Option<&'static str> {
        let folded = folded(path)?;
        let Editions { signed, keyed } = self.by_name.get(&folded)?;
        let mut names = [signed, keyed].into_iter().flatten().map(|entry| entry.name);
        let first = names.clone().next();
        names.find(|name| name.eq_ignore_ascii_case(&folded)).or(first)
    }
}

/// The method's name in a path, in lower case.
fn folded(path: &str) -> Option<String> {
    let name = path.strip_prefix("/api/")?;
    Some(name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billhook_wire::{
        Access, Code,
        method::{Example, METHODS},
    };
    use serde::{Deserialize, Serialize};

    use super::*;

    #[test]
    fn the_table_is_the_protocols_list() {
        let names = METHODS
            .iter()
            .flat_map(|method| once(&method.name).chain(method.aliases).map(move |name| (name, method.api)));
        let listed: Vec<_> =
            names.map(|(name, api)| (name.to_ascii_lowercase(), api == Api::Signed)).collect();
        let unique: BTreeSet<_> = listed.iter().cloned().collect();
        assert_eq!(unique.len(), listed.len(), "a method stands twice in METHODS");
        let answered: BTreeSet<_> = table()
            .by_name
            .iter()
            .flat_map(|(name, editions)| {
                let signed = editions.signed.iter().map(|_| (name.clone(), true));
                signed.chain(editions.keyed.iter().map(|_| (name.clone(), false))).collect::<Vec<_>>()
            })
            .collect();
        let ours = [GetCalls::NAME, GetEvents::NAME].map(|name| (name.to_owned(), false));
        assert!(ours.iter().all(|ours| !unique.contains(ours)), "a method of ours is not the protocol's");
        assert_eq!(answered, unique.iter().cloned().chain(ours).collect());
    }

    macro_rules! nothing {
        ($name:ident, $method:literal, $api:expr $(, $alias:literal)?) => {
            #[derive(Serialize, Deserialize)]
            struct $name {}
            impl Method for $name {
                const NAME: &'static str = $method;
                const API: Api = $api;
                const ACCESS: Access = Access::Read;
                const REFUSALS: &'static [Code] = &[];
                const ALIASES: &'static [&'static str] = &[$($alias)?];
                const EXAMPLE: Example = &[];
                type Answer = [(); 0];
            }
        };
    }
    nothing!(Create, "CreateOrder", Api::Signed);
    nothing!(Create2, "createorder", Api::Keyed);
    nothing!(AllGoods, "GetAllGoods", Api::Signed);
    nothing!(Coupons, "getcoupons", Api::Keyed);
    nothing!(Groups, "GetAllGroups", Api::Signed, "getalllists");
    nothing!(Lists, "getalllists", Api::Keyed, "GetAllGroups");

    #[test]
    fn the_credential_picks_the_edition() {
        let table = Methods::new()
            .on::<Create>(|_, _| Ok([]))
            .on::<Create2>(|_, _| Ok([]))
            .on::<AllGoods>(|_, _| Ok([]))
            .on::<Coupons>(|_, _| Ok([]));
        let found = |path, api| table.find(path, api).map(|entry| entry.name);
        for path in ["/api/CreateOrder", "/api/createorder", "/api/CREATEORDER/"] {
            assert_eq!(found(path, Api::Signed), Some("CreateOrder"), "{path}");
            assert_eq!(found(path, Api::Keyed), Some("createorder"), "{path}");
        }
        assert_eq!(found("/api/getallgoods", Api::Keyed), Some("GetAllGoods"));
        assert_eq!(found("/api/GetCoupons", Api::Signed), Some("getcoupons"));
        for path in [
            "/",
            "/api/",
            "/api",
            "/GetAllGoods",
            "/api/GetAllGoods//",
            "/api//GetAllGoods",
            "/api/Nothing",
            "/api/%47etAllGoods",
        ] {
            assert_eq!(found(path, Api::Signed), None, "{path}");
        }
    }

    /// Decision 5: objects of two fields with `hash`, of four with `rpsKey`, under either name.
    #[test]
    fn two_names_may_be_one_path_with_two_shapes() {
        let table = Methods::new().on::<Groups>(|_, _| Ok([])).on::<Lists>(|_, _| Ok([]));
        for path in ["/api/GetAllGroups", "/api/getalllists/"] {
            let found = |api| table.find(path, api).map(|entry| entry.name);
            assert_eq!(found(Api::Signed), Some("GetAllGroups"), "{path}");
            assert_eq!(found(Api::Keyed), Some("getalllists"), "{path}");
        }
        assert_eq!(table.name_of("/api/getallgroups"), Some("GetAllGroups"));
        assert_eq!(table.name_of("/api/GetAllLists"), Some("getalllists"));
    }
}

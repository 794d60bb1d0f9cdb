//! Random sequences of calls about contacts, groups, tags and orders over HTTP, compared with a simple model. After
//! each step the methods that list a contact's groups and count contacts must answer as the model says.

use std::collections::{BTreeMap, BTreeSet};

use billhook_store::{
    accounts,
    contacts::{self, contact_tags},
};
use billhook_wire::{Email, Login};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    order_model::{EMAILS, KEY, Real, with_account},
    program::{Answer, keyed},
    shop::store_of,
};

/// Two groups that are open, one of buyers, one that the first order makes; nobody has the last two.
const GROUPS: [&str; 6] = ["news", "super", "buyers", "made", "allleads", "nobody"];
const BUYERS: usize = 2;
const MADE: usize = 3;
const ALL_LEADS: usize = 4;
const TAGS: [&str; 4] = ["vip", "VIP", "b c", "новый"];

/// A call. It sends what its method takes of this; only addupdatelead may have an empty e-mail.
#[derive(Debug, Clone)]
struct Step {
    method: &'static str,
    email: &'static str,
    joins: Vec<usize>,
    leaves: Vec<usize>,
    add: &'static str,
    remove: &'static str,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let method = prop_oneof![
        6 => select(&["addupdatelead", "AddLeadToGroup", "AddLeadToGroup"][..]),
        4 => select(&["DeleteSubscribe", "removeleadfromlist", "CreateOrder"][..]),
        2 => select(&["addtagtolead", "removetagfromlead", "UpdateSubscriberData"][..]),
    ];
    // Mostly groups that are open, or few calls would succeed.
    let group = || prop_oneof![8 => 0..2_usize, 2 => 2..4_usize, 1 => 4..GROUPS.len()];
    let groups = || prop::collection::vec(group(), 0..3);
    let (email, tag) = (prop_oneof![9 => select(&EMAILS[..]), 1 => Just("")], || select(&TAGS[..]));
    let step = (method, email, groups(), groups(), tag(), tag());
    let step = step.prop_map(|(method, email, joins, mut leaves, add, remove)| {
        leaves.truncate(if method == "DeleteSubscribe" { 1 } else { 2 });
        let email = if method == "addupdatelead" || !email.is_empty() { email } else { "new@example.com" };
        Step { method, email, joins, leaves, add, remove }
    });
    prop::collection::vec(step, 1..20)
}

impl Step {
    fn done(&self, real: &Real<'_>) -> Answer {
        let names = |groups: &[usize]| groups.iter().map(|&at| GROUPS[at]).collect::<Vec<_>>().join(",");
        let (joins, leaves) = (names(&self.joins), names(&self.leaves));
        let (joins, leaves) = (("add_to_lists", &*joins), ("remove_from_lists", &*leaves));
        let (add, remove) = (("add_tags", self.add), ("remove_tags", self.remove));
        let form: &[_] = match self.method {
            "addupdatelead" => &[joins, leaves, add, remove],
            "AddLeadToGroup" => &[("rid", joins.1), ("tag", self.add)],
            "DeleteSubscribe" => &[("rass_name", leaves.1)],
            "removeleadfromlist" => &[leaves],
            "addtagtolead" => &[add],
            "removetagfromlead" => &[remove],
            "UpdateSubscriberData" => &[("lead_tags", self.add), ("lead_name", self.add)],
            _ => &[("goods[0][good_name]", "club"), ("bill_email", self.email)],
        };
        let form = [form, &[("lead_email", self.email)]].concat();
        let is_keyed = self.method.starts_with(char::is_lowercase);
        if is_keyed { real.send(self.method, &keyed(KEY, &form)) } else { real.call(self.method, &form) }
    }
}

#[derive(Debug, Default)]
struct Contact {
    email: String,
    tags: BTreeSet<String>,
    /// Whether it is subscribed to each group that it has ever been in.
    groups: BTreeMap<usize, bool>,
}

#[derive(Debug, Default)]
struct Model {
    contacts: Vec<Contact>,
    is_made: bool,
}

impl Model {
    fn is_there(&self, group: usize) -> bool {
        group <= BUYERS || group == MADE && self.is_made
    }

    fn at(&self, email: &str) -> Option<usize> {
        let is = |contact: &Contact| !email.is_empty() && contact.email == email.to_lowercase();
        self.contacts.iter().position(is)
    }

    /// Applies a step, and returns the expected code.
    fn take(&mut self, Step { method, email, joins, leaves, add, remove }: &Step) -> i64 {
        let is = |methods: &[&str]| methods.contains(method);
        let may_join = is(&["addupdatelead", "AddLeadToGroup", "CreateOrder"]);
        let joins = if may_join { &joins[..] } else { &[] };
        let may_leave = is(&["addupdatelead", "DeleteSubscribe", "removeleadfromlist"]);
        let leaves = if may_leave { &leaves[..] } else { &[] };
        self.is_made |= is(&["CreateOrder"]);
        let joins = if is(&["CreateOrder"]) { &[BUYERS, MADE] } else { joins };
        if !is(&["CreateOrder"]) {
            let refused = |group: &usize| match *group {
                BUYERS | ALL_LEADS => Some(104),
                group => (!self.is_there(group)).then_some(103),
            };
            if let Some(code) = joins.iter().find_map(refused) {
                return code;
            }
        }
        match (joins, leaves) {
            ([], _) if is(&["AddLeadToGroup"]) => return 103,
            (_, []) if is(&["DeleteSubscribe", "removeleadfromlist"]) => return 800,
            (_, leaves) if !leaves.iter().all(|&group| self.is_there(group)) => return 800,
            _ => {}
        }
        let Some(at) = self.at(email).or_else(|| may_join.then_some(self.contacts.len())) else { return 801 };
        if at == self.contacts.len() {
            self.contacts.push(Contact { email: email.to_lowercase(), ..Contact::default() });
        }
        let contact = &mut self.contacts[at];
        if is(&["DeleteSubscribe"]) && !contact.groups.contains_key(&leaves[0]) {
            return 801;
        } else if is(&["AddLeadToGroup"]) && joins.iter().all(|at| contact.groups.get(at) == Some(&true)) {
            return 102;
        }
        if is(&["addupdatelead", "AddLeadToGroup", "addtagtolead", "UpdateSubscriberData"]) {
            contact.tags.insert((*add).to_owned());
        }
        if is(&["addupdatelead", "removetagfromlead"]) {
            contact.tags.remove(*remove);
        }
        contact.groups.extend(joins.iter().map(|&group| (group, true)));
        for group in leaves {
            contact.groups.entry(*group).and_modify(|is_in| *is_in = false);
        }
        0
    }

    /// A contact's groups, by number, with their statuses.
    fn groups(&self, email: &str, is_brief: bool) -> (i64, Vec<Value>) {
        let Some(at) = self.at(email) else { return (500, Vec::new()) };
        let groups = self.contacts[at].groups.iter().filter(|(_, is_in)| **is_in || !is_brief);
        let groups = groups.map(|(group, is_in)| {
            let status = if *is_in { "STATUS_SUBSCRIBE" } else { "STATUS_UNSUBSCRIBE" };
            json!([GROUPS[*group], if is_brief { Value::Null } else { status.into() }])
        });
        let groups: Vec<_> = groups.collect();
        (if groups.is_empty() { 501 } else { 0 }, groups)
    }

    /// The contacts in a group.
    fn count(&self, name: &str) -> (i64, Value) {
        let group = GROUPS.iter().position(|known| *known == name);
        let is_in = |contact: &&Contact| match group {
            Some(group) if group < ALL_LEADS => contact.groups.get(&group) == Some(&true),
            _ => name != "unique" || contact.groups.values().any(|is_in| *is_in),
        };
        let is_known = group.is_none_or(|group| group == ALL_LEADS || self.is_there(group));
        let count = self.contacts.iter().filter(is_in).count();
        if is_known { (0, json!(count)) } else { (800, json!([])) }
    }
}

impl Real<'_> {
    fn agrees(&self, model: &Model) -> Result<(), TestCaseError> {
        for (email, method) in
            EMAILS.iter().flat_map(|email| [(email, "GetLeadGroups"), (email, "GetLeadGroupStatuses")])
        {
            let answer = self.call(method, &[("email", email)]);
            let json = answer.json();
            let groups = json["result"].as_array().unwrap().iter();
            let groups: Vec<_> =
                groups.map(|group| json!([group["rass_name"], group["rass_status"]])).collect();
            let expected = model.groups(email, method == "GetLeadGroups");
            prop_assert_eq!((answer.code(), groups), expected, "{} {}", method, email);
        }
        for name in GROUPS.iter().copied().chain(["all", "unique"]) {
            let answer = self.call("GetCountSubscribe", &[("group_name", name)]);
            prop_assert_eq!((answer.code(), answer.json()["result"].take()), model.count(name), "{}", name);
        }
        Ok(())
    }

    /// No method shows a contact's tags.
    fn tags(&self, email: &'static str) -> BTreeSet<String> {
        let login = Login::parse(&self.login).unwrap();
        let tags = store_of(self.server.place()).write(move |tx| {
            let account = accounts::find(tx, &login)?.unwrap().id;
            let contact = contacts::of_email(tx, account, &Email::parse(email).unwrap())?;
            contact.map_or(Ok(Vec::new()), |contact| contact_tags::tags(tx, account, contact.id))
        });
        tags.unwrap().into_iter().collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if crate::ON_POSTGRES { 8 } else { 60 }, max_shrink_iters: 100, ..ProptestConfig::default() })]
    #[test]
    fn contacts_are_where_the_model_has_them(steps in steps()) {
        with_account(|real| {
            for group in [&["news"][..], &["super"], &["buyers", "--auto"]] {
                real.server.run(&[&["group", "add"], group, &["--account", &real.login]].concat());
            }
            let good = [
                ("good_name", "club"), ("good_type", "0"), ("good_title", "Club"), ("good_sum", "0"),
                ("good_client_rassilki", "made, buyers,allleads"),
            ];
            prop_assert_eq!(real.call("AddGood", &good).code(), 0);
            let mut model = Model::default();
            for step in &steps {
                let answer = step.done(real);
                prop_assert_eq!(answer.code(), model.take(step), "{:?}: {:?}", step, answer);
                real.agrees(&model)?;
            }
            for email in EMAILS {
                let tags = model.at(email).map(|at| model.contacts[at].tags.clone());
                prop_assert_eq!(real.tags(email), tags.unwrap_or_default(), "{}", email);
            }
            real.server.run(&["check"]);
            Ok(())
        })?;
    }
}

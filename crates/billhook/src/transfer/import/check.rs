//! Checks each record against the file so far, the catalogue and, for missing fields, the stored order.

use std::collections::{HashMap, HashSet};

use billhook_store::{
    AccountId, Error, Store,
    contacts::groups,
    orders::{self, Line, Order, order_changes::Payment},
    products::Listing,
};
use billhook_wire::{Money, OrderId, PayStatus};
use roaring::RoaringTreemap;

use super::catalogue::Catalogue;
use crate::record::{
    ContactEntry, Draft, Entry, Fault, Field, FieldSet, ItemDraft, ProductDraft, Record, Settings, entry,
    quoted,
};

/// What the writer must do for a good record.
#[derive(Debug)]
pub(super) enum Step {
    /// An order, and the products that it names first.
    Order {
        order: Box<Prepared>,
        products: Vec<Listing>,
    },
    /// A product from a line of its own, and the product before it.
    Product {
        product: Listing,
        before: Option<Listing>,
        settings: Settings,
    },
    Entry(Entry),
    /// Settings of the account, which were not asked for.
    LeftOut,
}

/// An order as it will be if its number is free, and the fields that the record gave.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) order: Order,
    pub(super) given: FieldSet,
    pub(super) payments: Vec<Payment>,
    /// For each line of the order.
    pub(super) given_items: Vec<GivenItem>,
}

/// The fields that the record gave for a line.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "a set of fields, each with its name")]
pub(super) struct GivenItem {
    pub(super) good_name: bool,
    pub(super) good_title: bool,
    pub(super) sum: bool,
    pub(super) price: bool,
    pub(super) pincode: bool,
    pub(super) partner_fee: bool,
    pub(super) partner_pfee: bool,
}

/// Why a record was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Refusal {
    Fault(#[from] Fault),
    Store(#[from] Error),
}

/// Checks a file's records in their order.
pub(super) struct Checker<'s> {
    store: &'s Store,
    account: AccountId,
    /// The creation time of orders that have none. Unix seconds.
    now: i64,
    catalogue: Catalogue,
    seen: RoaringTreemap,
    /// The numbers of entries with unique names.
    names: HashMap<(&'static str, String), i64>,
    contacts: Contacts,
    takes_settings: bool,
}

impl<'s> Checker<'s> {
    pub(super) fn new(
        store: &'s Store,
        account: AccountId,
        now: i64,
        takes_settings: bool,
    ) -> Result<Self, Error> {
        let catalogue = Catalogue::load(store, account)?;
        let names = store.read(|tx| entry::names(tx, account))?;
        let stored = store.read(|tx| groups::list(tx, account))?.into_iter().map(|group| group.name);
        let contacts = Contacts { stored: stored.collect(), ..Contacts::default() };
        let seen = RoaringTreemap::new();
        Ok(Self { store, account, now, catalogue, seen, names, contacts, takes_settings })
    }

    /// Checks one record. A bad one changes nothing.
    pub(super) fn check(&mut self, line: u64, record: Record) -> Result<Step, Refusal> {
        match record {
            Record::Order(draft) => self.order(line, draft),
            Record::Product(draft) => Ok(self.product(line, draft)?),
            Record::Entry(Entry::Settings(_)) if !self.takes_settings => Ok(Step::LeftOut),
            Record::Entry(entry) => Ok(self.entry(entry)?),
        }
    }

    fn entry(&mut self, entry: Entry) -> Result<Step, Fault> {
        if let Some(unknown) = entry.goods().iter().find(|good| self.catalogue.get(**good).is_none()) {
            return Err(Fault(format!(
                "product {unknown} is not in the catalogue: describe it in an earlier line"
            )));
        }
        if let Some((kind, id, name)) = entry.unique() {
            let other = self.names.entry((kind, name)).or_insert(id);
            if *other != id {
                return Err(Fault(format!("numbers {id} and {other} have the same {kind}")));
            }
        }
        match &entry {
            Entry::Group(group) if !self.contacts.groups.insert(group.name.clone()) => {
                Err(Fault(format!("group {} is in the file already", quoted(&group.name))))
            }
            Entry::Contact(contact) => self.contacts.check(contact).map(|()| Step::Entry(entry)),
            _ => Ok(Step::Entry(entry)),
        }
    }

    fn order(&mut self, line: u64, draft: Box<Draft>) -> Result<Step, Refusal> {
        let draft = *draft;
        if !draft.given.has(Field::Id) {
            return Err(missing("id").into());
        }
        if !draft.given.has(Field::Email) {
            return Err(missing("email").into());
        }
        if draft.items.is_empty() {
            return Err(Fault::new("`items` is missing or empty: an order has at least one").into());
        }
        // An order may be in a file only once (decision 67).
        let id = draft.id;
        let number = id.0.unsigned_abs();
        if self.seen.contains(number) {
            return Err(Fault(format!("order {id} is in the file already")).into());
        }
        let mut products = Vec::new();
        let (lines, given_items) = match self.items(line, id, draft.items, &mut products) {
            Ok(items) => items,
            Err(refusal) => {
                for product in &products {
                    self.catalogue.take_back(product);
                }
                return Err(refusal);
            }
        };
        self.seen.insert(number);
        let given = draft.given;
        let created = if given.has(Field::Created) { draft.created } else { self.now };
        let paid = match draft.pay_status {
            _ if given.has(Field::Paid) => draft.paid,
            PayStatus::Paid => created,
            _ => 0,
        };
        let Draft { email, pay_status, is_recurrent, handling, texts, payments, .. } = draft;
        let order = Order { id, email, pay_status, created, paid, is_recurrent, handling, texts, lines };
        Ok(Step::Order { order: Box::new(Prepared { order, given, payments, given_items }), products })
    }

    /// Reads an order's lines. Adds new products to `products`, even if it fails.
    fn items(
        &mut self,
        line: u64,
        order: OrderId,
        items: Vec<ItemDraft>,
        products: &mut Vec<Listing>,
    ) -> Result<(Vec<Line>, Vec<GivenItem>), Refusal> {
        let mut lines = Vec::with_capacity(items.len());
        let mut given = Vec::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            given.push(GivenItem {
                good_name: item.good_name.is_some(),
                good_title: item.good_title.is_some(),
                sum: item.sum.is_some(),
                price: item.price.is_some(),
                pincode: item.pincode.is_some(),
                partner_fee: item.partner_fee.is_some(),
                partner_pfee: item.partner_pfee.is_some(),
            });
            let item = self.item(line, order, position, item, products).map_err(|refusal| match refusal {
                Refusal::Fault(fault) => Refusal::Fault(fault.at(format_args!("item {}", position + 1))),
                store @ Refusal::Store(_) => store,
            })?;
            lines.push(item);
        }
        Ok((lines, given))
    }

    fn item(
        &mut self,
        line: u64,
        order: OrderId,
        position: usize,
        item: ItemDraft,
        products: &mut Vec<Listing>,
    ) -> Result<Line, Refusal> {
        let id = item.id.ok_or_else(|| missing("id"))?;
        if let Some(name) = &item.good_name {
            self.catalogue.check_name(id, name)?;
        }
        let ItemDraft { good_name, good_title, sum, price, pincode, .. } = item;
        let pincode = pincode.unwrap_or_default();
        let [partner_fee, second_fee] = [item.partner_fee, item.partner_pfee].map(Option::unwrap_or_default);
        if let Some(known) = self.catalogue.get(id) {
            let sum = sum.unwrap_or(known.good_sum);
            return Ok(Line {
                good_id: id,
                good_name: good_name.unwrap_or_else(|| known.good_name.clone()),
                good_title: good_title.unwrap_or_else(|| known.good_title.clone()),
                sum,
                price: price.unwrap_or(sum),
                pincode,
                partner_fee,
                partner_pfee: second_fee,
            });
        }
        let complete = good_name.is_some() && good_title.is_some() && sum.is_some() && price.is_some();
        let stored = if complete {
            None
        } else {
            self.stored_line(order, position)?.filter(|line| line.good_id == id)
        };
        let stored = stored.as_ref();
        let Some(good_name) = good_name.or_else(|| stored.map(|line| line.good_name.clone())) else {
            return Err(
                Fault(format!("product {id} is not in the catalogue, so `good_name` is needed")).into()
            );
        };
        self.catalogue.check_name(id, &good_name)?;
        let title = || stored.map_or_else(|| good_name.clone(), |line| line.good_title.clone());
        let sum = sum.or(stored.map(|line| line.sum)).unwrap_or(Money::ZERO);
        let price = price.or(stored.map(|line| line.price)).unwrap_or(sum);
        let good_title = good_title.unwrap_or_else(title);
        let product =
            Listing { id, good_name: good_name.clone(), good_title: good_title.clone(), good_sum: price };
        self.catalogue.add(product.clone(), line);
        products.push(product);
        Ok(Line {
            good_id: id,
            good_name,
            good_title,
            sum,
            price,
            pincode,
            partner_fee,
            partner_pfee: second_fee,
        })
    }

    /// The stored order's line at this position, if a product is named first and not fully described.
    fn stored_line(&self, order: OrderId, position: usize) -> Result<Option<Line>, Error> {
        let stored = self.store.read(|tx| orders::find(tx, self.account, order))?;
        Ok(stored
            .and_then(|mut order| (position < order.lines.len()).then(|| order.lines.swap_remove(position))))
    }

    fn product(&mut self, line: u64, draft: ProductDraft) -> Result<Step, Fault> {
        let ProductDraft { item, settings } = draft;
        let id = item.id.ok_or_else(|| missing("id").at("`product`"))?;
        if let Some(name) = &item.good_name {
            self.catalogue.check_name(id, name)?;
        }
        let known = self.catalogue.get(id);
        let Some(good_name) = item.good_name.or_else(|| known.map(|known| known.good_name.clone())) else {
            return Err(Fault(format!("product {id} is not in the catalogue, so `good_name` is needed")));
        };
        let good_title = item
            .good_title
            .or_else(|| known.map(|known| known.good_title.clone()))
            .unwrap_or_else(|| good_name.clone());
        let good_sum = item.sum.or(known.map(|known| known.good_sum)).unwrap_or(Money::ZERO);
        let product = Listing { id, good_name, good_title, good_sum };
        let before = self.catalogue.describe(product.clone(), line)?;
        Ok(Step::Product { product, before, settings })
    }
}

/// What the file has said of contacts so far. A contact may be in a file only once, as an order.
#[derive(Default)]
struct Contacts {
    /// The groups in the store.
    stored: HashSet<String>,
    /// The groups that the file has.
    groups: HashSet<String>,
    numbers: RoaringTreemap,
    emails: HashSet<Box<str>>,
}

impl Contacts {
    fn check(&mut self, entry: &ContactEntry) -> Result<(), Fault> {
        if !entry.makes_groups() {
            let known = |group: &str| self.stored.contains(group) || self.groups.contains(group);
            if let Some(unknown) = entry.groups().find(|group| !known(group)) {
                let unknown = quoted(unknown);
                let text = format!("group {unknown} is not there: describe it in an earlier line");
                return Err(Fault(text).at("`contact`: `subscriptions`"));
            }
        }
        let (number, email) = (entry.contact.id.unsigned_abs(), entry.contact.email.as_ref());
        if number != 0 && self.numbers.contains(number) {
            return Err(Fault(format!("`id`: contact {number} is in the file already")).at("`contact`"));
        }
        if let Some(email) = email
            && !self.emails.insert(email.key().into())
        {
            return Err(Fault::new("`email`: this e-mail is in the file already").at("`contact`"));
        }
        if number != 0 {
            self.numbers.insert(number);
        }
        Ok(())
    }
}

fn missing(name: &str) -> Fault {
    Fault(format!("`{name}` is missing"))
}

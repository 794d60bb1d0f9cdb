//! Writes checked records to the store, or counts what would change.

use std::{borrow::Cow, collections::HashSet};

use billhook_store::{
    AccountId, Error, Tx,
    contacts::erasure::{erased_of, without_person},
    orders::{self, Handling, Line, Order, TextField, order_changes, payments},
    products::{self, Listing, Product},
};
use billhook_wire::PayStatus;

use super::check::{GivenItem, Prepared, Step};
use crate::record::{
    Entry, Field, Settings,
    change::Change,
    entry::{self, Known},
};

/// What changed, or would change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) same: u64,
    pub(super) products_added: u64,
    pub(super) products_changed: u64,
    pub(super) contacts_added: u64,
    pub(super) contacts_changed: u64,
    /// Subscriptions that stay unsubscribed, whatever the file says.
    pub(super) kept_unsubscribed: u64,
    /// Contacts that are left out because the person was erased.
    pub(super) erased: u64,
    /// Orders that come in without personal data because the person was erased.
    pub(super) orders_erased: u64,
    /// Coupons, pin codes, partners, managers, categories, groups, settings.
    pub(super) entries_added: u64,
    pub(super) entries_changed: u64,
    /// Settings that were in the file, but not asked for.
    #[serde(skip)]
    pub(super) left_out: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.added += more.added;
        self.changed += more.changed;
        self.same += more.same;
        self.products_added += more.products_added;
        self.products_changed += more.products_changed;
        self.contacts_added += more.contacts_added;
        self.contacts_changed += more.contacts_changed;
        self.kept_unsubscribed += more.kept_unsubscribed;
        self.erased += more.erased;
        self.orders_erased += more.orders_erased;
        self.entries_added += more.entries_added;
        self.entries_changed += more.entries_changed;
        self.left_out += more.left_out;
    }
}

impl Counts {
    fn count(&mut self, is_contact: bool, change: Change) {
        let (added, changed) = if is_contact {
            (&mut self.contacts_added, &mut self.contacts_changed)
        } else {
            (&mut self.entries_added, &mut self.entries_changed)
        };
        match change {
            Change::Added => *added += 1,
            Change::Changed => *changed += 1,
            Change::Same => {}
        }
    }
}

/// Applies the steps in one transaction; with `dry` it only counts. `now` in unix seconds is the import's time.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    account: AccountId,
    steps: &[Step],
    (now, dry): (i64, bool),
) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    // A number above the highest is free. An import into an empty account has only those.
    let highest = orders::highest(tx, account)?;
    let mut new = Vec::new();
    let mut known = Known::new(now, dry);
    let contacts = steps.iter().filter_map(|step| match step {
        Step::Entry(Entry::Contact(contact)) => Some(&**contact),
        _ => None,
    });
    known.contacts.look_up(tx, account, &contacts.collect::<Vec<_>>())?;
    let buyers = steps.iter().filter_map(|step| match step {
        Step::Order { order, .. } => order.order.email.as_ref(),
        _ => None,
    });
    let erased = erased_of(tx, account, buyers)?;
    for step in steps {
        match step {
            Step::LeftOut => counts.left_out += 1,
            Step::Entry(entry) => {
                let change = entry::put(tx, account, entry, &mut known, dry)?;
                counts.count(matches!(entry, Entry::Contact(_)), change);
            }
            Step::Product { product, before, settings } => {
                put_product(tx, account, (product, before.as_ref(), settings), dry, &mut counts)?;
            }
            Step::Order { order, products } => {
                for product in products {
                    if dry || products::add_missing(tx, account, product)? {
                        counts.products_added += 1;
                    }
                }
                let id = order.order.id;
                let may_exist = highest.is_some_and(|highest| id <= highest);
                let stored = if may_exist { orders::find(tx, account, id)? } else { None };
                let is_erased = is_erased(&erased, &order.order, stored.as_ref());
                counts.orders_erased += u64::from(is_erased);
                if let Some(stored) = stored {
                    put_over(tx, account, (order, is_erased), &stored, dry, &mut counts)?;
                } else {
                    // A file has each number only once, so none of these comes again.
                    let left = is_erased.then(|| Box::new(without_person(order.order.clone())));
                    new.push((&**order, left));
                }
            }
        }
    }
    counts.added += new.len() as u64;
    counts.kept_unsubscribed = known.contacts.kept_out;
    counts.erased = known.contacts.erased;
    if !dry {
        known.contacts.finish(tx, account)?;
        let orders: Vec<_> =
            new.iter().map(|(given, left)| left.as_deref().unwrap_or(&given.order)).collect();
        orders::add_all(tx, account, &orders)?;
        let paid: Vec<_> = new.iter().map(|(given, _)| (given.order.id, &given.payments[..])).collect();
        payments::add_all(tx, account, &paid)?;
    }
    Ok(counts)
}

/// Whether an order is of somebody who was erased. One that is stored with the same e-mail was made since then.
fn is_erased(erased: &HashSet<String>, order: &Order, stored: Option<&Order>) -> bool {
    let Some(email) = &order.email else { return false };
    let known = stored.and_then(|stored| stored.email.as_ref());
    erased.contains(email.key()) && known.is_none_or(|known| known.key() != email.key())
}

/// Applies a product's line to the stored product.
fn put_product(
    tx: &mut Tx<'_>,
    account: AccountId,
    (product, before, settings): (&Listing, Option<&Listing>, &Settings),
    dry: bool,
    counts: &mut Counts,
) -> Result<(), Error> {
    let stored = match before {
        None => None,
        // Products from an order's line are in the store by now, except with `dry`.
        Some(before) => {
            let stored = products::find(tx, account, product.id)?;
            Some(stored.unwrap_or_else(|| Product::new(before.clone())))
        }
    };
    let base = stored.clone().unwrap_or_else(|| Product::new(product.clone()));
    let good = settings.over(base, product.clone());
    match stored {
        None => counts.products_added += 1,
        Some(stored) if stored == good => return Ok(()),
        Some(_) => counts.products_changed += 1,
    }
    if dry { Ok(()) } else { products::save(tx, account, &good) }
}

fn put_over(
    tx: &mut Tx<'_>,
    account: AccountId,
    (prepared, is_erased): (&Prepared, bool),
    stored: &Order,
    dry: bool,
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut order = prepared.over(stored);
    if is_erased {
        order = Cow::Owned(without_person(order.into_owned()));
    }
    let is_paid_anew = prepared.given.has(Field::Payments) && {
        let noted = order_changes::payments(tx, account, stored.id)?;
        !noted.iter().map(|(_, payment)| payment).eq(&prepared.payments)
    };
    let is_other = *order != *stored;
    if !is_paid_anew && !is_other {
        counts.same += 1;
        return Ok(());
    }
    counts.changed += 1;
    if dry {
        return Ok(());
    }
    if is_paid_anew {
        payments::replace(tx, account, stored.id, &prepared.payments)?;
    }
    if is_other { orders::replace(tx, account, &order) } else { Ok(()) }
}

impl Prepared {
    /// The order merged with the stored one: fields that the record left out keep their value.
    fn over(&self, stored: &Order) -> Cow<'_, Order> {
        let given = self.given;
        let mut order = Cow::Borrowed(&self.order);
        if !given.has(Field::PayStatus) && order.pay_status != stored.pay_status {
            order.to_mut().pay_status = stored.pay_status;
        }
        if !given.has(Field::Created) && order.created != stored.created {
            order.to_mut().created = stored.created;
        }
        if !given.has(Field::Paid) {
            let newly_paid =
                given.has(Field::PayStatus) && order.pay_status == PayStatus::Paid && stored.paid == 0;
            let paid = if newly_paid { order.created } else { stored.paid };
            if order.paid != paid {
                order.to_mut().paid = paid;
            }
        }
        if !given.has(Field::IsRecurrent) && order.is_recurrent != stored.is_recurrent {
            order.to_mut().is_recurrent = stored.is_recurrent;
        }
        let handling = self.handling_over(stored);
        if order.handling != handling {
            order.to_mut().handling = handling;
        }
        for field in TextField::ALL {
            if !given.has(Field::Text(field)) && order.texts.get(field) != stored.texts.get(field) {
                order.to_mut().texts.set(field, stored.texts.get(field));
            }
        }
        for (position, (stored, given)) in stored.lines.iter().zip(&self.given_items).enumerate() {
            let same_product =
                self.order.lines.get(position).is_some_and(|line| line.good_id == stored.good_id);
            if same_product
                && !given.all()
                && let Some(line) = order.to_mut().lines.get_mut(position)
            {
                given.fill(line, stored);
            }
        }
        order
    }

    fn handling_over(&self, stored: &Order) -> Handling {
        let (new, stored) = (&self.order.handling, &stored.handling);
        let given = |field| self.given.has(field);
        Handling {
            deleted: if given(Field::Deleted) { new.deleted } else { stored.deleted },
            kill_at: if given(Field::KillAt) { new.kill_at } else { stored.kill_at },
            received: if given(Field::Payments) { new.received } else { stored.received },
            delivery: if given(Field::Delivery) { new.delivery } else { stored.delivery },
            sent: if given(Field::Sent) { new.sent } else { stored.sent },
            confirmed: if given(Field::Confirmed) { new.confirmed } else { stored.confirmed },
            manager: if given(Field::Manager) { new.manager } else { stored.manager },
        }
    }
}

impl GivenItem {
    fn all(self) -> bool {
        let names = self.good_name && self.good_title;
        names && self.sum && self.price && self.pincode && self.partner_fee && self.partner_pfee
    }

    /// Fills the fields that the record left out from the stored line.
    fn fill(self, line: &mut Line, stored: &Line) {
        if !self.good_name {
            line.good_name.clone_from(&stored.good_name);
        }
        if !self.good_title {
            line.good_title.clone_from(&stored.good_title);
        }
        if !self.sum {
            line.sum = stored.sum;
        }
        if !self.price {
            line.price = stored.price;
        }
        if !self.pincode {
            line.pincode.clone_from(&stored.pincode);
        }
        if !self.partner_fee {
            line.partner_fee = stored.partner_fee;
        }
        if !self.partner_pfee {
            line.partner_pfee = stored.partner_pfee;
        }
    }
}

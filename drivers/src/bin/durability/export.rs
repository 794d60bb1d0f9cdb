//! The store as commands show it: orders from `billhook export`, coupons and pin codes from their lists.

use std::collections::BTreeSet;

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::Store;
use billhook_wire::{Money, PayStatus};
use serde::Deserialize;

use crate::{
    contacts,
    record::State,
    seller::{self, LOGIN, WITH_PINCODES},
};

/// An order of an export.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) email: String,
    pay_status: PayStatus,
    #[serde(default)]
    paid: i64,
    #[serde(default)]
    deleted: i64,
    #[serde(default)]
    pub(crate) tag: String,
    #[serde(default)]
    pub(crate) kupon: String,
    #[serde(default)]
    payments: Vec<Payment>,
    pub(crate) items: Vec<Item>,
    /// The line itself.
    #[serde(skip)]
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
struct Payment {
    sum: Money,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) good_name: String,
    sum: Money,
    #[serde(default)]
    pub(crate) pincode: String,
}

impl Line {
    /// Its state, for the comparison with writes.
    pub(crate) fn state(&self) -> State {
        State {
            status: self.pay_status,
            paid: self.paid,
            has_payment: !self.payments.is_empty(),
            is_deleted: self.deleted != 0,
        }
    }

    /// Whether a coupon discounted it.
    pub(crate) fn is_discounted(&self) -> Result<bool> {
        for item in &self.items {
            if item.sum < seller::price(&item.good_name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The number of its payments.
    pub(crate) fn payments(&self) -> usize {
        self.payments.len()
    }

    /// Whether its payments equal its price.
    pub(crate) fn is_paid_in_full(&self) -> bool {
        let paid: Money = self.payments.iter().map(|payment| payment.sum).sum();
        paid == self.items.iter().map(|item| item.sum).sum()
    }

    /// The pin codes of the lines that should have one; empty if one is missing.
    pub(crate) fn pincodes(&self) -> Vec<String> {
        let with = self.items.iter().filter(|item| item.good_name == WITH_PINCODES);
        with.map(|item| item.pincode.clone()).collect()
    }
}

/// A coupon of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListedCoupon {
    pub(crate) coupon: String,
    pub(crate) uses: u64,
    pub(crate) uses_max: u64,
}

/// A pin code of the list.
#[derive(Debug, Deserialize)]
struct Handed {
    pincode: String,
    order_id: Option<i64>,
}

/// What the store shows of the shop.
pub(crate) struct Shown {
    pub(crate) orders: Vec<Line>,
    /// Each with its e-mail.
    pub(crate) contacts: Vec<(String, contacts::State)>,
    pub(crate) coupons: Vec<ListedCoupon>,
    /// Pin codes that were handed out, each with its order.
    pub(crate) handed_out: BTreeSet<(String, i64)>,
    pub(crate) pincodes_left: usize,
}

impl Shown {
    /// Reads it from the store, whose check must find nothing.
    pub(crate) fn of(billhook: &Billhook, store: &Store) -> Result<Self> {
        let export = sound_text(billhook, store, LOGIN)?;
        let coupons = billhook.run(store, &["coupon", "list", "--json", "--account", LOGIN])?;
        let pincodes =
            billhook.run(store, &["product", "pincodes", WITH_PINCODES, "--json", "--account", LOGIN])?;
        Self::read(&export, &coupons, &pincodes)
    }

    /// Parses the commands' output.
    pub(crate) fn read(export: &str, coupons: &str, pincodes: &str) -> Result<Self> {
        let (mut handed_out, mut pincodes_left) = (BTreeSet::new(), 0);
        for Handed { pincode, order_id } in lines(pincodes)? {
            match order_id {
                None => pincodes_left += 1,
                Some(order) => drop(handed_out.insert((pincode, order))),
            }
        }
        let contacts = contacts::shown(export)?;
        Ok(Self { orders: orders(export)?, contacts, coupons: lines(coupons)?, handed_out, pincodes_left })
    }
}

pub(crate) fn text(billhook: &Billhook, store: &Store, login: &str) -> Result<String> {
    billhook.run(store, &["export", "--account", login])
}

/// The same of a store that must be sound.
pub(crate) fn sound_text(billhook: &Billhook, store: &Store, login: &str) -> Result<String> {
    billhook.run(store, &["check"])?;
    text(billhook, store, login)
}

fn orders(export: &str) -> Result<Vec<Line>> {
    let mut orders = Vec::new();
    for text in export.lines().filter(|line| line.starts_with("{\"id\":")) {
        let line: Line = serde_json::from_str(text).map_err(|why| format!("export: {why}: {text}"))?;
        orders.push(Line { text: text.to_owned(), ..line });
    }
    Ok(orders)
}

fn lines<T: for<'de> Deserialize<'de>>(text: &str) -> Result<Vec<T>> {
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(|why| format!("{why}: {line}").into()))
        .collect()
}

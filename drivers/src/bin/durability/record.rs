//! The requests and the acknowledgements, from which follows what the store must show.

use std::{collections::HashMap, sync::Arc};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::Store;
use billhook_wire::PayStatus;
use rand::{RngExt as _, rngs::StdRng};

use crate::{
    contacts::Contact,
    seller::{self, LOGIN},
};

/// How many older orders, and contacts, each connection also changes.
const OLDER_A_CONNECTION: usize = 10;

/// The method that makes an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// `CreateOrder`, which refuses a repeated order.
    One,
    /// `createorder`.
    Two,
}

/// A coupon, as the two API versions name it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Coupon {
    pub(crate) id: i64,
    pub(crate) code: String,
}

impl Coupon {
    /// Adds a coupon of 50 percent, with a maximum number of uses (0: no limit).
    pub(crate) fn add(billhook: &Billhook, store: &Store, code: &str, uses: u32) -> Result<Self> {
        let uses = uses.to_string();
        let arguments =
            ["coupon", "add", code, "--percent", "50", "--uses", &uses, "--json", "--account", LOGIN];
        let added: serde_json::Value = serde_json::from_str(&billhook.run(store, &arguments)?)?;
        let id = added.get("id").and_then(serde_json::Value::as_i64).ok_or("a coupon without a number")?;
        Ok(Self { id, code: code.to_owned() })
    }
}

/// The request for an order.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) edition: Edition,
    /// Unique in the store.
    pub(crate) tag: String,
    pub(crate) goods: Vec<&'static str>,
    pub(crate) coupon: Option<Arc<Coupon>>,
    /// Whether it is created as paid.
    pub(crate) is_paid: bool,
}

impl Draft {
    /// Every order has its own customer, so that only a real repeat counts as one (decision 17).
    pub(crate) fn email(&self) -> String {
        format!("{}@example.com", self.tag)
    }
}

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Make,
    /// At this time.
    Pay(i64),
    Cancel,
    Delete,
}

/// The state of an order after writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: PayStatus,
    pub(crate) paid: i64,
    /// Whether it was paid, which happens once.
    pub(crate) has_payment: bool,
    pub(crate) is_deleted: bool,
}

/// One order, as known from answers.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) draft: Draft,
    /// Its number, once known.
    pub(crate) id: Option<i64>,
    /// Its last certain state; `None`: unknown.
    pub(crate) state: Option<State>,
    /// A request without an answer.
    pub(crate) pending: Option<Change>,
    /// Whether its creation is uncertain, so that it must be repeated.
    pub(crate) is_to_repeat: bool,
    /// Whether a change was requested since the last comparison.
    pub(crate) is_touched: bool,
    /// Its line in the last export, with its pin codes.
    pub(crate) line: String,
    pub(crate) pincodes: Vec<String>,
}

impl Order {
    pub(crate) fn new(draft: Draft) -> Self {
        Self {
            draft,
            id: None,
            state: None,
            pending: None,
            is_to_repeat: false,
            is_touched: false,
            line: String::new(),
            pincodes: Vec::new(),
        }
    }

    /// An order of a file with this number.
    pub(crate) fn imported(id: i64, good: &'static str) -> Self {
        let (edition, tag) = (Edition::Two, format!("i{id}"));
        let draft = Draft { edition, tag, goods: vec![good], coupon: None, is_paid: false };
        Self { id: Some(id), pending: Some(Change::Make), is_touched: true, ..Self::new(draft) }
    }

    /// Records that a change was acknowledged.
    pub(crate) fn acknowledge(&mut self, change: Change) {
        self.state = self.after(change);
        self.pending = None;
    }

    /// Its state after this change.
    pub(crate) fn after(&self, change: Change) -> Option<State> {
        let made = if self.draft.is_paid {
            State { status: PayStatus::Paid, paid: seller::PAID, has_payment: true, is_deleted: false }
        } else {
            State { status: PayStatus::Waiting, paid: 0, has_payment: false, is_deleted: false }
        };
        match (change, self.state) {
            (Change::Make, None) => Some(made),
            (Change::Make, state) | (Change::Pay(_), state @ Some(State { status: PayStatus::Paid, .. })) => {
                state
            }
            (Change::Pay(at), Some(state)) => {
                Some(State { status: PayStatus::Paid, paid: at, has_payment: true, ..state })
            }
            (Change::Cancel, Some(state)) => Some(State { status: PayStatus::Cancel, ..state }),
            (Change::Delete, Some(state)) => Some(State { is_deleted: true, ..state }),
            (_, None) => None,
        }
    }

    /// Its state, if it is certain and the order can be changed.
    pub(crate) fn open_state(&self) -> Option<State> {
        self.state.filter(|state| self.pending.is_none() && !state.is_deleted)
    }
}

/// What one connection changes.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    pub(crate) orders: Vec<Order>,
    pub(crate) contacts: Vec<Contact>,
}

/// Every order and every contact that was requested from a store.
#[derive(Debug, Default, Clone)]
pub(crate) struct Record {
    pub(crate) orders: Vec<Order>,
    /// The known numbers, with the tags of their orders.
    pub(crate) numbers: HashMap<i64, String>,
    pub(crate) contacts: Vec<Contact>,
}

impl Record {
    /// Takes out what each connection changes: all orders that must be repeated, and some others.
    pub(crate) fn deal(&mut self, connections: usize, dice: &mut StdRng) -> Vec<Hand> {
        let (repeats, others) = self.orders.drain(..).partition(|order| order.is_to_repeat);
        self.orders = others;
        let mut hands: Vec<Hand> = (0..connections).map(|_| Hand::default()).collect();
        for (at, order) in Vec::into_iter(repeats).enumerate() {
            if let Some(hand) = hands.get_mut(at % connections) {
                hand.orders.push(order);
            }
        }
        for hand in &mut hands {
            draw(&mut self.orders, &mut hand.orders, dice);
            draw(&mut self.contacts, &mut hand.contacts, dice);
        }
        hands
    }

    /// What an export shows of each order and each contact that certainly exists.
    pub(crate) fn certain(&self) -> Vec<String> {
        let orders = self.orders.iter().filter(|order| order.state.is_some());
        let contacts = self.contacts.iter().filter(|contact| contact.state.is_some());
        let orders = orders.map(|order| format!("\"tag\":\"{}\"", order.draft.tag));
        orders.chain(contacts.map(|contact| format!("\"email\":\"{}\"", contact.email))).collect()
    }

    /// Takes orders back. Returns findings for numbers that occur twice.
    pub(crate) fn put_back(&mut self, orders: Vec<Order>) -> Vec<String> {
        let mut wrong = Vec::new();
        for order in orders {
            if let Some(id) = order.id
                && let Some(other) = self.numbers.insert(id, order.draft.tag.clone())
                && other != order.draft.tag
            {
                wrong.push(format!("number {id} was given to {} and to {other}", order.draft.tag));
            }
            self.orders.push(order);
        }
        wrong
    }
}

/// Moves some at random.
fn draw<T>(from: &mut Vec<T>, to: &mut Vec<T>, dice: &mut StdRng) {
    for _ in 0..OLDER_A_CONNECTION.min(from.len()) {
        to.push(from.swap_remove(dice.random_range(0..from.len())));
    }
}

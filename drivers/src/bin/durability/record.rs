//! What was asked for and what was acknowledged: what the store has to show.

use std::{collections::HashMap, sync::Arc};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::Store;
use billhook_wire::PayStatus;
use rand::{RngExt as _, rngs::StdRng};

use crate::seller::{self, LOGIN};

/// Older orders that each connection goes on with.
const OLDER_A_CONNECTION: usize = 10;

/// Which of the two methods makes an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// `CreateOrder`, which refuses a repeat.
    One,
    /// `createorder`.
    Two,
}

/// A coupon, as the two editions name it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Coupon {
    pub(crate) id: i64,
    pub(crate) code: String,
}

impl Coupon {
    /// Has one made that takes off the half, so many times (0: without a bound).
    pub(crate) fn add(billhook: &Billhook, store: &Store, code: &str, uses: u32) -> Result<Self> {
        let uses = uses.to_string();
        let arguments =
            ["coupon", "add", code, "--percent", "50", "--uses", &uses, "--json", "--account", LOGIN];
        let added: serde_json::Value = serde_json::from_str(&billhook.run(store, &arguments)?)?;
        let id = added.get("id").and_then(serde_json::Value::as_i64).ok_or("a coupon without a number")?;
        Ok(Self { id, code: code.to_owned() })
    }
}

/// What is asked for in an order.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) edition: Edition,
    /// No other order of the store has it.
    pub(crate) tag: String,
    pub(crate) goods: Vec<&'static str>,
    pub(crate) coupon: Option<Arc<Coupon>>,
    /// Whether it is made as paid already.
    pub(crate) is_paid: bool,
}

impl Draft {
    /// Every order has a customer of its own, so that only a real repeat is one (decision 17).
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

/// What writes make of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: PayStatus,
    pub(crate) paid: i64,
    /// Whether money came in, which it does once.
    pub(crate) has_payment: bool,
    pub(crate) is_deleted: bool,
}

/// One order, as far as answers tell.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) draft: Draft,
    /// Its number, once it is known.
    pub(crate) id: Option<i64>,
    /// Its last state that is certain; none: nobody knows of it.
    pub(crate) state: Option<State>,
    /// What was asked for and not answered.
    pub(crate) pending: Option<Change>,
    /// Whether it was not known to be there, and is to be asked for again.
    pub(crate) is_to_repeat: bool,
    /// Whether it was to change since the store was last looked at.
    pub(crate) is_touched: bool,
    /// Its line in the last export, and the pin codes in it.
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

    /// One that a file has with this number.
    pub(crate) fn imported(id: i64, good: &'static str) -> Self {
        let (edition, tag) = (Edition::Two, format!("i{id}"));
        let draft = Draft { edition, tag, goods: vec![good], coupon: None, is_paid: false };
        Self { id: Some(id), pending: Some(Change::Make), is_touched: true, ..Self::new(draft) }
    }

    /// Takes down that a change was acknowledged.
    pub(crate) fn acknowledge(&mut self, change: Change) {
        self.state = self.after(change);
        self.pending = None;
    }

    /// Its state if this change is made.
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

/// Every order that was asked for in a store.
#[derive(Debug, Default, Clone)]
pub(crate) struct Record {
    pub(crate) orders: Vec<Order>,
    /// The numbers that were told, and the tags of their orders.
    pub(crate) numbers: HashMap<i64, String>,
}

impl Record {
    /// Takes out what each of so many connections is to go on with: all orders that are to be repeated, and some others.
    pub(crate) fn deal(&mut self, connections: usize, dice: &mut StdRng) -> Vec<Vec<Order>> {
        let (repeats, others) = self.orders.drain(..).partition(|order| order.is_to_repeat);
        self.orders = others;
        let mut hands: Vec<Vec<Order>> = (0..connections).map(|_| Vec::new()).collect();
        for (at, order) in Vec::into_iter(repeats).enumerate() {
            if let Some(hand) = hands.get_mut(at % connections) {
                hand.push(order);
            }
        }
        for hand in &mut hands {
            for _ in 0..OLDER_A_CONNECTION {
                if self.orders.is_empty() {
                    break;
                }
                let at = dice.random_range(0..self.orders.len());
                hand.push(self.orders.swap_remove(at));
            }
        }
        hands
    }

    /// The tags of the orders that are certain to be there.
    pub(crate) fn certain(&self) -> Vec<String> {
        let certain = self.orders.iter().filter(|order| order.state.is_some());
        certain.map(|order| order.draft.tag.clone()).collect()
    }

    /// Takes orders back. Two of one number are told.
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

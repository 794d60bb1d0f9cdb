//! `billhook generate`: writes synthetic orders into the store, the same for the same seed.
//!
//! Every order, customer and product draws from a random stream of its own. So none depends on how many were
//! made before it, or on the batches.

mod catalogue;
mod dice;

use std::{
    collections::HashMap,
    io::{self, Write as _},
    time::Instant,
};

use billhook_store::{
    Error, Progress, Store, accounts::Account, orders, orders::Order, products, products::Listing,
};
use billhook_wire::{GoodId, OrderId};
use clap::Args;
use serde::Serialize;

use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    terminal::{
        output::{counted, json_line, stdout},
        progress::Bar,
    },
    transfer::pipeline::Pipeline,
};
use catalogue::Catalogue;

/// Orders in one transaction.
const BATCH_ORDERS: u64 = 100_000;

/// Fill an account with synthetic orders, for trials and measurements
///
/// The orders have two lines on average, every status, and times over the five years before 2026. Customers
/// are customer1@example.com and so on. Numbers continue after the highest existing one. The same seed and
/// counts give the same orders in an empty account.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account add trial && billhook generate --account trial --orders 100000
  billhook generate --account trial --orders 10000 --customers 1       one customer with ten thousand orders")]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountOption,
    /// How many orders
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    orders: u64,
    /// How many customers the orders are spread over [default: a quarter of the orders]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    customers: Option<u64>,
    /// How many products
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    products: u32,
    /// The seed; another one gives other orders
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = everywhere.store.open_for_bulk()?;
        let account = store.read(|tx| self.account.find(tx))?;
        let begun = Instant::now();
        let plan = Plan {
            orders: self.orders,
            customers: self.customers.unwrap_or((self.orders / 4).max(1)),
            products: self.products,
            seed: self.seed,
        };
        let made = plan.run(&store, &account, BATCH_ORDERS)?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut out = stdout();
        if self.json {
            json_line(&mut out, &made)?;
        } else {
            writeln!(out, "{made}")?;
            out.flush()?;
        }
        // If standard error is closed, there is nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{:.0} orders a second", rate(made.orders, seconds));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is told to whole orders only")]
fn rate(orders: u64, seconds: f64) -> f64 {
    orders as f64 / seconds.max(0.001)
}

/// What to make.
#[derive(Debug, Clone, Copy)]
struct Plan {
    orders: u64,
    customers: u64,
    products: u32,
    seed: u64,
}

/// What was made.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Made {
    orders: u64,
    products_added: u64,
    /// The first order's number.
    first: OrderId,
    last: OrderId,
}

impl std::fmt::Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { orders, products_added, first, last } = self;
        write!(f, "made {}, {first}", counted(*orders, "order"))?;
        if first != last {
            write!(f, " to {last}")?;
        }
        write!(f, "; {} added", counted(*products_added, "product"))
    }
}

impl Plan {
    fn run(self, store: &Store, account: &Account, batch_orders: u64) -> Result<Made, Failure> {
        let account = account.id;
        let highest = store.read(|tx| orders::highest(tx, account))?.map_or(0, |id| id.0);
        let last = i64::try_from(self.orders)
            .ok()
            .and_then(|orders| highest.checked_add(orders))
            .ok_or_else(|| {
                Failure::failed(format!("there are no {} numbers left behind order {highest}", self.orders))
            })?;
        let (known, free) = self.known_products(store, account)?;
        let catalogue = Catalogue::new(self, |name| known.get(name).cloned(), free);
        let wanted = catalogue.products().to_vec();
        let products_added = store.write(move |tx| {
            let mut added = 0;
            for product in &wanted {
                added += u64::from(products::add_missing(tx, account, product)?);
            }
            Ok::<u64, Error>(added)
        })?;
        let bar = Bar::new("generating");
        let mut pipeline = Pipeline::new(store);
        let mut done = 0;
        while done < self.orders {
            let batch_end = self.orders.min(done + batch_orders);
            let batch: Vec<Order> = (done..batch_end)
                .map(|index| catalogue.order(index, OrderId(highest + 1 + index.cast_signed())))
                .collect::<Result<_, _>>()
                .map_err(Failure::failed)?;
            pipeline.write(batch, move |tx, batch| {
                orders::add_all(tx, account, &batch.iter().collect::<Vec<_>>())
            })?;
            done = batch_end;
            bar.at(Progress { done, total: self.orders });
        }
        pipeline.wait()?;
        Ok(Made { orders: self.orders, products_added, first: OrderId(highest + 1), last: OrderId(last) })
    }

    /// The products that exist, by name, and the first free number.
    fn known_products(
        self,
        store: &Store,
        account: billhook_store::AccountId,
    ) -> Result<(HashMap<String, Listing>, GoodId), Failure> {
        let mut known = HashMap::new();
        let mut highest = 0;
        store.read(|tx| {
            products::each(tx, account, |product| {
                highest = highest.max(product.id.0);
                known.insert(product.good_name.clone(), product);
                Ok::<(), Error>(())
            })
        })?;
        let free = highest.checked_add(1).filter(|free| free.checked_add(self.products.into()).is_some());
        let free = free
            .ok_or_else(|| Failure::failed(format!("there are no numbers left behind product {highest}")))?;
        Ok((known, GoodId(free)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use billhook_wire::PayStatus;

    use super::*;
    use crate::transfer::import::tests::Fixture;

    const PLAN: Plan = Plan { orders: 500, customers: 20, products: 30, seed: 1 };

    #[test]
    fn the_same_seed_makes_the_same_account_whatever_the_batches() {
        let [one, two, other] = [(7, 1), (500, 1), (500, 2)].map(|(batch_orders, seed)| {
            let account = Fixture::new();
            let made = Plan { seed, ..PLAN }.run(&account.store, &account.account, batch_orders).unwrap();
            assert_eq!(made, Made { orders: 500, products_added: 30, first: OrderId(1), last: OrderId(500) });
            (account.orders(), account.products())
        });
        assert!(one == two);
        assert!(one.0 != other.0);
    }

    #[test]
    fn one_is_not_told_as_many() {
        let mut made = Made { orders: 1, products_added: 1, first: OrderId(5), last: OrderId(5) };
        assert_eq!(made.to_string(), "made 1 order, 5; 1 product added");
        made = Made { orders: 2, products_added: 0, last: OrderId(6), ..made };
        assert_eq!(made.to_string(), "made 2 orders, 5 to 6; 0 products added");
    }

    #[test]
    fn orders_look_like_a_shops() {
        let account = Fixture::new();
        PLAN.run(&account.store, &account.account, 100).unwrap();
        let orders = account.orders();
        let lines: usize = orders.iter().map(|order| order.lines.len()).sum();
        assert!((900..1_100).contains(&lines), "{lines} lines are not two an order");
        let customers: HashSet<_> = orders.iter().map(Order::email_text).collect();
        assert_eq!(customers.len(), 20);
        for status in PayStatus::ALL {
            assert!(orders.iter().any(|order| order.pay_status == status), "no order is {status}");
        }
        assert!(orders.is_sorted_by_key(|order| order.created));
        for order in &orders {
            assert!((1_609_545_600..=1_767_225_600).contains(&order.created));
            assert_eq!(order.paid > 0, matches!(order.pay_status, PayStatus::Paid | PayStatus::Return));
            let products: HashSet<_> = order.lines.iter().map(|line| line.good_id).collect();
            assert_eq!(products.len(), order.lines.len());
        }
    }

    #[test]
    fn numbers_go_on_and_products_are_found_again() {
        let account = Fixture::new();
        account.jsonl(r#"{"id":40,"email":"a@b","items":[{"id":7,"good_name":"good-3"},{"id":2,"good_name":"own"}]}"#).unwrap();
        let made = PLAN.run(&account.store, &account.account, 100).unwrap();
        assert_eq!(made, Made { orders: 500, products_added: 29, first: OrderId(41), last: OrderId(540) });
        let made = PLAN.run(&account.store, &account.account, 100).unwrap();
        assert_eq!(made, Made { orders: 500, products_added: 0, first: OrderId(541), last: OrderId(1_040) });
        assert_eq!(account.products().len(), 31);

        let last = format!(r#"{{"id":{},"email":"a@b","items":[{{"id":7}}]}}"#, i64::MAX - 500);
        account.jsonl(&last).unwrap();
        let made = PLAN.run(&account.store, &account.account, 100).unwrap();
        assert_eq!(made.last, OrderId(i64::MAX));
        let Err(Failure::Failed(text)) = PLAN.run(&account.store, &account.account, 100) else {
            panic!("there are none left")
        };
        assert_eq!(text, format!("there are no 500 numbers left behind order {}", i64::MAX));
    }
}

//! Payments in bulk, for imports and exports: all of an account's, or those of one order.

use std::collections::{HashMap, VecDeque};

use billhook_wire::{Money, OrderId};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{self, Order, order_changes::Payment},
    table::{Columns, Stores as _, Table, row, statement_text::sql},
};

row! {
    Payment: "payment" {
        sum: Money = sum,
        received: i64 = received,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "payments",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<OrderId>("order_id"),
        Columns::one::<i64>("payment_no"),
        Columns::Of(Payment::COLUMNS),
    ],
    key: &["account_id", "order_id", "payment_no"],
};

/// How many payments are read at once; the rest of the last one's order is added.
const BATCH: i64 = 10_000;

const NEXT: Sql = Sql::new(
    "payments.next",
    "SELECT order_id, sum, received FROM payments
      WHERE account_id = $1 AND order_id > $2
        AND order_id <= COALESCE((SELECT order_id FROM payments
                                   WHERE account_id = $1 AND order_id > $2 AND order_id <= $3
                                   ORDER BY order_id, payment_no LIMIT 1 OFFSET $4), $3)
      ORDER BY order_id, payment_no",
);

/// Shows every order after one number and up to another with its payments, by number.
///
/// An engine can't run two statements at once. So a batch of payments is read, then all orders up to the last
/// of theirs, and so on. With few payments, one statement reads all orders.
pub fn each_order<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    (after, last): (OrderId, OrderId),
    take: impl FnMut(Order, Vec<Payment>) -> Result<(), E>,
) -> Result<(), E> {
    each_order_in_batches(tx, account, (after, last), BATCH, take)
}

fn each_order_in_batches<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    (mut after, last): (OrderId, OrderId),
    batch: i64,
    mut take: impl FnMut(Order, Vec<Payment>) -> Result<(), E>,
) -> Result<(), E> {
    while after < last {
        let mut payments: VecDeque<(OrderId, Payment)> = VecDeque::new();
        tx.rows(&NEXT, &[account.0.into(), after.0.into(), last.0.into(), (batch - 1).into()], |row| {
            let payment = Payment { sum: Money::from_kopecks(row.int(1)?), received: row.int(2)? };
            payments.push_back((OrderId(row.int(0)?), payment));
            Ok::<(), Error>(())
        })?;
        let is_last = i64::try_from(payments.len()).is_ok_and(|count| count < batch);
        let until = payments.back().map(|(order, _)| *order).filter(|_| !is_last).unwrap_or(last);
        orders::each_between(tx, account, after, until, |order| {
            let mut of_order = Vec::new();
            while let Some((_, payment)) = payments.pop_front_if(|(id, _)| *id <= order.id) {
                of_order.push(payment);
            }
            take(order, of_order)
        })?;
        after = until;
    }
    Ok(())
}

const ADD: Sql = sql!("payments.add", Piece::Insert(&TABLE));

/// Adds payments to orders that have none. The orders' `received` must be saved separately.
pub fn add_all(tx: &mut Tx<'_>, account: AccountId, of: &[(OrderId, &[Payment])]) -> Result<(), Error> {
    tx.execute_each(
        &ADD,
        &mut of.iter().flat_map(|(order, payments)| {
            (1_i64..).zip(*payments).map(|(number, payment)| {
                let mut args: Vec<Arg<'_>> = vec![account.0.into(), order.0.into(), number.into()];
                payment.args(&mut args);
                args
            })
        }),
    )
}

const GIVEN_BACK: Sql = Sql::new(
    "payments.given_back",
    "SELECT order_id, sum FROM payments WHERE account_id = $1 AND sum < 0 ORDER BY order_id",
);

/// The refunds of each order that has some, as a sum below zero, for `income`.
pub fn given_back(tx: &mut Tx<'_>, account: AccountId) -> Result<HashMap<OrderId, Money>, Error> {
    let mut sums: HashMap<OrderId, Money> = HashMap::new();
    tx.rows(&GIVEN_BACK, &[account.0.into()], |row| {
        let sum = sums.entry(OrderId(row.int(0)?)).or_default();
        *sum = *sum + Money::from_kopecks(row.int(1)?);
        Ok::<(), Error>(())
    })?;
    Ok(sums)
}

const REMOVE: Sql =
    Sql::new("payments.remove", "DELETE FROM payments WHERE account_id = $1 AND order_id = $2");

/// Replaces an order's payments.
pub fn replace(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: OrderId,
    payments: &[Payment],
) -> Result<(), Error> {
    tx.execute(&REMOVE, &[account.0.into(), order.0.into()])?;
    add_all(tx, account, &[(order, payments)])
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&NEXT, &ADD, &GIVEN_BACK, &REMOVE];

#[cfg(test)]
mod tests {
    use billhook_test_kit::Cluster;
    use billhook_wire::{Email, GoodId, Key, Login, PayStatus};

    use super::*;
    use crate::{
        Location, Store, accounts,
        orders::{Handling, Line, Texts},
    };

    fn order(id: i64, payments: &[Payment]) -> Order {
        let received = payments.iter().map(|payment| payment.sum).sum();
        let line = Line {
            good_id: GoodId(7),
            good_name: "book".to_owned(),
            good_title: "Book".to_owned(),
            sum: Money::ZERO,
            price: Money::ZERO,
            pincode: String::new(),
            partner_fee: Money::ZERO,
            partner_pfee: Money::ZERO,
        };
        Order {
            id: OrderId(id),
            email: Some(Email::parse("a@b").unwrap()),
            pay_status: PayStatus::Waiting,
            created: 0,
            paid: 0,
            is_recurrent: false,
            handling: Handling { received, ..Handling::default() },
            texts: Texts::default(),
            lines: vec![line; 2],
        }
    }

    const ALL: (OrderId, OrderId) = (OrderId(0), OrderId(i64::MAX));

    fn payments(id: i64, count: i64) -> Vec<Payment> {
        (0..count)
            .map(|number| Payment { sum: Money::from_kopecks(id * 100 + number), received: number })
            .collect()
    }

    fn comes_back(location: &Location) {
        let store = Store::open(location).unwrap();
        let add = |login: &str| {
            let (login, key) = (Login::parse(login).unwrap(), Key::parse("0123456789abcdef").unwrap());
            store.write(move |tx| accounts::add(tx, &login, &key, 0)).unwrap().unwrap()
        };
        let (account, other) = (add("one"), add("two"));
        // The number of each order's payments.
        let counts = [0, 0, 3, 1, 0, 2, 9, 0, 1, 1, 1, 0, 0];
        let expected: Vec<_> = (1..)
            .zip(counts)
            .map(|(at, count)| {
                let payments = payments(at * 10, count);
                (order(at * 10, &payments), payments)
            })
            .collect();
        let written = expected.clone();
        store
            .write(move |tx| {
                for account in [account, other] {
                    orders::add_all(
                        tx,
                        account,
                        &written.iter().map(|(order, _)| order).collect::<Vec<_>>(),
                    )?;
                }
                let of: Vec<_> = written.iter().map(|(order, payments)| (order.id, &payments[..])).collect();
                add_all(tx, account, &of)?;
                let one = payments(5, 1);
                add_all(tx, other, &of.into_iter().map(|(id, _)| (id, &one[..])).collect::<Vec<_>>())
            })
            .unwrap();
        let read = |account, batch| {
            let mut all = Vec::new();
            store
                .read(|tx| {
                    each_order_in_batches(tx, account, ALL, batch, |order, payments| {
                        all.push((order, payments));
                        Ok::<(), Error>(())
                    })
                })
                .unwrap();
            all
        };
        for batch in [1, 2, 3, 8, 9, 17, 18, 19, BATCH] {
            assert_eq!(read(account, batch), expected, "{batch}");
            assert_eq!(read(other, batch).len(), expected.len());
        }
        let fewer = payments(70, 2);
        store.write(move |tx| replace(tx, account, OrderId(70), &fewer)).unwrap();
        assert_eq!(read(account, 2)[6].1, payments(70, 2));
        assert_eq!(read(other, 2)[6].1, payments(5, 1));
    }

    #[test]
    fn each_order_comes_with_its_payments() {
        let folder = tempfile::tempdir().unwrap();
        comes_back(&Location::folder(&folder.path().join("data")));
        comes_back(&Location::parse(&Cluster::shared().create_database().unwrap()).unwrap());
    }
}

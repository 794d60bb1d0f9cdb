//! The definition of income, used wherever received money is shown or summed (decision 92).
//!
//! It is computed, not stored: an order that was imported as paid still has no payment.

use std::collections::HashSet;

use billhook_wire::{Money, OrderId, PayStatus};

use crate::{
    AccountId, Error, Sql, Tx,
    orders::{Order, order_changes::Payment, payments},
};

/// The income of a paid order without a recorded payment: its price minus its payments above zero, received
/// when it was paid. `given_back` is the sum of its payments below zero.
pub fn unnoted(order: &Order, given_back: Money) -> Option<Payment> {
    let is_paid = order.pay_status == PayStatus::Paid;
    let sum = shortfall(is_paid, order.price(), order.handling.received - given_back);
    (sum > Money::ZERO).then_some(Payment { sum, received: order.paid })
}

/// The income without a recorded payment of an order with this price and these payments above zero.
pub(crate) fn shortfall(is_paid: bool, price: Money, payments: Money) -> Money {
    if is_paid { (price - payments).max(Money::ZERO) } else { Money::ZERO }
}

/// An order's whole income: its payments, and the income without one.
pub fn received(order: &Order, given_back: Money) -> Money {
    order.handling.received + unnoted(order, given_back).map_or(Money::ZERO, |payment| payment.sum)
}

/// The refunds, as a sum below zero.
pub fn given_back<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> Money {
    payments.into_iter().map(|payment| payment.sum.min(Money::ZERO)).sum()
}

const HIDDEN: Sql = Sql::new(
    "income.hidden",
    "SELECT order_id FROM order_lines WHERE account_id = $1 AND email_key >= ' ' AND email_key < '!' AND position = 0",
);
const PAYMENTS: Sql = Sql::new(
    "income.payments",
    "SELECT order_id, sum, received FROM payments WHERE account_id = $1 AND received >= $2 AND received <= $3",
);
const UNNOTED: Sql = Sql::new(
    "income.unnoted",
    "SELECT order_id, price, received, paid FROM orders
      WHERE account_id = $1 AND deleted = 0 AND pay_status = 'paid' AND price > received AND paid >= $2 AND paid <= $3",
);

/// Shows all income and all refunds of a time, both ends included, in no order. Hidden orders have none.
pub fn each_between(
    tx: &mut Tx<'_>,
    account: AccountId,
    (begin, end): (i64, i64),
    mut take: impl FnMut(OrderId, Payment),
) -> Result<(), Error> {
    // A hidden order's key begins with a space (`orders::hidden_key`).
    let hidden: HashSet<i64> = tx.all(&HIDDEN, &[account.0.into()], |row| row.int(0))?.into_iter().collect();
    let given_back = payments::given_back(tx, account)?;
    let args = [account.0.into(), begin.into(), end.into()];
    tx.rows(&PAYMENTS, &args, |row| {
        let order = row.int(0)?;
        if !hidden.contains(&order) {
            take(OrderId(order), Payment { sum: Money::from_kopecks(row.int(1)?), received: row.int(2)? });
        }
        Ok::<(), Error>(())
    })?;
    tx.rows(&UNNOTED, &args, |row| {
        let order = OrderId(row.int(0)?);
        let [price, received] = [row.int(1)?, row.int(2)?].map(Money::from_kopecks);
        let sum = shortfall(true, price, received - given_back.get(&order).copied().unwrap_or_default());
        if sum > Money::ZERO {
            take(order, Payment { sum, received: row.int(3)? });
        }
        Ok(())
    })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&HIDDEN, &PAYMENTS, &UNNOTED];

#[cfg(test)]
mod tests {
    use billhook_wire::GoodId;

    use super::*;
    use crate::orders::{Handling, Line, Texts};

    fn kopecks(kopecks: i64) -> Money {
        Money::from_kopecks(kopecks)
    }

    /// An order of 100 kopecks that was paid at second 9.
    fn order(pay_status: PayStatus, payments: &[Payment]) -> Order {
        let received = payments.iter().map(|payment| payment.sum).sum();
        let line = Line {
            good_id: GoodId(7),
            good_name: "book".to_owned(),
            good_title: "Book".to_owned(),
            sum: kopecks(100),
            price: kopecks(100),
            pincode: String::new(),
            partner_fee: Money::ZERO,
            partner_pfee: Money::ZERO,
        };
        Order {
            id: OrderId(1),
            email: None,
            pay_status,
            created: 1,
            paid: 9,
            is_recurrent: false,
            handling: Handling { received, ..Handling::default() },
            texts: Texts::default(),
            lines: vec![line],
        }
    }

    #[test]
    fn a_paid_orders_shortfall_is_received_when_it_was_paid() {
        for (status, sums, shortfall, altogether) in [
            (PayStatus::Paid, &[][..], 100, 100),
            (PayStatus::Paid, &[30], 70, 100),
            (PayStatus::Paid, &[100], 0, 100),
            (PayStatus::Paid, &[120], 0, 120),
            // A refund counts as recorded, and is no shortfall.
            (PayStatus::Paid, &[100, -30], 0, 70),
            (PayStatus::Paid, &[-30], 100, 70),
            (PayStatus::Paid, &[100, -100, 60], 0, 60),
            (PayStatus::Waiting, &[30], 0, 30),
            (PayStatus::Cancel, &[], 0, 0),
            (PayStatus::Return, &[100, -100], 0, 0),
            (PayStatus::Return, &[], 0, 0),
        ] {
            let payments: Vec<_> =
                sums.iter().map(|sum| Payment { sum: kopecks(*sum), received: 5 }).collect();
            let order = order(status, &payments);
            let given_back = given_back(&payments);
            let expected = (shortfall > 0).then_some(Payment { sum: kopecks(shortfall), received: 9 });
            assert_eq!(unnoted(&order, given_back), expected, "{status} {sums:?}");
            assert_eq!(received(&order, given_back), kopecks(altogether), "{status} {sums:?}");
        }
    }
}

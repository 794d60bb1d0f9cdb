//! Changes of existing orders: payments, cancelling, delivery, hiding.

use billhook_wire::{Email, Event, Money, OrderId, PayStatus};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{self, Order, Parcel, TextField, hidden_key},
    outbox::events,
    products::pincodes,
};

/// A payment for an order; a refund is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Payment {
    /// The sum.
    pub sum: Money,
    /// When it was received, unix seconds.
    pub received: i64,
}

const PAYMENTS: Sql = Sql::new(
    "order_changes.payments",
    "SELECT payment_no, sum, received FROM payments WHERE account_id = $1 AND order_id = $2 ORDER BY payment_no",
);

/// An order's payments with their numbers, in the order of recording. One imported as paid has none.
pub fn payments(tx: &mut Tx<'_>, account: AccountId, id: OrderId) -> Result<Vec<(i64, Payment)>, Error> {
    tx.all(&PAYMENTS, &[account.0.into(), id.0.into()], |row| {
        Ok((row.int(0)?, Payment { sum: Money::from_kopecks(row.int(1)?), received: row.int(2)? }))
    })
}

/// The payments of each of some orders, in the order of recording.
pub fn payments_of_each(
    tx: &mut Tx<'_>,
    account: AccountId,
    ids: &[OrderId],
) -> Result<Vec<Vec<Payment>>, Error> {
    let args: Vec<Vec<Arg<'_>>> = ids.iter().map(|id| vec![account.0.into(), id.0.into()]).collect();
    let mut payments = vec![Vec::new(); ids.len()];
    tx.rows_each(&PAYMENTS, &args, |at, row| {
        let payment = Payment { sum: Money::from_kopecks(row.int(1)?), received: row.int(2)? };
        payments.get_mut(at).into_iter().for_each(|of_order: &mut Vec<_>| of_order.push(payment));
        Ok(())
    })?;
    Ok(payments)
}

const ADD_PAYMENT: Sql = Sql::new(
    "order_changes.add_payment",
    "INSERT INTO payments (account_id, order_id, payment_no, sum, received)
     VALUES ($1, $2, (SELECT COALESCE(MAX(payment_no), 0) + 1 FROM payments WHERE account_id = $1 AND order_id = $2), $3, $4)",
);

/// Records a payment. Its effect on the order is only in `order`, which the caller must save.
fn add_payment(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: &mut Order,
    payment: Payment,
) -> Result<(), Error> {
    tx.execute(
        &ADD_PAYMENT,
        &[account.0.into(), order.id.0.into(), payment.sum.kopecks().into(), payment.received.into()],
    )?;
    order.handling.received = order.handling.received + payment.sum;
    Ok(())
}

/// Records a partial payment. The order becomes paid when it is covered. An overpayment is kept as it is.
pub fn pay_part(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: &mut Order,
    payment: Payment,
) -> Result<(), Error> {
    add_payment(tx, account, order, payment)?;
    if order.pay_status != PayStatus::Paid && order.owed() == Money::ZERO {
        return become_paid(tx, account, order, payment.received, payment.sum);
    }
    save(tx, account, order)?;
    if order.pay_status == PayStatus::Waiting && order.owed() > Money::ZERO {
        events::raise(tx, account, Event::Prepaid, order, payment.sum)?;
    }
    Ok(())
}

const REMOVE_PAYMENT: Sql = Sql::new(
    "order_changes.remove_payment",
    "DELETE FROM payments WHERE account_id = $1 AND order_id = $2 AND payment_no = $3",
);

/// Removes a payment that was recorded by mistake: the one with this number, else the last. `None`: there is
/// no such payment.
///
/// A paid order that its payments no longer cover waits again; its pin codes stay handed out (decision 80).
/// An order that was imported as paid was never covered by payments, and stays paid.
pub fn unpay(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: &mut Order,
    number: Option<i64>,
    now: i64,
) -> Result<Option<Payment>, Error> {
    let noted = payments(tx, account, order.id)?;
    let found = noted.into_iter().rfind(|(known, _)| number.is_none_or(|number| number == *known));
    let Some((number, payment)) = found else { return Ok(None) };
    tx.execute(&REMOVE_PAYMENT, &[account.0.into(), order.id.0.into(), number.into()])?;
    let was_covered = order.owed() == Money::ZERO;
    order.handling.received = order.handling.received - payment.sum;
    if order.pay_status == PayStatus::Paid && was_covered && order.owed() > Money::ZERO {
        order.paid = 0;
        take_off_timer(order, now);
        set_status(tx, account, order, PayStatus::Waiting)?;
    } else {
        save(tx, account, order)?;
    }
    Ok(Some(payment))
}

/// Pays the open amount at this time, which makes the order paid. A paid order stays as it is.
pub fn pay(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, at: i64) -> Result<(), Error> {
    if order.pay_status == PayStatus::Paid {
        return Ok(());
    }
    let rest = order.owed();
    let last = if rest > Money::ZERO {
        add_payment(tx, account, order, Payment { sum: rest, received: at })?;
        rest
    } else {
        payments(tx, account, order.id)?.last().map_or(Money::ZERO, |(_, payment)| payment.sum)
    };
    become_paid(tx, account, order, at, last)
}

/// Marks an order as paid, by its last payment, and hands out its pin codes.
fn become_paid(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: &mut Order,
    at: i64,
    last: Money,
) -> Result<(), Error> {
    order.pay_status = PayStatus::Paid;
    order.paid = at;
    for line in &mut order.lines {
        if line.pincode.is_empty()
            && let Some(pincode) = pincodes::take(tx, account, line.good_id, order.id)?
        {
            line.pincode = pincode;
        }
    }
    save(tx, account, order)?;
    save_lines(tx, account, order)?;
    events::raise(tx, account, Event::Paid, order, last)
}

/// Cancels an order. Its payments and its pin codes stay.
pub fn cancel(tx: &mut Tx<'_>, account: AccountId, order: &mut Order) -> Result<(), Error> {
    if set_status(tx, account, order, PayStatus::Cancel)? {
        events::raise(tx, account, Event::Cancelled, order, Money::ZERO)?;
    }
    Ok(())
}

/// Records a refund of all that was received, as a negative payment.
pub fn refund(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, at: i64) -> Result<(), Error> {
    // What was imported as paid has no payments.
    let (received, was_paid) = (order.handling.received, order.pay_status == PayStatus::Paid);
    give_back(tx, account, order, at)?;
    if set_status(tx, account, order, PayStatus::Return)? && (was_paid || received > Money::ZERO) {
        events::raise(tx, account, Event::Moneyback, order, received)?;
    }
    Ok(())
}

/// Sets an order to wait for its payment again. If it was paid, that payment is reversed. A timer that ran
/// out is removed, or it would cancel the order at once.
pub fn wait_again(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, now: i64) -> Result<(), Error> {
    if order.pay_status == PayStatus::Paid {
        give_back(tx, account, order, now)?;
        order.paid = 0;
    }
    take_off_timer(order, now);
    set_status(tx, account, order, PayStatus::Waiting).map(drop)
}

fn take_off_timer(order: &mut Order, now: i64) {
    if order.handling.kill_at <= now {
        order.handling.kill_at = 0;
    }
}

fn give_back(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, at: i64) -> Result<(), Error> {
    let received = order.handling.received;
    if received == Money::ZERO {
        return Ok(());
    }
    add_payment(tx, account, order, Payment { sum: Money::ZERO - received, received: at })
}

/// Sets an order's status. False: it had it already.
fn set_status(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: &mut Order,
    status: PayStatus,
) -> Result<bool, Error> {
    if order.pay_status == status {
        return Ok(false);
    }
    order.pay_status = status;
    save(tx, account, order)?;
    save_lines(tx, account, order)?;
    Ok(true)
}

/// Records that the parcel was posted, with its tracking number.
pub fn send(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, at: i64, rpo: &str) -> Result<(), Error> {
    order.handling.delivery = Parcel::Sent;
    order.handling.sent = at;
    order.texts.set(TextField::Rpo, rpo);
    save(tx, account, order)
}

/// Records that the parcel came back.
pub fn take_back(tx: &mut Tx<'_>, account: AccountId, order: &mut Order) -> Result<(), Error> {
    order.handling.delivery = Parcel::Return;
    save(tx, account, order)
}

const SAVE: Sql = Sql::new(
    "order_changes.save",
    "UPDATE orders SET pay_status = $1, paid = $2, received = $3, delivery = $4, sent = $5, kill_at = $6, rpo = $7
      WHERE account_id = $8 AND order_id = $9",
);

/// Saves the fields of an order that can change.
fn save(tx: &mut Tx<'_>, account: AccountId, order: &Order) -> Result<(), Error> {
    let handling = &order.handling;
    let args = [
        order.pay_status.as_str().into(),
        order.paid.into(),
        handling.received.kopecks().into(),
        handling.delivery.as_str().into(),
        handling.sent.into(),
        handling.kill_at.into(),
        order.texts.get(TextField::Rpo).into(),
        account.0.into(),
        order.id.0.into(),
    ];
    tx.execute(&SAVE, &args).map(drop)
}

const SAVE_LINE: Sql = Sql::new(
    "order_changes.save_line",
    "UPDATE order_lines SET pay_status = $1, pincode = $2
      WHERE account_id = $3 AND email_key = $4 AND order_id = $5 AND position = $6",
);

/// Saves the fields of an order's lines that can change.
fn save_lines(tx: &mut Tx<'_>, account: AccountId, order: &Order) -> Result<(), Error> {
    let key = order.email_key();
    for (position, line) in (0_i64..).zip(&order.lines) {
        let args = [
            order.pay_status.as_str().into(),
            (&line.pincode).into(),
            account.0.into(),
            (&*key).into(),
            order.id.0.into(),
            position.into(),
        ];
        tx.execute(&SAVE_LINE, &args)?;
    }
    Ok(())
}

const MOVE_LINES: Sql = Sql::new(
    "order_changes.move_lines",
    "UPDATE order_lines SET email_key = $1 WHERE account_id = $2 AND email_key = $3 AND order_id = $4",
);
const HIDE: Sql = Sql::new(
    "order_changes.hide",
    "UPDATE orders SET email_key = $1, deleted = $2 WHERE account_id = $3 AND order_id = $4",
);

/// Hides an order from all lists and look-ups (decision 22).
pub fn hide(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, now: i64) -> Result<(), Error> {
    let key = order.email.as_ref().map_or("", Email::key);
    let hidden = hidden_key(key);
    tx.execute(&MOVE_LINES, &[(&hidden).into(), account.0.into(), key.into(), order.id.0.into()])?;
    // Zero would mean that it is not hidden.
    let now = now.max(1);
    tx.execute(&HIDE, &[(&hidden).into(), now.into(), account.0.into(), order.id.0.into()])?;
    order.handling.deleted = now;
    Ok(())
}

/// Restores a hidden order. A timer that ran out is removed: it would cancel the order at once.
pub fn restore(tx: &mut Tx<'_>, account: AccountId, order: &mut Order, now: i64) -> Result<(), Error> {
    let key = order.email.as_ref().map_or("", Email::key);
    let hidden = hidden_key(key);
    tx.execute(&MOVE_LINES, &[key.into(), account.0.into(), (&hidden).into(), order.id.0.into()])?;
    tx.execute(&HIDE, &[key.into(), 0.into(), account.0.into(), order.id.0.into()])?;
    order.handling.deleted = 0;
    take_off_timer(order, now);
    save(tx, account, order)
}

const DUE: Sql = Sql::new(
    "order_changes.due",
    "SELECT account_id, order_id FROM orders
      WHERE kill_at > 0 AND deleted = 0 AND pay_status = 'waiting' AND kill_at <= $1
      ORDER BY kill_at, account_id, order_id LIMIT $2",
);

/// Orders of all accounts whose timers have run out.
pub fn due(tx: &mut Tx<'_>, now: i64, most: u32) -> Result<Vec<(AccountId, OrderId)>, Error> {
    tx.all(&DUE, &[now.into(), i64::from(most).into()], |row| {
        Ok((AccountId(row.int(0)?), OrderId(row.int(1)?)))
    })
}

/// Cancels an order whose timer has run out; false if it was paid, cancelled or hidden meanwhile.
pub fn cancel_if_due(tx: &mut Tx<'_>, account: AccountId, id: OrderId, now: i64) -> Result<bool, Error> {
    let Some(mut order) = orders::find(tx, account, id)? else { return Ok(false) };
    let handling = &order.handling;
    let is_due = handling.kill_at > 0 && handling.kill_at <= now && handling.deleted == 0;
    if !is_due || order.pay_status != PayStatus::Waiting {
        return Ok(false);
    }
    cancel(tx, account, &mut order)?;
    Ok(true)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&PAYMENTS, &ADD_PAYMENT, &REMOVE_PAYMENT, &SAVE, &SAVE_LINE, &MOVE_LINES, &HIDE, &DUE];

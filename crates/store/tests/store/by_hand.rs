//! What only commands do: orders that wait again or are restored, lists, numbers that are not used again.

use billhook_store::{
    AccountId, Error, Store, Tx, managers,
    orders::{
        self, Order, order_changes,
        order_lists::{self, By},
    },
    products::{
        coupons::{self, Coupon, Discount},
        pincodes,
    },
};
use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus, Percent};

use crate::{account, bills, order, place, put};

on_each_engine! {
    a_hidden_order_comes_back_as_it_was
    an_order_that_waits_again_is_not_cancelled_at_once
    what_is_taken_back_is_a_payment_below_zero
    an_order_waits_again_when_its_payment_is_removed
    the_last_orders_are_found_by_their_time
    a_coupon_changes_and_its_number_is_given_once
    a_managers_number_is_given_once
    pin_codes_tell_who_has_them
}

fn found(store: &Store, account: AccountId, id: i64) -> Order {
    store.read(|tx| orders::find(tx, account, OrderId(id))).unwrap().unwrap()
}

fn change(
    store: &Store,
    account: AccountId,
    change: impl Fn(&mut Tx<'_>, &mut Order) -> Result<(), Error> + Send + 'static,
) {
    store
        .write(move |tx| {
            let mut order = orders::find(tx, account, OrderId(1))?.unwrap();
            change(tx, &mut order)
        })
        .unwrap();
}

fn a_hidden_order_comes_back_as_it_was(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Waiting, &[5, 6]));
    let before = found(&place.store, id, 1);
    change(&place.store, id, move |tx, order| order_changes::hide(tx, id, order, 77));
    assert_eq!(bills(&place.store, id, "anna@example.com", None), []);
    // Changes in between are kept.
    change(&place.store, id, move |tx, order| {
        order_changes::cancel(tx, id, order)?;
        order_changes::restore(tx, id, order, 78)?;
        assert_eq!(order.handling.deleted, 0);
        Ok(())
    });
    let after = found(&place.store, id, 1);
    assert_eq!(after, Order { pay_status: PayStatus::Cancel, ..before });
    assert_eq!(bills(&place.store, id, "anna@example.com", Some(PayStatus::Cancel)).len(), 2);
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
}

fn an_order_that_waits_again_is_not_cancelled_at_once(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let mut first = order(1, "anna@example.com", PayStatus::Waiting, &[5]);
    first.handling.kill_at = 1000;
    put(&place.store, id, first);
    let cancel = move |tx: &mut Tx<'_>| order_changes::cancel_if_due(tx, id, OrderId(1), 1000);
    assert!(place.store.write(cancel).unwrap());
    change(&place.store, id, move |tx, order| order_changes::wait_again(tx, id, order, 1000));
    assert!(!place.store.write(cancel).unwrap());
    assert_eq!(found(&place.store, id, 1).handling.kill_at, 0);
    // A timer that has not run out stays.
    let mut second = order(1, "anna@example.com", PayStatus::Cancel, &[5]);
    second.handling.kill_at = 1001;
    put(&place.store, id, second);
    change(&place.store, id, move |tx, order| order_changes::wait_again(tx, id, order, 1000));
    let order = found(&place.store, id, 1);
    assert_eq!((order.handling.kill_at, order.pay_status), (1001, PayStatus::Waiting));
}

fn what_is_taken_back_is_a_payment_below_zero(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let sums = || {
        let payments = place.store.read(|tx| order_changes::payments(tx, id, OrderId(1))).unwrap();
        payments.iter().map(|(_, payment)| (payment.sum.kopecks(), payment.received)).collect::<Vec<_>>()
    };
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Waiting, &[5]));
    let price = found(&place.store, id, 1).price();
    let sum = price.kopecks();
    change(&place.store, id, move |tx, order| order_changes::pay(tx, id, order, 10));
    change(&place.store, id, move |tx, order| order_changes::refund(tx, id, order, 20));
    assert_eq!(sums(), [(sum, 10), (-sum, 20)]);
    let order = found(&place.store, id, 1);
    assert_eq!(
        (order.pay_status, order.handling.received, order.to_pay()),
        (PayStatus::Return, Money::ZERO, Money::ZERO)
    );
    // Paid again, then waiting: the whole price is open again.
    change(&place.store, id, move |tx, order| order_changes::pay(tx, id, order, 30));
    change(&place.store, id, move |tx, order| order_changes::wait_again(tx, id, order, 40));
    assert_eq!(sums(), [(sum, 10), (-sum, 20), (sum, 30), (-sum, 40)]);
    let order = found(&place.store, id, 1);
    assert_eq!((order.pay_status, order.paid, order.to_pay()), (PayStatus::Waiting, 0, price));
    // A cancelled order's payments stay, and count when it waits again.
    change(&place.store, id, move |tx, order| order_changes::pay(tx, id, order, 50));
    change(&place.store, id, move |tx, order| order_changes::cancel(tx, id, order));
    change(&place.store, id, move |tx, order| order_changes::wait_again(tx, id, order, 60));
    assert_eq!((sums().len(), found(&place.store, id, 1).to_pay()), (5, Money::ZERO));
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
}

fn an_order_waits_again_when_its_payment_is_removed(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let mut first = order(1, "anna@example.com", PayStatus::Waiting, &[5]);
    first.handling.kill_at = 1000;
    put(&place.store, id, first);
    let price = found(&place.store, id, 1).price();
    change(&place.store, id, move |tx, order| order_changes::pay(tx, id, order, 10));
    change(&place.store, id, move |tx, order| {
        assert_eq!(order_changes::unpay(tx, id, order, Some(2), 1000)?, None);
        assert_eq!(order_changes::unpay(tx, id, order, None, 1000)?.map(|payment| payment.sum), Some(price));
        Ok(())
    });
    let order = found(&place.store, id, 1);
    assert_eq!((order.pay_status, order.paid, order.to_pay()), (PayStatus::Waiting, 0, price));
    // GetBills reads the lines. The timer must not cancel the order at once.
    assert_eq!(bills(&place.store, id, "anna@example.com", Some(PayStatus::Waiting)).len(), 1);
    assert_eq!(order.handling.kill_at, 0);
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
}

fn the_last_orders_are_found_by_their_time(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    for (number, created, paid) in [(1, 50, 0), (2, 40, 90), (3, 40, 80), (4, 30, 0), (5, 60, 70)] {
        let status = if paid == 0 { PayStatus::Waiting } else { PayStatus::Paid };
        let email = if number == 3 { "boris@example.com" } else { "anna@example.com" };
        put(&place.store, id, Order { created, paid, ..order(number, email, status, &[5]) });
    }
    place
        .store
        .write(move |tx| {
            let mut order = orders::find(tx, id, OrderId(5))?.unwrap();
            order_changes::hide(tx, id, &mut order, 77)
        })
        .unwrap();
    let newest = |by, window, status, most| {
        let numbers = place.store.read(|tx| order_lists::newest(tx, id, by, window, status, most)).unwrap();
        numbers.into_iter().map(|number| number.0).collect::<Vec<_>>()
    };
    assert_eq!(newest(By::Created, (0, 100), None, 9), [4, 2, 3, 1]);
    assert_eq!(newest(By::Created, (0, 100), None, 2), [3, 1]);
    assert_eq!(newest(By::Created, (30, 40), None, 2), [2, 3]);
    assert_eq!(newest(By::Created, (0, 100), Some(PayStatus::Waiting), 9), [4, 1]);
    assert_eq!(newest(By::Paid, (0, 100), None, 9), [3, 2]);
    assert_eq!(newest(By::Paid, (0, 85), Some(PayStatus::Paid), 9), [3]);
    let anna = Email::parse("ANNA@example.com").unwrap();
    let of = place.store.read(|tx| order_lists::of_customer(tx, id, &anna)).unwrap();
    assert_eq!(of, [1, 2, 4].map(OrderId));
}

fn a_coupon_changes_and_its_number_is_given_once(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let coupon = |code: &str| Coupon {
        id: 0,
        coupon: code.to_owned(),
        discount: Discount::Percent(Percent::parse("10").unwrap()),
        starts: 0,
        ends: 0,
        uses_max: 0,
        uses: 0,
        goods: vec![GoodId(7), GoodId(5)],
    };
    let (first, second) = (coupon("Spring"), coupon("summer"));
    let again = coupon(" SPRING");
    assert_eq!(place.store.write(move |tx| coupons::add(tx, id, &first)).unwrap(), Some(1));
    assert_eq!(place.store.write(move |tx| coupons::add(tx, id, &again)).unwrap(), None);
    assert_eq!(place.store.write(move |tx| coupons::add(tx, id, &second)).unwrap(), Some(2));
    assert!(place.store.write(move |tx| coupons::use_once(tx, id, 1)).unwrap());
    let changed = Coupon {
        id: 1,
        discount: Discount::Sum(Money::from_kopecks(500)),
        starts: 3,
        ends: 4,
        uses_max: 5,
        uses: 2,
        goods: vec![GoodId(6)],
        ..coupon("Spring")
    };
    let saved = changed.clone();
    place.store.write(move |tx| coupons::put(tx, id, &saved)).unwrap();
    let found = place.store.read(|tx| coupons::named(tx, id, "spring")).unwrap();
    assert_eq!(found, Some(changed));
    for (number, was_there) in [(2, true), (2, false), (1, true)] {
        assert_eq!(place.store.write(move |tx| coupons::remove(tx, id, number)).unwrap(), was_there);
    }
    let third = coupon("autumn");
    assert_eq!(place.store.write(move |tx| coupons::add(tx, id, &third)).unwrap(), Some(3));
}

fn a_managers_number_is_given_once(engine: crate::Engine) {
    let place = place(engine);
    let (id, other) = (account(&place.store, "anna"), account(&place.store, "boris"));
    let add = |account| place.store.write(move |tx| managers::add(tx, account, "Olga")).unwrap();
    assert_eq!([add(id), add(id), add(other)], [1, 2, 1]);
    assert!(place.store.write(move |tx| managers::remove(tx, id, 2)).unwrap());
    assert!(!place.store.write(move |tx| managers::remove(tx, id, 2)).unwrap());
    assert_eq!([add(id), add(other)], [3, 2]);
}

fn pin_codes_tell_who_has_them(engine: crate::Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let codes = ["A", "B", "C"].map(str::to_owned);
    place.store.write(move |tx| pincodes::add(tx, id, GoodId(5), &codes)).unwrap();
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Waiting, &[5]));
    change(&place.store, id, move |tx, order| order_changes::pay(tx, id, order, 9));
    let mut seen = Vec::new();
    place
        .store
        .read(|tx| {
            pincodes::each(tx, id, GoodId(5), |code, order| {
                seen.push((code.to_owned(), order));
                Ok::<(), Error>(())
            })
        })
        .unwrap();
    assert_eq!(seen, [("A".into(), Some(OrderId(1))), ("B".into(), None), ("C".into(), None)]);
}

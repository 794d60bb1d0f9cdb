//! `check`: finds changes that were made directly in the database.

use billhook_wire::PayStatus;

use crate::{Engine, account, order, place, put};

on_each_engine! {
    what_can_not_be_is_found
    everything_is_read_and_the_tables_are_compared
}

fn what_can_not_be_is_found(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Paid, &[1, 2]));
    put(&place.store, id, order(2, "anna@example.com", PayStatus::Paid, &[1, 2]));
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
    for (spoil, expected) in [
        ("UPDATE orders SET pay_status = 'waiting' WHERE order_id = 1", "its status is not its order's"),
        ("UPDATE orders SET email = 'x@y.z' WHERE order_id = 1", "does not match its e-mail"),
        ("UPDATE orders SET price = 1 WHERE order_id = 1", "its price is not the sum of its lines"),
        ("UPDATE orders SET phone = '7' WHERE order_id = 1", "the key of its phone or its surname is wrong"),
        (
            "UPDATE orders SET last_name = 'Ё' WHERE order_id = 2",
            "the key of its phone or its surname is wrong",
        ),
        ("DELETE FROM order_lines WHERE order_id = 1 AND position = 0", "a line before it is missing"),
        ("DELETE FROM order_lines WHERE order_id = 2", "it has no lines"),
        ("DELETE FROM products WHERE good_id = 2", "product 2 is not in the catalogue"),
        ("DELETE FROM product_versions WHERE good_id = 2", "the version of its product is missing"),
        ("DELETE FROM orders WHERE order_id = 1", "no such order"),
        ("DELETE FROM accounts", "there is no such account"),
    ] {
        place.spoil(spoil);
        let findings = place.store.check(&mut |_| {}).unwrap();
        assert!(
            findings.iter().any(|finding| finding.to_string().contains(expected)),
            "{spoil}: {findings:?}"
        );
    }
}

fn everything_is_read_and_the_tables_are_compared(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Paid, &[1, 2]));
    // Tables and indexes of others are no finding.
    place.spoil("CREATE TABLE reports (n INTEGER); CREATE INDEX orders_by_tag ON orders (account_id, tag)");
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
    let trigger = match engine {
        Engine::Sqlite => "CREATE TRIGGER swallow AFTER INSERT ON payments BEGIN DELETE FROM payments; END",
        Engine::Postgres => {
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER swallow BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION nothing()"
        }
    };
    // First the data: with wrong tables it is not checked.
    for (spoil, expected) in [
        ("UPDATE products SET good_timer_unit = 'hous' WHERE good_id = 1", "wrong good_timer_unit"),
        ("UPDATE orders SET delivery = 'sens' WHERE order_id = 1", "wrong delivery"),
        ("INSERT INTO coupons VALUES (1, 1, 'Spring', 'spring', 'percens', 5, 0, 0, 0, 0)", "unknown kind"),
        ("UPDATE accounts SET api_key = ''", "account 1: wrong api_key"),
        (trigger, "trigger swallow on table payments"),
        ("DROP INDEX orders_by_paid", "index orders_by_paid is missing"),
        (
            "DROP INDEX orders_by_timer; CREATE INDEX orders_by_timer ON orders (kill_at)",
            "index orders_by_timer is different",
        ),
        ("ALTER TABLE managers DROP COLUMN manager_name", "column managers.manager_name is missing"),
        ("DROP TABLE categories", "table categories is missing"),
    ] {
        place.spoil(spoil);
        let findings = place.store.check(&mut |_| {}).unwrap();
        assert!(
            findings.iter().any(|finding| finding.to_string().contains(expected)),
            "{spoil}: {findings:?}"
        );
    }
}

//! The races of `races.rs` between two nodes on one store.

use crate::{
    nodes::place_of,
    program::{Billhook, STORE_FILE},
    races,
    shop::Shop,
};

fn on_two_nodes(race: impl FnOnce(&[&Shop])) {
    let first = Shop::with_goods();
    let url = std::fs::read_to_string(first.server().place().join(STORE_FILE)).unwrap();
    let second = Shop::of(Billhook::start_over(place_of(&url), &[]));
    race(&[&first, &second]);
}

macro_rules! on_two_nodes {
    ($($race:ident)+) => {
        $(#[test] fn $race() { on_two_nodes(races::$race); })+
    };
}

on_two_nodes! {
    equal_orders_make_one
    equal_calls_under_one_key_make_one
    the_last_use_of_a_coupon_is_one_order_s
    each_pin_code_is_handed_out_once
    every_order_has_a_number_of_its_own
    a_payment_holds_against_the_timer
    an_order_is_deleted_once
}

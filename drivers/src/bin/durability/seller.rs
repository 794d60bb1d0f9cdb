//! The seller, and the requests that create and change orders.

use std::{fs, path::Path};

use billhook_drivers::{
    Result,
    billhook::{Billhook, KEY, signed},
};
use billhook_test_kit::{
    Store,
    http::{form, keyed, post},
};
use billhook_wire::Money;

use crate::{
    contacts::GROUPS,
    record::{Change, Draft, Edition, Order},
};

pub(crate) const LOGIN: &str = "shop";

/// The products, with prices in roubles.
pub(crate) const GOODS: [(&str, &str); 3] = [("course", "1000"), ("book", "390"), (WITH_PINCODES, "700")];
/// The product with pin codes.
pub(crate) const WITH_PINCODES: &str = "license";
/// The coupon for all orders.
pub(crate) const FOR_ALL: &str = "forall";

/// The time of the first payments: unix seconds, and a text in the account's time zone, UTC.
pub(crate) const PAID: i64 = 1_700_000_000;
const PAID_TEXT: &str = "2023-11-14 22:13:20";

pub(crate) fn price(good_name: &str) -> Result<Money> {
    let found = GOODS.iter().find(|(name, _)| *name == good_name);
    let (_, price) = found.ok_or_else(|| format!("there is no product {good_name}"))?;
    Ok(Money::parse(price)?)
}

pub(crate) fn add_account(billhook: &Billhook, store: &Store) -> Result<()> {
    billhook.run(store, &["account", "add", LOGIN, "--key", KEY]).map(drop)
}

/// Makes the groups of contacts, and the products with this many pin codes. Writes a file with the codes into `folder`.
pub(crate) fn add_products(billhook: &Billhook, store: &Store, pincodes: usize, folder: &Path) -> Result<()> {
    let of = ["--account", LOGIN];
    billhook.run(store, &["account", "set", LOGIN, "createorder_result=bill_id", "time_zone=UTC"])?;
    for (name, price) in GOODS {
        billhook
            .run(store, &[&["product", "add", name, "--title", name, "--sum", price], &of[..]].concat())?;
    }
    for group in GROUPS {
        billhook.run(store, &[&["group", "add", group], &of[..]].concat())?;
    }
    let codes = folder.join("pincodes.txt");
    let all: Vec<_> = (1..=pincodes).map(|number| format!("PIN-{number:05}")).collect();
    fs::write(&codes, all.join("\n"))?;
    let codes = codes.display().to_string();
    billhook.run(store, &[&["product", "add-pincodes", WITH_PINCODES, &codes], &of[..]].concat()).map(drop)
}

/// The request that makes this change.
pub(crate) fn request(order: &Order, change: Change) -> Vec<u8> {
    let id = order.id.unwrap_or(0).to_string();
    let status = |word: &str, date: Option<i64>| {
        let date = date.map(|date| ("date", date.to_string()));
        let pairs = [("bill_id", id.clone()), ("status", word.to_owned())].into_iter().chain(date);
        signed("UpdateOrderStatus", LOGIN, &form(pairs))
    };
    match change {
        Change::Make => make(&order.draft),
        Change::Pay(at) => status("paid", Some(at)),
        Change::Cancel => status("cancel", None),
        Change::Delete => signed("DeleteOrder", LOGIN, &form([("bill_id", &id)])),
    }
}

fn make(draft: &Draft) -> Vec<u8> {
    let (email, names) = (draft.email(), draft.goods.join(","));
    if draft.edition == Edition::Two {
        let coupon = draft.coupon.as_ref().map(|coupon| coupon.id.to_string());
        let mut pairs =
            vec![("product_names", names.as_str()), ("customer_email", &email), ("order_tag", &draft.tag)];
        pairs.extend(coupon.as_ref().map(|coupon| ("coupon", coupon.as_str())));
        if draft.is_paid {
            pairs.extend([("order_status", "Paid"), ("order_paid_at", PAID_TEXT)]);
        }
        return post("createorder", &format!("{LOGIN}.localhost"), &keyed(KEY, &pairs));
    }
    let goods = ["goods[0][good_name]", "goods[1][good_name]"].into_iter().zip(draft.goods.iter().copied());
    let others = [("bill_email", email.as_str()), ("bill_tag", &draft.tag)];
    let coupon = draft.coupon.as_ref().map(|coupon| ("bill_kupon", coupon.code.as_str()));
    signed("CreateOrder", LOGIN, &form(goods.chain(others).chain(coupon)))
}

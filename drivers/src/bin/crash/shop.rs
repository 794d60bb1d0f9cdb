//! The seller whose orders they are, and the requests that make and change them.

use billhook_wire::{
    Key, Login, Money, OrderId,
    envelope::Answer,
    method::{OrderInfo, OrderMade},
    query, signature,
};

use crate::{
    Result, http,
    record::{Change, Draft, Edition, Order},
};

pub(crate) const LOGIN: &str = "shop";
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The products, with their prices in roubles.
pub(crate) const GOODS: [(&str, &str); 3] = [("course", "1000"), ("book", "390"), (WITH_PINCODES, "700")];
/// The one that comes with a pin code.
pub(crate) const WITH_PINCODES: &str = "license";
/// The coupon that everybody may use.
pub(crate) const FOR_ALL: &str = "forall";

/// When the first payments come in, in unix seconds and in the account's time zone, which is UTC.
pub(crate) const PAID: i64 = 1_700_000_000;
const PAID_TEXT: &str = "2023-11-14 22:13:20";

/// What a product costs.
pub(crate) fn price(good_name: &str) -> Result<Money> {
    let found = GOODS.iter().find(|(name, _)| *name == good_name);
    let (_, price) = found.ok_or_else(|| format!("there is no product {good_name}"))?;
    Ok(Money::parse(price)?)
}

/// Signs requests and looks at the signatures of answers.
pub(crate) struct Seller {
    login: Login,
    key: Key,
    host: String,
}

impl Seller {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { login: Login::parse(LOGIN)?, key: Key::parse(KEY)?, host: format!("{LOGIN}.localhost") })
    }

    /// The request for a change of an order.
    pub(crate) fn write(&self, order: &Order, change: Change) -> Vec<u8> {
        let id = order.id.unwrap_or(0).to_string();
        let status = |word: &str, date: Option<i64>| {
            let date = date.map(|date| ("date", date.to_string()));
            let pairs = [("bill_id", id.clone()), ("status", word.to_owned())].into_iter().chain(date);
            self.signed("UpdateOrderStatus", pairs)
        };
        match change {
            Change::Make => self.make(&order.draft),
            Change::Pay(at) => status("paid", Some(at)),
            Change::Cancel => status("cancel", None),
            Change::Delete => self.signed("DeleteOrder", [("bill_id", id)]),
        }
    }

    /// The request for what there is to know of an order.
    pub(crate) fn details(&self, id: i64) -> Vec<u8> {
        self.signed("getOrderDetails", [("bill_id", id.to_string())])
    }

    fn make(&self, draft: &Draft) -> Vec<u8> {
        let coupon = draft.coupon.as_ref();
        if draft.edition == Edition::Two {
            let mut pairs = vec![
                ("product_names", draft.goods.join(",")),
                ("customer_email", draft.email()),
                ("order_tag", draft.tag.clone()),
            ];
            pairs.extend(coupon.map(|coupon| ("coupon", coupon.id.to_string())));
            if draft.is_paid {
                pairs.push(("order_status", "Paid".to_owned()));
                pairs.push(("order_paid_at", PAID_TEXT.to_owned()));
            }
            pairs.push(("rpsKey", KEY.to_owned()));
            return http::request("createorder", &self.host, &form(pairs));
        }
        let names = ["goods[0][good_name]", "goods[1][good_name]"];
        let goods = names.into_iter().zip(draft.goods.iter().map(|good| (*good).to_owned()));
        let others = [("bill_email", draft.email()), ("bill_tag", draft.tag.clone())];
        let coupon = coupon.map(|coupon| ("bill_kupon", coupon.code.clone()));
        self.signed("CreateOrder", goods.chain(others).chain(coupon))
    }

    fn signed<'a>(&self, method: &str, pairs: impl IntoIterator<Item = (&'a str, String)>) -> Vec<u8> {
        let mut form = form(pairs);
        let hash = signature::request(&form, &self.login, &self.key);
        form.extend_from_slice(b"&hash=");
        form.extend_from_slice(&hash);
        http::request(method, &self.host, &form)
    }

    /// An answer, whose hash must be right.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Answer> {
        let answer = Answer::read(body)?;
        if !answer.verify(&self.key) {
            return Err("an answer's hash is wrong".into());
        }
        Ok(answer)
    }
}

fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Vec<u8> {
    let mut form = Vec::with_capacity(256);
    let pairs: Vec<_> = pairs.into_iter().collect();
    query::build_pairs(pairs.iter().map(|(name, text)| (name.as_bytes(), text.as_bytes())), &mut form);
    form
}

/// The number in an answer to a new order, or to a repeat.
pub(crate) fn number(answer: &Answer) -> Result<i64> {
    let result = answer.result.as_ref().ok_or("an answer without a result")?;
    let made: OrderMade = serde_json::from_str(result.get())?;
    let OrderId(id) = made.bill_id.ok_or("an answer without a number")?;
    Ok(id)
}

/// The order in an answer of `getOrderDetails`.
pub(crate) fn info(answer: &Answer) -> Result<OrderInfo> {
    let result = answer.result.as_ref().ok_or("an answer without a result")?;
    Ok(serde_json::from_str(result.get())?)
}

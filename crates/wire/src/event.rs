//! What a seller's own systems are told when an order changes (section 11): each event's body as the service
//! sends it, and as JSON.

use std::fmt::Display;

use serde::Serialize;

use crate::{
    Key, Money, OrderId, Request,
    method::{ItemInfo, OrderInfo},
    query, signature,
};

/// Defines the events, each with its word, and the fields of its form in their documented order.
macro_rules! events {
    ($($(#[$doc:meta])+ $name:ident = $word:literal: $status:literal, $url:literal, $time:ident, $fields:expr;)+) => {
        /// What happened to an order.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub enum Event { $($(#[$doc])+ $name,)+ }

        impl Event {
            /// Every event.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its word: in commands, in JSON, and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The product's setting with the URL that is told of it.
            pub const fn url_setting(self) -> &'static str {
                match self { $(Self::$name => $url,)+ }
            }

            /// The form's `status`; empty: it has none.
            const fn status(self) -> &'static str {
                match self { $(Self::$name => $status,)+ }
            }

            const fn time(self) -> Time {
                match self { $(Self::$name => Time::$time,)+ }
            }

            const fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$fields,)+ }
            }
        }
    };
}

/// The time in a form's hash (section 2.4, decision 36).
#[derive(Debug, Clone, Copy)]
enum Time {
    Created,
    Paid,
    /// None: a receiver that follows the documentation's sample finds none in these forms.
    Empty,
}

events! {
    /// It was made (section 11.1).
    #[default]
    Created = "created": "new_order", "good_api_url_new_order", Created, [
        "status", "id", "first_name", "last_name", "middle_name", "email", "phone", "city", "country",
        "address", "region", "postalcode", "created", "comment", "tag", "kupon", "coupon", "domain", "link",
        "utm", "items", "hash",
    ];
    /// It was cancelled (section 11.2).
    Cancelled = "cancelled": "cancel_order", "good_api_url_cancel_order", Created, [
        "status", "id", "first_name", "last_name", "middle_name", "email", "phone", "city", "country",
        "region", "postalcode", "created", "comment", "utm", "items", "hash",
    ];
    /// It was paid in full (section 11.3).
    Paid = "paid": "", "good_api_url_notif", Paid, [
        "id", "first_name", "last_name", "middle_name", "email", "phone", "city", "country", "address",
        "region", "postalcode", "created", "paid", "last_payment_sum", "comment", "tag", "kupon", "coupon",
        "type", "payway", "domain", "is_recurrent", "utm", "items_paid", "hash",
    ];
    /// A payment left a rest (section 11.4).
    Prepaid = "prepaid": "", "good_api_url_prepaid", Empty, [
        "id", "first_name", "last_name", "middle_name", "email", "phone", "city", "country", "region",
        "postalcode", "created", "prepayment_sum", "tag", "kupon", "coupon", "domain", "link",
        "is_recurrent", "utm", "items_paid", "hash",
    ];
    /// Its money was given back (section 11.5).
    Moneyback = "moneyback": "moneyback", "good_api_url_moneyback", Empty, [
        "status", "id", "first_name", "last_name", "middle_name", "email", "phone", "city", "country",
        "region", "postalcode", "created", "comment", "is_recurrent", "utm", "items", "hash",
    ];
}

impl Event {
    /// The event that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == word)
    }

    /// The form that the service sends, as PHP's `http_build_query` writes it.
    ///
    /// `payment` is the payment that caused the event. `order` has what `getOrderDetails` answers, and
    /// `is_recurrent`. With `hashes_paid` the hash of a created order has no time, as in the documentation's
    /// sample (decision 36).
    pub fn form(self, order: &OrderInfo, payment: Money, key: &Key, hashes_paid: bool) -> Vec<u8> {
        let mut pairs = Pairs(Vec::new());
        for &field in self.fields() {
            match field {
                "utm" => pairs.utm(order),
                "items" => pairs.items(order, false),
                "items_paid" => pairs.items(order, true),
                field => pairs.add(field, self.value(field, order, payment, key, hashes_paid)),
            }
        }
        let mut form = Vec::new();
        query::build_pairs(
            pairs.0.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            &mut form,
        );
        form
    }

    fn value(self, field: &str, order: &OrderInfo, payment: Money, key: &Key, hashes_paid: bool) -> String {
        let text = match field {
            "status" => self.status(),
            "id" => return order.id.to_string(),
            "first_name" => &order.first_name,
            "last_name" => &order.last_name,
            "middle_name" => &order.middle_name,
            "email" => &order.email,
            "phone" => &order.phone,
            "city" => &order.city,
            "country" => &order.country,
            "address" => &order.address,
            "region" => &order.region,
            "postalcode" => &order.postalcode,
            "created" => return order.created.to_string(),
            "paid" => return order.paid.to_string(),
            "last_payment_sum" | "prepayment_sum" => return payment.to_string(),
            "comment" => &order.comment,
            "tag" => order.tag.as_deref().unwrap_or_default(),
            "kupon" | "coupon" => order.kupon.as_deref().unwrap_or_default(),
            "type" => &order.order_type,
            "payway" => &order.payway,
            "domain" => &order.domain,
            "link" => &order.link,
            "is_recurrent" => return u8::from(order.is_recurrent.unwrap_or(false)).to_string(),
            _ => return self.hash(order, key, hashes_paid),
        };
        text.to_owned()
    }

    /// Whether the hash of a form is right that [`form`](Self::form) made. The hash of a created order may be without
    /// the time.
    pub fn verify(self, form: &[u8], key: &Key) -> bool {
        let request = Request::read(None, form);
        let text = |name: &str| {
            let value = request.form().fields().get(name.as_bytes()).and_then(|value| value.as_text());
            String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
        };
        let Ok(order) = text("id").parse() else { return false };
        let time = match self.time() {
            Time::Created => text("created"),
            Time::Paid => text("paid"),
            Time::Empty => String::new(),
        };
        let is_of = |time: &str| signature::event(OrderId(order), &text("email"), time, key) == text("hash");
        is_of(&time) || self == Self::Created && is_of("")
    }

    fn hash(self, order: &OrderInfo, key: &Key, hashes_paid: bool) -> String {
        let time = match self.time() {
            Time::Created if self == Self::Created && hashes_paid => String::new(),
            Time::Created => order.created.to_string(),
            Time::Paid => order.paid.to_string(),
            Time::Empty => String::new(),
        };
        signature::event(order.id, &order.email, &time, key)
    }
}

/// A form's variables, in order.
struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn add(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    fn utm(&mut self, order: &OrderInfo) {
        let utm = &order.utm;
        for (name, value) in [
            ("medium", &utm.medium),
            ("source", &utm.source),
            ("campaign", &utm.campaign),
            ("content", &utm.content),
            ("term", &utm.term),
        ] {
            self.add(format!("utm[{name}]"), value);
        }
    }

    fn items(&mut self, order: &OrderInfo, is_payment: bool) {
        for (at, item) in order.items.iter().flatten().enumerate() {
            let ItemInfo { id, title, sum, price, pincode, partners } = item;
            self.add(format!("items[{at}][id]"), id);
            self.add(format!("items[{at}][title]"), title);
            self.add(format!("items[{at}][sum]"), sum);
            self.add(format!("items[{at}][price]"), price);
            if !is_payment {
                continue;
            }
            self.add(format!("items[{at}][pincode]"), pincode.as_deref().unwrap_or_default());
            for (n, partner) in partners.iter().enumerate() {
                let mut add = |name: &str, value: String| {
                    self.add(format!("items[{at}][partners][{n}][{name}]"), value);
                };
                add("partner_lvl", partner.partner_lvl.to_string());
                add("partner_id", partner.partner_id.to_string());
                add("partner_name", partner.partner_name.clone());
                add("partner_fee", partner.partner_fee.to_string());
            }
        }
    }
}

/// Names and values of headers.
pub type Headers = [(&'static str, String); 5];

/// The headers of a form to a product's URL, which the account's key signs.
pub fn form_headers(id: &str, unix_time: i64, form: &[u8], key: &Key) -> Headers {
    let signature = ("billhook-signature", signature::body(key, unix_time, form));
    headers("application/x-www-form-urlencoded", id, unix_time, signature)
}

/// The headers of JSON to an endpoint, which its secrets sign.
pub fn json_headers<'a>(
    id: &str,
    unix_time: i64,
    json: &[u8],
    secrets: impl IntoIterator<Item = &'a str>,
) -> Headers {
    let signature = ("webhook-signature", signature::webhook(secrets, id, unix_time, json));
    headers("application/json", id, unix_time, signature)
}

fn headers(content_type: &str, id: &str, unix_time: i64, signature: (&'static str, String)) -> Headers {
    [
        ("user-agent", concat!("Billhook/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("content-type", content_type.to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", unix_time.to_string()),
        signature,
    ]
}

/// An event for endpoints of ours, as Standard Webhooks recommends.
#[derive(Debug, Serialize)]
struct Message<'a, T> {
    r#type: &'a str,
    timestamp: String,
    data: T,
}

/// The JSON of an event: `type`, `timestamp` (RFC 3339, UTC) and `data`.
pub fn json(word: &str, unix_time: i64, data: &impl Serialize) -> Result<String, serde_json::Error> {
    let timestamp = jiff::Timestamp::from_second(unix_time).unwrap_or_default().to_string();
    serde_json::to_string(&Message { r#type: word, timestamp, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OrderId, PayStatus,
        method::{PartnerInfo, ShownStatus, UtmInfo},
    };

    fn key() -> Key {
        Key::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    fn order() -> OrderInfo {
        let text = |text: &str| text.to_owned();
        OrderInfo {
            id: OrderId(258_367),
            first_name: text("Анна"),
            last_name: text("Петрова & Ко"),
            middle_name: String::new(),
            email: text("anna@example.com"),
            phone: text("+7 900"),
            city: text("Тверь"),
            country: text("Россия"),
            address: text("ул. 1"),
            region: String::new(),
            postalcode: text("170000"),
            created: 1_362_254_400,
            pay_status: ShownStatus::Known(PayStatus::Paid),
            paid: 1_362_254_500,
            order_type: String::new(),
            payway: text("card"),
            comment: text("a~b\r\n"),
            domain: text("shop.example"),
            link: text("https://shop.example/bill/1"),
            good_count: Some(1),
            price: Money::ZERO,
            is_recurrent: Some(true),
            bill_sum_topay: None,
            tag: Some(text("vip")),
            kupon: Some(text("SPRING")),
            coupon: Some(text("SPRING")),
            utm: UtmInfo { source: text("ya ndex"), ..UtmInfo::default() },
            items: Some(vec![ItemInfo {
                id: text("book"),
                title: text("Книга"),
                sum: Money::ZERO,
                price: Money::from_kopecks(150_000),
                pincode: Some(text("PIN 1")),
                partners: vec![PartnerInfo {
                    partner_lvl: 1,
                    partner_id: 7,
                    partner_name: text("boris"),
                    partner_fee: Money::from_kopecks(1_000),
                }],
            }]),
            good_ids: None,
            prepayment_enabled: None,
            prepayment_minsum: None,
        }
    }

    fn form(event: Event) -> String {
        String::from_utf8(event.form(&order(), Money::from_kopecks(50_000), &key(), false)).unwrap()
    }

    /// The documented names in their order. The values of the hash are section 2.5's.
    #[test]
    fn forms_have_the_documented_fields() {
        let names = |event| {
            let form = form(event).replace("%5B", "[").replace("%5D", "]");
            form.split('&')
                .map(|pair| pair.split_once('=').unwrap().0.to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let person = "id first_name last_name middle_name email phone city country";
        let utm = "utm[medium] utm[source] utm[campaign] utm[content] utm[term]";
        let items = "items[0][id] items[0][title] items[0][sum] items[0][price]";
        let partner = "items[0][partners][0]";
        let paid = format!(
            "{items} items[0][pincode] {partner}[partner_lvl] {partner}[partner_id] {partner}[partner_name] {partner}[partner_fee]"
        );
        assert_eq!(
            names(Event::Created),
            format!(
                "status {person} address region postalcode created comment tag kupon coupon domain link {utm} {items} hash"
            )
        );
        assert_eq!(
            names(Event::Cancelled),
            format!("status {person} region postalcode created comment {utm} {items} hash")
        );
        assert_eq!(
            names(Event::Paid),
            format!(
                "{person} address region postalcode created paid last_payment_sum comment tag kupon coupon type payway domain is_recurrent {utm} {paid} hash"
            )
        );
        assert_eq!(
            names(Event::Prepaid),
            format!(
                "{person} region postalcode created prepayment_sum tag kupon coupon domain link is_recurrent {utm} {paid} hash"
            )
        );
        assert_eq!(
            names(Event::Moneyback),
            format!("status {person} region postalcode created comment is_recurrent {utm} {items} hash")
        );
    }

    #[test]
    fn values_are_written_as_php_would() {
        let created = form(Event::Created);
        assert!(
            created.starts_with("status=new_order&id=258367&first_name=%D0%90%D0%BD%D0%BD%D0%B0&last_name=")
        );
        assert!(created.contains("&middle_name=&email=anna%40example.com&phone=%2B7+900&"), "{created}");
        assert!(created.contains("&comment=a%7Eb%0D%0A&") && created.contains("&utm%5Bsource%5D=ya+ndex&"));
        // PHP takes the text `0` for false.
        assert!(created.contains("&items%5B0%5D%5Bsum%5D=0.00&items%5B0%5D%5Bprice%5D=1500.00&"));
        assert!(form(Event::Paid).contains("&last_payment_sum=500.00&"));
        assert!(
            form(Event::Prepaid).contains("&prepayment_sum=500.00&")
                && form(Event::Paid).contains("&is_recurrent=1&")
        );
    }

    #[test]
    fn hashes_take_the_time_of_their_event() {
        let hash = |form: String| form.split_once("hash=").unwrap().1.to_owned();
        assert_eq!(hash(form(Event::Created)), "abf852fad9b7383008871044f7f4017e");
        assert_eq!(hash(form(Event::Cancelled)), "abf852fad9b7383008871044f7f4017e");
        assert_eq!(hash(form(Event::Moneyback)), "e2f59109ca739116273e85373f518e05");
        assert_eq!(hash(form(Event::Prepaid)), "e2f59109ca739116273e85373f518e05");
        let sample = Event::Created.form(&order(), Money::ZERO, &key(), true);
        assert_eq!(hash(String::from_utf8(sample).unwrap()), "e2f59109ca739116273e85373f518e05");
        assert_ne!(hash(form(Event::Paid)), hash(form(Event::Created)));
    }

    #[test]
    fn a_receiver_verifies_them() {
        for &event in Event::ALL {
            for form in
                [form(event), form(event).replace("anna", "inna"), form(event).replace("hash=", "hash=z")]
            {
                let is_right = form.contains("anna") && !form.contains("hash=z");
                assert_eq!(event.verify(form.as_bytes(), &key()), is_right, "{form}");
            }
            assert!(!event.verify(b"", &key()));
        }
        let sample = Event::Created.form(&order(), Money::ZERO, &key(), true);
        assert!(Event::Created.verify(&sample, &key()) && !Event::Cancelled.verify(&sample, &key()));
    }

    #[test]
    fn json_has_type_timestamp_and_data() {
        let json = json("paid", 1_362_254_400, &["x"]).unwrap();
        assert_eq!(json, r#"{"type":"paid","timestamp":"2013-03-02T20:00:00Z","data":["x"]}"#);
    }
}

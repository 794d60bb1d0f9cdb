//! Two accounts with the same order numbers and customers: neither can see the other's data in any way.

use billhook_store::{
    Error, accounts,
    contacts::{self, contact_tags, subscriptions},
};
use billhook_wire::{
    Access, Email, Key, Login,
    envelope::Answer as Envelope,
    method::{METHODS, MethodInfo},
};

use billhook_test_kit::until;

use crate::{
    program::{Answer, Billhook, keyed, signed, succeed, write},
    shop::store_of,
};

const KEYS: [(&str, &str); 2] = [("one", "key-of-one-0123456789"), ("two", "key-of-two-0123456789")];

fn shops(arguments: &[&str]) -> Billhook {
    let place = tempfile::tempdir().unwrap();
    for (login, key) in KEYS {
        succeed(place.path(), &["account", "add", login, "--key", key]);
        let line = format!(
            r#"{{"id":1,"email":"anna@example.com","items":[{{"id":5,"good_name":"of-{login}","good_title":"Of {login}","sum":"1.00"}}]}}"#
        );
        let file = write(place.path(), "orders.jsonl", &line);
        succeed(place.path(), &["import", "--account", login, file.to_str().unwrap()]);
    }
    succeed(place.path(), &["account", "bind", "two", "shop.example"]);
    Billhook::start_over(place, arguments)
}

fn body(at: usize) -> String {
    let (login, key) = KEYS[at];
    signed(login, key, &[("email", "anna@example.com")])
}

/// Asserts that the answer has the account's own order, or no data at all.
#[track_caller]
fn only(answer: &Answer, login: &str) {
    assert_eq!(answer.code(), 0, "{answer:?}");
    assert_eq!(answer.json()["result"]["1"]["5"]["good_name"], format!("of-{login}"));
    let other = if login == "one" { "of-two" } else { "of-one" };
    assert!(!answer.body.contains(other));
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: i64) {
    assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    assert!(!answer.body.contains("of-"), "{answer:?}");
}

#[test]
fn by_host() {
    let shop = shops(&["--domain", "localhost", "--domain", "justclick.ru"]);
    for (at, (login, _)) in KEYS.iter().enumerate() {
        for host in [
            format!("{login}.localhost"),
            format!("{}.LocalHost", login.to_uppercase()),
            format!("{login}.localhost."),
            format!("{login}.justclick.ru:80"),
            format!("{login}.localhost.:8080"),
        ] {
            only(&shop.post(&host, "GetBills", &body(at)), login);
            // The other account's signature is refused here.
            refused(&shop.post(&host, "GetBills", &body(1 - at)), 200, 4);
        }
    }
}

#[test]
fn by_bound_domain_and_its_look_alikes() {
    let shop = shops(&[]);
    only(&shop.post("shop.example", "GetBills", &body(1)), "two");
    only(&shop.post("SHOP.example.:443", "GetBills", &body(1)), "two");
    refused(&shop.post("shop.example", "GetBills", &body(0)), 200, 4);
    for host in [
        "one.shop.example",
        "example",
        "three.localhost",
        "one.one.localhost",
        "onelocalhost",
        "one.localhost.example",
        ".localhost",
        "one .localhost",
        "one.localhost..",
        "xn--one.localhost",
    ] {
        let answer = shop.post(host, "GetBills", &body(0));
        assert!(answer.code() == 5 || answer.status == 400, "{host}: {answer:?}");
        assert!(!answer.body.contains("of-"));
    }
}

#[test]
fn by_default_account() {
    const HOSTS: [&str; 5] = ["127.0.0.1", "127.0.0.1:8080", "[::1]", "localhost", "LOCALHOST."];
    // The default is the first account, then the one that the store names, or none.
    let shop = shops(&[]);
    for host in HOSTS {
        only(&shop.post(host, "GetBills", &body(0)), "one");
        refused(&shop.post(host, "GetBills", &body(1)), 200, 4);
    }
    shop.run(&["account", "default", "two"]);
    until(|| shop.post("127.0.0.1", "GetBills", &body(0)).code() == 4);
    for host in HOSTS {
        only(&shop.post(host, "GetBills", &body(1)), "two");
    }
    shop.run(&["account", "default", "--none"]);
    until(|| shop.post("127.0.0.1", "GetBills", &body(0)).code() == 5);
    for host in HOSTS {
        refused(&shop.post(host, "GetBills", &body(0)), 200, 5);
    }
    let shop = shops(&["--default-account", "two"]);
    for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]:80", "localhost", "LOCALHOST."] {
        only(&shop.post(host, "GetBills", &body(1)), "two");
        refused(&shop.post(host, "GetBills", &body(0)), 200, 4);
    }
    only(&shop.send("POST /api/GetBills HTTP/1.0", "", body(1).as_bytes()), "two");
    // An unknown host name does not lead to the default account.
    refused(&shop.post("other.example", "GetBills", &body(1)), 200, 5);
    refused(&shop.post("three.localhost", "GetBills", &body(1)), 200, 5);
}

#[test]
fn by_absolute_target_against_host() {
    let shop = shops(&["--domain", "localhost", "--domain", "justclick.ru"]);
    let post = |target: &str, host: &str| {
        shop.send(&format!("POST {target} HTTP/1.1"), &format!("Host: {host}\r\n"), body(0).as_bytes())
    };
    only(&post("http://one.justclick.ru/api/GetBills", "one.justclick.ru"), "one");
    only(&post("http://ONE.justclick.ru:80/api/GetBills", "one.justclick.ru"), "one");
    refused(&post("http://two.justclick.ru/api/GetBills", "two.justclick.ru"), 200, 4);
    for (target, host) in [("two", "one"), ("one", "two")] {
        let answer =
            post(&format!("http://{target}.justclick.ru/api/GetBills"), &format!("{host}.justclick.ru"));
        refused(&answer, 400, 3);
    }
    let twice = shop.send(
        "POST /api/GetBills HTTP/1.1",
        "Host: one.localhost\r\nHost: two.localhost\r\n",
        body(0).as_bytes(),
    );
    assert_eq!(twice.status, 400);
    assert!(!twice.body.contains("of-"));
}

#[test]
fn by_key() {
    let shop = shops(&[]);
    for (at, (login, _)) in KEYS.iter().enumerate() {
        let post = |key: &str| {
            shop.post(
                &format!("{login}.localhost"),
                "GetBills",
                &format!("email=anna%40example.com&rpsKey={key}"),
            )
        };
        only(&post(KEYS[at].1), login);
        refused(&post(KEYS[1 - at].1), 200, 4);
        refused(&post(&KEYS[at].1.to_uppercase()), 200, 4);
    }
}

/// An old key of `two`, which was revoked.
const REVOKED: &str = "key-of-two-that-was-revoked";

/// A way in which the holder of `one`'s key may try to get at `two`.
struct Way {
    name: &'static str,
    /// The start of the request's target, before `/api/METHOD`.
    target: &'static str,
    host: &'static str,
    head: &'static str,
    credential: Credential,
    led_to: LedTo,
}

#[derive(Clone, Copy)]
enum Credential {
    /// A hash made with this login and key.
    Hash(&'static str, &'static str),
    /// The key itself.
    Key(&'static str),
    /// A hash of one account beside the key of the other.
    Both,
    None,
}

#[derive(Clone, Copy, PartialEq)]
enum LedTo {
    /// Answered as `one`, whatever the request names.
    Own,
    Code(i64),
    BadRequest,
}

const ONE: &str = KEYS[0].1;

const WAYS: &[Way] = &[
    way("own host, hash", "one.localhost", Credential::Hash("one", ONE), LedTo::Own),
    way("own host, key", "one.localhost", Credential::Key(ONE), LedTo::Own),
    way("own host in capitals, with a port", "ONE.Localhost.:8080", Credential::Key(ONE), LedTo::Own),
    Way {
        head: "X-Forwarded-Host: two.localhost\r\nX-Host: two.localhost\r\nForwarded: host=two.localhost\r\n\
               X-Original-URL: http://two.localhost/\r\n",
        ..way("another host in headers of proxies", "one.localhost", Credential::Key(ONE), LedTo::Own)
    },
    way("the other's host, hash", "two.localhost", Credential::Hash("one", ONE), LedTo::Code(4)),
    way("the other's host and login, hash", "two.localhost", Credential::Hash("two", ONE), LedTo::Code(4)),
    way("the other's host, key", "two.localhost", Credential::Key(ONE), LedTo::Code(4)),
    way("the other's host in capitals", "TWO.LOCALHOST.:1", Credential::Hash("two", ONE), LedTo::Code(4)),
    way("the other's own domain, hash", "shop.example", Credential::Hash("two", ONE), LedTo::Code(4)),
    way("the other's own domain, key", "Shop.Example:443", Credential::Key(ONE), LedTo::Code(4)),
    way("the default account, hash", "127.0.0.1", Credential::Hash("two", ONE), LedTo::Code(4)),
    way("the default account, key", "[::1]:8080", Credential::Key(ONE), LedTo::Code(4)),
    Way {
        target: "http://two.localhost",
        ..way("an absolute target", "two.localhost", Credential::Hash("two", ONE), LedTo::Code(4))
    },
    Way {
        target: "http://two.localhost",
        ..way("an absolute target against Host", "one.localhost", Credential::Key(ONE), LedTo::BadRequest)
    },
    Way {
        head: "Host: two.localhost\r\n",
        ..way("two hosts", "one.localhost", Credential::Key(ONE), LedTo::BadRequest)
    },
    way("a revoked key, hash", "two.localhost", Credential::Hash("two", REVOKED), LedTo::Code(4)),
    way("a revoked key itself", "two.localhost", Credential::Key(REVOKED), LedTo::Code(4)),
    way("a hash beside a key", "two.localhost", Credential::Both, LedTo::Code(4)),
    way("no credential", "two.localhost", Credential::None, LedTo::Code(1)),
    way("an empty key", "two.localhost", Credential::Key(""), LedTo::Code(1)),
    way("nobody's host", "three.localhost", Credential::Key(ONE), LedTo::Code(5)),
];

const fn way(name: &'static str, host: &'static str, credential: Credential, led_to: LedTo) -> Way {
    Way { name, target: "", host, head: "", credential, led_to }
}

impl Way {
    fn call(&self, shop: &Billhook, method: &str, form: &[(&str, &str)]) -> Answer {
        let body = match self.credential {
            Credential::Hash(login, key) => signed(login, key, form),
            Credential::Key(key) => keyed(key, form),
            Credential::Both => format!("{}&rpsKey={ONE}", signed("two", ONE, form)),
            Credential::None => keyed("", form).replace("rpsKey=", "x="),
        };
        let line = format!("POST {}/api/{method} HTTP/1.1", self.target);
        let head = format!("Host: {}\r\n{}", self.host, self.head);
        shop.send(&line, &head, body.as_bytes())
    }
}

/// The method's example, which asks for data that only `two` has: orders 258367 and 258368, products
/// `oplata`, `sales` and `222`. The coupon `SPRING`, number 1, is added.
fn form_for(method: &MethodInfo) -> Vec<(&'static str, &'static str)> {
    let coupon = match method.name {
        "CreateOrder" => Some(("bill_kupon", "SPRING")),
        "createorder" => Some(("coupon", "1")),
        _ => None,
    };
    method.example.iter().copied().chain(coupon).collect()
}

/// All data of an account that commands show, and what is stored of the contacts that the examples name.
fn all_of(shop: &Billhook, login: &'static str) -> String {
    let commands = [
        &["export"][..],
        &["product", "export"],
        &["coupon", "list"],
        &["manager", "list"],
        &["partner", "list"],
        &["group", "list", "--json"],
    ];
    let shown = commands.map(|command| shop.run(&[command, &["--account", login]].concat())).join("\n");
    let contacts: Result<String, Error> = store_of(shop.place()).write(move |tx| {
        let account = accounts::find(tx, &Login::parse(login).unwrap())?.unwrap().id;
        let mut all = Vec::new();
        for email in ["anna@example.com", "maria@example.com"] {
            let Some(contact) = contacts::of_email(tx, account, &Email::parse(email).unwrap())? else {
                continue;
            };
            let tags = contact_tags::tags(tx, account, contact.id)?;
            let history = contacts::history(tx, account, contact.id)?;
            let groups = subscriptions::of_contact(tx, account, contact.id)?;
            all.push(format!("{email} {contact:?} {tags:?} {history:?} {groups:?}"));
        }
        Ok(all.join("\n"))
    });
    format!("{shown}\n{}", contacts.unwrap())
}

/// What only `two` has, as answers say it. It has 70 contacts, who all come from the partner; the few of `one` would
/// make 71 or 72 of them.
const OF_TWO: [&str; 4] = ["of-two", "spring", "\"result\":7", "\"leads_total\":7"];

/// Gives both accounts the groups, the partner and the contacts that the examples name.
fn add_contacts(shop: &Billhook, login: &str, key: &str) {
    shop.run(&["group", "add", "news", "--title", &format!("Of-{login} news"), "--account", login]);
    shop.run(&["group", "add", &format!("of-{login}"), "--account", login]);
    shop.run(&["partner", "add", "partner", "--account", login]);
    let add = |email: &str| {
        let form = [
            ("rid", &*format!("news,of-{login}")),
            ("lead_email", email),
            ("lead_name", login),
            ("aff", "partner"),
        ];
        assert_eq!(shop.call(login, key, "AddLeadToGroup", &form).code(), 0);
    };
    add("anna@example.com");
    (1..70).filter(|_| login == "two").for_each(|at| add(&format!("of-two-{at}@example.com")));
}

/// Tries every way with every method: `one` gets and changes nothing of `two`.
#[test]
fn by_every_way_and_every_method() {
    let place = tempfile::tempdir().unwrap();
    for (login, key) in [KEYS[0], ("two", REVOKED)] {
        succeed(place.path(), &["account", "add", login, "--key", key]);
    }
    // `two` has the names that the examples ask for, and its own titles and comments.
    let item = |id: u32, name: &str| {
        format!(r#"{{"id":{id},"good_name":"{name}","good_title":"Of-two {name}","sum":"2.00"}}"#)
    };
    let orders =
        [(258_367, item(12549, "oplata")), (258_368, item(13011, "sales") + "," + &item(28363, "222"))].map(
            |(id, items)| {
                format!(r#"{{"id":{id},"email":"anna@example.com","comment":"of-two","items":[{items}]}}"#)
            },
        );
    let file = write(place.path(), "orders.jsonl", &orders.join("\n"));
    succeed(place.path(), &["import", "--account", "two", file.to_str().unwrap()]);
    let own = r#"{"id":1,"email":"anna@example.com","items":[{"id":5,"good_name":"of-one","sum":"1.00"}]}"#;
    let file = write(place.path(), "orders.jsonl", own);
    succeed(place.path(), &["import", "--account", "one", file.to_str().unwrap()]);
    succeed(place.path(), &["coupon", "add", "SPRING", "--percent", "50", "--account", "two"]);
    succeed(place.path(), &["manager", "add", "Of-two's manager", "--account", "two"]);
    succeed(place.path(), &["account", "bind", "two", "shop.example"]);
    let shop = Billhook::start_over(place, &["--default-account", "two"]);
    for (login, key) in [KEYS[0], ("two", REVOKED)] {
        add_contacts(&shop, login, key);
    }
    let reads = METHODS.iter().filter(|method| method.access != Access::Write);
    let told =
        reads.map(|method| shop.call("two", REVOKED, method.name, &form_for(method)).body.to_lowercase());
    let told: String = told.collect();
    for own in OF_TWO {
        assert!(told.contains(own), "{own}: {told}");
    }
    shop.run(&["account", "rotate-key", "two"]);
    until(|| shop.call("two", REVOKED, "GetAllGroups", &[]).code() == 4);
    let before = all_of(&shop, "two");
    for own in ["Of-two oplata", "Of-two 222", "SPRING", "Of-two's", "Of-two news"] {
        assert!(before.contains(own), "{before}");
    }

    let own = Key::parse(ONE).unwrap();
    for way in WAYS {
        for method in METHODS {
            let answer = way.call(&shop, method.name, &form_for(method));
            let place = format!("{} by {}: {answer:?}", method.name, way.name);
            let body = answer.body.to_lowercase();
            assert!(!OF_TWO.iter().any(|word| body.contains(word)), "{place}");
            match way.led_to {
                LedTo::Code(code) => assert_eq!((answer.status, answer.code()), (200, code), "{place}"),
                LedTo::BadRequest => assert_eq!(answer.status, 400, "{place}"),
                LedTo::Own => {
                    assert!(Envelope::read(answer.body.as_bytes()).unwrap().verify(&own), "{place}");
                }
            }
        }
    }
    assert_eq!(all_of(&shop, "two"), before);
    // What `one` may do succeeded, so the calls did reach the methods.
    let own = all_of(&shop, "one");
    for done in [
        r#""good_name":"course""#,
        "Of-one news",
        "maria@example.com",
        "removeleadfromlist",
        "UpdateSubscriberData",
    ] {
        assert!(own.contains(done), "{done}: {own}");
    }
}

/// A customer's link works only on the hosts of its own account.
#[test]
fn by_the_link_of_a_bill() {
    let shop = shops(&["--default-account", "one"]);
    let (login, key) = KEYS[1];
    let order = [("goods[0][good_name]", "of-two"), ("bill_email", "bob@example.com")];
    let made = shop.call(login, key, "CreateOrder", &order).json()["result"]["bill_id"].to_string();
    let number = made.trim_matches('"');
    let details = shop.call(login, key, "getOrderDetails", &[("bill_id", number)]).json().to_string();
    let link = details.split("/bill/").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let get =
        |host: &str| shop.send(&format!("GET /bill/{link} HTTP/1.1"), &format!("Host: {host}\r\n"), b"");
    let own = get("two.localhost");
    assert!(own.status == 200 && own.body.contains("Of two"), "{own:?}");
    for host in ["one.localhost", "127.0.0.1", "localhost", "three.localhost"] {
        let answer = get(host);
        assert_eq!(answer.status, 404, "{host}: {answer:?}");
        assert!(!answer.body.contains("Of two"), "{host}: {answer:?}");
    }
}

//! A store with one of everything, made by the program's own commands. Only a database's `order_numbers` is
//! empty.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use billhook_wire::method::GoodFields;
use serde_json::Value;

use crate::{
    Running, Store, command,
    http::{Client, hashed},
    run, until,
};

/// The account.
pub const LOGIN: &str = "shop";
/// The account's key.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// How long one command may take.
const COMMAND_MAX: Duration = Duration::from_mins(1);

/// Orders and products of every kind, besides those from `generate`.
const ORDERS: &str = r#"{"product":{"id":900,"good_name":"kept","good_title":"Уже не продаётся","sum":"10.00","good_deleted":true,"good_pay_text":"Hi"}}
{"id":1001,"email":"Anna+1@Example.com","pay_status":"paid","created":1577880000,"paid":1577883600,"comment":"a \"b\"\n, c","utm_source":"x","affiliates":"p","note":"n","payments":[{"sum":"3900.00","received":1577883600},{"sum":"-1.00","received":1577890000}],"items":[{"id":901,"good_name":"parcel","good_title":"Посылка","sum":"3900.00","price":"4000.00","pincode":"PIN","partner_fee":"1.00"}]}
{"id":1002,"email":"","pay_status":"waiting","created":1577880001,"deleted":1577890000,"kill_at":1577880002,"delivery":"sent","sent":1577880003,"confirmed":true,"manager":3,"items":[{"id":900},{"id":901,"sum":"0.01"}]}
{"id":1003,"email":"vera@example.com","created":1577880004,"items":[{"id":901,"sum":"5.00"}]}
"#;

/// The texts of a contact.
const CONTACT_TEXTS: &str = "first_name middle_name last_name phone city description shipping_address_1 shipping_address_2 \
    shipping_city shipping_state shipping_zip shipping_country billing_address_1 billing_address_2 billing_city \
    billing_state billing_zip billing_country facebook instagram whatsapp telegram viber vkontakte linkedin utm_medium \
    utm_source utm_campaign utm_content utm_term aff_medium aff_source aff_campaign aff_content aff_term aff ad_id";

/// Fills a new store; input files go into `place`.
pub fn fill(program: &Path, store: &Store, place: &Path) {
    let write = |name: &str, text: &str| {
        let file = place.join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (orders, codes) = (write("orders.jsonl", ORDERS), write("codes", "AAA\nBBB\n"));
    let contacts = write("contacts.jsonl", &contacts());
    let of_the_account: [&[&str]; 11] = [
        &["generate", "--orders", "50", "--products", "8"],
        &["category", "add", "Книги"],
        &["manager", "add", "Olga"],
        &["partner", "add", "boris"],
        &["partner", "add", "vera", "--parent", "boris"],
        &["import", &orders],
        &["import", &contacts],
        &["coupon", "add", "Spring", "--percent", "12.5", "--good", "parcel", "--until", "2030-02-28"],
        &["product", "add-pincodes", "parcel", &codes],
        &["contact", "erase", "gone@example.com", "--yes"],
        &["webhook", "add", "--listen-only"],
    ];
    billhook(program, store, &["account", "add", LOGIN, "--key", KEY]);
    billhook(program, store, &["account", "bind", LOGIN, "pay.shop.example"]);
    billhook(program, store, &["account", "set", LOGIN, "time_zone=UTC", "rate=600"]);
    for arguments in of_the_account {
        billhook(program, store, &[arguments, &["--account", LOGIN]].concat());
    }
    call(program, store, place);
}

/// Groups and contacts, one of whom has left a group. Their numbers and times are the same in every store.
fn contacts() -> String {
    let texts: Vec<_> = CONTACT_TEXTS.split(' ').map(|name| format!(r#""{name}":"{name} Ё""#)).collect();
    let at = 1_577_880_000;
    format!(
        r#"{{"group":{{"rass_id":1,"rass_name":"news","rass_title":"Новости","created":{at},"url_subscribed":"https://shop.example/"}}}}
{{"group":{{"rass_id":2,"rass_name":"buyers","kind":"auto","created":{at},"url_unsubscribed":"https://shop.example/"}}}}
{{"contact":{{"id":1,"email":"Anna+1@Example.com","created":{at},"changed":{at},"manager":1,"utc":"+03:00",{},"tags":["new","vip"],"subscriptions":[{{"group":"news","status":"STATUS_SUBSCRIBE","at":{at},"method":"AddLeadToGroup","address":"127.0.0.1","activation":"1","doneurl":"http://pay.shop.example/thanks"}},{{"group":"buyers","status":"STATUS_UNSUBSCRIBE","at":{at},"method":"order"}}],"history":[{{"at":{at},"method":"AddLeadToGroup","address":"127.0.0.1","what":"subscribed","detail":"news"}}]}}}}
{{"contact":{{"id":2,"created":{at},"changed":{at},"first_name":"Борис","phone":"+79161234567","tags":["vip"],"history":[{{"at":{at},"method":"billhook contact","what":"added"}}]}}}}
"#,
        texts.join(",")
    )
}

/// Makes a call with an `Idempotency-Key` on a server, and pays an order whose product has a URL.
fn call(program: &Path, store: &Store, place: &Path) {
    let mut serve = command(program, store.options());
    serve.args(["serve", "--listen", "127.0.0.1:0"]);
    let server = Running::start(serve, &place.join("log"), 1).unwrap();
    let address = server.address().unwrap();
    let texts = GoodFields::TEXTS.iter().map(|name| format!("&{name}=Hi"));
    let good = format!("good_name=parcel{}", texts.collect::<String>());
    let form = hashed(&good, LOGIN, KEY);
    let request = format!(
        "POST /api/UpdateGood HTTP/1.1\r\nHost: {address}\r\nIdempotency-Key: once\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = Client::connect(address).unwrap().ask(request.as_bytes()).unwrap();
    assert_eq!(answer.code(), 0, "{answer:?}");
    sign_in(program, store, address);
    told(program, store);
    // A normal stop, so that all data is in the one file.
    server.stop().unwrap();
}

/// Has the server try once to tell of a payment, to what is no URL.
fn told(program: &Path, store: &Store) {
    let paid = ["order", "set-status", "1003", "paid", "--date", "1577880005", "--account", LOGIN];
    billhook(program, store, &paid);
    let failed = ["delivery", "list", "--state", "failed", "--account", LOGIN];
    until(|| billhook(program, store, &failed).lines().count() == 1);
}

/// Signs somebody in to the cabinet, and makes a link for another time.
fn sign_in(program: &Path, store: &Store, address: SocketAddr) {
    let link = || {
        let made: Value =
            serde_json::from_str(&billhook(program, store, &["account", "login-link", LOGIN, "--json"]))
                .unwrap();
        let link = made["link"].as_str().unwrap().to_owned();
        link[link.find("/cabinet/").unwrap()..].to_owned()
    };
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Length: 0\r\n\r\n",
        link()
    );
    let answer = Client::connect(address).unwrap().ask(request.as_bytes()).unwrap();
    assert_eq!(answer.status, 303, "{answer:?}");
    link();
}

/// All lists of a store except orders and products, as commands print them.
pub fn lists(program: &Path, store: &Store) -> String {
    let show = billhook(program, store, &["account", "show", LOGIN, "--json"]);
    let shown: Value = serde_json::from_str(&show).unwrap();
    // Only those that were set: other versions have other settings.
    let set = ["rate", "time_zone"].map(|name| shown["settings"][name].to_string());
    let of_the_account: [&[&str]; 6] = [
        &["coupon", "list", "--json"],
        &["category", "list", "--json"],
        &["manager", "list", "--json"],
        &["partner", "list", "--json"],
        &["product", "pincodes", "parcel", "--json"],
        &["webhook", "list"],
    ];
    let list = |list: &[&str]| billhook(program, store, &[list, &["--account", LOGIN]].concat());
    let lists = of_the_account.map(list).concat();
    let people = ["group", "contact"].map(|kind| timeless(&list(&[kind, "list", "--json"]))).concat();
    format!("{} {}\n{lists}{people}", shown["domains"], set.join(" "))
}

/// Lines of JSON without the times at which a store was filled, which a database's contacts have for a number too.
fn timeless(lines: &str) -> String {
    let timeless = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut()
            .unwrap()
            .retain(|name, _| !["id", "created", "changed"].contains(&name.as_str()));
        format!("{line}\n")
    });
    timeless.collect()
}

#[track_caller]
fn billhook(program: &Path, store: &Store, arguments: &[&str]) -> String {
    run(command(program, store.options()).args(arguments), COMMAND_MAX).unwrap().result().unwrap()
}

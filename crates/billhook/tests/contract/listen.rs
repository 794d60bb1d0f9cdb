//! `billhook listen` beside a running server: what it shows and forwards, and that it outlives the server.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::Child,
};

use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};
use billhook_wire::{Key, signature};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    deliveries::verify,
    program::program,
    shop::{KEY, LOGIN, Shop, now},
};

/// A running `billhook listen`, killed on drop.
struct Listening {
    child: Child,
    out: PathBuf,
    errors: PathBuf,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Listening {
    fn start(shop: &Shop, url: &str, name: &str, arguments: &[&str]) -> Self {
        let place = shop.server().place();
        let (out, errors) = (place.join(format!("{name}.out")), place.join(format!("{name}.errors")));
        let child = program(place)
            .args(["listen", "--url", url, "--login", LOGIN, "--key", KEY])
            .args(arguments)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        Self { child, out, errors }
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.out).unwrap().lines().map(str::to_owned).collect()
    }

    /// What it has shown with `--json`, once these are so many.
    fn events(&self, count: usize) -> Vec<Value> {
        until(|| self.lines().len() >= count);
        let lines = self.lines();
        assert_eq!(lines.len(), count, "{lines:?}");
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn says(&self, part: &str) {
        until(|| fs::read_to_string(&self.errors).unwrap().contains(part));
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

/// The receiver gets what the sender would send.
fn check_forwarded(receiver: &Receiver, shown: &[Value], secret: &Value) {
    let (json, form) = (receiver.at("/json"), receiver.at("/form?a=1"));
    assert_eq!(json.len(), shown.len());
    for (got, event) in json.iter().zip(shown) {
        assert!(verify(got, secret), "{got:?}");
        assert_eq!(
            (got.header("webhook-id"), &*got.body),
            (event["id"].as_str().unwrap(), &*text(event, "json"))
        );
        assert_eq!(got.header("content-type"), "application/json");
        assert_eq!(event["status"], 204);
    }
    // A test has no form.
    assert_eq!(form.len() + 1, shown.len());
    for (got, event) in form.iter().zip(shown) {
        let signed = got.header("billhook-signature");
        signature::verify_body(signed, &Key::parse(KEY).unwrap(), got.body.as_bytes(), now(), 60).unwrap();
        assert_eq!(
            (got.header("webhook-id"), &*got.body),
            (event["id"].as_str().unwrap(), &*text(event, "form"))
        );
        assert_eq!(got.header("content-type"), "application/x-www-form-urlencoded");
        assert!(got.header("user-agent").starts_with("Billhook/"));
        assert_eq!(event["hash_is_right"], true);
    }
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap().to_owned()
}

#[test]
fn events_are_shown_and_forwarded_until_ctrl_c() {
    let receiver = Receiver::start(|_| Reply::Status(204, String::new()));
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{address}");
    let arguments = ["--listen", &*address];
    let shop = Shop::over(tempfile::tempdir().unwrap(), &[], &arguments);
    let command = |shop: &Shop, arguments: &[&str]| -> Value {
        let done = shop.server().run(&[arguments, &["--account", LOGIN, "--json"]].concat());
        serde_json::from_str(&done).unwrap()
    };
    shop.add_good("course", "0", "Курс", "1000.00", &[]);
    shop.allow_prepayment("course", 100);

    let listening = Listening::start(&shop, &url, "nobody", &[]);
    listening.says("no webhook asks for events, so none will come; on the server, run `billhook webhook add");
    listening.end();
    let secret = command(&shop, &["webhook", "add", "--listen-only"])["secret"].take();
    let whole = &*receiver.url("/json");
    let whole = ["--json", "--forward-to", whole, "--secret", secret.as_str().unwrap()];
    let whole = Listening::start(&shop, &url, "json", &whole);
    let forms = ["--json", "--form", "--forward-to", &receiver.url("/form?a=1")];
    let forms = Listening::start(&shop, &url, "form", &forms);
    let plain = Listening::start(&shop, &url, "plain", &["--forward-to", "http://127.0.0.1:1/"]);
    for listening in [&whole, &forms, &plain] {
        listening.says("listening: created, cancelled, paid, prepaid, moneyback");
    }
    let triggered = ["moneyback", "cancelled", "prepaid"].map(|event| command(&shop, &["trigger", event]));
    command(&shop, &["webhook", "test", "1"]);
    let shown = whole.events(8);
    let words: Vec<_> = shown.iter().map(|event| text(event, "event")).collect();
    assert_eq!(words, ["created", "paid", "moneyback", "created", "cancelled", "created", "prepaid", "test"]);
    let ids = triggered.iter().flat_map(|done| done["events"].as_array().unwrap()).map(|event| &event["id"]);
    assert!(ids.eq(shown[..7].iter().map(|event| &event["id"])), "{shown:?}");
    assert_eq!(shown[7]["hash_is_right"], Value::Null);
    let test = &forms.events(8)[7];
    assert!(text(test, "problem").contains("no form") && test["status"].is_null(), "{test}");
    check_forwarded(&receiver, &shown, &secret);
    until(|| plain.lines().len() == 16);
    let lines = plain.lines();
    let order = &triggered[0]["order"]["id"];
    assert!(lines[0].ends_with(&format!("  created  order {order}  test@example.com  its hash is right")));
    assert!(lines[1].starts_with("    not forwarded: cannot connect to 127.0.0.1"), "{lines:?}");
    assert!(lines[14].ends_with("  test"), "{lines:?}");

    let shop = shop.restarted(Signal::KILL, &arguments);
    plain.says("this goes on once it answers");
    plain.says("the server answers again");
    command(&shop, &["trigger", "paid"]);
    assert_eq!(whole.events(10)[9]["event"], "paid");
    let past = shown[6]["id"].as_str().unwrap();
    let past = Listening::start(&shop, &url, "past", &["--json", "--after", past]);
    let words: Vec<_> = past.events(3).iter().map(|event| text(event, "event")).collect();
    assert_eq!(words, ["test", "created", "paid"]);
    for listening in [whole, forms, plain, past] {
        listening.end();
    }
}

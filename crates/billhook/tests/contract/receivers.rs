//! The receivers of `examples` in real PHP, Python and Node: they take every event from the real sender, and refuse
//! changed ones.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use billhook_store::outbox::deliveries::State;
use billhook_test_kit::{
    receiver::{Received, Receiver, Reply},
    until,
};
use billhook_wire::{Key, signature};

use crate::{
    outbox::{self, SECRET},
    program::{Answer, ask},
    shop::{KEY, LOGIN, now},
};

/// A program that receives events, and what stands before it and notes them. Killed on drop.
struct Program {
    child: Child,
    address: SocketAddr,
    receiver: Receiver,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(place: &Path, name: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let text = fs::read_to_string(examples.join(name)).unwrap().replace("YOUR_KEY", KEY);
        let file = place.join(name);
        fs::write(&file, text).unwrap();
        let mut command = match name.rsplit_once('.').unwrap().1 {
            "php" => Command::new("php"),
            "py" => Command::new("python3"),
            _ => Command::new("node"),
        };
        if name.ends_with("php") {
            command.args(["-S", &address.to_string()]);
        }
        let child = command
            .arg(file)
            .envs([("WEBHOOK_SECRET", SECRET), ("PORT", &address.port().to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("./test installs php, python3 and node");
        until(|| TcpStream::connect(address).is_ok());
        let receiver = Receiver::start(move |got| {
            let answer = sent(address, &got.head, got.body.as_bytes());
            Reply::Status(answer.status, answer.body)
        });
        Self { child, address, receiver }
    }

    fn answers(&self, head: &str, body: &[u8]) -> u16 {
        sent(self.address, head, body).status
    }

    /// It takes an event as it was sent, and not with a byte changed.
    fn refuses_changed(&self, got: &Received) {
        let (head, body) = (&got.head, got.body.as_bytes());
        assert_eq!(self.answers(head, body), 200, "{got:?}");
        for at in (0..body.len()).step_by(61) {
            let mut changed = body.to_vec();
            changed[at] ^= 1;
            assert_eq!(self.answers(head, &changed), 400, "{at} of {got:?}");
        }
        let is_form = got.header("webhook-signature").is_empty();
        let signed = if is_form { "billhook-signature" } else { "webhook-signature" };
        let covered = if is_form { &[signed][..] } else { &["webhook-id", "webhook-timestamp", signed] };
        for name in covered {
            let value = got.header(name);
            let last = value.trim_end_matches('=').len() - 1;
            let digit = if value[last..].starts_with('1') { "2" } else { "1" };
            let changed = format!("{}{digit}{}", &value[..last], &value[last + 1..]);
            assert_eq!(self.answers(&with(head, name, &changed), body), 400, "{name} of {got:?}");
        }
        // What was sent long ago is refused, however well it is signed.
        let (old, key) = (now() - 301, Key::parse(KEY).unwrap());
        let signature = if is_form {
            signature::body(&key, old, body)
        } else {
            signature::webhook([SECRET], got.header("webhook-id"), old, body)
        };
        let again = with(&with(head, signed, &signature), "webhook-timestamp", &old.to_string());
        assert_eq!(self.answers(&again, body), 400, "{again}");
        if is_form {
            let hash = got.body.rsplit_once("hash=").unwrap().1;
            let forged = got.body.replace(hash, &signature::sha256(b"")[..32]);
            let again = with(head, signed, &signature::body(&key, now(), forged.as_bytes()));
            let answer = sent(self.address, &again, forged.as_bytes());
            assert_eq!((answer.status, &*answer.body), (400, "hash is wrong"));
        }
    }
}

/// A head with another value of a header.
fn with(head: &str, name: &str, value: &str) -> String {
    let (before, rest) = head.split_once(&format!("\r\n{name}: ")).unwrap();
    let (_, after) = rest.split_once("\r\n").unwrap();
    format!("{before}\r\n{name}: {value}\r\n{after}")
}

fn sent(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let head = head.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    ask(address, &[head.as_bytes(), body].concat())
}

/// What `$_POST` is in PHP, written again.
fn again_in_php(form: &str) -> String {
    let script = "parse_str(stream_get_contents(STDIN), $form); echo http_build_query($form);";
    let mut php = Command::new("php")
        .args(["-r", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    php.stdin.take().unwrap().write_all(form.as_bytes()).unwrap();
    String::from_utf8(php.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn php_python_and_node_take_every_event_and_refuse_changed_ones() {
    let place = tempfile::tempdir().unwrap();
    let programs =
        ["receiver.php", "receiver.py", "receiver.mjs"].map(|name| Program::start(place.path(), name));
    let shop = outbox::shop();
    let url = programs[0].receiver.url("/events?shop=1&x=%D1%8F");
    shop.add_good(
        "course",
        "0",
        "Курс & «Ко»",
        "1000.00",
        &[("good_api_url_new_order", &url), ("good_api_url_notif", &url)],
    );
    shop.allow_prepayment("course", 100);
    let others = ["cancel_order", "prepaid", "moneyback"].map(|event| format!("good_api_url_{event}={url}"));
    let set = ["product", "set", "course", "--account", LOGIN];
    shop.server().run(&[&set[..], &others.each_ref().map(String::as_str)].concat());
    for program in &programs[1..] {
        shop.add_endpoint(&program.receiver.url("/"), "");
    }
    let order = shop.order(
        "anna+1@example.com",
        "course",
        &[("bill_first_name", "Анна"), ("bill_comment", "a~b\r\n'\"")],
    );
    let id = order.to_string();
    let by_hand = |action: &[&str]| shop.server().run(&[&["order"], action, &["--account", LOGIN]].concat());
    by_hand(&["pay", &id, "400"]);
    by_hand(&["pay", &id, "600"]);
    by_hand(&["set-status", &id, "return"]);
    let other = shop.order("boris@example.com", "course", &[]);
    by_hand(&["set-status", &other.to_string(), "cancel"]);
    let all = || [shop.deliveries_of(order), shop.deliveries_of(other)].concat();
    until(|| all().iter().all(|delivery| delivery.state == State::Delivered));
    let words = ["created", "prepaid", "paid", "moneyback", "created", "cancelled"];
    assert!(all().chunk_by(|a, b| a.id.event == b.id.event).map(|same| &*same[0].event).eq(words));

    for program in &programs {
        let received = program.receiver.received();
        assert_eq!(received.len(), words.len());
        for got in &received {
            program.refuses_changed(got);
        }
    }
    for got in programs[0].receiver.received() {
        assert_eq!(again_in_php(&got.body), got.body);
        assert!(got.body.contains("items%5B0%5D%5Btitle%5D=%D0%9A%D1%83%D1%80%D1%81+%26+"), "{got:?}");
    }
}

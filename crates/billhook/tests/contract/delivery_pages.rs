//! The cabinet's pages of notifications and webhooks, and what pages say when receivers are not told of orders.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use billhook_store::{
    orders,
    outbox::{
        deliveries::{self, Node, Outcome, State, Try},
        endpoints, events,
        queues::Queue,
    },
};
use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};

use billhook_wire::{Event, Money, OrderId};

use crate::{
    browser::{Browser, login_link},
    cabinet::between,
    deliveries::verify,
    outbox::shop,
    program::write,
    shop::now,
};

const HERE: &str = "/cabinet/deliveries";
const WEBHOOKS: &str = "/cabinet/webhooks";

/// The deliveries that a page links to.
fn links(page: &str) -> Vec<String> {
    let link = format!("href=\"{HERE}/");
    page.split(&link).skip(1).map(|part| format!("{HERE}/{}", part.split_once('"').unwrap().0)).collect()
}

/// Every filter finds what it says; a reader looks, and an owner sends again.
#[test]
fn what_failed_is_seen_and_sent_again() {
    let is_well = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::start({
        let is_well = is_well.clone();
        move |_| Reply::Status(if is_well.load(Ordering::Relaxed) { 200 } else { 410 }, "<b>Bye".to_owned())
    });
    let shop = shop();
    let (owner, reader) = (Browser::of_owner(shop.server()), Browser::of_reader(shop.server()));
    let url = receiver.url("/new?a=1&b=2");
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &url)]);
    shop.command(&["webhook", "add", &receiver.url("/hook")]);
    let order = shop.order("anna@example.com", "course", &[]);
    shop.settle();
    until(|| owner.page(WEBHOOKS).contains("получатель ответил 410"));
    for (query, count) in [
        ("", 2),
        ("state=failed", 2),
        ("state=delivered", 0),
        ("event=created", 2),
        ("event=paid", 0),
        ("endpoint=0", 1),
        ("endpoint=1", 1),
        ("endpoint=7", 0),
        ("since=2024-01-01", 2),
        ("since=2999-01-01", 0),
        ("since=soon", 0),
        ("state=failed&event=created&endpoint=0&since=2024-01-01", 1),
    ] {
        assert_eq!(links(&owner.page(&format!("{HERE}?{query}"))).len(), count, "{query}");
    }
    let [hook, form] = &links(&owner.page(&format!("/cabinet/orders/{order}")))[..] else { panic!("two") };
    let [hook, form] = if shop.deliveries_of(order)[0].endpoint == 0 { [form, hook] } else { [hook, form] };
    for (path, sent) in [(form, &receiver.at("/new?a=1&b=2")[0]), (hook, &receiver.at("/hook")[0])] {
        let page = reader.page(path);
        let body = sent.body.replace('&', "&amp;").replace('"', "&quot;");
        for told in [
            sent.header("webhook-id"),
            &body,
            "&lt;b&gt;Bye",
            "получатель ответил 410",
            &format!("/cabinet/orders/{order}"),
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("/resend"), "{page}");
    }
    for page in ["/cabinet", "/cabinet/orders", WEBHOOKS] {
        let page = owner.page(page);
        assert!(page.contains(&format!("{HERE}?state=failed")) && page.contains(&format!("{WEBHOOKS}/1")));
    }
    shop.server().run(&["account", "add", "stranger"]);
    let stranger =
        Browser::by_link(shop.server(), "stranger.localhost", &login_link(shop.server(), "stranger", &[]));
    assert_eq!((stranger.get(form).status, stranger.post(&format!("{form}/resend"), &[]).status), (404, 404));

    is_well.store(true, Ordering::Relaxed);
    owner.done(&format!("{form}/resend"), &[]);
    until(|| owner.page(form).contains("доставлено"));
    let [first, second] = &receiver.at("/new?a=1&b=2")[..] else { panic!("two tries") };
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    owner.done(&format!("{WEBHOOKS}/1/enable"), &[]);
    let failed = owner.page(&format!("{HERE}?state=failed"));
    assert!(failed.contains("Отправить ещё раз всё найденное: 1<"), "{failed}");
    owner.done(&format!("{HERE}/resend"), &[("endpoint", "0")]);
    assert_eq!(receiver.at("/hook").len(), 1);
    owner.done(&format!("{HERE}/resend"), &[("endpoint", "1"), ("event", "created")]);
    until(|| owner.page(hook).contains("доставлено"));
    assert!(!owner.page("/cabinet").contains("class=\"problem\""), "all is well again");
    let audit = owner.page("/cabinet/audit");
    assert_eq!(audit.matches("уведомления отправлены заново").count(), 2, "{audit}");
}

/// Only owners see a secret, and the audit list has it.
#[test]
fn owners_keep_webhooks() {
    let receiver = Receiver::start(|_| Reply::Status(204, String::new()));
    let shop = shop();
    let (owner, reader) = (Browser::of_owner(shop.server()), Browser::of_reader(shop.server()));
    let refused = |url: &str, why: &str| {
        let answer = owner.post(WEBHOOKS, &[("url", url), ("paid", "1"), ("moneyback", "1")]);
        assert!(answer.status == 422 && answer.body.contains(why), "{url}: {answer:?}");
    };
    refused("", "это не адрес");
    refused("ftp://a.example/", "не с http://");
    refused("http://anna:pw@a.example/", "есть имя или пароль");
    let (hook, here) = (receiver.url("/hook"), format!("{WEBHOOKS}/1"));
    let page = owner.done(WEBHOOKS, &[("url", &hook), ("paid", "1"), ("moneyback", "1")]);
    assert!(page.contains("заказ оплачен, возврат денег") && page.contains(&hook), "{page}");
    refused(&hook, "такой вебхук уже есть");

    let act = |act: &str| format!("{here}/{act}");
    let secret = || {
        let shown = owner.post(&act("secret"), &[]);
        between(&shown.body, "id=\"secret\">", "<").to_owned().into()
    };
    let tested = |count: usize| {
        let page = owner.done(&act("test"), &[]);
        assert!(page.contains("проверка") && page.contains(&hook), "{page}");
        until(|| receiver.received().len() == count);
        receiver.received().remove(count - 1)
    };
    let first = secret();
    assert!(verify(&tested(1), &first));
    owner.done(&act("rotate"), &[("old", "day")]);
    let (second, got) = (secret(), tested(2));
    assert!(verify(&got, &first) && verify(&got, &second) && first != second);
    assert!(owner.page(&here).contains("Прежний секрет подписывает до"));
    owner.done(&act("rotate"), &[("old", "none")]);
    let got = tested(3);
    assert!(verify(&got, &secret()) && !verify(&got, &second));
    for page in [owner.page(&here), reader.page(&here), reader.page(WEBHOOKS)] {
        assert!(!page.contains("whsec_"), "{page}");
    }
    assert!(!reader.page(&here).contains("method=\"post\" action=\"/cabinet/webhooks"));

    assert!(owner.done(&act("disable"), &[]).contains("в кабинете"));
    assert_eq!(owner.post(&act("test"), &[]).header("location"), Some(&*here));
    assert!(owner.done(&act("enable"), &[]).contains("работает"));
    owner.done(&act("remove"), &[]);
    assert_eq!(owner.get(&here).status, 404);
    for at in 0..endpoints::ENDPOINTS_MAX {
        owner.done(WEBHOOKS, &[("url", &receiver.url(&format!("/{at}")))]);
    }
    refused(&hook, "вебхуков уже столько");
    let audit = owner.page("/cabinet/audit");
    for (entry, count) in [
        ("показан секрет вебхука", 3),
        ("вебхуку выдан новый секрет", 2),
        ("проверен вебхук", 3),
        ("выключен вебхук", 1),
        ("включён вебхук", 1),
        ("удалён вебхук", 1),
        ("добавлен вебхук", 21),
    ] {
        assert_eq!(audit.matches(entry).count(), count, "{entry}: {audit}");
    }
}

/// Of very many, a page shows some, and a thousand are sent at once; an outbox that is paused or full is told of.
#[test]
fn very_many_are_listed_and_sent_in_parts() {
    let shop = shop();
    let owner = Browser::of_owner(shop.server());
    shop.server().run(&["outbox", "pause", "--reason", "moving"]);
    until(|| shop.server().log().contains("the outbox is paused"));
    shop.command(&["webhook", "add", "http://a.example/"]);
    let order = r#"{"email":"anna@example.com","items":[{"id":5,"good_name":"course","sum":"1.00"}],"id":"#;
    let lines: Vec<_> = (1..=1_003).map(|id| format!("{order}{id}}}")).collect();
    let file = write(shop.server().place(), "orders.jsonl", &lines.join("\n"));
    shop.command(&["import", file.to_str().unwrap()]);
    shop.write(|tx, account| {
        for id in 1..=1_003 {
            let order = orders::find(tx, account, OrderId(id))?.unwrap();
            events::raise(tx, account, Event::Paid, &order, Money::ZERO)?;
        }
        let node = Node { name: "test".to_owned(), is_alone: false };
        let claimed = deliveries::claim(tx, &Queue::of(account, "http://a.example/"), &node, now(), 2_000)?;
        let failed = Outcome::Tried(Try { status: 500, ..Try::default() }, Ok(State::Failed));
        let failed: Vec<_> = claimed.iter().map(|delivery| (delivery.id, failed.clone())).collect();
        deliveries::settle(tx, account, &node, &failed, now())
    });
    assert!(!owner.page("/cabinet").contains("moving"), "nothing waits");
    let mut next = Some(format!("{HERE}?state=failed"));
    let mut seen = Vec::new();
    let first = owner.page(next.as_deref().unwrap());
    assert!(first.contains("всё найденное: 1000<") && first.contains("больше тысячи"), "{first}");
    while let Some(path) = next {
        let page = owner.page(&path);
        seen.extend(links(&page));
        next = page.contains(">Раньше<").then(|| {
            let rest = between(
                &page,
                "<a class=\"button plain\" href=\"/cabinet/deliveries?state=failed&amp;event",
                "\"",
            );
            format!("{HERE}?state=failed&event{}", rest.replace("&amp;", "&"))
        });
    }
    assert!(seen.len() == 1_003 && seen.is_sorted_by(|a, b| a > b), "{} are seen", seen.len());
    owner.done(&format!("{HERE}/resend"), &[("since", "2999-01-01")]);
    assert!(owner.page("/cabinet/audit").matches("отправлены заново").count() == 0);
    owner.done(&format!("{HERE}/resend"), &[]);
    assert!(owner.page("/cabinet/audit").contains("уведомления отправлены заново: 1000<"));
    assert_eq!(links(&owner.page(&format!("{HERE}?state=failed"))), seen[1_000..]);

    assert!(owner.page("/cabinet").contains("Причина остановки: moving"));
    shop.write(|tx, account| deliveries::set_full(tx, account, true));
    assert!(owner.page("/cabinet/orders").contains("Ждёт слишком много уведомлений"));
}

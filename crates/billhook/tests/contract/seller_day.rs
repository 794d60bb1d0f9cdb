//! A seller's day in a real browser, from the first link on.

use std::process::Command;

use crate::{
    browser::login_link,
    chromium::{Chromium, Look},
    shop::{KEY, LOGIN, Shop},
};

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_sellers_day() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let id = shop.order("anna@example.com", "course", &[("bill_first_name", "Анна")]);
    server.run(&["order", "pay", &id.to_string(), "1000", "--account", LOGIN]);
    let base = format!("http://{LOGIN}.localhost:{}", server.http().port());
    let chromium = Chromium::start(Look { language: "ru", width: 1280, is_dark: false, has_scripts: true });

    // The first link, a password, and in by it.
    chromium.open(&format!("{base}{}", login_link(server, LOGIN, &[])));
    chromium.click("main button");
    chromium.fill("input[name=new_password]", PASSWORD);
    chromium.click("form[action='/cabinet/me/password'] button");
    assert_eq!(chromium.text(".notice"), "Готово.");
    chromium.click("form[action='/cabinet/sign-out'] button");
    chromium.fill("input[name=name]", "owner");
    chromium.fill("input[name=password]", PASSWORD);
    chromium.click("main button");
    // The report comes first: what was paid in part today.
    assert_eq!(chromium.text("td a[href$='by=income']"), "1 000 ₽");
    chromium.click("td a[href$='by=income']");
    assert!(chromium.text("tbody").contains("anna@example.com"), "{}", chromium.html());
    chromium.open(&format!("{base}/cabinet/api"));
    assert_eq!(chromium.text("#address"), format!("{base}/api/"));

    assert_eq!(chromium.console(), Vec::<String>::new());

    // The key, in a program that works as it is pasted.
    chromium.click("form[action='/cabinet/api/key'] button");
    assert_eq!(chromium.text("#key"), KEY);
    let sample = server.place().join("sample.php");
    std::fs::write(&sample, chromium.text("#sample-0")).unwrap();
    let output = Command::new("php").arg(&sample).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains(&id.to_string()) && printed.contains("course"), "{output:?}");

    // The sample's call is among the requests.
    chromium.open(&format!("{base}/cabinet/requests?method=GetBills"));
    assert!(chromium.text("table").contains("GetBills"), "{}", chromium.html());

    // Another order is found, opened and paid.
    let surname = [("bill_surname", "Котов"), ("bill_first_name", "Борис")];
    let paid = shop.order("boris@example.com", "guide", &surname);
    chromium.open(&format!("{base}/cabinet/orders"));
    chromium.fill("input[name=q]", "котов");
    chromium.click("form[role=search] button");
    assert_eq!(chromium.text("tbody td a"), paid.to_string());
    chromium.click("tbody td a");
    assert_eq!(chromium.text(".badge"), "ждёт оплаты");
    chromium.click("form[action$='/pay'] button");
    assert_eq!([chromium.text(".notice"), chromium.text(".badge")], ["Готово.", "оплачен"]);

    // The report of today has it, and leads to it.
    chromium.click("header a[href='/cabinet']");
    chromium.click("main p.row a:nth-child(1)");
    assert_eq!(chromium.text("td a[href$='by=income']"), "1 333,33 ₽");
    chromium.click("td a[href$='by=income']");
    assert!(chromium.text("tbody").contains("boris@example.com"), "{}", chromium.html());

    // The same orders as a file.
    let file = chromium.script(
        "fetch('/cabinet/orders.csv' + location.search).then(answer => answer.arrayBuffer())
         .then(bytes => arguments[0](Array.from(new Uint8Array(bytes))))",
    );
    let file: Vec<u8> = serde_json::from_value(file).unwrap();
    let rows = file.strip_prefix(b"\xef\xbb\xbf").expect("Excel needs the mark of UTF-8");
    let rows: Vec<_> = std::str::from_utf8(rows).unwrap().split("\r\n").collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows[0].starts_with("Номер;Состояние;Создан;"), "{rows:?}");
    let cells: Vec<_> = rows[1].split(';').collect();
    let number = paid.to_string();
    assert_eq!(
        [cells[0], cells[1], cells[4], cells[7], cells[8], cells[11]],
        [&*number, "оплачен", "333,33", "Котов", "Борис", "boris@example.com"]
    );
    assert_eq!(chromium.console(), Vec::<String>::new());
}

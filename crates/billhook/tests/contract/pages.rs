//! Every page of the cabinet in a real browser: each in both languages, on a phone and on a desk, light and dark, with scripts
//! and without.

use std::{path::Path, process::Command};

use billhook_server::{Who, cabinet_routes};
use billhook_test_kit::until;

use crate::{
    browser::{Browser, login_link},
    cabinet::between,
    chromium::{Chromium, Look},
    shop::{LOGIN, Shop},
};

const LOOKS: [Look; 4] = [
    Look { language: "ru", width: 390, is_dark: false, has_scripts: true },
    Look { language: "en", width: 1280, is_dark: true, has_scripts: true },
    Look { language: "ru", width: 1280, is_dark: false, has_scripts: false },
    Look { language: "en", width: 390, is_dark: true, has_scripts: false },
];
/// Two rows, in pixels.
const HEADER_MAX: u64 = 120;
/// The newest of axe-core, which looks for what people with disabilities stumble over.
const AXE: &str = "axe-core@4.14.1";

/// The script of axe-core, which npm brings.
fn axe() -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe-core");
    let file = place.join("node_modules/axe-core/axe.min.js");
    if !file.exists() {
        std::fs::create_dir_all(&place).unwrap();
        let npm = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", AXE, "--prefix"])
            .arg(&place)
            .output()
            .expect("npm runs: apt-get install npm");
        assert!(npm.status.success(), "{npm:?}");
    }
    std::fs::read_to_string(file).unwrap()
}

/// The shop has a number 1 of each.
const FAMILIES: [&str; 8] = [
    "/products/",
    "/coupons/",
    "/categories/",
    "/managers/",
    "/partners/",
    "/webhooks/",
    "/groups/",
    "/contacts/",
];

/// The paths of all pages, with the numbers that the shop has.
fn paths(shop: &Shop, order: i64) -> Vec<String> {
    let owner = Browser::of_owner(shop.server());
    let first_of = |list: &str| between(&owner.page(list), &format!("href=\"{list}/"), "\"").to_owned();
    let (call, delivery) = (first_of("/cabinet/requests"), first_of("/cabinet/deliveries"));
    // A file is no page.
    let gets = cabinet_routes()
        .filter(|(verb, path, who)| *verb == "GET" && *who != Who::Anyone && !path.contains('.'));
    let of_routes = gets.map(|(_, path, _)| {
        let part = match path {
            path if path.contains("/requests/") => call.clone(),
            path if path.contains("/deliveries/") => delivery.clone(),
            path if path.contains("/customers/") => "anna@example.com".to_owned(),
            path if FAMILIES.iter().any(|family| path.contains(family)) => "1".to_owned(),
            _ => order.to_string(),
        };
        path.replace("{}", &part)
    });
    ["/", "/docs", "/cabinet/none", "/cabinet/sign-in"]
        .map(str::to_owned)
        .into_iter()
        .chain(of_routes)
        .collect()
}

#[test]
fn every_page_in_a_browser() {
    let shop = Shop::with_goods();
    // Nothing may be sent to this address, and the pages say so.
    shop.command(&["webhook", "add", "http://127.0.0.1/hook?<script>", "--events", "created"]);
    let order = shop.order(
        "anna@example.com",
        "course",
        &[
            ("bill_first_name", "<script>alert(1)</script>\u{202e}'\"{{7*7}}"),
            ("bill_phone", "+7 900 000-00-00"),
        ],
    );
    until(|| shop.deliveries_of(order)[0].tries == 1);
    shop.server().run(&["outbox", "pause"]);
    shop.add_pincodes(1, &["A", "B"]);
    shop.add_coupon("spring", 5);
    shop.add_category("<b>");
    shop.add_manager("Olga");
    shop.add_partner("boris", 0);
    shop.command(&["group", "add", "news", "--title", "<b>News"]);
    shop.command(&["group", "add", "sales"]);
    shop.command(&[
        "contact",
        "add",
        "anna@example.com",
        "first_name=<b>Anna",
        "--tags",
        "vip",
        "--groups",
        "news",
    ]);
    let (axe, paths) = (axe(), paths(&shop, order));
    std::thread::scope(|scope| {
        for look in LOOKS {
            let (shop, axe, paths) = (&shop, &axe, &paths);
            scope.spawn(move || walk(shop, paths, look, axe));
        }
    });
}

fn walk(shop: &Shop, paths: &[String], look: Look, axe: &str) {
    let base = format!("http://{LOGIN}.localhost:{}", shop.server().http().port());
    let chromium = Chromium::start(look);
    let person = format!("{}{}", look.language, look.width);
    shop.server().run(&["person", "add", &person, "--account", LOGIN]);
    let link = login_link(shop.server(), LOGIN, &["--person", &person]);
    chromium.open(&format!("{base}{link}"));
    chromium.click("main button");
    assert!(chromium.html().contains("action=\"/cabinet/me/password\""));
    for path in paths {
        chromium.open(&format!("{base}{path}"));
        if *path == "/docs" {
            // Its own style stands in it.
            continue;
        }
        let html = chromium.html();
        assert!(html.contains(&format!("<html lang=\"{}\"", look.language)), "{path}: {html}");
        assert!(html.contains("<h1>") && !html.contains("<h1></h1>"), "{path}: {html}");
        let console = chromium.console();
        // A page that is not there is told so on the console too.
        let complaints = console.iter().filter(|line| *path != "/cabinet/none" || !line.contains("404"));
        assert_eq!(complaints.collect::<Vec<_>>(), Vec::<&String>::new(), "{path} {look:?}");
        if !look.has_scripts {
            continue;
        }
        let sizes = chromium.script(
            "const header = document.querySelector('header')?.offsetHeight ?? 0;
             arguments[0]([document.documentElement.scrollWidth, window.innerWidth, header])",
        );
        assert!(sizes[0].as_u64() <= sizes[1].as_u64(), "{path} is wider than {look:?}: {sizes}");
        assert!(
            sizes[2].as_u64() <= Some(HEADER_MAX),
            "{path} {look:?}: the menu takes more than two rows: {sizes}"
        );
        let run = "const done = arguments[0];\
            axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(found => done(found.violations.map(\
            one => one.id + ': ' + one.nodes.map(node => node.html).join(' '))))";
        let violations = chromium.script(&format!("{axe};{run}"));
        assert_eq!(violations, serde_json::json!([]), "{path} {look:?}");
    }
}

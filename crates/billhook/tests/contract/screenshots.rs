//! The pictures of the README: the demo's cabinet. `cargo xtask screenshots` takes them anew.

use std::{env, fs, path::Path};

use crate::{
    browser::login_link,
    chromium::{Chromium, Look},
    program::{Billhook, DEMO_LOGIN},
};

/// Each picture's name and page.
const PAGES: [(&str, &str); 3] = [
    ("report", "/cabinet?from=2025-10-01&to=2025-12-31&step=week"),
    ("orders", "/cabinet/orders?from=2025-12-01&to=2025-12-31"),
    ("refused", "/cabinet/requests?code=4"),
];

#[test]
fn screenshots() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let demo = Billhook::demo();
    demo.run(&["generate", "--orders", "6000", "--products", "7"]);
    // The documentation's call with its parameters in another order, and so with another hash.
    let body = "pay_status=paid&email=anna%40example.com&hash=ccad26ca94a071dbcc4552c0af712200";
    demo.post(&format!("{DEMO_LOGIN}.localhost"), "GetBills", body);
    let base = format!("http://{DEMO_LOGIN}.localhost:{}", demo.http().port());
    let chromium = Chromium::start(Look { language: "en", width: 1280, is_dark: false, has_scripts: true });
    chromium.open(&format!("{base}{}", login_link(&demo, DEMO_LOGIN, &[])));
    chromium.click("main button");
    for (name, path) in PAGES {
        let picture = format!("docs/screenshots/{name}.png");
        assert!(readme.contains(&picture), "README.md does not show {picture}");
        chromium.open(&format!("{base}{path}"));
        if name == "refused" {
            chromium.click("tbody a");
        }
        let taken = chromium.runtime.block_on(chromium.client.screenshot()).unwrap();
        assert!(taken.starts_with(b"\x89PNG"), "{name}");
        if env::var_os("BILLHOOK_WRITE").is_some() {
            fs::create_dir_all(root.join("docs/screenshots")).unwrap();
            fs::write(root.join(&picture), taken).unwrap();
        }
        assert!(root.join(&picture).exists(), "{picture} is missing: cargo xtask screenshots");
    }
}

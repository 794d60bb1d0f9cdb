//! The cabinet: who gets in, how, and where he may go.

use billhook_server::{Who, cabinet_routes};
use billhook_store::accounts::people;
use billhook_test_kit::until;
use totp_rs::{Builder, Secret};

use crate::{
    browser::{Browser, login_link},
    program::Billhook,
    shop::{KEY, LOGIN, Shop, now},
};

const PASSWORD: &str = "correct horse battery";

/// Signs in at a host of the shop by a password.
fn signed_in(server: &Billhook, fields: &[(&str, &str)]) -> (u16, bool) {
    let browser = Browser::at(server, &format!("{LOGIN}.localhost"));
    let status = browser.post("/cabinet/sign-in", fields).status;
    (status, browser.get("/cabinet/me").status == 200)
}

/// The text between two others in a page.
#[track_caller]
pub(crate) fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before}: {page}")).1;
    rest.split_once(after).unwrap().0
}

#[test]
fn a_link_signs_in_once() {
    let shop = Shop::empty();
    let server = shop.server();
    let link = login_link(server, LOGIN, &[]);
    let browser = Browser::at(server, &format!("{LOGIN}.localhost"));
    for _ in 0..2 {
        assert!(
            browser.page(&link).contains("<button>Войти</button>"),
            "who previews a link does not use it"
        );
    }
    assert!(browser.done(&link, &[]).contains("Придумайте пароль"));
    assert_eq!(browser.post(&link, &[]).status, 404);
    assert_eq!(browser.get(&link).status, 404);

    let late = "0".repeat(64);
    shop.write(move |tx, account| {
        let digest = billhook_wire::signature::sha256(late.as_bytes());
        people::add_link(tx, account, 1, &digest, now())
    });
    assert_eq!(browser.post(&format!("/cabinet/link/{}", "0".repeat(64)), &[]).status, 404);
    let here = login_link(server, LOGIN, &[]);
    server.run(&["account", "add", "other", "--key", "key-of-the-other-0123456789"]);
    assert_eq!(Browser::at(server, "other.localhost").post(&here, &[]).status, 404, "another account's link");
    assert_eq!(browser.post(&here, &[]).status, 303);
}

#[test]
fn a_password_signs_in_where_it_was_chosen() {
    let shop = Shop::empty();
    let server = shop.server();
    let (owner, other) = (Browser::of_owner(server), Browser::of_owner(server));
    let short = owner.post("/cabinet/me/password", &[("new_password", "short")]);
    assert_eq!(short.status, 422, "{short:?}");
    let right = [("name", "owner"), ("password", PASSWORD)];
    assert_eq!(signed_in(server, &right), (401, false), "there is no password yet");
    assert!(owner.done("/cabinet/me/password", &[("new_password", PASSWORD)]).contains("Готово."));
    assert_eq!(owner.get("/cabinet/me").status, 200);
    assert_eq!(other.get("/cabinet/me").status, 303, "the other sessions are over");

    assert_eq!(signed_in(server, &right), (303, true));
    for wrong in [
        [("name", "owner"), ("password", "wrong horse battery")],
        [("name", "nobody"), ("password", PASSWORD)],
        [("name", "owner"), ("password", "")],
    ] {
        assert_eq!(signed_in(server, &wrong), (401, false), "{wrong:?}");
    }
    let again = [("password", "wrong horse battery"), ("new_password", "another password")];
    assert_eq!(owner.post("/cabinet/me/password", &again).status, 401);
    owner.done("/cabinet/me/password", &[("password", PASSWORD), ("new_password", "another password")]);
    assert_eq!(signed_in(server, &[("name", "owner"), ("password", "another password")]), (303, true));

    let audit = owner.page("/cabinet/audit");
    for entry in ["вход по ссылке", "новый пароль", "вход по паролю", "неудачный вход", "127.0.0.1"]
    {
        assert!(audit.contains(entry), "{entry}: {audit}");
    }
    assert!(!audit.contains("nobody"), "a stranger can't fill the list");
    assert!(owner.page("/cabinet/me").contains("Test &lt;b&gt;&quot;browser&quot;"));
    let secret = owner.secret();
    assert_eq!(owner.post("/cabinet/sign-out", &[]).header("location"), Some("/cabinet/sign-in"));
    owner.set_cookie("billhook", &secret);
    assert_eq!(owner.get("/cabinet/me").status, 303, "a cookie that was kept is worth nothing");
}

#[test]
fn one_time_codes_are_asked_for_and_taken_once() {
    let shop = Shop::empty();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    owner.done("/cabinet/me/password", &[("new_password", PASSWORD)]);
    let page = owner.page("/cabinet/me/totp");
    let secret = between(&page, "name=\"secret\" value=\"", "\"").to_owned();
    assert!(page.contains("<svg"), "{page}");
    let code = |at: i64| {
        let secret = Secret::try_from_base32(&secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        totp.generate(at.try_into().unwrap()).to_string()
    };
    let wrong = owner.post("/cabinet/me/totp", &[("secret", &secret), ("code", "000000")]);
    assert_eq!(wrong.status, 422);
    // The app's clock may differ by half a minute.
    owner.done("/cabinet/me/totp", &[("secret", &secret), ("code", &code(now() - 30))]);
    let with = |code: &str| signed_in(server, &[("name", "owner"), ("password", PASSWORD), ("code", code)]);
    assert_eq!(with(""), (401, false));
    let fresh = code(now());
    assert_eq!(with(&fresh), (303, true));
    assert_eq!(with(&fresh), (401, false), "it was used");

    // A browser that was left open can't turn them off.
    let left = Browser::at(server, &format!("{LOGIN}.localhost"));
    let later = code(now() + 30);
    let fields = [("name", "owner"), ("password", PASSWORD), ("code", later.as_str())];
    assert_eq!(left.post("/cabinet/sign-in", &fields).status, 303);
    let off = "/cabinet/me/totp/off";
    assert!(left.page("/cabinet/me").contains(&format!("billhook account login-link {LOGIN}")));
    assert_eq!(left.post(off, &[]).status, 401);
    assert_eq!(left.post(off, &[("password", "wrong horse battery")]).status, 401);
    assert!(left.page("/cabinet/me").contains("Включены"));
    assert!(left.done(off, &[("password", PASSWORD)]).contains("Выключены."));
    // Who came by a link is asked for a code.
    let back = Browser::of_owner(server);
    back.done("/cabinet/me/totp", &[("secret", &secret), ("code", &code(now()))]);
    assert_eq!(back.post(off, &[("password", PASSWORD)]).status, 422);
    assert!(back.page("/cabinet/me").contains("Включены"));

    let back = Browser::of_owner(server);
    assert!(back.page("/cabinet/me").contains("Выключены."), "a link is the way back");
    assert_eq!(with(""), (303, true));
}

#[test]
fn a_form_of_another_site_does_nothing() {
    let shop = Shop::empty();
    let owner = Browser::of_owner(shop.server());
    for head in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://other.localhost\r\n",
    ] {
        let answer = owner.send("POST", "/cabinet/me/password", head, "new_password=stolen+by+a+site");
        assert_eq!(answer.status, 403, "{head}");
    }
    let own = format!("Origin: http://{LOGIN}.localhost\r\n");
    assert_eq!(owner.send("POST", "/cabinet/me/password", &own, "new_password=chosen+by+me").status, 303);
}

/// Each route for nobody, for somebody of another account, for a reader and for an owner.
#[test]
fn everybody_goes_where_he_may() {
    let shop = Shop::empty();
    let server = shop.server();
    server.run(&["account", "add", "other", "--key", "key-of-the-other-0123456789"]);
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    let nobody = Browser::at(server, &format!("{LOGIN}.localhost"));
    let stranger = Browser::at(server, &format!("{LOGIN}.localhost"));
    let foreign = Browser::by_link(server, "other.localhost", &login_link(server, "other", &[]));
    stranger.set_cookie("billhook", &foreign.secret());
    let ended = ["/cabinet/sign-out", "/cabinet/me/sessions/end"];
    for (verb, path, who) in cabinet_routes().filter(|(_, path, _)| !ended.contains(path)) {
        let path = path.replace("{}", "999999");
        // Whether somebody is sent to sign in, or is told that he may not, or neither.
        let outcome = |browser: &Browser<'_>| {
            let answer = if verb == "GET" { browser.get(&path) } else { browser.post(&path, &[]) };
            let is_sent = answer.header("location").is_some_and(|to| to.starts_with("/cabinet/sign-in"));
            if is_sent {
                "sign in"
            } else if answer.status == 403 {
                "forbidden"
            } else {
                "may"
            }
        };
        let outcomes = [&nobody, &stranger, &reader, &owner].map(outcome);
        let expected = match who {
            Who::Anyone => ["may"; 4],
            Who::Reader => ["sign in", "sign in", "may", "may"],
            Who::Owner => ["sign in", "sign in", "forbidden", "may"],
        };
        assert_eq!(outcomes, expected, "{verb} {path}");
        assert!(![&nobody, &reader].into_iter().any(|browser| browser.get(&path).body.contains(KEY)));
    }
}

#[test]
fn people_are_added_and_removed() {
    let shop = Shop::empty();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    let name = "<script>Ольга</script>";
    let made = owner.post("/cabinet/people", &[("name", name), ("role", "read-only")]);
    let link = between(&made.body, &format!("http://{LOGIN}.localhost"), "</code>").to_owned();
    let olga = Browser::at(server, &format!("{LOGIN}.localhost"));
    assert_eq!(olga.post(&link, &[]).status, 303);
    assert_eq!(owner.post("/cabinet/people", &[("name", name)]).status, 422, "the name is taken");
    let page = owner.page("/cabinet/people");
    assert!(page.contains("&lt;script&gt;Ольга&lt;/script&gt;") && !page.contains("<script>О"), "{page}");

    assert_eq!(olga.get("/cabinet/people").status, 403);
    owner.done("/cabinet/people/2/role", &[]);
    assert_eq!(olga.get("/cabinet/people").status, 200);
    olga.done("/cabinet/people/1/role", &[]);
    assert_eq!(olga.post("/cabinet/people/2/role", &[]).status, 422, "somebody has to be an owner");
    assert_eq!(olga.post("/cabinet/people/2/remove", &[]).status, 422);
    olga.done("/cabinet/people/1/remove", &[]);
    assert_eq!(owner.get("/cabinet/me").status, 303);
    assert_eq!(olga.post("/cabinet/people/7/remove", &[]).status, 404);
    assert_eq!(server.run(&["person", "list", "--account", LOGIN]).lines().count(), 1);
    server.run(&["person", "remove", name, "--account", LOGIN]);
    assert_eq!(olga.get("/cabinet/me").status, 303);
}

#[test]
fn nobody_signs_in_where_others_can_listen() {
    let shop = Shop::empty();
    let server = shop.server();
    server.run(&["account", "bind", LOGIN, "shop.example"]);
    until(|| Browser::at(server, "shop.example").get("/cabinet/sign-in").status == 403);
    let link = login_link(server, LOGIN, &[]);
    let outside = Browser::at(server, "shop.example");
    assert!(outside.get(&link).body.contains("HTTPS"));
    assert_eq!([outside.post(&link, &[]).status, outside.post("/cabinet/sign-in", &[]).status], [403, 403]);
    assert_eq!(Browser::at(server, &format!("{LOGIN}.localhost")).post(&link, &[]).status, 303);

    let shop =
        Shop::over(tempfile::tempdir().unwrap(), &[], &["--cabinet-over-http", "--domain", "shops.example"]);
    let server = shop.server();
    let allowed = Browser::at(server, &format!("{LOGIN}.shops.example"));
    let answer = allowed.post(&login_link(server, LOGIN, &[]), &[]);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("billhook=")
            && cookie.ends_with("Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"),
        "{cookie}"
    );
    assert_eq!(allowed.get("/cabinet/me").status, 200);
}

/// A trusted proxy says that the browser came by HTTPS.
#[test]
fn over_https_the_cookie_is_this_hosts_alone() {
    let shop = Shop::over(tempfile::tempdir().unwrap(), &[], &["--trusted-proxy", "127.0.0.1"]);
    let server = shop.server();
    let browser = Browser::at(server, &format!("{LOGIN}.localhost"));
    let https = "X-Forwarded-Proto: https\r\n";
    let own = format!("{https}Sec-Fetch-Site: same-origin\r\n");
    let answer = browser.send("POST", &login_link(server, LOGIN, &[]), &own, "");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-billhook=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(browser.send("GET", "/cabinet/me", https, "").status, 200);
    assert_eq!(browser.get("/cabinet/me").status, 303, "over plain HTTP it is not looked at");
}

#[test]
fn the_page_of_an_order_knows_nothing_of_the_cabinet() {
    let shop = Shop::with_goods();
    let owner = Browser::of_owner(shop.server());
    let id = shop.order("anna@example.com", "course", &[]);
    let link = shop.details(id)["link"].as_str().unwrap().to_owned();
    let (with, without) =
        (owner.get(&link), Browser::at(shop.server(), &format!("{LOGIN}.localhost")).get(&link));
    assert_eq!((with.status, &with.body), (200, &without.body));
    assert!(with.header("set-cookie").is_none());
    let policy = with.header("content-security-policy").unwrap();
    assert!(
        policy.contains("sandbox")
            && !policy.contains("allow-scripts")
            && !policy.contains("allow-same-origin")
    );
}

#[test]
fn a_browser_finds_what_runs_here() {
    let shop = Shop::empty();
    let server = shop.server();
    server.run(&["account", "bind", LOGIN, "shop.example"]);
    let at = |host: &str, path: &str| Browser::at(server, host).get(path);
    let own = format!("{LOGIN}.localhost");
    let home = at(&own, "/");
    assert_eq!(home.status, 200);
    assert!(home.body.contains("href=\"/cabinet\"") && home.body.contains("href=\"/docs\""), "{}", home.body);
    until(|| at("shop.example", "/").status == 200);
    let customers = at("shop.example", "/").body;
    assert!(customers.contains("shop.example") && !customers.contains("cabinet"), "{customers}");
    for (host, path) in
        [("unknown.localhost", "/"), ("unknown.example", "/"), (&own, "/favicon.ico"), (&own, "/cabinets")]
    {
        let answer = at(host, path);
        assert_eq!(answer.status, 404, "{host}{path}");
        assert!(
            answer.body.starts_with("<!DOCTYPE html>") && !answer.body.contains(LOGIN),
            "{}",
            answer.body
        );
    }
    assert_eq!(at("unknown.localhost", "/cabinet").status, 404);
    // The API answers as it did.
    assert_eq!(at(&own, "/api/GetBills").checked(Some(KEY)), (405, 3));
    assert_eq!(Browser::at(server, &own).post("/", &[]).checked(Some(KEY)).0, 200);
    let asset = between(&home.body, "rel=\"stylesheet\" href=\"", "\"").to_owned();
    let style = at(&own, &asset);
    assert_eq!(
        (style.status, style.header("cache-control")),
        (200, Some("public, max-age=31536000, immutable"))
    );
    server.run(&["account", "disable", LOGIN]);
    until(|| at(&own, "/cabinet/sign-in").status == 404);
}

#[test]
fn the_reader_chooses_a_language() {
    let shop = Shop::empty();
    let browser = Browser::at(shop.server(), &format!("{LOGIN}.localhost"));
    assert!(browser.page("/cabinet/sign-in").contains("<html lang=\"ru\">"));
    let english = browser.send("GET", "/cabinet/sign-in", "Accept-Language: en-US\r\n", "").body;
    assert!(english.contains("Sign in") && english.contains("<html lang=\"en\">"));
    assert_eq!(browser.get("/cabinet/sign-in?language=en").header("location"), Some("/cabinet/sign-in"));
    assert!(browser.page("/cabinet/sign-in").contains("Sign in"));
}

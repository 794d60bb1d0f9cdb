//! Real PHP: the documentation's own program, if its page is present, and ours, which always runs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use expect_test::expect;

use crate::{
    program::{Billhook, DEMO_KEY, DEMO_LOGIN, succeed, write},
    proxy,
};

const TLS: &[&str] = &[
    "--demo",
    "--tls-self-signed",
    "--tls-listen",
    "127.0.0.1:0",
    "--domain",
    "localhost",
    "--domain",
    "justclick.ru",
];

/// The output of `print_r` for the page's two orders.
const LIST: &str = "stdClass Object
(
    [258367] => stdClass Object
        (
            [12549] => stdClass Object
                (
                    [good_name] => oplata
                    [good_title] => Оплата за тренинг
                )

        )

    [258368] => stdClass Object
        (
            [13011] => stdClass Object
                (
                    [good_name] => sales
                    [good_title] => Продажи в кинотеатрах
                )

            [28363] => stdClass Object
                (
                    [good_name] => 222
                    [good_title] => 222 способа
                )

        )

)
";

fn php(script: &Path, arguments: &[&str], proxy: Option<&str>) -> Output {
    let mut php = Command::new("php");
    // The page begins with `<?`, which PHP's default settings do not accept.
    php.args(["-d", "short_open_tag=1"]).arg(script).args(arguments);
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
    {
        php.env_remove(name);
    }
    if let Some(proxy) = proxy {
        php.env("https_proxy", proxy);
    }
    php.output().expect("php runs: apt-get install php-cli php-curl")
}

fn printed(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn our_program_over_https() {
    let shop = Billhook::start(TLS);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/get_bills.php");
    let port = shop.https().port();
    let ask = |url: &str, key: &str, more: &[&str], proxy: Option<&str>| {
        php(&script, &[&[url, DEMO_LOGIN, key], more].concat(), proxy)
    };
    let local = format!("https://{DEMO_LOGIN}.localhost:{port}/api/GetBills");
    assert_eq!(printed(&ask(&local, DEMO_KEY, &["anna@example.com", "paid"], None)), LIST);
    assert_eq!(printed(&ask(&local, DEMO_KEY, &["Anna@Example.com"], None)), LIST);
    let real = "https://username.justclick.ru/api/GetBills";
    let proxy = proxy::start(shop.https());
    assert_eq!(printed(&ask(real, DEMO_KEY, &["anna@example.com", "paid"], Some(&proxy))), LIST);
    let by_address = format!("https://127.0.0.1:{port}/api/GetBills");
    assert_eq!(printed(&ask(&by_address, DEMO_KEY, &["anna@example.com"], None)), LIST);

    let refused = ask(&local, DEMO_KEY, &["boris@example.com"], None);
    assert_eq!(String::from_utf8_lossy(&refused.stdout), "400 Order not found\n");
    // The answer to a wrong key is signed with the right one, which this program can't verify.
    assert_eq!(ask(&local, "wrong", &["anna@example.com"], None).status.code(), Some(3));
    // An unknown name gets no certificate.
    let other = format!("https://nobody.localhost:{port}/api/GetBills");
    assert_eq!(ask(&other, DEMO_KEY, &["anna@example.com"], None).status.code(), Some(2));
    // An account that is added later gets one.
    succeed(shop.place(), &["account", "add", "later", "--key", DEMO_KEY]);
    let later = format!("https://later.localhost:{port}/api/GetBills");
    billhook_test_kit::until(|| {
        let output = php(&script, &[&later, "later", DEMO_KEY, "anna@example.com"], None);
        String::from_utf8_lossy(&output.stdout) == "400 Order not found\n"
    });
}

#[test]
fn the_pages_program() {
    let Some(page) = page() else {
        eprintln!("the documentation's page is not at hand: only our own program was run");
        return;
    };
    let shop = Billhook::start(TLS);
    let program = restored(&page);
    let expected = format!("Список покупок:{LIST}");

    let script = write(shop.place(), "page.php", &program);
    let proxy = proxy::start(shop.https());
    assert_eq!(printed(&php(&script, &[], Some(&proxy))), expected);

    let local = format!("username.localhost:{}", shop.https().port());
    let script = write(shop.place(), "local.php", &program.replace("username.justclick.ru", &local));
    assert_eq!(printed(&php(&script, &[], None)), expected);

    let wrong = program.replace(DEMO_KEY, "wrong");
    let script = write(shop.place(), "wrong.php", &wrong);
    let text = php(&script, &[], Some(&proxy));
    expect![[r"
        Ошибка! Подпись к ответу не верна!stdClass Object
        (
            [error_code] => 4
            [error_text] => Incorrect hash
            [result] => Array
                (
                )
    "]]
    .assert_eq(&format!("{}\n", printed(&text).split("\n\n").next().unwrap()));

    let nobody = program.replace("anna@example.com", "boris@example.com");
    let script = write(shop.place(), "nobody.php", &nobody);
    assert_eq!(printed(&php(&script, &[], Some(&proxy))), "Ошибка код:400 - описание: Order not found");
}

/// The documentation's page. It is the vendor's, so not part of this project; it may lie beside the checkout.
fn page() -> Option<String> {
    let beside: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/spec/getbills-page.ru.txt"].iter().collect();
    std::fs::read_to_string(beside).ok()
}

/// Puts the line breaks after comments, and the line that sets the e-mail, back into the page's program.
fn restored(page: &str) -> String {
    let start = page.find("<? ").expect("the program begins");
    let mut program = String::new();
    // The page's text has a bar after each of its tables.
    let mut rest = page[start..].trim_end().trim_end_matches('|');
    let mut quoted: Option<char> = None;
    while let Some(next) = rest.chars().next() {
        if quoted.is_none() && rest.starts_with("//") {
            let ends = [" //", " $", " if(", " function ", " else ", " }"];
            let end = ends.iter().filter_map(|end| rest[2..].find(end)).min().map_or(rest.len(), |at| at + 2);
            program.push_str(&rest[..end]);
            program.push('\n');
            rest = &rest[end..];
            continue;
        }
        match quoted {
            Some(quote) if quote == next => quoted = None,
            None if next == '\'' || next == '"' => quoted = Some(next),
            _ => {}
        }
        program.push(next);
        rest = &rest[next.len_utf8()..];
    }
    let at = program.find("$send_data['pay_status']").expect("the status is set");
    program.insert_str(at, "$send_data['email'] = 'anna@example.com';\n");
    program
}

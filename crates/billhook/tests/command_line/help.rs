//! Help, usage, completions, and a reader that goes away.

use std::process::{Command, Stdio};

use super::{Place, says};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["account"],
    &["account", "add"],
    &["account", "list"],
    &["account", "rotate-key"],
    &["account", "disable"],
    &["account", "enable"],
    &["account", "bind"],
    &["account", "set"],
    &["account", "show"],
    &["order"],
    &["order", "show"],
    &["order", "list"],
    &["order", "set-status"],
    &["order", "pay"],
    &["order", "send"],
    &["order", "take-back"],
    &["order", "delete"],
    &["order", "restore"],
    &["product"],
    &["product", "list"],
    &["product", "show"],
    &["product", "add"],
    &["product", "set"],
    &["product", "delete"],
    &["product", "import"],
    &["product", "export"],
    &["product", "add-pincodes"],
    &["product", "pincodes"],
    &["coupon"],
    &["coupon", "add"],
    &["coupon", "list"],
    &["coupon", "show"],
    &["coupon", "set"],
    &["coupon", "remove"],
    &["category"],
    &["category", "add"],
    &["category", "list"],
    &["partner"],
    &["partner", "add"],
    &["partner", "list"],
    &["manager"],
    &["manager", "add"],
    &["manager", "list"],
    &["manager", "remove"],
    &["import"],
    &["export"],
    &["generate"],
    &["call"],
    &["explain"],
    &["backup"],
    &["restore"],
    &["check"],
    &["copy"],
    &["migrate"],
    &["completions"],
];

#[test]
fn every_command_teaches() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&[command, &["--help"][..]].concat()).succeeded();
        says(
            &help,
            &[
                "Example",
                "Usage: billhook",
                "--data <DIR>",
                "BILLHOOK_DATA",
                "--store <URL>",
                "BILLHOOK_STORE_FILE",
                "--config <FILE>",
                "--log-level",
            ],
        );
        let examples = help.lines().position(|line| line.starts_with("Example")).unwrap();
        for (option, line) in help
            .lines()
            .enumerate()
            .filter(|(_, line)| line.starts_with("      --"))
            .take_while(|(at, _)| *at < examples)
        {
            let described = help.lines().skip(option).take(6).any(|line| line.contains("[env: BILLHOOK_"));
            assert!(described || line.contains("--help"), "{command:?}: {line} names no variable:\n{help}");
        }
    }
}

#[test]
fn help_never_shows_what_a_variable_holds() {
    let place = Place::new();
    for command in [&["call", "--help"][..], &["explain", "-h"], &["account", "add", "--help"]] {
        let help = place.run_with(command, &[("BILLHOOK_KEY", "sesame-sesame-sesame")]).succeeded();
        says(&help, &["BILLHOOK_KEY", "BILLHOOK_KEY_FILE"]);
        assert!(!help.contains("sesame"), "{help}");
    }
    let url = "postgres://postgres:sesame@localhost/shop";
    let help = place
        .run_with(
            &["copy", "--help"],
            &[("BILLHOOK_STORE", url), ("BILLHOOK_COPY_TO", url), ("BILLHOOK_STORE_READ", url)],
        )
        .succeeded();
    assert!(!help.contains("sesame"), "{help}");
}

#[test]
fn help_is_made_of_the_tables() {
    let place = Place::new();
    says(
        &place.run(&["account", "set", "--help"]).succeeded(),
        &[
            "getbills_empty=error | ok",
            "text_case=",
            "allow_ips=",
            "rate=",
            "time_zone=",
            "[default: Europe/Moscow]",
        ],
    );
    let call = place.run(&["call", "--help"]).succeeded();
    says(&call, &["GetBills", "email (required)", "pay_status (optional): waiting | paid | cancel | return"]);
    says(&place.run(&["call", "--list"]).succeeded(), &["GetBills  All orders of one customer"]);
    says(
        &place.run(&["call", "--describe", "getbills"]).succeeded(),
        &["email (required)", "400 Order not found"],
    );
    says(&place.run(&["call", "--describe", "GetBill"]).failed(1), &["did you mean GetBills?"]);
}

#[test]
fn the_version() {
    let version = Place::new().run(&["--version"]).succeeded();
    assert_eq!(version, format!("billhook {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_one_line_and_status_2() {
    let place = Place::new();
    for (arguments, parts) in [
        (&["sevre"][..], &["sevre", "serve"][..]),
        (&["serve", "--lisen", "x"], &["--lisen", "--listen"]),
        (&["serve", "--listen", "8080"], &["8080", "127.0.0.1:8080"]),
        (&["serve", "--tls-cert", "a.pem"], &["--tls-key"]),
        (&["serve", "--idle-timeout", "soon"], &["soon", "seconds"]),
        (&["account", "add"], &["LOGIN"]),
        (&["account", "add", "a.b"], &["a.b", "letters"]),
        (&["account", "set", "shop"], &["NAME=VALUE"]),
        (&["account", "bind", "shop", "http://shop.example/"], &["host name alone"]),
        (&["account", "rotate-key", "shop", "--keep-old", "0"], &["--keep-old"]),
        (&["import", "orders.csv"], &["--account"]),
        (&["export"], &["--account"]),
        (&["generate", "--account", "shop"], &["--orders"]),
        (&["call"], &["METHOD"]),
        (&["call", "GetBills", "email"], &["NAME=VALUE"]),
        (&["explain"], &["--login"]),
        (&["backup"], &["FILE"]),
        (&["restore"], &["FILE"]),
        (&["check", "everything"], &["everything"]),
        (&["completions", "tcsh"], &["tcsh", "bash"]),
        (&["check", "--log-level", "loud"], &["loud", "debug"]),
    ] {
        says(&place.run(arguments).failed(2), parts);
    }
    let nothing = place.run(&[]);
    assert_eq!(nothing.status, Some(2));
    says(&nothing.stderr, &["Usage: billhook"]);
}

#[test]
fn completions_are_scripts() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]).succeeded();
        says(&script, &["billhook", "rotate-key", "tls-self-signed"]);
        let file = place.write(shell, &script);
        match Command::new(shell).arg("-n").arg(&file).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
            // bash is everywhere; the others are tried where they are.
            Err(error) => assert_ne!(shell, "bash", "{error}"),
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.account("shop");
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["account", "list"],
        &["account", "show", "shop", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    }
}

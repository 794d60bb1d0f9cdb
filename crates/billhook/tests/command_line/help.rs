//! Help, usage, completions, and a reader that closes the pipe.

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
    &["account", "default"],
    &["account", "bind"],
    &["account", "set"],
    &["account", "show"],
    &["order"],
    &["order", "show"],
    &["order", "list"],
    &["order", "set-status"],
    &["order", "pay"],
    &["order", "unpay"],
    &["order", "send"],
    &["order", "take-back"],
    &["order", "delete"],
    &["order", "restore"],
    &["customer"],
    &["customer", "list"],
    &["customer", "show"],
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
    &["category", "set"],
    &["category", "remove"],
    &["partner"],
    &["partner", "add"],
    &["partner", "list"],
    &["partner", "set"],
    &["partner", "remove"],
    &["manager"],
    &["manager", "add"],
    &["manager", "list"],
    &["manager", "set"],
    &["manager", "remove"],
    &["group"],
    &["group", "add"],
    &["group", "list"],
    &["group", "show"],
    &["group", "set"],
    &["group", "remove"],
    &["contact"],
    &["contact", "list"],
    &["contact", "show"],
    &["contact", "add"],
    &["contact", "set"],
    &["contact", "remove"],
    &["contact", "erase"],
    &["tag"],
    &["tag", "list"],
    &["tag", "show"],
    &["tag", "add"],
    &["tag", "set"],
    &["tag", "remove"],
    &["webhook"],
    &["webhook", "add"],
    &["webhook", "list"],
    &["webhook", "show"],
    &["webhook", "test"],
    &["webhook", "rotate-secret"],
    &["webhook", "disable"],
    &["webhook", "enable"],
    &["webhook", "remove"],
    &["delivery"],
    &["delivery", "list"],
    &["delivery", "show"],
    &["delivery", "resend"],
    &["outbox"],
    &["outbox", "show"],
    &["outbox", "pause"],
    &["outbox", "resume"],
    &["outbox", "drop"],
    &["trigger"],
    &["report"],
    &["import"],
    &["export"],
    &["generate"],
    &["call"],
    &["docs"],
    &["explain"],
    &["log"],
    &["listen"],
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
            let is_switch = !line.contains('<');
            assert!(described || is_switch, "{command:?}: {line} names no variable:\n{help}");
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
    says(
        &place.run(&["call", "--help"]).succeeded(),
        &["  GetBills  All orders of one customer", "billhook docs METHOD"],
    );
    says(&place.run(&["call", "--list"]).succeeded(), &["GetBills  All orders of one customer"]);
    says(
        &place.run(&["call", "--describe", "getbills"]).succeeded(),
        &["email (required)", "400 Order not found"],
    );
    says(&place.run(&["call", "--describe", "GetBill"]).failed(1), &["did you mean GetBills?"]);
}

#[test]
fn the_reference_is_to_be_had() {
    let place = Place::new();
    let one = place.run(&["docs", "getbills"]).succeeded();
    says(
        &one,
        &[
            "pay_status (optional): waiting | paid | cancel | return",
            "result.*.*.good_name",
            "400 Order not found",
        ],
    );
    assert_eq!(place.run(&["call", "--describe", "GetBills"]).succeeded(), one);
    let all = place.run(&["docs"]).succeeded();
    says(&all, &[&one, "\nCreateOrder  ", "\ncreateorder  "]);
    says(&place.run(&["docs", "GetBill"]).failed(1), &["did you mean GetBills?"]);
    let description = place.run(&["docs", "--openapi"]).succeeded();
    assert_eq!(description, include_str!("../../../../docs/openapi.json"));
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
        (&["import"], &["FILE"]),
        (&["generate", "--account", "shop"], &["--orders"]),
        (&["call"], &["METHOD"]),
        (&["call", "GetBills", "email"], &["NAME=VALUE"]),
        (&["explain"], &["--login"]),
        (&["backup"], &["FILE"]),
        (&["restore"], &["FILE"]),
        (&["check", "everything", "else"], &["else"]),
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
        says(&script, &["billhook", "COMPLETE"]);
        let file = place.write(shell, &script);
        match Command::new(shell).arg("-n").arg(&file).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
            // bash must be there; the other shells are tested if they are installed.
            Err(error) => assert_ne!(shell, "bash", "{error}"),
        }
    }
}

/// The completions that a real bash offers at the end of a line.
fn completed(place: &Place, line: &[&str]) -> Vec<String> {
    let script = place.write("bash", &place.run(&["completions", "bash"]).succeeded());
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_billhook"));
    let words: Vec<_> = line.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = line.split_last().unwrap();
    let try_it = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={}; COMP_TYPE=9; _clap_complete_billhook billhook '{last}' '{}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.join(" "),
        line.len() - 1,
        before.last().unwrap(),
    );
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("bash").args(["-c", &try_it]).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_methods_and_parameters() {
    let place = Place::new();
    assert_eq!(completed(&place, &["billhook", "comp"]), ["completions"]);
    assert_eq!(completed(&place, &["billhook", "account", "rot"]), ["rotate-key"]);
    assert_eq!(completed(&place, &["billhook", "serve", "--tls-self"]), ["--tls-self-signed"]);
    assert_eq!(completed(&place, &["billhook", "call", "GetB"]), ["GetBills"]);
    assert_eq!(completed(&place, &["billhook", "docs", "createo"]), ["createorder"]);
    let parameters = completed(&place, &["billhook", "call", "--url", "http://localhost", "GetBills", ""]);
    assert_eq!(parameters.iter().take(2).collect::<Vec<_>>(), ["email=", "pay_status="]);
    assert_eq!(completed(&place, &["billhook", "call", "getbills", "em"]), ["email="]);
    assert_eq!(
        completed(&place, &["billhook", "call", "GetBills", "email=a@b", "pay_status=pa"]),
        ["pay_status=paid"]
    );
    assert_eq!(completed(&place, &["billhook", "call", "CreateOrder", "utm[utm_s"]), ["utm[utm_source]="]);
    assert_eq!(completed(&place, &["billhook", "call", "createorder", "utm_s"]), ["utm_source="]);
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

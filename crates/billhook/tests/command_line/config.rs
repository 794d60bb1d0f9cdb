//! Where an option's value comes from: flag, environment, file, default.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{Place, says, text};

#[test]
fn flag_before_environment_before_file_before_default() {
    let place = Place::new();
    place.write("billhook.toml", "data = 'from-file'\n");
    let config = ("BILLHOOK_CONFIG", "billhook.toml");
    let data = ("BILLHOOK_DATA", "from-environment");
    for (arguments, environment, made) in [
        (&["account", "add", "shop"][..], &[][..], "billhook-data"),
        (&["account", "add", "shop", "--config", "billhook.toml"], &[], "from-file"),
        (&["--config=billhook.toml", "account", "add", "shop"], &[], "from-file"),
        (&["account", "add", "shop"], &[config], "from-file"),
        (&["account", "add", "shop"], &[config, data], "from-environment"),
        (&["account", "add", "shop", "--data", "from-flag"], &[config, data], "from-flag"),
    ] {
        let done = place.run_with(arguments, environment);
        assert_eq!(done.status, Some(0), "{done:?}");
        let folders = ["billhook-data", "from-file", "from-environment", "from-flag"];
        let there: Vec<_> = folders.into_iter().filter(|name| place.path(name).exists()).collect();
        assert_eq!(there, [made], "{arguments:?} {environment:?}");
        fs::remove_dir_all(place.path(made)).unwrap();
    }
}

/// The store's nearest source wins, whether it names a folder or a database.
#[test]
fn a_store_is_named_once() {
    let place = Place::new();
    place.write("billhook.toml", "store = 'sqlite:from-file'\n");
    place.write("url", "sqlite:from-url-file\n");
    let config = ("BILLHOOK_CONFIG", "billhook.toml");
    let (data, store) = (("BILLHOOK_DATA", "from-data"), ("BILLHOOK_STORE", "sqlite:from-store"));
    for (arguments, environment, made) in [
        (&[][..], &[config][..], "from-file"),
        (&[], &[config, data], "from-data"),
        (&[], &[config, data, store], "from-store"),
        (&[], &[data, ("BILLHOOK_STORE", "")], "from-data"),
        (&[], &[config, ("BILLHOOK_STORE", ""), ("BILLHOOK_STORE_FILE", "")], "from-file"),
        (&["--data", "from-flag"], &[config, data, store], "from-flag"),
        (&["--store", "sqlite:from-flag/billhook.db"], &[config, data, store], "from-flag"),
        (&["--store-file", "url"], &[config, data, store], "from-url-file"),
        (&[], &[config, data, ("BILLHOOK_STORE_FILE", "url")], "from-url-file"),
    ] {
        let done = place.run_with(&[&["account", "add", "shop"], arguments].concat(), environment);
        assert_eq!(done.status, Some(0), "{done:?}");
        let folders = ["from-file", "from-data", "from-store", "from-flag", "from-url-file"];
        let there: Vec<_> = folders.into_iter().filter(|name| place.path(name).exists()).collect();
        assert_eq!(there, [made], "{arguments:?} {environment:?}");
        fs::remove_dir_all(place.path(made)).unwrap();
    }
    let list = ["account", "list"];
    for (arguments, parts) in [
        (&["--data", "here", "--store", "sqlite:there"][..], &["named twice", "--data", "--store"][..]),
        (&["--store", "sqlite:here", "--store-file", "url"], &["named twice", "--store-file"]),
        (&["--data", "here", "--store-file", "url"], &["named twice", "--data", "--store-file"]),
        (&["--store", ""], &["postgres://USER@HOST/DATABASE"]),
        (&["--store-file", "/dev/null"], &["/dev/null: ", "postgres://USER@HOST/DATABASE"]),
        (
            &["--store-read", "x", "--store-read-file", "url"],
            &["twice", "--store-read and --store-read-file"],
        ),
        (&["--store", "mysql://root:sesame@localhost/shop"], &["postgres://USER@HOST/DATABASE"]),
        (&["--store-read", "postgres://localhost/shop"], &["only a store in PostgreSQL", "--store-read"]),
    ] {
        let line = place.run(&[&list, arguments].concat()).failed(2);
        says(&line, parts);
        assert!(!line.contains("sesame"), "{line}");
    }
    let done = place.run_with(&list, &[store, ("BILLHOOK_STORE_FILE", "url")]);
    says(&done.failed(2), &["named twice", "BILLHOOK_STORE and BILLHOOK_STORE_FILE"]);
    place.write("both.toml", "store = 'sqlite:from-file'\nstore_file = 'url'\n");
    let done = place.run(&["account", "list", "--config", "both.toml"]);
    says(&done.failed(2), &["named twice", "store and store-file"]);
    let line = place.run(&[&list[..], &["--store", "sqlite:nowhere"]].concat()).failed(1);
    says(&line, &["no data folder nowhere"]);
    says(
        &place.run(&[&list[..], &["--store-file", "nowhere"]].concat()).failed(1),
        &["store's URL in nowhere"],
    );

    let added = place.run(&["account", "add", "shop", "--store-file", "url"]).succeeded();
    says(&added, &["billhook serve --store-file url\n"]);
}

/// A replica belongs to a database, and its source is chosen by the same rule.
#[test]
fn a_replica_is_named_once_and_not_for_a_folder() {
    let place = Place::new();
    let nobody = "postgres://127.0.0.1:1/shop";
    place.write("url", nobody);
    place.write("file.toml", &format!("store = '{nobody}'\nstore_read_file = 'absent'\n"));
    place.write("url.toml", &format!("store = '{nobody}'\nstore_read = 'mysql:'\n"));
    let list = ["account", "list", "--config"];
    // Values that are not used are not checked.
    for arguments in
        [&["file.toml", "--store-read", nobody][..], &["url.toml", "--store-read-file", "url"][..]]
    {
        let line = place.run(&[&list, arguments].concat()).failed(1);
        assert!(!line.contains("absent") && line.contains("127.0.0.1:1"), "{line}");
    }
    let line = place.run(&[&list[..], &["url.toml", "--store-read-file", "absent"]].concat()).failed(1);
    says(&line, &["store's URL in absent"]);
    let line = place.run_with(&[&list[..], &["file.toml"]].concat(), &[("BILLHOOK_STORE_READ", "mysql:")]);
    assert!(!line.failed(2).contains("absent"));

    let replica = ("BILLHOOK_STORE_READ", nobody);
    for (config, arguments, environment) in [
        ("file.toml", &["--data", "here"][..], &[][..]),
        ("url.toml", &["--data", "here"], &[replica, ("BILLHOOK_STORE", nobody)]),
        ("url.toml", &["--store", "sqlite:here"], &[replica]),
        ("url.toml", &[], &[("BILLHOOK_DATA", "here")]),
    ] {
        let add = ["account", "add", "shop", "--config", config];
        let done = place.run_with(&[&add[..], arguments].concat(), environment);
        assert_eq!(done.status, Some(0), "{arguments:?} {environment:?} {done:?}");
        fs::remove_dir_all(place.path("here")).unwrap();
    }
    let line = place.run(&["account", "list", "--data", "here", "--store-read", nobody]).failed(2);
    says(&line, &["only a store in PostgreSQL", "--store-read"]);
}

#[test]
fn files_with_a_stores_password_are_nobody_elses() {
    let place = Place::new();
    let list = ["account", "list"];
    place.write("billhook.toml", "store = 'postgres://anna:sesame@127.0.0.1:1/shop'\n");
    fs::set_permissions(place.path("billhook.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let done = place.run(&[&list[..], &["--config", "billhook.toml"]].concat());
    says(&done.stderr, &["warning: billhook.toml holds a key or a password", "chmod 600"]);
    assert!(!done.stderr.contains("sesame"), "{done:?}");
    let done = place.run(&["account", "--config", "billhook.toml"]);
    assert!(!done.stderr.contains("sesame") && !done.stdout.contains("sesame"), "{done:?}");

    let url = place.write("url", "postgres://anna:sesame@127.0.0.1:1/shop\n");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&url, fs::Permissions::from_mode(mode)).unwrap();
        let done = place.run(&[&list[..], &["--store-file", "url"]].concat());
        assert_eq!(done.stderr.contains("warning: url holds a key or a password"), warns, "{done:?}");
        assert!(!done.stderr.contains("sesame"), "{done:?}");
    }
}

#[test]
fn commands_have_tables_and_switches_and_lists() {
    let place = Place::new();
    place.account("shop");
    place.write(
        "billhook.toml",
        "log_level = 'error'\n[serve]\nlisten = ['127.0.0.1:0', '127.0.0.2:0']\ndefault-account = 'shop'\nstop_timeout = 0.5\n\
         [account.list]\njson = true\n[account.show]\njson = false\n",
    );
    let listed = place.run(&["account", "list", "--config", "billhook.toml"]).succeeded();
    says(&listed, &["{\"login\":\"shop\""]);
    let listed = place
        .run_with(&["account", "list", "--config", "billhook.toml"], &[("BILLHOOK_JSON", "no")])
        .succeeded();
    assert_eq!(listed, "shop  on   (default)\n");

    let serving = super::Serving::with_addresses(2, place.command(&["serve", "--config", "billhook.toml"]));
    let addresses = &serving.server.http;
    assert_eq!(addresses[1].ip(), std::net::Ipv4Addr::new(127, 0, 0, 2), "{addresses:?}");
}

/// A variable that was set long ago makes no command replace, remove or skip anything.
#[test]
fn a_guard_has_no_variable() {
    let place = Place::new();
    place.account("shop");
    place.run(&["backup", "shop.billhook"]).succeeded();
    place.run(&["export", "--account", "shop", "orders.jsonl"]).succeeded();
    place.run(&["account", "bind", "shop", "shop.example"]).succeeded();
    let bad = place.write("bad.jsonl", "no order\n");
    for (variable, option, command, status) in [
        ("BILLHOOK_REPLACE", "--replace", &["restore", "shop.billhook"][..], 1),
        ("BILLHOOK_FORCE", "--force", &["export", "--account", "shop", "orders.jsonl"], 1),
        ("BILLHOOK_SKIP_BAD", "--skip-bad", &["import", "--account", "shop", text(&bad)], 1),
        ("BILLHOOK_REMOVE", "--remove", &["account", "bind", "shop", "shop.example"], 0),
        ("BILLHOOK_DRY_RUN", "--dry-run", &["migrate"], 0),
        ("BILLHOOK_REVEAL_KEY", "--reveal-key", &["account", "show", "shop"], 0),
        ("BILLHOOK_INSECURE", "--insecure", &["call", "--list"], 0),
        ("BILLHOOK_SALVAGE_LOG", "--salvage-log", &["check"], 0),
    ] {
        let without = place.run(command);
        let with = place.run_with(command, &[(variable, "true")]);
        assert_eq!((without.status, with.status), (Some(status), Some(status)), "{with:?}");
        let warning = format!(
            "billhook: warning: {variable} is not read: give {option} with the command that it is for\n"
        );
        assert_eq!((with.stdout, with.stderr), (without.stdout, format!("{warning}{}", without.stderr)));
        let help = place.run(&[command, &["--help"]].concat()).succeeded();
        assert!(!help.contains(variable), "{help}");
    }
}

#[test]
fn a_variable_that_is_unknown_is_warned_of() {
    let place = Place::new();
    place.account("shop");
    let list = ["account", "list"];
    let done = place.run_with(&list, &[("BILLHOOK_DATTA", "elsewhere"), ("BILLHOOK_LISTENN", "x")]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(0), "shop  on   (default)\n"));
    let told: Vec<_> = done.stderr.lines().collect();
    assert_eq!(told.len(), 2, "{done:?}");
    says(told[0], &["billhook: warning: BILLHOOK_DATTA is unknown", "BILLHOOK_DATA"]);
    says(told[1], &["BILLHOOK_LISTENN", "BILLHOOK_LISTEN"]);
    // Also if that is why the command fails.
    let done = place.run_with(&["explain", "--body", "x"], &[("BILLHOOK_LOGINN", "shop")]);
    assert_eq!(done.status, Some(2));
    says(&done.stderr, &["the nearest known name is BILLHOOK_LOGIN\n"]);
    // Variables of other commands, and those of Kubernetes for a service of this name, cause no warning.
    let others = [
        ("BILLHOOK_LISTEN", "127.0.0.1:0"),
        ("BILLHOOK_COPY_TO", "there"),
        ("BILLHOOK_PORT", "tcp://10.0.0.7:80"),
        ("BILLHOOK_PORT_80_TCP_ADDR", "10.0.0.7"),
        ("BILLHOOK_SERVICE_HOST", "10.0.0.7"),
        ("BILLHOOK_SERVICE_PORT_HTTP", "80"),
        ("BILLHOOK_NOTHING", ""),
    ];
    assert_eq!(place.run_with(&list, &others).succeeded(), "shop  on   (default)\n");
}

#[test]
fn what_a_file_has_wrong_is_named() {
    let place = Place::new();
    for (file, parts) in [
        ("dta = 'x'", &["unknown key dta", "did you mean data?"][..]),
        ("[serve]\nlisten_on = '127.0.0.1:0'", &["unknown key serve.listen_on", "did you mean listen?"]),
        ("[sevre]\nlisten = '127.0.0.1:0'", &["unknown key sevre", "did you mean [serve]?"]),
        ("[account.lst]\njson = true", &["unknown key account.lst", "[account.list]"]),
        ("zzzzzz = 1", &["unknown key zzzzzz", "known are data"]),
        ("config = 'other.toml'", &["unknown key config"]),
        ("[serve]\nlisten = true", &["serve.listen", "text or a number"]),
        ("[serve]\nlisten = '8080'", &["serve.listen", "8080", "127.0.0.1:8080"]),
        ("[serve]\ndemo = 'yes'", &["serve.demo", "true or false"]),
        ("[serve]\nmax-body = [1]", &["serve.max-body", "not a list"]),
        ("[serve]\nmax-body = 1", &["serve.max-body", "1024"]),
        ("[serve]\nlisten = [['127.0.0.1:0']]", &["serve.listen", "list of texts"]),
        ("serve = 1", &["unknown key serve"]),
        ("log-level = 'loud'", &["log-level", "loud", "debug"]),
        ("data = 1979-05-27", &["data", "text or a number"]),
        ("a\nb = ", &["line 1"]),
    ] {
        place.write("billhook.toml", file);
        let line = place.run(&["check", "--config", "billhook.toml"]).failed(2);
        says(&line, &["billhook.toml"]);
        says(&line, parts);
    }
    says(&place.run(&["check", "--config", "absent.toml"]).failed(2), &["cannot read", "absent.toml"]);
    // Help works all the same.
    says(&place.run(&["check", "--help", "--config", "absent.toml"]).succeeded(), &["Usage: billhook check"]);
    assert!(!place.path("billhook-data").exists(), "nothing is done before the configuration is understood");
}

#[test]
fn a_key_comes_from_option_file_or_environment() {
    let place = Place::new();
    let shown = |place: &Place, login: &str| {
        let shown = place.run(&["account", "show", login, "--reveal-key", "--json"]).succeeded();
        serde_json::from_str::<serde_json::Value>(&shown).unwrap()["key"].as_str().unwrap().to_owned()
    };
    place.write("a.key", "from-a-file-of-its-own\n");
    place.write("billhook.toml", "[account.add]\nkey = 'from-the-configuration'\n");
    fs::set_permissions(place.path("billhook.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let variable = ("BILLHOOK_KEY", "from-the-environment");
    let file_variable = ("BILLHOOK_KEY_FILE", "a.key");
    let config = ("BILLHOOK_CONFIG", "billhook.toml");
    for (login, arguments, environment, key) in [
        ("a", &["--key", "from-the-command-line"][..], &[variable, config][..], "from-the-command-line"),
        ("b", &["--key-file", "a.key"], &[variable, config], "from-a-file-of-its-own"),
        ("c", &["--key", "from-the-command-line"], &[file_variable], "from-the-command-line"),
        ("d", &[], &[variable, config], "from-the-environment"),
        ("e", &[], &[file_variable, config], "from-a-file-of-its-own"),
        ("f", &[], &[config], "from-the-configuration"),
    ] {
        let added =
            place.run_with(&[&["account", "add", login], arguments].concat(), environment).succeeded();
        assert!(!added.contains(key), "a key that was given is not printed: {added}");
        assert_eq!(shown(&place, login), key, "{login}");
    }
    let both = place.run_with(&["account", "add", "g"], &[variable, file_variable]);
    says(&both.failed(2), &["--key", "--key-file"]);
    says(&place.run(&["account", "add", "g", "--key-file", "none.key"]).failed(1), &["none.key"]);
    place.write("odd.key", "two words\n");
    let odd = place.run_with(&["account", "add", "g"], &[("BILLHOOK_KEY", "two words")]).failed(2);
    assert!(odd.contains("--key") && !odd.contains("two words"), "{odd}");
    let odd = place.run(&["account", "add", "g", "--key-file", "odd.key"]).failed(1);
    says(&odd, &["odd.key", "printable"]);
    assert!(!odd.contains("two words"), "{odd}");
}

#[test]
fn a_configuration_with_a_key_is_nobody_elses() {
    let place = Place::new();
    place.account("shop");
    let config = place.write("billhook.toml", "[call]\nkey = 'sesame-sesame-sesame'\n");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    let done = place.run(&["account", "list", "--json", "--config", text(&config)]);
    assert_eq!(done.status, Some(0));
    says(&done.stderr, &["warning", "billhook.toml", "chmod 600"]);
    assert!(!done.stderr.contains("sesame"), "{done:?}");

    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    place.run(&["account", "list", "--json", "--config", text(&config)]).succeeded();

    place.write("billhook.toml", "[call]\nkey = 'open sesame'\n");
    let line = place.run(&["check", "--config", text(&config)]).failed(2);
    assert!(line.contains("call.key") && !line.contains("sesame"), "{line}");
}

//! `billhook product`: a product from beginning to end, a catalogue in a file, pin codes.

use serde_json::{Value, json};

use super::{Done, Place, says};

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    product(&place, &["add", "book", "--title", "Книга", "--sum", "390"]).succeeded();
    place
}

fn product(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[&["product"], arguments, &["--account", "shop"]].concat())
}

fn shown(place: &Place, name: &str) -> Value {
    serde_json::from_str(&product(place, &["show", name, "--json"]).succeeded()).unwrap()
}

#[test]
fn a_product_from_first_to_last() {
    let place = shop();
    let add = [
        "add",
        "mug",
        "--title",
        "Mug",
        "--sum",
        "1 990,50",
        "--type",
        "physical",
        "good_rashod=300",
        "--json",
    ];
    let added: Value = serde_json::from_str(&product(&place, &add).succeeded()).unwrap();
    assert_eq!(
        (&added["good_id"], &added["good_sum"], &added["good_type"]),
        (&json!(2), &json!("1990.50"), &json!("physical"))
    );
    assert_eq!(added["good_rashod"], "300.00");
    assert_eq!(
        product(&place, &["list"]).succeeded(),
        "     1      390.00  book  Книга\n     2     1990.50  mug  Mug\n"
    );

    let set = [
        "set",
        "book",
        "GOOD_sum=350",
        "prepayment_enabled=1",
        "prepayment_minsum=100",
        "good_partner_sl_link=x=y",
    ];
    assert_eq!(
        product(&place, &set).succeeded(),
        "book: good_sum=350.00 prepayment_enabled=1 prepayment_minsum=100.00 good_partner_SL_link=x=y\n"
    );
    product(&place, &["set", "book", "good_timer=yes", "good_timer_unit=day", "good_timer_duration=3"])
        .succeeded();
    product(&place, &["set", "book", "good_partner_SL_link=", "good_client_mailings=one, two"]).succeeded();
    let book = shown(&place, "book");
    assert_eq!((&book["good_sum"], &book["good_title"]), (&json!("350.00"), &json!("Книга")));
    assert_eq!(
        (&book["good_partner_SL_link"], &book["good_client_rassilki"]),
        (&json!(""), &json!("one, two"))
    );
    assert_eq!(
        (&book["good_timer"], &book["good_timer_unit"], &book["good_timer_duration"]),
        (&json!(true), &json!("day"), &json!(3))
    );
    assert_eq!((&book["prepayment_enabled"], &book["prepayment_minsum"]), (&json!(true), &json!("100.00")));
    says(
        &product(&place, &["show", "book"]).succeeded(),
        &["good_id=1\n", "good_timer_unit=day\n", "pincodes_left=0\n"],
    );

    assert_eq!(product(&place, &["delete", "book"]).succeeded(), "book: deleted\n");
    assert_eq!(product(&place, &["list"]).succeeded().lines().count(), 1);
    says(&product(&place, &["list", "--all"]).succeeded(), &["book  Книга  (deleted)\n"]);
    let listed = product(&place, &["list", "--all", "--json"]).succeeded();
    let first: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert_eq!(first["deleted"], true);
    says(
        &product(&place, &["set", "book", "good_sum=1"]).failed(1),
        &["book is deleted", "product add book"],
    );
    says(&product(&place, &["delete", "book"]).failed(1), &["book is deleted"]);
    // It gets its old number back, and none of its old fields.
    product(&place, &["add", "book", "--title", "New", "--sum", "1"]).succeeded();
    let book = shown(&place, "book");
    assert_eq!(
        (&book["good_id"], &book["good_timer"], &book["deleted"]),
        (&json!(1), &json!(false), &json!(false))
    );
}

#[test]
fn what_is_refused_says_what_would_do() {
    let place = shop();
    for (arguments, status, parts) in [
        (
            &["add", "book", "--title", "B", "--sum", "1"][..],
            1,
            &["a product book already", "product set book"][..],
        ),
        (&["add", "b", "--title", "B", "--sum", "1,500"], 2, &["good_sum"]),
        (&["add", "b", "--title", "B", "--sum", "-1"], 2, &["--sum"]),
        (&["add", "b", "--title", " ", "--sum", "1"], 2, &["--title"]),
        (&["add", "b", "--sum", "1"], 2, &["--title"]),
        (&["add", "b", "--title", "B", "--sum", "1", "--type", "virtual"], 2, &["virtual", "physical"]),
        (&["add", "b", "--title", "B", "--sum", "1", "good_sum=2"], 2, &["good_sum is said twice"]),
        (&["set", "book", "good_summ=1"], 2, &["did you mean good_sum?"]),
        (&["set", "book", "good_sum"], 2, &["good_sum=VALUE"]),
        (&["set", "book", "good_sum="], 2, &["good_sum can't be empty"]),
        (&["set", "book", "good_name=other"], 2, &["can't be changed"]),
        (&["set", "book", "good_timer=soon"], 2, &["good_timer: neither 1"]),
        (&["set", "book", "good_partner_fee_perc=101"], 2, &["good_partner_fee_perc", "100"]),
        (&["set", "book", "parent_id=4"], 1, &["no category 4", "category list"]),
        (&["set", "book"], 2, &["NAME=VALUE"]),
        (&["set", "bok", "good_sum=1"], 1, &["no product bok", "did you mean book?"]),
        (&["show", "zzz"], 1, &["no product zzz", "product list --account shop"]),
        (&["delete", "bok"], 1, &["did you mean book?"]),
        (&["pincodes", "bok"], 1, &["did you mean book?"]),
        (&["import", "no.csv"], 1, &["no.csv"]),
        (&["import", "no"], 2, &["--format"]),
    ] {
        says(&product(&place, arguments).failed(status), parts);
    }
    let set = ["set", "book", "good_sum=5", "good_timer_unit=week"];
    product(&place, &set).failed(2);
    assert_eq!(shown(&place, "book")["good_sum"], "390.00", "one bad field, and none is taken");
}

#[test]
fn an_export_makes_the_same_catalogue() {
    let place = shop();
    place.account("copy");
    place.run(&["category", "add", "Books", "--account", "shop"]).succeeded();
    product(&place, &["set", "book", "parent_id=1", "good_pay_text=<b>\"a\"; b,\nc</b>", "good_publish=1"])
        .succeeded();
    product(&place, &["add", "floating", "--title", "F", "--sum", "0", "--type", "floating"]).succeeded();
    product(&place, &["add", "gone", "--title", "G", "--sum", "7", "good_rashod_perc=12.5"]).succeeded();
    product(&place, &["delete", "gone"]).succeeded();
    // A sum that came with an order, and that no request may have.
    let refund = r#"{"id":1,"email":"a@b","items":[{"id":77,"good_name":"refund","sum":"-5.00"}]}"#;
    place.write("orders.jsonl", refund);
    place.run(&["import", "--account", "shop", "orders.jsonl"]).succeeded();

    let exported = |account: &str, format: &str| {
        place.run(&["product", "export", "--account", account, "--format", format]).succeeded()
    };
    assert_eq!(product(&place, &["export", "out.csv"]).succeeded(), "out.csv: 4 products\n");
    let report = product(&place, &["export", "out.jsonl", "--json"]).succeeded();
    assert_eq!(report, "{\"file\":\"out.jsonl\",\"products\":4}\n");
    says(&product(&place, &["export", "out.csv"]).failed(1), &["out.csv is there already", "--force"]);
    product(&place, &["export", "out.csv", "--force"]).succeeded();
    for (file, report) in [
        ("out.csv", "added 4, changed 0, same 0 products\n"),
        ("out.jsonl", "added 0, changed 0, same 4 products\n"),
    ] {
        assert_eq!(place.run(&["product", "import", file, "--account", "copy"]).succeeded(), report);
        for format in ["csv", "jsonl"] {
            assert_eq!(exported("copy", format), exported("shop", format), "{file}");
        }
    }
    assert_eq!(place.run(&["category", "list", "--account", "copy"]).succeeded(), "     1  Books\n");
    // An import clears a field that the file has as empty, and restores one that was cleared since.
    product(&place, &["set", "book", "good_pay_text="]).succeeded();
    let jsonl = exported("shop", "jsonl");
    let import = ["product", "import", "-", "--format", "jsonl", "--account", "copy", "--json"];
    let report = place.run_with_input(&import, &jsonl).succeeded();
    assert_eq!(report, "{\"added\":0,\"changed\":1,\"same\":3}\n");
    assert_eq!(exported("copy", "jsonl"), jsonl);
}

#[test]
fn an_import_takes_all_or_nothing() {
    let place = shop();
    product(&place, &["add", "disc", "--title", "D", "--sum", "1"]).succeeded();
    let import = |text: &str, format: &str| {
        place.run_with_input(&["product", "import", "-", "--format", format, "--account", "shop"], text)
    };
    let done =
        import("\u{feff}good_name;good_sum;good_title\r\nbook;350,00;\r\nnew;5;New\r\n", "csv").succeeded();
    assert_eq!(done, "added 1, changed 1, same 0 products\n");
    let book = shown(&place, "book");
    assert_eq!((&book["good_sum"], &book["good_title"]), (&json!("350.00"), &json!("")));
    assert_eq!(shown(&place, "new")["good_id"], 3);
    // The two products exchange their names.
    let swap = "{\"good_id\":1,\"good_name\":\"disc\"}\n\n{\"good_id\":2,\"good_name\":\"book\",\"good_sum\":7.5,\"good_timer\":true}\n";
    assert_eq!(import(swap, "jsonl").succeeded(), "added 0, changed 2, same 0 products\n");
    assert_eq!(
        (&shown(&place, "disc")["good_id"], &shown(&place, "book")["good_sum"]),
        (&json!(1), &json!("7.50"))
    );
    for (text, format, parts) in [
        ("good_name,good_sum\nbook,1\ndisc,x\n", "csv", &["-, line 3", "good_sum"][..]),
        ("good_name,good_sum\nbook,1\nbook,2\n", "csv", &["line 3", "same product as in line 2"]),
        ("good_name,good_sum\nbook\n", "csv", &["line 2", "1 cells, the header has 2"]),
        ("good_name,sum\nbook,1\n", "csv", &["no field sum"]),
        ("good_sum\n1\n", "csv", &["line 2", "must name the product"]),
        ("good_id,good_name\n1,new\n", "csv", &["line 2", "product 3 has the name new"]),
        ("good_id,good_name\n8,a\n9,a\n", "csv", &["line 3", "the one of line 2 has the name a"]),
        ("good_id,good_sum\n9,1\n", "csv", &["line 2", "product 9 is new", "good_name"]),
        ("good_id,good_name\n0,a\n", "csv", &["line 2", "from 1 up"]),
        ("good_name,parent_id\nbook,9\n", "csv", &["line 2", "no category 9", "category_title"]),
        ("{\"good_name\":\"book\",\"good_timer\":[]}", "jsonl", &["line 1", "good_timer"]),
        ("{\"good_name\":\"a\"}\n{", "jsonl", &["line 2"]),
        ("\n", "jsonl", &["holds no products"]),
    ] {
        says(&import(text, format).failed(1), parts);
    }
    assert_eq!(shown(&place, "book")["good_sum"], "7.50");
}

#[test]
fn pin_codes_come_in_once() {
    let place = shop();
    place.write("codes.txt", "AAA\r\n\n  BBB \n");
    assert_eq!(
        product(&place, &["add-pincodes", "book", "codes.txt"]).succeeded(),
        "book: 2 pin codes added, 2 left\n"
    );
    let order = r#"{"id":1,"email":"a@b","items":[{"id":1}]}"#;
    place.write("orders.jsonl", order);
    place.run(&["import", "--account", "shop", "orders.jsonl"]).succeeded();
    place.run(&["order", "set-status", "1", "paid", "--account", "shop"]).succeeded();
    assert_eq!(
        product(&place, &["pincodes", "book"]).succeeded(),
        "handed out: 1\n  AAA  order 1\nleft: 1\n  BBB\n"
    );
    assert_eq!(
        product(&place, &["pincodes", "book", "--json"]).succeeded(),
        "{\"pincode\":\"AAA\",\"order_id\":1}\n{\"pincode\":\"BBB\",\"order_id\":null}\n"
    );
    let add = ["product", "add-pincodes", "book", "-", "--account", "shop"];
    for (text, parts) in [
        ("CCC\nAAA\n", &["-, line 2", "order 1 got it", "none was added"][..]),
        ("CCC\nBBB\n", &["-, line 2", "has this pin code already"]),
        ("CCC\nDDD\nCCC\n", &["-, line 3", "as in line 1"]),
        ("\n \n", &["no pin code"]),
    ] {
        says(&place.run_with_input(&add, text).failed(1), parts);
    }
    let report = place.run_with_input(&[&add[..], &["--json"]].concat(), "CCC").succeeded();
    assert_eq!(report, "{\"good_name\":\"book\",\"added\":1,\"left\":2}\n");
    assert_eq!(shown(&place, "book")["pincodes_left"], 2);
}

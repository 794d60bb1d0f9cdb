//! Every method through our own client: the server reads its forms, and it reads the answers.

use billhook_client::{CallError, Client, Options};
use billhook_wire::{
    Code, Day, Email, Form, Key, LocalTime, Login, Method, Money, Name, OrderId, PayStatus, Price, Text,
    UnixTime,
    method::{
        AddGood, Confirmed, CreateOrder, CreateOrder2, DeleteOrder, EachMethod, GetBills, GetCoupons,
        GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods, GetPersonalManagers, GoodFields,
        GoodType, Goods, Names, NewStatus, OrderStatus, OrderedGood, Prices, ShownStatus, TimerKill,
        UpdateOrderStatus, UtmMarks, each_method,
    },
    query,
};

use crate::{
    program::{Billhook, DEMO_KEY, DEMO_LOGIN},
    shop::{KEY, LOGIN, Shop},
};

fn client(port: u16, login: &str, key: &str) -> Client {
    let url = format!("http://{login}.localhost:{port}");
    let options = Options::new(url, Login::parse(login).unwrap(), Key::parse(key).unwrap());
    Client::new(Options { require_signature: true, ..options }).unwrap()
}

fn shop_and_client() -> (Shop, Client) {
    let shop = Shop::empty();
    let client = client(shop.server().http().port(), LOGIN, KEY);
    (shop, client)
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn price(kopecks: i64) -> Price {
    Price::new(Money::from_kopecks(kopecks)).unwrap()
}

/// A product with only the required fields.
fn good(good_name: &str, kopecks: i64) -> AddGood {
    AddGood(GoodFields {
        good_type: Some(GoodType::Digital),
        good_title: Some(text(&format!("Title of {good_name}"))),
        good_sum: Some(price(kopecks)),
        ..GoodFields::named(name(good_name))
    })
}

/// An order of one product, with only the required fields.
fn order(email: &str, good_name: &str) -> CreateOrder {
    let form = format!("goods[0][good_name]={good_name}&bill_email={email}");
    Form::urlencoded(form.as_bytes()).read().unwrap()
}

#[track_caller]
fn refused<M: Method>(client: &Client, ask: &M, code: Code)
where
    M::Answer: std::fmt::Debug,
{
    match client.call(ask) {
        Err(CallError::Refused { code: refused, text, .. }) => {
            assert_eq!((refused, &*text), (code.number().into(), code.text()));
        }
        other => panic!("{other:?}"),
    }
}

/// Its example, sent by the client as its type has it; the answer has the type that it should have.
#[test]
fn every_method() {
    struct Calls(Client);

    impl EachMethod for Calls {
        fn with<M: Method>(&mut self) {
            let mut form = Vec::new();
            let pairs = M::EXAMPLE.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            query::build_pairs(pairs, &mut form);
            let ask: M = Form::urlencoded(&form).read().unwrap();
            if let Err(error) = self.0.call(&ask) {
                panic!("{}: {error}", M::NAME);
            }
        }
    }

    let demo = Billhook::demo();
    each_method(&mut Calls(client(demo.http().port(), DEMO_LOGIN, DEMO_KEY)));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn orders() {
    let (shop, client) = shop_and_client();
    client.call(&good("course", 100_000)).unwrap();
    shop.add_coupon("half", 50);
    shop.add_partner("bob", 0);
    let whole = CreateOrder {
        goods: vec![
            OrderedGood { good_name: name("course"), good_sum: Some(price(1050)) },
            OrderedGood { good_name: name("course"), good_sum: None },
        ],
        bill_first_name: Some(text("Анна ~*()'!")),
        bill_kupon: Some(text("half")),
        bill_timer_kill: Some(TimerKill::Never),
        bill_created: Some(UnixTime::new(1_362_250_000).unwrap()),
        bill_domain: Some(text("shop.example")),
        utm: UtmMarks {
            utm_medium: Some(text("affiliate")),
            utm_source: Some(text("bob")),
            ..UtmMarks::default()
        },
        ..order("anna@example.com", "course")
    };
    let id = client.call(&whole).unwrap().bill_id.unwrap();
    refused(&client, &whole, Code::ORDER_EXISTS);
    let details = client.call(&GetOrderDetails { bill_id: id, good_info: true }).unwrap();
    let items = details.items.unwrap();
    assert_eq!((details.id, &*details.first_name, details.created), (id, "Анна ~*()'!", 1_362_250_000));
    assert_eq!(
        (details.price, items[0].sum, items[1].sum),
        (Money::from_kopecks(51_050), price(1050).sum(), price(50_000).sum())
    );
    assert_eq!((items[0].partners[0].partner_id, &*items[0].partners[0].partner_name), (1, "bob"));
    assert_eq!(
        (details.good_count, details.prepayment_enabled, details.good_ids.unwrap().len()),
        (Some(2), Some(0), 2)
    );

    let change = |status: NewStatus, date: &str, rpo: &str| UpdateOrderStatus {
        bill_id: id,
        status,
        date: Some(text(date)),
        rpo: Some(text(rpo)),
    };
    refused(&client, &change(NewStatus::Paid, "", ""), Code::NOT_PAID);
    refused(
        &client,
        &UpdateOrderStatus { bill_id: OrderId(77), ..change(NewStatus::Cancel, "", "") },
        Code::NO_ORDER,
    );
    for (status, date, rpo) in [
        (NewStatus::Sent, "1362340800", "RA1"),
        (NewStatus::Return, "", ""),
        (NewStatus::Cancel, "", ""),
        (NewStatus::Paid, "1362254400", ""),
    ] {
        client.call(&change(status, date, rpo)).unwrap();
    }
    let info = client.call(&GetOrderInfo { bill_id: id }).unwrap();
    assert_eq!(
        (info.pay_status, info.paid, info.bill_sum_topay),
        (ShownStatus::Known(PayStatus::Paid), 1_362_254_400, Some(Money::ZERO))
    );
    let bills = GetBills {
        pay_status: Some(PayStatus::Paid),
        ..GetBills::of(Email::parse("anna@example.com").unwrap())
    };
    assert_eq!(client.call(&bills).unwrap().iter().count(), 1);

    let all =
        GetOrders { paid: true, goods: Goods(vec![name("course"), name("77")]), ..GetOrders::default() };
    assert_eq!(client.call(&all).unwrap().items().unwrap()[0].id, id);
    let until = GetOrders { date_e: Some(UnixTime::new(1).unwrap()), ..GetOrders::default() };
    assert_eq!(client.call(&until).unwrap().items().unwrap().len(), 0);
    let day = Day::parse("02.03.2013").unwrap();
    let days =
        GetOrdersWithGoods { begin_date: Some(day), end_date: Some(day), ..GetOrdersWithGoods::default() };
    let listed = client.call(&days).unwrap().items().unwrap();
    assert_eq!((listed.len(), listed[0].is_recurrent), (1, Some(false)));

    client.call(&DeleteOrder { bill_id: id }).unwrap();
    refused(&client, &DeleteOrder { bill_id: id }, Code::NO_ORDER);
    refused(&client, &GetOrderInfo { bill_id: id }, Code::ORDER_NOT_FOUND);
    refused(&client, &order("anna@example.com", "nothing"), Code::NO_GOOD);
    refused(&client, &CreateOrder { goods: vec![], ..order("anna@example.com", "course") }, Code::NO_GOODS);
}

#[test]
fn orders_of_the_other_edition() {
    let (shop, client) = shop_and_client();
    for (name, kopecks) in [("course", 100_000), ("guide", 33_333)] {
        client.call(&good(name, kopecks)).unwrap();
    }
    shop.add_coupon("half", 50);
    shop.add_manager("Иван");
    let coupon = client.call(&GetCoupons {}).unwrap()[0].id;
    let manager = client.call(&GetPersonalManagers {}).unwrap()[0].manager_id;
    let whole = CreateOrder2 {
        product_names: Names(vec![name("course"), name("guide"), name("course")]),
        product_prices: Some(Prices(vec![None, None, Some(price(777))])),
        customer_first_name: Some(text("Анна")),
        customer_shipping_country_code: Some(text("RU")),
        order_created_at: Some(LocalTime::parse("30.01.2020 04:22:16").unwrap()),
        order_status: Some(OrderStatus(PayStatus::Paid)),
        order_confirmed: Some(Confirmed(true)),
        order_sales_manager: Some(manager),
        coupon: Some(coupon),
        ..CreateOrder2::default()
    };
    let id = client.call(&whole).unwrap().bill_id.unwrap();
    let details = client.call(&GetOrderDetails { bill_id: id, good_info: false }).unwrap();
    let sums: Vec<_> = details.items.unwrap().iter().map(|item| item.sum.kopecks()).collect();
    assert_eq!(sums, [50_000, 16_666, 777]);
    assert_eq!((details.created, details.paid, &*details.email), (1_580_347_336, 1_580_347_336, ""));
    refused(&client, &CreateOrder2 { coupon: Some(77), ..whole.clone() }, Code::WRONG_DATA);
    refused(
        &client,
        &CreateOrder2 { product_names: Names(vec![name("x")]), ..CreateOrder2::default() },
        Code::NO_GOOD,
    );
    refused(&client, &CreateOrder2::default(), Code::NO_GOODS);
}

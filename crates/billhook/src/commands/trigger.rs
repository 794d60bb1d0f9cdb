//! `billhook trigger`: makes an order of which receivers are told, so that who builds one can try it.

use std::io::Write as _;

use billhook_server::HandMade;
use billhook_store::{
    Tx,
    accounts::Account,
    orders::{
        Order, TextField, Texts, income,
        order_changes::{self, Payment},
    },
    outbox::{
        deliveries,
        events::{self, Happened},
    },
    products::{self, Product},
};
use billhook_wire::{Email, Event, Money, Name, PayStatus};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Value, json};

use super::{
    order::{add, change, report},
    outbox::once_resumed,
    resource::Report,
};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::{for_terminal, json_line, stdout},
};

const EMAIL: &str = "test@example.com";
/// The contact of an order that tests. Nobody takes it for a customer's.
const TEXTS: [(TextField, &str); 4] = [
    (TextField::FirstName, "Test"),
    (TextField::LastName, "Test"),
    (TextField::Phone, "+7 000 000-00-00"),
    (TextField::Note, "made by `billhook trigger`"),
];

/// Make a test order, and pay, cancel or refund it, so that webhooks and products' URLs are told
///
/// The order is a real one, of test@example.com. Reports count it, and a paid one takes a pin code. `billhook
/// order delete` removes it from lists.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook trigger paid --account shop
  billhook trigger prepaid --good course --account shop
  billhook trigger created --data ./billhook-demo         of `billhook serve --demo`")]
pub(crate) struct Arguments {
    /// The event. Before all but `created` the order is made, and before `moneyback` it is paid
    #[arg(value_name = "EVENT", value_parser = PossibleValuesParser::new(Event::ALL.iter().map(|event| event.as_str())))]
    event: String,
    /// The product, by its symbolic name or number [default: the first that will do]
    #[arg(long, value_name = "NAME")]
    good: Option<String>,
    #[command(flatten)]
    report: Report,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { event, good, report } = self;
        let event = Event::parse(&event).unwrap_or_default();
        let ((order, given_back), told, then) = report.open(everywhere)?.write(move |tx, account| {
            let product = match &good {
                Some(name) => add::product(tx, account, name)?,
                None => first(tx, account, event)?,
            };
            let (order, steps) = caused(tx, account, event, &product)?;
            let payments = order_changes::payments(tx, account.id, order.id)?;
            let given_back = income::given_back(payments.iter().map(|(_, payment)| payment));
            let told = told(tx, account, &order, &steps)?;
            Ok(((order, given_back), told, once_resumed(tx)?))
        })?;
        let mut out = stdout();
        if report.json {
            let told: Vec<_> = told.iter().map(Told::json).collect();
            let order = report::summary(&order, given_back);
            return json_line(&mut out, &json!({"order": order, "events": told}));
        }
        let state = order.pay_status;
        let goods: Vec<_> = order.lines.iter().map(|line| line.good_name.as_str()).collect();
        let mut lines = vec![format!("order {} of {EMAIL} is made: {}, {state}", order.id, goods.join(", "))];
        lines.extend(told.iter().map(|told| told.line(then)));
        for line in lines {
            writeln!(out, "{}", for_terminal(&line))?;
        }
        Ok(out.flush()?)
    }
}

/// The first product of the catalogue that will do for an event.
fn first(tx: &mut Tx<'_>, account: &Account, event: Event) -> Result<Product, Failure> {
    let mut found = None;
    products::catalogue(tx, account.id, |product| {
        if found.is_none() && (event != Event::Prepaid || part(&product).is_some()) {
            found = Some(product);
        }
        Ok::<(), Failure>(())
    })?;
    found.ok_or_else(|| match event {
        Event::Prepaid => Failure::failed(format!(
            "no product may be paid in parts: `billhook product set NAME prepayment_enabled=1 --account {}` allows it",
            account.login
        )),
        _ => Failure::failed(format!(
            "there is no product yet: `billhook product add course --title Course --sum 1000 --account {}` adds one",
            account.login
        )),
    })
}

/// A part of a product's price that may be paid.
fn part(product: &Product) -> Option<Money> {
    let price = product.listing.good_sum;
    let part = Money::from_kopecks(price.kopecks() / 2).max(product.prepayment_minsum);
    (product.prepayment_enabled && Money::ZERO < part && part < price).then_some(part)
}

/// Makes an order and changes it until an event has happened. Returns it with the events on the way.
fn caused(
    tx: &mut Tx<'_>,
    account: &Account,
    event: Event,
    product: &Product,
) -> Result<(Order, Vec<Event>), Failure> {
    let listing = &product.listing;
    let mut texts = Texts::default();
    for (field, text) in TEXTS {
        texts.set(field, text);
    }
    let made = HandMade {
        email: Some(Email::parse(EMAIL).map_err(Failure::failed)?),
        goods: vec![(Name::new(&listing.good_name).map_err(Failure::failed)?, None)],
        texts,
        ..HandMade::default()
    };
    let mut order = add::make(tx, account, &made)?;
    let steps = match event {
        Event::Created => vec![Event::Created],
        Event::Moneyback => vec![Event::Created, Event::Paid, Event::Moneyback],
        other => vec![Event::Created, other],
    };
    for step in &steps {
        let status = match step {
            Event::Created => continue,
            Event::Paid => PayStatus::Paid,
            Event::Cancelled => PayStatus::Cancel,
            Event::Moneyback => PayStatus::Return,
            Event::Prepaid => {
                let sum = part(product).ok_or_else(|| {
                    Failure::failed(format!(
                        "{} may not be paid in parts: `billhook product set` changes its prepayment_enabled and prepayment_minsum",
                        listing.good_name
                    ))
                })?;
                let done = change::pay(tx, account, &mut order, Payment { sum, received: now() })?;
                change::note(tx, account, &order, done)?;
                continue;
            }
        };
        let done = change::set_status(tx, account, &mut order, (status, now()))?;
        change::note(tx, account, &order, done)?;
    }
    Ok((order, steps))
}

/// An event, and who is told of it.
struct Told {
    event: Event,
    /// `None`: nobody asks for it.
    id: Option<String>,
    urls: Vec<String>,
    login: String,
}

fn told(tx: &mut Tx<'_>, account: &Account, order: &Order, steps: &[Event]) -> Result<Vec<Told>, Failure> {
    let happened = events::of_order(tx, account.id, order.id)?;
    let deliveries = deliveries::of_order(tx, account.id, order.id)?;
    let told = steps.iter().map(|&event| {
        let found = happened.iter().find(|happened| happened.event == event.as_str());
        let number = found.map(|Happened { number, .. }| *number);
        let to = deliveries.iter().filter(|delivery| Some(delivery.id.event) == number);
        Told {
            event,
            id: number.map(events::id),
            urls: to.map(|delivery| delivery.url.clone()).collect(),
            login: account.login.to_string(),
        }
    });
    Ok(told.collect())
}

impl Told {
    fn line(&self, then: &str) -> String {
        let Self { event, id, urls, login } = self;
        let word = event.as_str();
        match id {
            None => format!(
                "{word}: nobody asks for it: `billhook webhook add URL --account {login}`, or a product's {}",
                event.url_setting()
            ),
            Some(id) if urls.is_empty() => format!("{word}: {id}, for who asks `billhook.events`"),
            Some(id) => format!("{word}: {id}, goes to {}{then}", urls.join(", ")),
        }
    }

    fn json(&self) -> Value {
        json!({"event": self.event.as_str(), "id": self.id, "urls": self.urls})
    }
}

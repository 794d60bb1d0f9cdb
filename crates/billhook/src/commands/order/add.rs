//! Commands that make an order by hand, and that change its contact and its note.

use billhook_server::HandMade;
use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action},
    },
    managers,
    orders::{self, Order, TextField, Texts},
    products::{self, Product, coupons},
};
use billhook_wire::{Email, GoodId, Money, Name, Price, Text};
use clap::Args;

use super::{Target, Telling, found, report};
use crate::{
    commands::resource::{Report, unknown},
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::print,
};

/// Make an order by hand, which then waits for its payment
///
/// Unlike CreateOrder it may be without an e-mail or an address, and may repeat another order.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook order add --good book --email anna@example.com --account shop
  billhook order add --good book=900.00 --good 7 --phone '+7 900 000-00-00' --note 'by phone' --account shop")]
pub(crate) struct Add {
    /// A product's symbolic name or its number, optionally with its price in this order
    #[arg(long = "good", value_name = "NAME[=PRICE]", value_parser = ordered, required = true)]
    goods: Vec<(Name, Option<Price>)>,
    #[command(flatten)]
    contact: Contact,
    /// A coupon's code
    #[arg(long, value_name = "CODE")]
    coupon: Option<String>,
    /// A manager's number
    #[arg(long, value_name = "NUMBER")]
    manager: Option<i64>,
    #[command(flatten)]
    telling: Telling,
    #[command(flatten)]
    report: Report,
}

/// Change an order's contact or its note; options that are not given leave their field as it is
///
/// An empty text removes what was there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook order edit 17 --phone '+7 900 000-00-00' --account shop
  billhook order edit 17 --email '' --note 'asked to call back' --account shop")]
pub(crate) struct Edit {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    contact: Contact,
}

/// Who the customer is, and the seller's note.
#[derive(Debug, Args)]
struct Contact {
    /// The customer's e-mail
    #[arg(long, value_parser = email)]
    email: Option<Known>,
    /// The surname
    #[arg(long, value_name = "TEXT", value_parser = text)]
    last_name: Option<Text>,
    /// The first name
    #[arg(long, value_name = "TEXT", value_parser = text)]
    first_name: Option<Text>,
    /// The patronymic or middle name
    #[arg(long, value_name = "TEXT", value_parser = text)]
    middle_name: Option<Text>,
    /// The phone
    #[arg(long, value_name = "TEXT", value_parser = text)]
    phone: Option<Text>,
    /// A note for yourself
    #[arg(long, value_name = "TEXT", value_parser = text)]
    note: Option<Text>,
}

/// An e-mail, or that there is none. clap has a meaning of its own for an option of an option.
type Known = Option<Email>;

fn email(text: &str) -> Result<Known, String> {
    if text.is_empty() { Ok(None) } else { Email::parse(text).map(Some).map_err(|error| error.to_string()) }
}

fn text(text: &str) -> Result<Text, String> {
    Text::new(text).map_err(|error| error.to_string())
}

/// A symbolic name holds no `=`.
fn ordered(text: &str) -> Result<(Name, Option<Price>), String> {
    let (name, price) = text.split_once('=').map_or((text, None), |(name, price)| (name, Some(price)));
    let name = Name::new(name).map_err(|error| error.to_string())?;
    let price = price.map(|price| {
        let sum = Money::parse(price.trim()).map_err(|error| error.to_string())?;
        Price::new(sum).map_err(|error| error.to_string())
    });
    Ok((name, price.transpose()?))
}

impl Contact {
    fn texts(&self) -> impl Iterator<Item = (TextField, &Text)> {
        let texts = [
            (TextField::LastName, &self.last_name),
            (TextField::FirstName, &self.first_name),
            (TextField::MiddleName, &self.middle_name),
            (TextField::Phone, &self.phone),
            (TextField::Note, &self.note),
        ];
        texts.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?)))
    }

    /// Puts what was given into an order's texts.
    fn put(&self, texts: &mut Texts) {
        self.texts().for_each(|(field, text)| texts.set(field, text.as_str()));
    }
}

impl Add {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { goods, contact, coupon, manager, telling, report } = self;
        let order = report.open(everywhere)?.write(move |tx, account| {
            telling.begin(tx);
            let mut texts = Texts::default();
            contact.put(&mut texts);
            let made = HandMade {
                email: contact.email.clone().flatten(),
                goods: known(tx, account, &goods)?,
                texts,
                coupon: match &coupon {
                    None => None,
                    Some(code) => {
                        let found = coupons::named(tx, account.id, code)?;
                        Some(found.ok_or_else(|| unknown("coupon", code, account, []))?)
                    }
                },
                manager: manager.unwrap_or(0),
            };
            if made.manager != 0 && managers::find(tx, account.id, made.manager)?.is_none() {
                return Err(unknown("manager", made.manager, account, []));
            }
            make(tx, account, &made)
        })?;
        let said = format!("order {} is made, {} to pay", order.id, order.to_pay());
        print(report.json, &report::summary(&order, Money::ZERO), &said)
    }
}

/// Makes an order, and notes that in the audit list.
pub(in crate::commands) fn make(
    tx: &mut Tx<'_>,
    account: &Account,
    made: &HandMade,
) -> Result<Order, Failure> {
    let id = made
        .add(tx, account.id, &account.settings, false, now())?
        .ok_or_else(|| Failure::failed(format!("an order has at most {} products", orders::LINES_MAX)))?;
    audit::add_order_command(tx, account.id, (Action::OrderAdded, id), "", now())?;
    found(tx, account, id)
}

/// The products of the catalogue that have these names or numbers.
fn known(
    tx: &mut Tx<'_>,
    account: &Account,
    goods: &[(Name, Option<Price>)],
) -> Result<Vec<(Name, Option<Price>)>, Failure> {
    let mut known = Vec::new();
    for (name, price) in goods {
        let good = product(tx, account, name.as_str())?;
        let name = Name::new(&good.listing.good_name).map_err(|error| Failure::failed(error.to_string()))?;
        known.push((name, *price));
    }
    Ok(known)
}

/// The product of the catalogue that has this name or number.
pub(in crate::commands) fn product(
    tx: &mut Tx<'_>,
    account: &Account,
    name: &str,
) -> Result<Product, Failure> {
    let found = match (products::named(tx, account.id, name)?, name.parse()) {
        (None, Ok(id)) => products::find(tx, account.id, GoodId(id))?,
        (found, _) => found,
    };
    let found = found.filter(|good| !good.is_deleted);
    found.ok_or_else(|| unknown("product", name, account, []))
}

impl Edit {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, contact } = self;
        if contact.email.is_none() && contact.texts().next().is_none() {
            return Err(Failure::usage("nothing to change: add an option such as --phone"));
        }
        target.change(everywhere, move |tx, account, order| {
            let before = order.clone();
            if let Some(email) = &contact.email {
                order.email.clone_from(email);
            }
            contact.put(&mut order.texts);
            orders::replace(tx, account.id, order)?;
            let changes = audit::changes_of_order(&before, order);
            Ok((Some((Action::OrderEdited, changes)), "is changed".to_owned()))
        })
    }
}

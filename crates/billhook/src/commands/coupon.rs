//! `billhook coupon`: what coupons take off, of which products, when, and how often.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::Account,
    coupons::{self, Coupon, Discount},
    products,
};
use billhook_wire::{Money, Name, Percent, Price};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::{
    commands::product,
    failure::Failure,
    options::{
        account::AccountOption,
        config_file::nearest,
        everywhere::Everywhere,
        moment::{Moment, shown},
    },
    terminal::output::{for_terminal, json_line, json_pretty, stdout, tell_if_none, told},
};

/// Add, list and change discount coupons
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook coupon add SPRING --percent 15 --until 31.05.2025 --account shop
  billhook coupon add HUNDRED --sum 100 --good book --uses 50 --account shop
  billhook coupon list --account shop

Letter case does not matter in codes. Dates are in the account's time_zone.")]
pub(crate) enum Action {
    Add(Add),
    List(List),
    Show(Show),
    Set(Set),
    Remove(Remove),
}

/// Which coupon, and how it is told.
#[derive(Debug, Args)]
struct Target {
    /// The code that buyers type
    #[arg(value_name = "CODE", value_parser = Name::new)]
    code: Name,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What may be said of a coupon.
#[derive(Debug, Clone, Args)]
struct Terms {
    /// The share that it takes off each product's price
    #[arg(long, value_name = "P", value_parser = Percent::parse, conflicts_with = "sum")]
    percent: Option<Percent>,
    /// The sum that it takes off the order
    #[arg(long, value_name = "S", value_parser = sum)]
    sum: Option<Money>,
    /// A product that it is for, any number of times [default: all products]
    #[arg(long = "good", value_name = "GOOD_NAME")]
    goods: Vec<String>,
    /// From when on it holds
    #[arg(long, value_name = "DATE", value_parser = moment)]
    from: Option<Limit>,
    /// Until when it holds; a day counts whole
    #[arg(long, value_name = "DATE", value_parser = moment)]
    until: Option<Limit>,
    /// How many orders may use it; 0: any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32))]
    uses: Option<u32>,
}

/// A limit in time; none: it has none any more.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<Moment>);

/// Add a coupon
///
/// Give it --percent or --sum. Its number, which `createorder` takes, is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook coupon add SPRING --percent 15 --until 31.05.2025 --account shop
  billhook coupon add HUNDRED --sum 100 --good book --good mug --uses 50 --account shop")]
pub(crate) struct Add {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    terms: Terms,
}

/// List the coupons, by number
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook coupon list --account shop")]
pub(crate) struct List {
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON, a coupon a line
    #[arg(long)]
    json: bool,
}

/// Show a coupon
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook coupon show SPRING --account shop")]
pub(crate) struct Show {
    #[command(flatten)]
    target: Target,
}

/// Change a coupon: what is not said stays
///
/// With --good its products are those that are named now; --good '' makes it one for all. --from '' and --until '' take
/// these limits off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook coupon set SPRING --percent 20 --account shop
  billhook coupon set SPRING --until '' --uses 0 --account shop")]
pub(crate) struct Set {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    terms: Terms,
}

/// Remove a coupon; orders keep its code, and what it took off
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook coupon remove SPRING --account shop")]
pub(crate) struct Remove {
    #[command(flatten)]
    target: Target,
}

fn sum(text: &str) -> Result<Money, String> {
    let sum = Money::parse(text.trim()).map_err(|error| error.to_string())?;
    Price::new(sum).map(Price::sum).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Limit, String> {
    if text.is_empty() { Ok(Limit(None)) } else { Moment::parse(text).map(|moment| Limit(Some(moment))) }
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(everywhere),
            Self::List(list) => list.run(everywhere),
            Self::Show(Show { target: Target { code, account, json } }) => {
                let (coupon, goods, zone) = account.open(everywhere)?.read(|tx, account| {
                    let coupon = found(tx, account, &code)?;
                    let goods = names(tx, account, &coupon)?;
                    Ok((coupon, goods, account.settings.time_zone.clone()))
                })?;
                if json {
                    json_pretty(&mut stdout(), &shape(&coupon, &goods))
                } else {
                    show(&coupon, &goods, &zone)
                }
            }
            Self::Set(set) => set.run(everywhere),
            Self::Remove(Remove { target: Target { code, account, json } }) => {
                let (coupon, goods) = account.open(everywhere)?.write(move |tx, account| {
                    let coupon = found(tx, account, &code)?;
                    let goods = names(tx, account, &coupon)?;
                    coupons::remove(tx, account.id, coupon.id)?;
                    Ok((coupon, goods))
                })?;
                told(json, &shape(&coupon, &goods), &format!("{}: removed", coupon.coupon))
            }
        }
    }
}

impl Add {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { code, account, json }, terms } = self;
        if terms.percent.is_none() && terms.sum.is_none() {
            return Err(Failure::usage("a coupon takes something off: give --percent P or --sum S"));
        }
        let (coupon, goods) = account.open(everywhere)?.write(move |tx, account| {
            let mut coupon = Coupon {
                id: 0,
                coupon: code.as_str().to_owned(),
                discount: Discount::Sum(Money::ZERO),
                starts: 0,
                ends: 0,
                uses_max: 0,
                uses: 0,
                goods: Vec::new(),
            };
            terms.apply(tx, account, &mut coupon)?;
            coupon.id = coupons::add(tx, account.id, &coupon)?.ok_or_else(|| {
                Failure::failed(format!(
                    "there is a coupon {code} already: `billhook coupon set {code} …` changes it"
                ))
            })?;
            let goods = names(tx, account, &coupon)?;
            Ok((coupon, goods))
        })?;
        told(json, &shape(&coupon, &goods), &format!("{}: added, number {}", coupon.coupon, coupon.id))
    }
}

impl Set {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { code, account, json }, terms } = self;
        if terms.is_empty() {
            return Err(Failure::usage(
                "nothing to change: give --percent, --sum, --good, --from, --until or --uses",
            ));
        }
        let (coupon, goods) = account.open(everywhere)?.write(move |tx, account| {
            let mut coupon = found(tx, account, &code)?;
            terms.apply(tx, account, &mut coupon)?;
            coupons::save(tx, account.id, &coupon)?;
            let goods = names(tx, account, &coupon)?;
            Ok((coupon, goods))
        })?;
        told(json, &shape(&coupon, &goods), &format!("{}: changed", coupon.coupon))
    }
}

impl Terms {
    fn is_empty(&self) -> bool {
        let Self { percent, sum, goods, from, until, uses } = self;
        percent.is_none()
            && sum.is_none()
            && goods.is_empty()
            && from.is_none()
            && until.is_none()
            && uses.is_none()
    }

    /// Puts what is said in the place of what was known.
    fn apply(&self, tx: &mut Tx<'_>, account: &Account, coupon: &mut Coupon) -> Result<(), Failure> {
        let zone = &account.settings.time_zone;
        match (self.percent, self.sum) {
            (Some(percent), _) => coupon.discount = Discount::Percent(percent),
            (None, Some(sum)) => coupon.discount = Discount::Sum(sum),
            (None, None) => {}
        }
        if !self.goods.is_empty() {
            coupon.goods.clear();
            for name in self.goods.iter().filter(|name| !name.trim().is_empty()) {
                let name = Name::new(name).map_err(|error| Failure::usage(format!("--good: {error}")))?;
                let id = product::known(tx, account, &name)?.product.id;
                if !coupon.goods.contains(&id) {
                    coupon.goods.push(id);
                }
            }
        }
        if let Some(Limit(from)) = self.from {
            coupon.starts = from.map_or(Ok(0), |from| from.begin(zone))?;
        }
        if let Some(Limit(until)) = self.until {
            coupon.ends = until.map_or(Ok(0), |until| until.end(zone))?;
        }
        if let Some(uses) = self.uses {
            coupon.uses_max = uses.into();
        }
        if coupon.ends != 0 && coupon.starts > coupon.ends {
            return Err(Failure::usage("--from is behind --until"));
        }
        Ok(())
    }
}

impl List {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let (coupons, zone) = self.account.open(everywhere)?.read(|tx, account| {
            let mut all = Vec::new();
            for coupon in coupons::list(tx, account.id)? {
                if let Some(coupon) = coupons::find(tx, account.id, coupon.id)? {
                    let goods = names(tx, account, &coupon)?;
                    all.push((coupon, goods));
                }
            }
            Ok((all, account.settings.time_zone.clone()))
        })?;
        tell_if_none(coupons.is_empty(), self.json, "coupons");
        let mut out = stdout();
        for (coupon, goods) in &coupons {
            if self.json {
                json_line(&mut out, &shape(coupon, goods))?;
                continue;
            }
            let facts: Vec<String> = facts(coupon, goods, &zone)
                .into_iter()
                .map(|(name, fact)| if name == "takes off" { fact } else { format!("{name} {fact}") })
                .collect();
            let line = format!("{:>6}  {}  {}", coupon.id, coupon.coupon, facts.join(", "));
            writeln!(out, "{}", for_terminal(&line))?;
        }
        Ok(out.flush()?)
    }
}

fn found(tx: &mut Tx<'_>, account: &Account, code: &Name) -> Result<Coupon, Failure> {
    if let Some(coupon) = coupons::named(tx, account.id, code.as_str())? {
        return Ok(coupon);
    }
    let all = coupons::list(tx, account.id)?;
    let mend = match nearest(code.as_str(), all.iter().map(|coupon| coupon.coupon.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("`billhook coupon list --account {}` shows those that are", account.login),
    };
    Err(Failure::failed(format!("there is no coupon {code}: {mend}")))
}

/// The names of the products that a coupon is for.
fn names(tx: &mut Tx<'_>, account: &Account, coupon: &Coupon) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for good in &coupon.goods {
        let found = products::find(tx, account.id, *good)?;
        names.push(found.map_or_else(|| good.to_string(), |good| good.product.good_name));
    }
    Ok(names)
}

fn shape(coupon: &Coupon, goods: &[String]) -> Map<String, Value> {
    let (kind, amount) = match coupon.discount {
        Discount::Percent(share) => ("percent", json!(share)),
        Discount::Sum(sum) => ("sum", json!(sum)),
    };
    let fields = [
        ("id", json!(coupon.id)),
        ("coupon", json!(coupon.coupon)),
        (kind, amount),
        ("starts", json!(coupon.starts)),
        ("ends", json!(coupon.ends)),
        ("uses", json!(coupon.uses)),
        ("uses_max", json!(coupon.uses_max)),
        ("goods", json!(goods)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What there is to say of a coupon beside its code.
fn facts(coupon: &Coupon, goods: &[String], zone: &TimeZone) -> Vec<(&'static str, String)> {
    let takes = match coupon.discount {
        Discount::Percent(share) => format!("{share} %"),
        Discount::Sum(sum) => sum.to_string(),
    };
    let mut facts = vec![("takes off", takes)];
    if !goods.is_empty() {
        facts.push(("of", goods.join(" ")));
    }
    if coupon.starts != 0 {
        facts.push(("from", shown(coupon.starts, zone)));
    }
    if coupon.ends != 0 {
        facts.push(("until", shown(coupon.ends, zone)));
    }
    let most = if coupon.uses_max == 0 { String::new() } else { format!(" of {}", coupon.uses_max) };
    facts.push(("used", format!("{}{most}", coupon.uses)));
    facts
}

fn show(coupon: &Coupon, goods: &[String], zone: &TimeZone) -> Result<(), Failure> {
    let mut out = stdout();
    let first = [("coupon", coupon.coupon.clone()), ("number", coupon.id.to_string())];
    for (name, fact) in first.into_iter().chain(facts(coupon, goods, zone)) {
        writeln!(out, "{}", for_terminal(&format!("{name}: {fact}")))?;
    }
    Ok(out.flush()?)
}

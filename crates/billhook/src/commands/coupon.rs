//! `billhook coupon`: discount coupons, their products, dates and limits.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{Account, audit::Action as Done},
    products::{
        self,
        coupons::{self, Coupon, Discount},
    },
};
use billhook_wire::{Money, Name, Percent, Price};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    product,
    resource::{Report, Resource, unknown},
};
use crate::{
    failure::Failure,
    options::{
        everywhere::Everywhere,
        time::{TimeOption, shown},
    },
    terminal::output::{for_terminal, json_pretty, stdout},
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
    /// Add a coupon
    ///
    /// Needs --percent or --sum. Prints the coupon's number, which `createorder` takes.
    #[command(after_help = "\
Examples:
  billhook coupon add SPRING --percent 15 --until 31.05.2025 --account shop
  billhook coupon add HUNDRED --sum 100 --good book --good mug --uses 50 --account shop")]
    Add {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        terms: Terms,
    },
    /// List the coupons, by number
    #[command(after_help = "\
Example:
  billhook coupon list --account shop")]
    List(Report),
    /// Show a coupon
    #[command(after_help = "\
Example:
  billhook coupon show SPRING --account shop")]
    Show(Target),
    /// Change a coupon; options that are not given leave their field as it is
    ///
    /// --good replaces the whole list of products; --good '' makes the coupon valid for all. --from '' and
    /// --until '' remove these limits.
    #[command(after_help = "\
Examples:
  billhook coupon set SPRING --percent 20 --account shop
  billhook coupon set SPRING --until '' --uses 0 --account shop")]
    Set {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        terms: Terms,
    },
    /// Remove a coupon; orders keep its code and their discount
    #[command(after_help = "\
Example:
  billhook coupon remove SPRING --account shop")]
    Remove(Target),
}

/// The options that all commands on one coupon share.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The code that buyers type
    #[arg(value_name = "CODE", value_parser = Name::new)]
    code: Name,
    #[command(flatten)]
    report: Report,
}

/// The options that set a coupon's fields.
#[derive(Debug, Clone, Args)]
pub(crate) struct Terms {
    /// The discount in percent of each product's price
    #[arg(long, value_name = "P", value_parser = Percent::parse, conflicts_with = "sum")]
    percent: Option<Percent>,
    /// The discount as a sum off the order
    #[arg(long, value_name = "S", value_parser = sum)]
    sum: Option<Money>,
    /// A product that the coupon is for; may be given several times [default: all products]
    #[arg(long = "good", value_name = "GOOD_NAME")]
    goods: Vec<String>,
    /// The first moment at which the coupon is valid
    #[arg(long, value_name = "DATE", value_parser = limit)]
    from: Option<Limit>,
    /// The last moment at which the coupon is valid; a day includes all of it
    #[arg(long, value_name = "DATE", value_parser = limit)]
    until: Option<Limit>,
    /// How many orders may use it; 0: any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32))]
    uses: Option<u32>,
}

/// A limit in time. `None` removes it.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<TimeOption>);

fn sum(text: &str) -> Result<Money, String> {
    let sum = Money::parse(text.trim()).map_err(|error| error.to_string())?;
    Price::new(sum).map(Price::sum).map_err(|error| error.to_string())
}

fn limit(text: &str) -> Result<Limit, String> {
    if text.is_empty() { Ok(Limit(None)) } else { TimeOption::parse(text).map(|time| Limit(Some(time))) }
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { target: Target { code, report }, terms } => {
                if terms.percent.is_none() && terms.sum.is_none() {
                    return Err(Failure::usage("a coupon needs a discount: give --percent P or --sum S"));
                }
                report.change(everywhere, ("added", Done::CouponAdded), move |tx, account| {
                    add(tx, account, &code, &terms)
                })
            }
            Self::List(report) => report.list::<Shown>(everywhere),
            Self::Show(Target { code, report }) => {
                let shown = report.open(everywhere)?.read(|tx, account| {
                    let coupon = found(tx, account, &code)?;
                    Shown::new(tx, account, coupon)
                })?;
                if report.json { json_pretty(&mut stdout(), &shown.json()) } else { shown.write() }
            }
            Self::Set { target: Target { code, report }, terms } => {
                if terms.is_empty() {
                    return Err(Failure::usage(
                        "nothing to change: give --percent, --sum, --good, --from, --until or --uses",
                    ));
                }
                report.change(everywhere, ("changed", Done::CouponChanged), move |tx, account| {
                    let mut coupon = found(tx, account, &code)?;
                    terms.apply(tx, account, &mut coupon)?;
                    coupons::put(tx, account.id, &coupon)?;
                    Shown::new(tx, account, coupon)
                })
            }
            Self::Remove(Target { code, report }) => {
                report.change(everywhere, ("removed", Done::CouponRemoved), move |tx, account| {
                    let coupon = found(tx, account, &code)?;
                    coupons::remove(tx, account.id, coupon.id)?;
                    Shown::new(tx, account, coupon)
                })
            }
        }
    }
}

fn add(tx: &mut Tx<'_>, account: &Account, code: &Name, terms: &Terms) -> Result<Shown, Failure> {
    let mut coupon = Coupon { coupon: code.as_str().to_owned(), ..Coupon::default() };
    terms.apply(tx, account, &mut coupon)?;
    coupon.id = coupons::add(tx, account.id, &coupon)?.ok_or_else(|| {
        Failure::failed(format!(
            "there is a coupon {code} already: `billhook coupon set {code} …` changes it"
        ))
    })?;
    Shown::new(tx, account, coupon)
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

    /// Replaces the fields that the options give.
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
                let id = product::known(tx, account, &name)?.listing.id;
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
            return Err(Failure::usage("--from is later than --until"));
        }
        Ok(())
    }
}

fn found(tx: &mut Tx<'_>, account: &Account, code: &Name) -> Result<Coupon, Failure> {
    if let Some(coupon) = coupons::named(tx, account.id, code.as_str())? {
        return Ok(coupon);
    }
    let all = coupons::list(tx, account.id)?;
    let codes = all.iter().map(|coupon| coupon.coupon.as_str());
    Err(unknown(Shown::NAME, code, account, codes))
}

/// A coupon with what it takes to show it.
struct Shown {
    coupon: Coupon,
    /// The names of the products that it is for.
    goods: Vec<String>,
    zone: TimeZone,
}

impl Shown {
    fn new(tx: &mut Tx<'_>, account: &Account, coupon: Coupon) -> Result<Self, Failure> {
        let mut goods = Vec::new();
        for good in &coupon.goods {
            let found = products::find(tx, account.id, *good)?;
            goods.push(found.map_or_else(|| good.to_string(), |good| good.listing.good_name));
        }
        Ok(Self { coupon, goods, zone: account.settings.time_zone.clone() })
    }

    /// The coupon's fields except its code, each with its label.
    fn named_facts(&self) -> Vec<(&'static str, String)> {
        let Self { coupon, goods, zone } = self;
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

    fn write(&self) -> Result<(), Failure> {
        let mut out = stdout();
        let first = [("coupon", self.coupon.coupon.clone()), ("number", self.coupon.id.to_string())];
        for (name, fact) in first.into_iter().chain(self.named_facts()) {
            writeln!(out, "{}", for_terminal(&format!("{name}: {fact}")))?;
        }
        Ok(out.flush()?)
    }
}

impl Resource for Shown {
    const NAME: &'static str = "coupon";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for coupon in coupons::list(tx, account.id)? {
            let coupon = coupons::with_goods(tx, account.id, coupon)?;
            all.push(Self::new(tx, account, coupon)?);
        }
        Ok(all)
    }

    fn number(&self) -> i64 {
        self.coupon.id
    }

    fn name(&self) -> &str {
        &self.coupon.coupon
    }

    fn facts(&self) -> Vec<String> {
        let named = self.named_facts().into_iter();
        named.map(|(name, fact)| if name == "takes off" { fact } else { format!("{name} {fact}") }).collect()
    }

    fn json(&self) -> Value {
        let Self { coupon, goods, .. } = self;
        let (kind, amount) = match coupon.discount {
            Discount::Percent(share) => ("percent", json!(share)),
            Discount::Sum(sum) => ("sum", json!(sum)),
        };
        json!({
            "id": coupon.id,
            "coupon": coupon.coupon,
            kind: amount,
            "starts": coupon.starts,
            "ends": coupon.ends,
            "uses": coupon.uses,
            "uses_max": coupon.uses_max,
            "goods": goods,
        })
    }
}

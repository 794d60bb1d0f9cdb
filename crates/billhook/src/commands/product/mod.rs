//! `billhook product`: the catalogue, with more than the API's methods can do.

mod catalogue_file;
mod catalogue_import;
mod fields;
mod pincode_list;

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
    },
    products::{
        self, Listing, Product, categories, pincodes,
        product_settings::{FIELDS, Said},
    },
};
use billhook_wire::{Money, Name, method::GoodFields};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde_json::{Map, Value};

use super::resource::{Report, unknown};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::{for_terminal, json_line, json_pretty, print, say_if_none, stdout},
};
use fields::{text, value};

/// Show, add and change products
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook product add book --title 'The book' --sum 390 --account shop
  billhook product set book good_sum=350 good_timer=1 good_timer_unit=day good_timer_duration=3 --account shop
  billhook product add-pincodes book codes.txt --account shop
  billhook product export catalogue.csv --account shop

These commands work beside a running `billhook serve`.")]
pub(crate) enum Action {
    List(List),
    /// Show everything about a product, even a deleted one
    #[command(after_help = "\
Example:
  billhook product show book --account shop")]
    Show(Target),
    Add(Box<Add>),
    Set(Set),
    /// Take a product out of the catalogue; its orders keep it, and `product add` brings it back
    #[command(after_help = "\
Example:
  billhook product delete book --account shop")]
    Delete(Target),
    Import(catalogue_import::Arguments),
    Export(catalogue_file::Arguments),
    AddPincodes(pincode_list::Add),
    /// Show a product's pin codes: how many are left, and which order got which
    #[command(after_help = "\
Examples:
  billhook product pincodes book --account shop
  billhook product pincodes book --account shop --json")]
    Pincodes(Target),
}

/// Which product, and how it is reported.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The product's symbolic name, which can't be changed
    #[arg(value_name = "GOOD_NAME", value_parser = Name::new)]
    good_name: Name,
    #[command(flatten)]
    report: Report,
}

/// List the catalogue, by number
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook product list --account shop")]
pub(crate) struct List {
    #[command(flatten)]
    report: Report,
    /// List deleted products too
    #[arg(long)]
    all: bool,
}

/// Add a product to the catalogue
///
/// A deleted product comes back under its old number. `billhook product set --help` names the other fields.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook product add book --title 'The book' --sum 390 --account shop
  billhook product add mug --title Mug --sum 990 --type physical good_rashod=300 --account shop")]
pub(crate) struct Add {
    #[command(flatten)]
    target: Target,
    /// The title
    #[arg(long, value_name = "TITLE")]
    title: String,
    /// The price
    #[arg(long, value_name = "SUM")]
    sum: String,
    /// What kind of product it is
    #[arg(long = "type", value_name = "TYPE", default_value = "digital", value_parser = PossibleValuesParser::new(["digital", "physical", "floating"]))]
    good_type: String,
    /// Other fields
    #[arg(value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(&'static str, String)>,
}

/// Change a product
#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    target: Target,
    /// Fields; if one is wrong, none is changed; an empty value clears a text
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = setting)]
    settings: Vec<(&'static str, String)>,
}

fn setting(text: &str) -> Result<(&'static str, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    if name.eq_ignore_ascii_case("good_name") {
        return Err("a product's good_name can't be changed".to_owned());
    }
    let name = fields::field(name)?;
    if text.contains('=') { Ok((name, value.to_owned())) } else { Err(format!("write {name}=VALUE")) }
}

/// The help of `product set`, generated from the list of fields.
pub(crate) fn fields_help() -> String {
    format!(
        "Fields:\n  {}\n\n\
         Sums are 3900 or 3900.00, percentages 12.5, switches 1 or 0; good_type is digital, physical or floating, \
         good_timer_unit min, hour or day, parent_id the number of a category, 0 for none.\n\n\
         Stored, but without effect so far:\n  {}\n\n\
         Examples:\n  billhook product set book good_sum=350 --account shop\n  \
         billhook product set book good_download= prepayment_enabled=1 prepayment_minsum=100 --account shop",
        FIELDS.join(", "),
        GoodFields::ONLY_KEPT.join(", ")
    )
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(everywhere),
            Self::Show(target) => target.show(everywhere),
            Self::Add(add) => add.run(everywhere),
            Self::Set(set) => set.run(everywhere),
            Self::Delete(target) => target.delete(everywhere),
            Self::Import(import) => import.run(everywhere),
            Self::Export(export) => export.run(everywhere),
            Self::AddPincodes(add) => add.run(everywhere),
            Self::Pincodes(target) => pincode_list::show(&target, everywhere),
        }
    }
}

impl List {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = self.report.open(everywhere)?;
        let mut out = stdout();
        let mut is_empty = true;
        store.read(|tx, account| {
            let list = |good: Product| {
                is_empty = false;
                let Product { listing, is_deleted, .. } = &good;
                if self.report.json {
                    return json_line(&mut out, &names(&good));
                }
                let gone = if *is_deleted { "  (deleted)" } else { "" };
                let Listing { id, good_name, good_title, good_sum } = listing;
                let sum = good_sum.to_string();
                let line = format!("{:>6}  {sum:>10}  {good_name}  {good_title}{gone}", id.0);
                Ok(writeln!(out, "{}", for_terminal(&line))?)
            };
            if self.all {
                products::each_good(tx, account.id, list)
            } else {
                products::catalogue(tx, account.id, list)
            }
        })?;
        say_if_none(is_empty, self.report.json, "product");
        Ok(out.flush()?)
    }
}

impl Target {
    fn show(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let (good, left) = self.report.open(everywhere)?.read(|tx, account| {
            let good = known(tx, account, &self.good_name)?;
            let left = pincodes::left(tx, account.id, good.listing.id)?;
            Ok((good, left))
        })?;
        let mut out = stdout();
        let mut shown = whole(&good);
        shown.insert("pincodes_left".to_owned(), left.into());
        if self.report.json {
            return json_pretty(&mut out, &shown);
        }
        for (name, value) in &shown {
            let value = text(value);
            if !value.is_empty() {
                writeln!(out, "{}", for_terminal(&format!("{name}={value}")))?;
            }
        }
        Ok(out.flush()?)
    }

    fn delete(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { good_name, report } = self;
        let good = report.open(everywhere)?.write(move |tx, account| {
            let mut good = in_catalogue(tx, account, &good_name)?;
            good.is_deleted = true;
            products::save(tx, account.id, &good)?;
            audit::add_command(tx, account.id, Done::ProductRemoved, good_name.as_str(), now())?;
            Ok(good)
        })?;
        print(report.json, &whole(&good), &format!("{}: deleted", good.listing.good_name))
    }
}

impl Add {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { good_name, report }, title, sum, good_type, settings } = self;
        let first = [("good_title", &title), ("good_sum", &sum), ("good_type", &good_type)];
        if title.trim().is_empty() {
            return Err(Failure::usage("a product has a title: give --title one"));
        }
        let said = first.into_iter().chain(settings.iter().map(|(name, value)| (*name, value)));
        let said = once_each(said)?;
        let said = Said::read(good_name.as_str(), said).map_err(Failure::usage)?;
        let good = report.open(everywhere)?.write(move |tx, account| {
            let id = match products::named(tx, account.id, good_name.as_str())? {
                Some(known) if known.is_deleted => known.listing.id,
                Some(_) => {
                    return Err(Failure::failed(format!(
                        "there is a product {good_name} already: `billhook product set {good_name} …` changes it"
                    )));
                }
                None => products::next_id(tx, account.id)?,
            };
            let mut good = Product::new(Listing {
                id,
                good_name: good_name.as_str().to_owned(),
                good_title: String::new(),
                good_sum: Money::ZERO,
            });
            change(tx, account, &mut good, &said)?;
            audit::add_command(tx, account.id, Done::ProductAdded, good_name.as_str(), now())?;
            Ok(good)
        })?;
        print(
            report.json,
            &whole(&good),
            &format!("{}: added, number {}", good.listing.good_name, good.listing.id),
        )
    }
}

impl Set {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { good_name, report }, settings } = self;
        let said = once_each(settings.iter().map(|(name, value)| (*name, value)))?;
        let said = Said::read(good_name.as_str(), said).map_err(Failure::usage)?;
        let good = report.open(everywhere)?.write(move |tx, account| {
            let mut good = in_catalogue(tx, account, &good_name)?;
            let before = good.clone();
            change(tx, account, &mut good, &said)?;
            let changes = format!("{good_name}; {}", audit::changes_of_product(&before, &good));
            audit::add_command(tx, account.id, Done::ProductChanged, &changes, now())?;
            Ok(good)
        })?;
        let said: Vec<_> =
            settings.iter().map(|(name, _)| format!("{name}={}", text(&value(&good, name)))).collect();
        print(report.json, &whole(&good), &format!("{}: {}", good.listing.good_name, said.join(" ")))
    }
}

/// Names and values; fails if a name comes twice.
fn once_each<'a>(
    said: impl Iterator<Item = (&'static str, &'a String)>,
) -> Result<Vec<(&'static str, &'a str)>, Failure> {
    let mut all: Vec<(&'static str, &str)> = Vec::new();
    for (name, value) in said {
        if all.iter().any(|(other, _)| *other == name) {
            return Err(Failure::usage(format!("{name} is said twice")));
        }
        all.push((name, value));
    }
    Ok(all)
}

fn change(tx: &mut Tx<'_>, account: &Account, good: &mut Product, said: &Said) -> Result<(), Failure> {
    if let Some(category) = said.parent_id().filter(|category| *category != 0)
        && categories::find(tx, account.id, category)?.is_none()
    {
        return Err(unknown("category", category, account, []));
    }
    said.apply(good);
    Ok(products::save(tx, account.id, good)?)
}

/// The product with this name, deleted or not.
pub(crate) fn known(tx: &mut Tx<'_>, account: &Account, good_name: &Name) -> Result<Product, Failure> {
    if let Some(good) = products::named(tx, account.id, good_name.as_str())? {
        return Ok(good);
    }
    let mut names = Vec::new();
    products::each(tx, account.id, |product| {
        names.push(product.good_name);
        Ok::<(), Failure>(())
    })?;
    Err(unknown("product", good_name, account, names.iter().map(String::as_str)))
}

fn in_catalogue(tx: &mut Tx<'_>, account: &Account, good_name: &Name) -> Result<Product, Failure> {
    let good = known(tx, account, good_name)?;
    if good.is_deleted {
        return Err(Failure::failed(format!(
            "{good_name} is deleted: `billhook product add {good_name} …` brings it back"
        )));
    }
    Ok(good)
}

/// The fields that lists show.
fn names(good: &Product) -> Map<String, Value> {
    let Product { listing, good_type, is_deleted, .. } = good;
    let fields = [
        ("good_id", listing.id.0.into()),
        ("good_name", listing.good_name.as_str().into()),
        ("good_title", listing.good_title.as_str().into()),
        ("good_sum", listing.good_sum.to_string().into()),
        ("good_type", fields::word(*good_type).into()),
        ("deleted", (*is_deleted).into()),
    ];
    fields.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

/// All fields.
fn whole(good: &Product) -> Map<String, Value> {
    let mut map = names(good);
    for field in FIELDS {
        map.insert(field.to_owned(), value(good, field));
    }
    map
}

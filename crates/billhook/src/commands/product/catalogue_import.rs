//! `billhook product import`: reads a catalogue from a file, all or nothing.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fmt,
    io::Cursor,
    path::PathBuf,
};

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action},
    },
    products::{
        self, Listing, Product, ProductText,
        categories::{self, Category},
        product_settings::Said,
    },
};
use billhook_wire::{GoodId, Money, Name, Text};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    catalogue_file::{CATEGORY_TITLE, DELETED, GOOD_ID, GOOD_NAME, columns},
    fields,
};
use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere, input_file, time::now},
    record::Format,
    terminal::output::print,
    transfer::import::{found::Unreadable, rows::RowReader},
};

/// Import products from a file into the catalogue
///
/// The file is JSON Lines with one product per line, or CSV with a header, separated by commas, semicolons or
/// tabs. The fields are named as `billhook product export` writes them. A product is found by its good_id,
/// else by its good_name; a new one needs a good_name. Fields and products that are not in the file stay as
/// they are. An empty text clears the field; other empty cells are ignored. If one line is wrong, nothing is
/// imported.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
#[command(after_help = "\
Examples:
  billhook product import catalogue.csv --account shop
  printf 'good_name;good_sum\\nbook;350\\n' | billhook product import - --format csv --account shop")]
pub(crate) struct Arguments {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    account: AccountOption,
    /// The file's format [default: by its extension: .jsonl, .ndjson, .csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// One line of the file.
#[derive(Debug)]
struct Record {
    line: u64,
    id: Option<GoodId>,
    good_name: Option<Name>,
    good_sum: Option<Money>,
    is_deleted: Option<bool>,
    category_title: Option<Text>,
    said: Said,
}

/// The numbers for the report.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    added: u64,
    changed: u64,
    same: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, same } = self;
        write!(f, "added {added}, changed {changed}, same {same} products")
    }
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let place = self.file.display().to_string();
        let format = self.format.or_else(|| Format::of(&self.file)).ok_or_else(|| {
            Failure::usage(format!(
                "{place} has no extension that names its format: add --format jsonl or csv"
            ))
        })?;
        let text = input_file::read(&self.file)?;
        let records = match format {
            Format::Jsonl => json_records(&text),
            Format::Csv => csv_records(text),
        };
        let at = |(line, why): (u64, String)| Failure::failed(format!("{place}, line {line}: {why}"));
        let records = records.map_err(at)?;
        if records.is_empty() {
            return Err(Failure::failed(format!("{place} holds no products")));
        }
        let counts = self.account.open(everywhere)?.write(move |tx, account| {
            take(tx, account, &records).map_err(|stop| match stop {
                Stop::Failure(failure) => failure,
                Stop::Line(line, why) => Failure::failed(format!("{place}, line {line}: {why}")),
            })
        })?;
        let Counts { added, changed, same } = counts;
        print(self.json, &json!({"added": added, "changed": changed, "same": same}), &counts.to_string())
    }
}

type Fault = (u64, String);

fn json_records(text: &str) -> Result<Vec<Record>, Fault> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let record = |(line, text): (u64, &str)| {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| (line, error.to_string()))?;
        let mut cells = Vec::new();
        for (name, value) in &object {
            match value {
                Value::Null => {}
                Value::Array(_) | Value::Object(_) => {
                    return Err((line, format!("`{name}`: a text, a number, true or false is expected")));
                }
                value => cells.push((name.as_str(), fields::text(value))),
            }
        }
        record(line, cells.iter().map(|(name, value)| (*name, value.as_str())))
    };
    lines.map(record).collect()
}

fn csv_records(text: String) -> Result<Vec<Record>, Fault> {
    let fault = |unreadable| match unreadable {
        Unreadable::Line(line, fault) => (line, fault.0),
        Unreadable::Io(error) => (1, error.to_string()),
    };
    let mut rows = RowReader::open(Box::new(Cursor::new(text))).map_err(|error| fault(error.into()))?;
    let Some(header) = rows.next().map_err(fault)? else { return Ok(Vec::new()) };
    let names: Vec<_> = header.cells().map(String::from_utf8_lossy).collect();
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        let cells: Vec<_> = row.cells().map(String::from_utf8_lossy).collect();
        if cells.len() != names.len() {
            let why = format!("the row has {} cells, the header has {}", cells.len(), names.len());
            return Err((row.line, why));
        }
        records.push(record(row.line, names.iter().map(AsRef::as_ref).zip(cells.iter().map(AsRef::as_ref)))?);
    }
    Ok(records)
}

fn record<'a>(line: u64, cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Record, Fault> {
    let mut by_name: BTreeMap<&'static str, &str> = BTreeMap::new();
    for (name, value) in cells {
        let known = columns().find(|column| column.eq_ignore_ascii_case(name.trim()));
        let name = known.map_or_else(|| fields::field(name), Ok).map_err(|why| (line, why))?;
        if by_name.insert(name, value).is_some() {
            return Err((line, format!("`{name}` occurs twice")));
        }
    }
    parse(line, by_name).map_err(|why| (line, why))
}

fn parse(line: u64, mut cells: BTreeMap<&'static str, &str>) -> Result<Record, String> {
    let mut taken = |name: &str| cells.remove(name).map(str::trim).filter(|text| !text.is_empty());
    let id = taken(GOOD_ID).map(|text| match text.parse() {
        Ok(id) if id >= 1 => Ok(GoodId(id)),
        _ => Err(format!("`{GOOD_ID}`: a number from 1 up is expected, not {text:?}")),
    });
    let good_name =
        taken(GOOD_NAME).map(|text| Name::new(text).map_err(|error| format!("`{GOOD_NAME}`: {error}")));
    // Catalogues that came with imported orders may hold higher sums than a request may have.
    let good_sum =
        taken("good_sum").map(|text| Money::parse(text).map_err(|error| format!("`good_sum`: {error}")));
    let is_deleted = taken(DELETED).map(|text| match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("`{DELETED}`: 1 or 0 is expected, not {text:?}")),
    });
    let category_title = taken(CATEGORY_TITLE)
        .map(|text| Text::new(text).map_err(|error| format!("`{CATEGORY_TITLE}`: {error}")));
    let (id, good_name) = (id.transpose()?, good_name.transpose()?);
    // Here the name only identifies the product for messages.
    let name = match (&good_name, id) {
        (Some(name), _) => name.clone(),
        (None, Some(id)) => Name::new(&id.to_string()).map_err(|error| error.to_string())?,
        (None, None) => {
            return Err(format!("neither `{GOOD_ID}` nor `{GOOD_NAME}`: one of them must name the product"));
        }
    };
    let good_sum = good_sum.transpose()?;
    let (is_deleted, category_title) = (is_deleted.transpose()?, category_title.transpose()?);
    let is_text = |name: &str| name == "good_title" || ProductText::named(name).is_some();
    cells.retain(|name, value| !value.is_empty() || is_text(name));
    let said = Said::read(name.as_str(), cells).map_err(|wrong| wrong.to_string())?;
    Ok(Record { line, id, good_name, good_sum, is_deleted, category_title, said })
}

/// Why the import was refused or failed.
enum Stop {
    Failure(Failure),
    Line(u64, String),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// A product to save, and the line that it comes from.
struct Wanted {
    line: u64,
    good: Product,
}

fn take(tx: &mut Tx<'_>, account: &Account, records: &[Record]) -> Result<Counts, Stop> {
    let mut known: BTreeMap<GoodId, Product> = BTreeMap::new();
    products::each_good(tx, account.id, |good| {
        known.insert(good.listing.id, good);
        Ok::<(), Failure>(())
    })?;
    let wanted = wanted(&known, records)?;
    make_way(tx, account, &known, &wanted)?;
    let mut counts = Counts::default();
    for (record, (id, Wanted { line, good })) in records.iter().zip(&wanted) {
        if good.parent_id != 0 && categories::find(tx, account.id, good.parent_id)?.is_none() {
            let Some(title) = &record.category_title else {
                let why = format!(
                    "there is no category {}: add one with `billhook category add`, or its `{CATEGORY_TITLE}` here",
                    good.parent_id
                );
                return Err(Stop::Line(*line, why));
            };
            let category = Category { id: good.parent_id, title: title.as_str().to_owned() };
            categories::put(tx, account.id, &category)?;
        }
        match known.get(id) {
            Some(before) if before == good => {
                counts.same += 1;
                continue;
            }
            Some(_) => counts.changed += 1,
            None => counts.added += 1,
        }
        products::save(tx, account.id, good)?;
    }
    // An entry for each product would push everything else out of sight.
    if counts.added + counts.changed > 0 {
        audit::add_command(tx, account.id, Action::ProductChanged, &counts.to_string(), now())?;
    }
    Ok(counts)
}

/// Applies each record to its product. Fails if two records are for one product or one name.
fn wanted(known: &BTreeMap<GoodId, Product>, records: &[Record]) -> Result<Vec<(GoodId, Wanted)>, Stop> {
    let by_name: HashMap<&str, GoodId> =
        known.values().map(|good| (good.listing.good_name.as_str(), good.listing.id)).collect();
    let said = records.iter().filter_map(|record| record.id);
    let mut highest = said.chain(known.keys().copied()).max().map_or(0, |id| id.0);
    let mut lines: HashMap<GoodId, u64> = HashMap::new();
    let mut wanted = Vec::with_capacity(records.len());
    for record in records {
        let line = record.line;
        let by_this_name = record.good_name.as_ref().and_then(|name| by_name.get(name.as_str()));
        let id = if let Some(id) = record.id.or(by_this_name.copied()) {
            id
        } else {
            let none_left = || Stop::Line(line, "no product number is left".to_owned());
            highest = highest.checked_add(1).ok_or_else(none_left)?;
            GoodId(highest)
        };
        if let Some(before) = lines.insert(id, line) {
            return Err(Stop::Line(line, format!("the same product as in line {before}")));
        }
        let mut good = match (known.get(&id), &record.good_name) {
            (Some(good), _) => good.clone(),
            (None, Some(name)) => Product::new(Listing {
                id,
                good_name: name.as_str().to_owned(),
                good_title: String::new(),
                good_sum: Money::ZERO,
            }),
            (None, None) => {
                return Err(Stop::Line(line, format!("product {id} is new: its `{GOOD_NAME}` is missing")));
            }
        };
        record.said.apply(&mut good);
        if let Some(name) = &record.good_name {
            name.as_str().clone_into(&mut good.listing.good_name);
        }
        if let Some(sum) = record.good_sum {
            good.listing.good_sum = sum;
        }
        if let Some(deleted) = record.is_deleted {
            good.is_deleted = deleted;
        }
        wanted.push((id, Wanted { line, good }));
    }
    names_are_apart(known, &lines, &wanted)?;
    Ok(wanted)
}

/// Fails if two products get the same name. `lines` has the products to save.
fn names_are_apart(
    known: &BTreeMap<GoodId, Product>,
    lines: &HashMap<GoodId, u64>,
    wanted: &[(GoodId, Wanted)],
) -> Result<(), Stop> {
    let mut names: HashMap<&str, String> = known
        .values()
        .filter(|good| !lines.contains_key(&good.listing.id))
        .map(|good| (good.listing.good_name.as_str(), format!("product {}", good.listing.id)))
        .collect();
    for (_, Wanted { line, good }) in wanted {
        match names.entry(&good.listing.good_name) {
            Entry::Vacant(place) => drop(place.insert(format!("the one of line {line}"))),
            Entry::Occupied(other) => {
                let why = format!("`{GOOD_NAME}`: {} has the name {}", other.get(), other.key());
                return Err(Stop::Line(*line, why));
            }
        }
    }
    Ok(())
}

/// Products may exchange names, which must always be unique. So changed ones get a temporary name first.
fn make_way(
    tx: &mut Tx<'_>,
    account: &Account,
    known: &BTreeMap<GoodId, Product>,
    wanted: &[(GoodId, Wanted)],
) -> Result<(), Stop> {
    for (id, Wanted { good, .. }) in wanted {
        if let Some(before) = known.get(id)
            && before.listing.good_name != good.listing.good_name
        {
            let mut aside = before.clone();
            // No real name begins with a space.
            aside.listing.good_name = format!(" {id}");
            products::save(tx, account.id, &aside)?;
        }
    }
    Ok(())
}

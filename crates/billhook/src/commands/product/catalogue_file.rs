//! `billhook product export`, and the columns of a catalogue file.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use billhook_store::{
    PartialFile,
    products::{self, Product, categories, product_settings::FIELDS},
};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{fields::text, whole};
use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    record::{Format, csv},
    terminal::output::{counted, for_terminal, json_line, stdout},
};

/// Write the catalogue to a file, deleted products too
///
/// Writes every product with every field, by number. `billhook product import` reads the file: into an empty
/// account it makes the same catalogue. Cells that begin with = + - or @ are written as they are. A
/// spreadsheet takes them for formulas, so open a file with texts of strangers with care.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook product export catalogue.csv --account shop
  billhook product export --account shop | billhook product import - --format jsonl --account copy")]
pub(crate) struct Arguments {
    /// The file to make; only its owner can read it [default: - for standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    account: AccountOption,
    /// The format [default: by the file's extension, else jsonl]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Print a report on the written file as JSON
    #[arg(long)]
    json: bool,
}

/// Columns besides [`FIELDS`].
pub(super) const GOOD_ID: &str = "good_id";
pub(super) const GOOD_NAME: &str = "good_name";
pub(super) const DELETED: &str = "deleted";
/// The category's title, so that an import can make a category that does not exist yet.
pub(super) const CATEGORY_TITLE: &str = "category_title";

pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    [GOOD_ID, GOOD_NAME].into_iter().chain(FIELDS).chain([CATEGORY_TITLE, DELETED])
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let file = self.file.as_deref().filter(|file| file.as_os_str() != "-");
        let format = self.format.or_else(|| Format::of(file?)).unwrap_or(Format::Jsonl);
        let shop = self.account.open(everywhere)?;
        let records = shop.read(|tx, account| {
            let categories = categories::list(tx, account.id)?;
            let titles: HashMap<i64, &str> =
                categories.iter().map(|category| (category.id, category.title.as_str())).collect();
            let mut records = Vec::new();
            products::each_good(tx, account.id, |good| {
                records.push(record(&good, &titles));
                Ok::<(), Failure>(())
            })?;
            Ok(records)
        })?;
        let Some(file) = file else {
            let mut out = stdout();
            write(&records, format, &mut out)?;
            return Ok(out.flush()?);
        };
        save(&records, format, file, self.force)?;
        let mut out = stdout();
        let name = file.display().to_string();
        if self.json {
            return json_line(&mut out, &json!({"file": name, "products": records.len()}));
        }
        let products = counted(records.len() as u64, "product");
        writeln!(out, "{}", for_terminal(&format!("{name}: {products}")))?;
        Ok(out.flush()?)
    }
}

fn record(good: &Product, titles: &HashMap<i64, &str>) -> Map<String, Value> {
    let mut record = whole(good);
    if let Some(title) = titles.get(&good.parent_id) {
        record.insert(CATEGORY_TITLE.to_owned(), (*title).into());
    }
    record
}

fn write(records: &[Map<String, Value>], format: Format, mut out: impl Write) -> io::Result<()> {
    match format {
        Format::Jsonl => {
            for record in records {
                serde_json::to_writer(&mut out, record)?;
                out.write_all(b"\n")?;
            }
        }
        Format::Csv => {
            let mut writer = csv::Writer::new(&mut out);
            writer.row(columns())?;
            for record in records {
                let cells = columns().map(|column| record.get(column).map(text).unwrap_or_default());
                writer.row(cells)?;
            }
        }
    }
    out.flush()
}

/// Writes to a temporary file beside `file`, and renames it when it is complete.
fn save(records: &[Map<String, Value>], format: Format, file: &Path, force: bool) -> Result<(), Failure> {
    let fault = |error: &io::Error| Failure::file("write", file, error);
    if !force && fs::symlink_metadata(file).is_ok() {
        let name = file.display();
        return Err(Failure::failed(format!("{name} is there already: choose another name, or add --force")));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let partial = PartialFile::new_in(folder).map_err(|error| fault(&error))?;
    let mut out = io::BufWriter::new(partial);
    write(records, format, &mut out).map_err(|error| fault(&error))?;
    let partial = out.into_inner().map_err(|error| fault(error.error()))?;
    partial.as_file().sync_all().map_err(|error| fault(&error))?;
    let kept = if force { partial.replace(file) } else { partial.keep_as(file) };
    kept.map_err(|error| fault(&error))
}

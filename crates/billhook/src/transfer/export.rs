//! `billhook export`: writes an account's orders, catalogue and contacts to a file for `import` (decision 89).
//! The same store gives the same bytes.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    num::NonZeroU32,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use billhook_store::{
    AccountId, Error, PartialFile, Progress, Store, Tx,
    accounts::Account,
    contacts,
    orders::{self, Order, order_changes::Payment, payments},
    products::{self, Listing, Product},
};
use billhook_wire::{GoodId, OrderId};
use clap::Args;
use serde::Serialize;

use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    record::Format,
    record::{ContactEntry, Entry, GoodField, contact, contact_csv, csv, entry, has_settings, json},
    terminal::{
        output::{counted, json_line, stdout},
        priority::step_far_back,
        progress::Bar,
    },
};

/// Write an account's orders, catalogue and contacts to a file
///
/// Writes the orders of one moment, by number. The same store gives the same bytes. `billhook import` reads
/// the file: into an empty account it makes the same orders, hidden ones too, with their payments, and the
/// same products, deleted ones too. Keys and domains are never included. The command may run beside `billhook
/// serve`.
///
/// JSON Lines holds the whole account, with one order per line and without empty fields. So it also has
/// categories, managers, partners, groups, contacts with their tags, subscriptions and history, coupons with
/// their uses, free pin codes, and with --settings the settings.
///
/// CSV holds only orders and catalogue, with one row per line of an order, in UTF-8 with commas; with --contacts
/// it holds only contacts, with the groups that they are subscribed to. It has every
/// column, but those of products' settings only if some product has the setting. Cells that begin with = + -
/// or @ are written as they are. A spreadsheet takes them for formulas, so open a file with texts of
/// strangers with care.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook export --account shop orders.jsonl
  billhook export --account shop --format csv > orders.csv
  billhook export --account shop --contacts contacts.csv
  billhook export --account shop | billhook import --account copy --format jsonl -")]
#[expect(clippy::struct_excessive_bools, reason = "a switch each")]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountOption,
    /// The format [default: by the file's extension, else jsonl]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Write the account's settings too, except those at their default; only in JSON Lines
    #[arg(long)]
    settings: bool,
    /// Write contacts and not orders; only in CSV
    #[arg(long)]
    contacts: bool,
    /// Print a report on the written file as JSON
    #[arg(long)]
    json: bool,
    /// The file to make; only its owner can read it [default: - for standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let file = self.file.as_deref().filter(|file| file.as_os_str() != "-");
        let format = self.format.or_else(|| Format::of(file?)).unwrap_or(Format::Jsonl);
        if self.settings && matches!(format, Format::Csv) {
            return Err(Failure::usage("CSV has no place for settings: add --format jsonl"));
        }
        if self.contacts && matches!(format, Format::Jsonl) {
            return Err(Failure::usage("JSON Lines hold contacts too: add --format csv to write them alone"));
        }
        step_far_back();
        let store = everywhere.store.open_to_save()?;
        let account = store.read(|tx| self.account.find(tx))?;
        let Self { settings, contacts, .. } = self;
        let asked = Asked { store: &store, account: &account, format, settings, contacts };
        if let Some(file) = file {
            let Some(written) = asked.to_file(file, self.force)? else { return Ok(()) };
            let mut out = stdout();
            if self.json {
                return json_line(&mut out, &Report { file: file.display().to_string(), written });
            }
            let (orders, products) = (counted(written.orders, "order"), counted(written.products, "product"));
            write!(out, "{}: {orders}, {products}", file.display())?;
            if written.contacts > 0 {
                write!(out, ", {}", counted(written.contacts, "contact"))?;
            }
            writeln!(out)?;
            return Ok(out.flush()?);
        }
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
        asked.export(&mut out, on_bar()).map(drop).map_err(|stop| match stop {
            Stop::Store(error) => error.into(),
            Stop::Output(error) => error.into(),
        })
    }
}

const BUFFER_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Written {
    orders: u64,
    /// All products of the catalogue.
    products: u64,
    contacts: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    #[serde(flatten)]
    written: Written,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Stop {
    Store(#[from] Error),
    Output(#[from] io::Error),
}

/// How many orders are read at once.
const BATCH_ORDERS: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// How many batches of one reader may wait for the writer.
const BATCHES_WAITING_MAX: usize = 4;

/// An order and its payments.
type Paid = (Order, Vec<Payment>);

/// What to write.
struct Asked<'a> {
    store: &'a Store,
    account: &'a Account,
    format: Format,
    settings: bool,
    /// Contacts alone, in CSV.
    contacts: bool,
}

impl Asked<'_> {
    /// Writes to a temporary file beside `file`, and renames it when it is complete. Returns `None` for a
    /// device or a pipe: the report might go to the same place.
    fn to_file(&self, file: &Path, force: bool) -> Result<Option<Written>, Failure> {
        let fault = |error: &io::Error| Failure::file("write", file, error);
        let stopped = |stop: Stop| match stop {
            Stop::Store(error) => error.into(),
            Stop::Output(error) => fault(&error),
        };
        match fs::metadata(file) {
            // A device or a pipe is written directly.
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                let device = File::options().write(true).open(file).map_err(|error| fault(&error))?;
                let mut out = BufWriter::with_capacity(BUFFER_BYTES, device);
                return self.export(&mut out, on_bar()).map(|_| None).map_err(stopped);
            }
            Ok(_) if !force => {
                let name = file.display();
                return Err(Failure::failed(format!(
                    "{name} is there already: choose another name, or add --force"
                )));
            }
            _ => {}
        }
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let partial = PartialFile::new_in(folder).map_err(|error| fault(&error))?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, partial);
        let written = self.export(&mut out, on_bar()).map_err(stopped)?;
        let partial = out.into_inner().map_err(|error| fault(error.error()))?;
        partial.as_file().sync_all().map_err(|error| fault(&error))?;
        let kept = if force { partial.replace(file) } else { partial.keep_as(file) };
        kept.map_err(|error| fault(&error))?;
        Ok(Some(written))
    }

    /// Writes one state of an account, and flushes. Reading takes much longer than writing, so two threads
    /// read batches of orders in turn, if the engine allows it.
    fn export(
        &self,
        out: &mut (impl Write + Send + ?Sized),
        mut show: impl FnMut(Progress),
    ) -> Result<Written, Stop> {
        if self.contacts {
            return self.contacts(out, show);
        }
        let Self { store, account, format, settings, .. } = *self;
        store.read_two(|tx, second| {
            let mut done = 0;
            let orders = orders::count(tx, account.id)?;
            let mut catalogue = BTreeMap::new();
            let (mut products, mut used) = (Vec::new(), Vec::new());
            products::each_good(tx, account.id, |good| {
                products.push(good.listing.id);
                if !has_settings(&good) {
                    catalogue.insert(good.listing.id, good.listing);
                    return Ok::<(), Error>(());
                }
                for field in GoodField::all() {
                    if field.written(&good).is_some() && !used.contains(&field) {
                        used.push(field);
                    }
                }
                Ok(())
            })?;
            let columns = GoodField::all().filter(|field| used.contains(field)).collect();
            let mut pen = Pen::new(format, out, columns)?;
            let settings = settings.then_some(&account.settings);
            entry::each_before(tx, account.id, settings, |entry| pen.entry(&entry).map_err(Stop::from))?;
            let contacts = match format {
                Format::Csv => 0,
                Format::Jsonl => each_contact(tx, account.id, orders, &mut show, |contact| {
                    pen.entry(&Entry::Contact(Box::new(contact)))
                })?,
            };
            let total = orders + contacts;
            if !used.is_empty() {
                // Their texts can be long, so they are not kept in memory.
                products::each_good(tx, account.id, |good| {
                    if has_settings(&good) { pen.product(&good) } else { Ok(()) }.map_err(Stop::from)
                })?;
            }
            let mut export = Export { pen, catalogue };
            thread::scope(|scope| {
                let transactions: Vec<_> = [&mut *tx].into_iter().chain(second).collect();
                let readers = transactions.len();
                let (threads, batches): (Vec<_>, Vec<_>) = transactions
                    .into_iter()
                    .enumerate()
                    .map(|(number, tx)| {
                        let (send, batches) = mpsc::sync_channel(BATCHES_WAITING_MAX);
                        (scope.spawn(move || read(tx, account.id, (number, readers), &send)), batches)
                    })
                    .unzip();
                let written = export.orders(&batches, |more| {
                    done += more;
                    show(Progress { done: contacts + done, total });
                });
                // Tells the readers to stop.
                drop(batches);
                let read: Result<Vec<()>, Error> = threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|fault| resume_unwind(fault)))
                    .collect();
                // If the writer ended early without an error, a reader failed.
                written?;
                read.map(drop).map_err(Stop::from)
            })?;
            export.rest()?;
            let count = products.len() as u64;
            let mut pen = export.pen;
            entry::each_behind(tx, account.id, products, |entry| pen.entry(&entry).map_err(Stop::from))?;
            pen.flush()?;
            Ok(Written { orders: done, products: count, contacts })
        })
    }

    /// Writes contacts alone, as CSV, and flushes.
    fn contacts(
        &self,
        out: &mut (impl Write + Send + ?Sized),
        mut show: impl FnMut(Progress),
    ) -> Result<Written, Stop> {
        let mut out = csv::Writer::new(out);
        contact_csv::write_header(&mut out)?;
        let contacts = self.store.read(|tx| {
            each_contact(tx, self.account.id, 0, &mut show, |contact| contact_csv::write(&contact, &mut out))
        })?;
        out.flush()?;
        Ok(Written { orders: 0, products: 0, contacts })
    }
}

/// Passes the contacts to `write`, and returns how many they are. After them come so many orders.
fn each_contact(
    tx: &mut Tx<'_>,
    account: AccountId,
    orders: u64,
    show: &mut impl FnMut(Progress),
    mut write: impl FnMut(ContactEntry) -> io::Result<()>,
) -> Result<u64, Stop> {
    let total = orders + contacts::count(tx, account, false)?;
    let mut done = 0;
    contact::each(tx, account, |contact| {
        done += 1;
        show(Progress { done, total });
        write(contact).map_err(Stop::from)
    })?;
    Ok(done)
}

/// Shows an export's progress as a bar.
fn on_bar() -> impl FnMut(Progress) {
    let bar = Bar::new("exporting");
    move |progress| bar.at(progress)
}

/// Writes an account for the cabinet. The thread's priority stays low.
pub(crate) fn for_cabinet(
    store: &Store,
    account: &Account,
    settings: bool,
    out: &mut (dyn Write + Send),
) -> Result<io::Result<()>, Error> {
    step_far_back();
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    match (Asked { store, account, format: Format::Jsonl, settings, contacts: false })
        .export(&mut out, |_| {})
    {
        Ok(_) => Ok(Ok(())),
        Err(Stop::Output(error)) => Ok(Err(error)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// Reads every `readers`-th batch of orders and sends it, until the receiver is gone.
fn read(
    tx: &mut Tx<'_>,
    account: AccountId,
    (turn, readers): (usize, usize),
    send: &mpsc::SyncSender<Vec<Paid>>,
) -> Result<(), Error> {
    let mut after = OrderId(0);
    for number in 0.. {
        let last = orders::last_of(tx, account, after, BATCH_ORDERS)?;
        if number % readers == turn {
            let mut batch = Vec::new();
            payments::each_order(
                tx,
                account,
                (after, last.unwrap_or(OrderId(i64::MAX))),
                |order, payments| {
                    batch.push((order, payments));
                    Ok::<(), Error>(())
                },
            )?;
            if send.send(batch).is_err() {
                break;
            }
        }
        let Some(last) = last else { break };
        after = last;
    }
    Ok(())
}

/// An export in progress.
struct Export<W: Write> {
    pen: Pen<W>,
    /// Products without settings that no order has named so far.
    catalogue: BTreeMap<GoodId, Listing>,
}

impl<W: Write> Export<W> {
    /// Writes the readers' batches in turn, until one has no more. Passes each batch's size to `show`.
    fn orders(&mut self, readers: &[mpsc::Receiver<Vec<Paid>>], mut show: impl FnMut(u64)) -> io::Result<()> {
        for reader in readers.iter().cycle() {
            let Ok(batch) = reader.recv() else { break };
            batch.iter().try_for_each(|(order, payments)| self.order(order, payments))?;
            show(batch.len() as u64);
        }
        Ok(())
    }

    /// Writes an order, after each product that an import could not make from the order's line (decision 65).
    fn order(&mut self, order: &Order, payments: &[Payment]) -> io::Result<()> {
        for line in &order.lines {
            let Some(product) = self.catalogue.remove(&line.good_id) else { continue };
            let is_known = product.good_name == line.good_name
                && product.good_title == line.good_title
                && product.good_sum == line.price;
            if !is_known {
                self.pen.product(&Product::new(product))?;
            }
        }
        self.pen.order(order, payments)
    }

    /// Writes the products that no order has.
    fn rest(&mut self) -> io::Result<()> {
        self.catalogue.values().try_for_each(|product| self.pen.product(&Product::new(product.clone())))
    }
}

enum Pen<W: Write> {
    Jsonl(W),
    /// With the settings that have a column.
    Csv(csv::Writer<W>, Vec<GoodField>),
}

impl<W: Write> Pen<W> {
    fn new(format: Format, out: W, settings: Vec<GoodField>) -> io::Result<Self> {
        Ok(match format {
            Format::Jsonl => Self::Jsonl(out),
            Format::Csv => {
                let mut writer = csv::Writer::new(out);
                csv::write_header(&settings, &mut writer)?;
                Self::Csv(writer, settings)
            }
        })
    }

    fn order(&mut self, order: &Order, payments: &[Payment]) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => json::write_order(order, payments, out),
            Self::Csv(out, settings) => csv::write_order(order, payments, settings, out),
        }
    }

    fn product(&mut self, good: &Product) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => json::write_product(good, out),
            Self::Csv(out, settings) => csv::write_product(good, settings, out),
        }
    }

    /// CSV has no rows for entries.
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => json::write_entry(entry, out),
            Self::Csv(..) => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => out.flush(),
            Self::Csv(out, _) => out.flush(),
        }
    }
}

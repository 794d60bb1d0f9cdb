//! `billhook export`: an account's catalogue and orders (decision 89) as a file that `import` takes, the same bytes for the same store.

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
    order_changes::Payment,
    orders,
    orders::Order,
    payments,
    products::{self, Good, Product},
};
use billhook_wire::{GoodId, OrderId};
use clap::Args;
use serde::Serialize;

use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    record::Format,
    record::{Entry, GoodField, csv, entry, has_settings, json},
    terminal::{
        output::{counted, json_line, stdout},
        priority::step_far_back,
        progress::Bar,
    },
};

/// Write an account's orders and catalogue to a file
///
/// The orders of one moment, by number; what is written is the same for the same store, to the last byte. `billhook import`
/// takes it back: into an empty account it makes the same orders, hidden ones too, with their payments, and the same products,
/// deleted ones too. Keys and domains are never part of it. It may run beside a `billhook serve`.
///
/// JSON Lines is the whole account: also categories, managers, partners, coupons with their uses, pin codes that are still free,
/// and with --settings its settings. It has an order a line, and leaves out what is empty. CSV has orders and the catalogue
/// alone: a line of an order a row, and every column, but of
/// products' settings only those that some product has; it is UTF-8 with commas. Cells that begin with = + - or @ are
/// written as they are, because this is data: a spreadsheet takes such cells for formulas, so do not open a file with
/// strangers' texts in one without care.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook export --account shop orders.jsonl
  billhook export --account shop --format csv > orders.csv
  billhook export --account shop | billhook import --account copy --format jsonl -")]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountOption,
    /// The form [default: by the file's extension, else jsonl]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// Write the account's settings too, where they are not the usual ones; JSON Lines alone
    #[arg(long)]
    settings: bool,
    /// Print the report on a file as JSON
    #[arg(long)]
    json: bool,
    /// The file to make; only its owner can read it [default: - for standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let file = self.file.as_deref().filter(|file| file.as_os_str() != "-");
        let format = self.format.or_else(|| Format::of(file?)).unwrap_or(Format::Jsonl);
        if self.settings && matches!(format, Format::Csv) {
            return Err(Failure::usage("CSV has no place for settings: add --format jsonl"));
        }
        step_far_back();
        let store = everywhere.store.open_to_save()?;
        let account = store.read(|tx| self.account.find(tx))?;
        let asked = Asked { store: &store, account: &account, format, settings: self.settings };
        if let Some(file) = file {
            let Some(written) = asked.to_file(file, self.force)? else { return Ok(()) };
            let mut out = stdout();
            if self.json {
                return json_line(&mut out, &Report { file: file.display().to_string(), written });
            }
            let (orders, products) = (counted(written.orders, "order"), counted(written.products, "product"));
            writeln!(out, "{}: {orders}, {products}", file.display())?;
            return Ok(out.flush()?);
        }
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
        asked.export(&mut out).map(drop).map_err(|stop| match stop {
            Stop::Store(error) => error.into(),
            Stop::Output(error) => error.into(),
        })
    }
}

const BUFFER_BYTES: usize = 256 << 10;

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Written {
    orders: u64,
    /// All that the catalogue has.
    products: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    #[serde(flatten)]
    written: Written,
}

/// Why an export stops.
#[derive(Debug)]
enum Stop {
    Store(Error),
    Output(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// So many orders are read together.
const BATCH_ORDERS: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// Batches of one reader that wait for being written, at most.
const BATCHES_WAITING_MAX: usize = 4;

/// An order and its payments.
type Paid = (Order, Vec<Payment>);

/// What is to be written.
struct Asked<'a> {
    store: &'a Store,
    account: &'a Account,
    format: Format,
    settings: bool,
}

impl Asked<'_> {
    /// Writes to a temporary file beside `file`, and gives it the name when it is whole. Gives nothing where it is a device or a
    /// pipe: it may be where a report would go.
    fn to_file(&self, file: &Path, force: bool) -> Result<Option<Written>, Failure> {
        let fault = |error: &io::Error| Failure::file("write", file, error);
        let stopped = |stop: Stop| match stop {
            Stop::Store(error) => error.into(),
            Stop::Output(error) => fault(&error),
        };
        match fs::metadata(file) {
            // A device or a pipe is written to as it is.
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                let device = File::options().write(true).open(file).map_err(|error| fault(&error))?;
                let mut out = BufWriter::with_capacity(BUFFER_BYTES, device);
                return self.export(&mut out).map(|_| None).map_err(stopped);
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
        let written = self.export(&mut out).map_err(stopped)?;
        let partial = out.into_inner().map_err(|error| fault(error.error()))?;
        partial.as_file().sync_all().map_err(|error| fault(&error))?;
        let kept = if force { partial.replace(file) } else { partial.keep_as(file) };
        kept.map_err(|error| fault(&error))?;
        Ok(Some(written))
    }

    /// Writes an account as it is at one moment, and flushes. Reading takes much longer than writing: two threads do it where the engine
    /// lets them, and take turns at batches of orders.
    fn export(&self, out: &mut (impl Write + Send)) -> Result<Written, Stop> {
        let Self { store, account, format, settings } = *self;
        let bar = Bar::new("exporting");
        store.read_two(|tx, second| {
            let total = orders::count(tx, account.id)?;
            let mut catalogue = BTreeMap::new();
            let (mut products, mut used) = (Vec::new(), Vec::new());
            products::each_good(tx, account.id, |good| {
                products.push(good.product.id);
                if !has_settings(&good) {
                    catalogue.insert(good.product.id, good.product);
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
            if !used.is_empty() {
                // Their texts can be long, so they are not kept.
                products::each_good(tx, account.id, |good| {
                    if has_settings(&good) { pen.product(&good) } else { Ok(()) }.map_err(Stop::from)
                })?;
            }
            let mut export = Export { pen, catalogue };
            let mut done = 0;
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
                    bar.at(Progress { done, total });
                });
                // Who still sends is told that nobody takes it.
                drop(batches);
                let read: Result<Vec<()>, Error> = threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|fault| resume_unwind(fault)))
                    .collect();
                // Without an error of its own the writer has stopped early only if a reader did.
                written?;
                read.map(drop).map_err(Stop::from)
            })?;
            export.rest()?;
            let count = products.len() as u64;
            let mut pen = export.pen;
            entry::each_behind(tx, account.id, products, |entry| pen.entry(&entry).map_err(Stop::from))?;
            pen.flush()?;
            Ok(Written { orders: done, products: count })
        })
    }
}

/// Reads every batch of orders whose turn it is, of so many readers, and sends them on, until nobody takes them any more.
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

/// An export that is under way.
struct Export<W: Write> {
    pen: Pen<W>,
    /// The products without settings that no order has mentioned so far.
    catalogue: BTreeMap<GoodId, Product>,
}

impl<W: Write> Export<W> {
    /// Writes the orders that readers send in turn, until one has no more; shows how many each batch has.
    fn orders(&mut self, readers: &[mpsc::Receiver<Vec<Paid>>], mut show: impl FnMut(u64)) -> io::Result<()> {
        for reader in readers.iter().cycle() {
            let Ok(batch) = reader.recv() else { break };
            batch.iter().try_for_each(|(order, payments)| self.order(order, payments))?;
            show(batch.len() as u64);
        }
        Ok(())
    }

    /// Writes an order, and before it each product that an import would not take right from its line (decision 65).
    fn order(&mut self, order: &Order, payments: &[Payment]) -> io::Result<()> {
        for line in &order.lines {
            let Some(product) = self.catalogue.remove(&line.good_id) else { continue };
            let is_known = product.good_name == line.good_name
                && product.good_title == line.good_title
                && product.good_sum == line.price;
            if !is_known {
                self.pen.product(&Good::new(product))?;
            }
        }
        self.pen.order(order, payments)
    }

    /// Writes the products that no order mentions.
    fn rest(&mut self) -> io::Result<()> {
        self.catalogue.values().try_for_each(|product| self.pen.product(&Good::new(product.clone())))
    }
}

/// Writes records.
enum Pen<W: Write> {
    Jsonl(W),
    /// With the settings that products have a column for.
    Csv(csv::Writer<W>, Vec<GoodField>),
}

impl<W: Write> Pen<W> {
    /// A pen for an export in which products have these settings.
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

    fn product(&mut self, good: &Good) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => json::write_product(good, out),
            Self::Csv(out, settings) => csv::write_product(good, settings, out),
        }
    }

    /// CSV has no rows for them.
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

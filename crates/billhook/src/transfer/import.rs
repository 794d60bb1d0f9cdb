//! `billhook import`: reads an account's data from a file, all or nothing.
//!
//! The file is read twice. The first pass checks every record and keeps only the catalogue, the numbers of
//! orders and contacts, and the contacts' e-mails; the second writes in batches. So faults are known before
//! anything is written, and memory hardly grows with the file. Both passes share [`Job::scan`].

mod catalogue;
mod check;
mod decode;
pub(crate) mod found;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod lines;
mod records;
pub(crate) mod rows;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod write;

use std::{
    cell::Cell,
    io::{self, Write as _},
    path::PathBuf,
    rc::Rc,
    thread,
};

use billhook_store::{
    Progress, Store, accounts::Account, contacts::ContactText, orders::TextField, products::ProductText,
};
use clap::Args;
use encoding_rs::Encoding;
use serde::Serialize;

use crate::{
    failure::{Failure, say},
    options::{account::AccountOption, everywhere::Everywhere},
    record::{Fault, Format},
    terminal::{
        output::{counted, json_line, stdout},
        progress::Bar,
    },
    transfer::pipeline::Pipeline,
};
use check::{Checker, Refusal, Step};
use found::{Found, Unreadable};
use records::Records;
use source::Source;
use write::{Counts, apply};

/// How many bad records are listed.
const FAULTS_TOLD: usize = 20;
/// A batch is one transaction. It is full at so many records …
const BATCH_RECORDS: usize = 50_000;
/// … or so many bytes of the file.
const BATCH_BYTES: u64 = 40 << 20;
/// How many lines are read before other processes get a turn, as in the store's bulk writes.
const LINES_AT_A_STRETCH: u64 = 32;

/// Import orders and contacts from a file into an account
///
/// The file is JSON Lines with one order per line, or CSV with one row per line of an order. The rows of one
/// order follow each other, and each repeats the order's id. With --contacts each row of CSV is a contact. The whole file is checked first: if one line is
/// wrong, nothing is imported. Products that are not in the catalogue yet are added.
///
/// An order whose number exists is compared. Fields that the file leaves out keep their value; if the others
/// are equal, the order counts as same. So you can simply repeat an import that was interrupted.
///
/// Whoever was erased with `billhook contact erase` does not come back: the contact is left out, and the person's
/// orders come in without personal data. The report counts both.
#[derive(Debug, Args)]
#[command(after_help = "\
CSV has a header with the columns' names, and one row per line of an order:
  id,email,pay_status,item_id,item_good_name,item_sum
  17,anna@example.com,paid,7,book,3900.00

JSON Lines has one order per line:
  {\"id\":17,\"email\":\"anna@example.com\",\"items\":[{\"id\":7,\"good_name\":\"book\"}]}

An item is a line of an order, and its id is that of its product. All ids are numbers from 1 up.

Fields of an order:
  id, email, items; and if known pay_status (waiting, paid, cancel, return), created, paid, is_recurrent, \
deleted (when it was hidden), kill_at (when it cancels itself), delivery (sent, return), sent, confirmed, manager, ORDER_TEXTS, payments

Fields of an item:
  id; optional: good_name, good_title, sum, price, pincode, partner_fee, partner_pfee; a new product needs \
good_name

Fields of a product:
  id; optional: good_name, good_title, sum, good_deleted, good_type (0 digital, 1 physical, floating), parent_id, \
good_nalozh_only, good_partner_show, good_use_short, good_publish, good_timer, good_timer_unit (min, hour, day), \
good_timer_duration, good_partner_fee, good_partner_fee_perc, good_partner_pfee, good_partner_pfee_perc, \
good_rashod, good_rashod_perc, prepayment_enabled, prepayment_minsum, PRODUCT_TEXTS; many of them are only kept, and \
acted upon by nothing yet: `billhook product set --help` names those

In CSV an item's columns are item_id, item_good_name and so on, and an empty cell is a field left out. Cells are \
separated by commas, semicolons or tabs, as in the header. A row without id is a product of the catalogue, as is a \
line {\"product\":{\"id\":…}}. In such a row, the product's id, names and sum are in the item's columns; its other \
fields have columns of their own.

Payments are a list such as [{\"sum\":\"3900.00\",\"received\":1577880000}], and in CSV a cell such as \
3900.00@1577880000|100.00@1577890000. They replace all payments of the order. For an order without e-mail, write - \
in CSV or an empty text in JSON.

JSON Lines can also hold the other parts of an account, one per line. What a line refers to must be in an earlier line:
  {\"category\":{\"id\":1,\"title\":\"Books\"}}
  {\"personal_manager\":{\"id\":1,\"name\":\"Olga\"}}
  {\"partner\":{\"id\":2,\"login\":\"vera\",\"parent_id\":1}}
  {\"group\":{\"rass_id\":1,\"rass_name\":\"news\",\"rass_title\":\"News\",\"kind\":\"open\"}}
  {\"contact\":{\"id\":7,\"email\":\"anna@example.com\",\"tags\":[\"vip\"]}}
  {\"coupon\":{\"id\":1,\"coupon\":\"SPRING\",\"percent\":\"15\",\"goods\":[7]}}
  {\"pincode\":{\"good_id\":7,\"pincode\":\"AB-12\"}}
  {\"settings\":{\"time_zone\":\"UTC\"}}
An entry replaces the one with the same number; an existing pin code stays as it is. A coupon has `percent` or `sum`, \
and optionally `starts`, `ends` (unix seconds), `uses_max`, `uses` and `goods`. Settings need --settings.

A group replaces the one with the same name, which keeps its number. A contact is found by its e-mail: what the file \
leaves out or leaves empty stays as it is, and tags are added. Without e-mail it is found by its number and created. \
Whoever has left a group stays out of it, also if the file says subscribed; the report counts them.

Fields of a contact:
  id, email, created, changed, manager, CONTACT_TEXTS, tags, subscriptions (group, status, at, method, address, \
activation, doneurl), history (at, method, address, what, detail)

In CSV with --contacts, every field but the last two is a column. Tags are separated by commas, and so are the names \
in one more column, groups; a group that does not exist is added:
  email,first_name,phone,tags,groups
  anna@example.com,Anna,79990000000,vip,\"news,sale\"

Without created, an order is created now; without pay_status, it is waiting; without paid, a paid order was paid when \
it was created. A time is unix seconds, 2024-01-31 10:00:00, 2024-01-31T10:00:00Z or 31.01.2024 10:00. Unless it \
names an offset, it is in the account's time_zone.

Examples:
  billhook import --account shop orders.jsonl
  billhook import --account shop --contacts contacts.csv
  billhook import --account shop --encoding cp1251 --dry-run orders.csv
  zcat orders.jsonl.gz | billhook import --account shop --format jsonl -"
    .replace("ORDER_TEXTS", &TextField::ALL.map(TextField::name).join(", "))
    .replace("CONTACT_TEXTS", &ContactText::ALL.map(ContactText::name).join(", "))
    .replace("PRODUCT_TEXTS", &ProductText::ALL.map(ProductText::name).join(", ")))]
#[expect(clippy::struct_excessive_bools, reason = "a switch each")]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountOption,
    /// The file's format [default: by its extension: .jsonl, .ndjson, .csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The file's encoding: utf-8, cp1251, koi8-r, cp866, utf-16le … [default: by its byte order mark, else utf-8]
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<&'static Encoding>,
    /// Skip bad lines with a warning, and import the rest
    #[arg(long)]
    skip_bad: bool,
    /// The CSV file has contacts, one per row, and not orders
    #[arg(long)]
    contacts: bool,
    /// Import the account's settings too, if the file has them
    #[arg(long)]
    settings: bool,
    /// Only check the file, and report what an import would do
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn encoding(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        "unknown encoding; known are utf-8, cp1251, koi8-r, cp866, utf-16le and the web's others".to_owned()
    })
}

impl Arguments {
    /// The file's format, from the option or the name. A file that is certainly of another kind is refused.
    fn form(&self) -> Result<Format, Failure> {
        let name = self.file.display();
        if self.file.is_dir() {
            return Err(Failure::usage(format!("{name} is a folder: name a file in it")));
        }
        if let Some(format) = self.format.or_else(|| Format::of(&self.file)) {
            return Ok(format);
        }
        if self.file.as_os_str() == "-" {
            return Err(Failure::usage("standard input has no name: add --format jsonl or --format csv"));
        }
        let extension = self.file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Err(Failure::usage(match extension.as_str() {
            "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => {
                format!("{name} is a spreadsheet: save it as CSV, and import that")
            }
            "json" => format!(
                "{name} is imported only if it has an order a line: then add --format jsonl; of a list, `jq -c .[] {name}` makes such lines"
            ),
            _ => format!("the name {name} does not show its format: add --format jsonl or --format csv"),
        }))
    }

    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let format = self.form()?;
        if self.contacts && matches!(format, Format::Jsonl) {
            return Err(Failure::usage("JSON Lines say of each line what it is: leave --contacts out"));
        }
        let store = everywhere.store.open_for_bulk()?;
        let account = store.read(|tx| self.account.find(tx))?;
        let is_stdin = self.file.as_os_str() == "-";
        let path = (!is_stdin).then_some(self.file.as_path());
        let name = if is_stdin { "standard input".to_owned() } else { self.file.display().to_string() };
        let source =
            Source::open(path).map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))?;
        let now = jiff::Timestamp::now().as_second();
        let Self { skip_bad, dry_run, encoding, settings, contacts, .. } = self;
        let account = &account;
        let store = &store;
        let job = Job {
            store,
            account,
            source,
            name,
            format,
            encoding,
            skip_bad,
            dry_run,
            settings,
            contacts,
            now,
        };
        let what = if contacts { "contacts" } else { "orders" };
        let report = job.run(&mut |tally| tally.report(&job.name, what, skip_bad))?;
        if report.counts.left_out > 0 {
            say(&format!("{}: the settings in it were left out: add --settings to take them", job.name));
        }
        let mut out = stdout();
        if self.json {
            return json_line(&mut out, &report);
        }
        writeln!(out, "{report}")?;
        Ok(out.flush()?)
    }
}

#[expect(clippy::struct_excessive_bools, reason = "a switch each")]
struct Job<'a> {
    store: &'a Store,
    account: &'a Account,
    source: Source,
    /// The source's name for messages.
    name: String,
    format: Format,
    encoding: Option<&'static Encoding>,
    skip_bad: bool,
    dry_run: bool,
    /// Whether to import settings.
    settings: bool,
    /// Whether a CSV file has contacts and not orders.
    contacts: bool,
    /// Unix seconds.
    now: i64,
}

/// The result of the first pass.
#[derive(Debug, Default)]
struct Tally {
    good: u64,
    bad: u64,
    /// The first faults, each with its line.
    faults: Vec<(u64, Fault)>,
}

impl Tally {
    /// Prints the faults on standard error, or that the file is empty.
    fn report(&self, name: &str, what: &str, skipped: bool) {
        if self.good + self.bad == 0 {
            say(&format!("warning: {name} holds no {what}"));
        }
        let mut err = io::stderr().lock();
        let what = if skipped { "skipped: " } else { "" };
        // If standard error is closed, there is nobody to tell.
        for (line, fault) in &self.faults {
            let _ = writeln!(err, "line {line}: {what}{fault}");
        }
        let untold = self.bad - self.faults.len() as u64;
        if untold > 0 {
            let _ = writeln!(err, "… and {untold} more");
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    dry_run: bool,
    #[serde(flatten)]
    counts: Counts,
    skipped: u64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { added, changed, same, products_added, products_changed, .. } = self.counts;
        let Counts { entries_added, entries_changed, .. } = self.counts;
        if self.dry_run {
            f.write_str("dry run, nothing was written: ")?;
        }
        let (same, products_added) = (counted(same, "order"), counted(products_added, "product"));
        write!(f, "added {added}, changed {changed}, same {same}; {products_added} added")?;
        if products_changed > 0 {
            write!(f, ", {products_changed} changed")?;
        }
        let Counts { contacts_added, contacts_changed, kept_unsubscribed, .. } = self.counts;
        let Counts { erased, orders_erased, .. } = self.counts;
        if contacts_added + contacts_changed > 0 {
            write!(f, "; {} added, {contacts_changed} changed", counted(contacts_added, "contact"))?;
        }
        if kept_unsubscribed > 0 {
            write!(f, "; {} kept unsubscribed", counted(kept_unsubscribed, "subscription"))?;
        }
        if erased > 0 {
            write!(f, "; {} left out, because the person was erased", counted(erased, "contact"))?;
        }
        if orders_erased > 0 {
            let orders = counted(orders_erased, "order");
            write!(f, "; {orders} without personal data, because the person was erased")?;
        }
        if entries_added + entries_changed > 0 {
            write!(f, "; {entries_added} other entries added, {entries_changed} changed")?;
        }
        if self.skipped > 0 {
            write!(f, "; {} skipped", counted(self.skipped, "bad record"))?;
        }
        Ok(())
    }
}

impl Job<'_> {
    /// Checks, then writes. `report` is shown what the check found if there are bad records, or none at all.
    fn run(&self, report: &mut dyn FnMut(&Tally)) -> Result<Report, Failure> {
        let tally = self.check()?;
        let name = &self.name;
        if tally.bad > 0 || tally.good == 0 {
            report(&tally);
        }
        if tally.bad > 0 && tally.good == 0 {
            let bad = counted(tally.bad, "bad record");
            return Err(Failure::failed(format!("nothing was imported: {name} holds {bad} and no good one")));
        }
        if tally.bad > 0 && !self.skip_bad {
            let (bad, all) = (counted(tally.bad, "bad record"), tally.bad + tally.good);
            return Err(Failure::failed(format!(
                "nothing was imported: {name} holds {bad} among {all}; correct the file, or add --skip-bad to import the others"
            )));
        }
        let counts = self.write(&tally)?;
        Ok(Report { dry_run: self.dry_run, counts, skipped: tally.bad })
    }

    fn check(&self) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        self.scan("checking", |line, step, _| {
            match step {
                Ok(_) => tally.good += 1,
                Err(fault) => {
                    tally.bad += 1;
                    if tally.faults.len() < FAULTS_TOLD {
                        tally.faults.push((line, fault));
                    }
                }
            }
            Ok(())
        })?;
        Ok(tally)
    }

    fn write(&self, tally: &Tally) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        match self.write_batches(tally, &mut counts) {
            Err(Failure::Failed(text)) if !self.dry_run => {
                let Counts { added, changed, .. } = counts;
                Err(Failure::failed(format!(
                    "{text}; {added} added and {changed} changed orders are kept: run the same import again"
                )))
            }
            result => result.map(|()| counts),
        }
    }

    fn write_batches(&self, tally: &Tally, counts: &mut Counts) -> Result<(), Failure> {
        let mut pipeline = Pipeline::new(self.store);
        let mut batch = Vec::new();
        let (mut good, mut bad, mut written_at) = (0, 0, 0);
        self.scan(if self.dry_run { "comparing" } else { "writing" }, |_, step, done| {
            match step {
                Ok(step) => {
                    good += 1;
                    batch.push(step);
                }
                Err(_) => bad += 1,
            }
            if bad > tally.bad {
                return Err(self.changed());
            }
            if batch.len() >= BATCH_RECORDS || done - written_at >= BATCH_BYTES {
                written_at = done;
                self.flush(std::mem::take(&mut batch), &mut pipeline, counts)?;
            }
            Ok(())
        })?;
        self.flush(batch, &mut pipeline, counts)?;
        *counts += pipeline.wait()?.unwrap_or_default();
        if (good, bad) == (tally.good, tally.bad) { Ok(()) } else { Err(self.changed()) }
    }

    /// Sends one batch to the writer, or with `dry` finds out its effect; adds up the counts.
    fn flush(
        &self,
        batch: Vec<Step>,
        pipeline: &mut Pipeline<'_, Vec<Step>, Counts>,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        if !self.source.is_unchanged().map_err(|error| self.unreadable(&error.into()))? {
            return Err(self.changed());
        }
        let (account, now) = (self.account.id, self.now);
        let done = if self.dry_run {
            Some(self.store.read(|tx| apply(tx, account, &batch, (now, true)))?)
        } else {
            pipeline.write(batch, move |tx, batch| apply(tx, account, batch, (now, false)))?
        };
        *counts += done.unwrap_or_default();
        Ok(())
    }

    /// Reads and checks all records. Calls `take` with each record, its line, and the bytes read so far.
    fn scan(
        &self,
        what: &'static str,
        mut take: impl FnMut(u64, Result<Step, Fault>, u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let done = Rc::new(Cell::new(0));
        let zone = &self.account.settings.time_zone;
        let mut records =
            Records::open(&self.source, (self.format, self.contacts), self.encoding, zone, &done)
                .map_err(|error| self.unreadable(&error))?;
        let mut checker = Checker::new(self.store, self.account.id, self.now, self.settings)?;
        let bar = Bar::new(what);
        let (mut shown, total) = (0, self.source.bytes());
        while let Some(Found { line, record }) = records.next().map_err(|error| self.unreadable(&error))? {
            let step = match record.map_err(Refusal::Fault).and_then(|record| checker.check(line, record)) {
                Ok(step) => Ok(step),
                Err(Refusal::Fault(fault)) => Err(fault),
                Err(Refusal::Store(error)) => return Err(error.into()),
            };
            if line.is_multiple_of(LINES_AT_A_STRETCH) {
                thread::yield_now();
            }
            if done.get() != shown {
                shown = done.get();
                bar.at(Progress { done: shown, total });
            }
            take(line, step, shown)?;
        }
        Ok(())
    }

    fn unreadable(&self, error: &Unreadable) -> Failure {
        Failure::failed(format!("cannot read {}: {error}", self.name))
    }

    /// The failure if the file or the store's catalogue changed between the passes.
    fn changed(&self) -> Failure {
        Failure::failed(format!("{} or the catalogue changed while it was read", self.name))
    }
}

//! Copies a whole store exactly, table by table, into another one of either engine.
//!
//! Until the copy is complete and compared, the new store has a mark. With the mark it can only be opened for
//! another copy, which starts anew. The written data is read again and compared with the source: for each
//! account the number of rows, and a digest over them. If the source is a database it is compared again too,
//! because it may have been written meanwhile.
//!
//! A signal that ends the process removes an incomplete folder ([`crate::end_unfinished`]); in a database the
//! mark stays.
//!
//! Nothing is sent from the new store before an operator resumes its outbox: two stores must not send the same
//! events.
//!
//! The mark names its run, and each transaction checks it. If two copies fill one database, the one that
//! began last goes on, and the other ends.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use sha2::{Digest as _, Sha256};

use crate::{
    Error, Kind, Location, Progress, Row, Store, Tx, engine, marks,
    outbox::deliveries,
    partial::Unfinished,
    random,
    table::tables::{Copied, TABLES},
    tx::{Arg, Value},
};

/// The maximum number of rows in one transaction, and of the bytes of their texts.
const BATCH_ROWS: usize = 50_000;
const BATCH_BYTES: usize = 32 << 20;
/// Rows between two reports of progress.
const ROWS_A_REPORT: u64 = 10_000;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Accounts.
    pub accounts: u64,
    /// Orders, of all accounts.
    pub orders: u64,
    /// Rows in all.
    pub rows: u64,
    /// The digests that were compared, one per account.
    pub digests: Vec<AccountDigest>,
}

/// The number and digest of an account's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDigest {
    /// The account's number in the store; 0: rows of no account.
    pub account: i64,
    /// Its rows in all tables.
    pub rows: u64,
    /// SHA-256 of its rows, in hexadecimal.
    pub sha256: String,
}

/// One run of a copy, as marked in the target store.
struct Claim {
    /// The value of the mark: a unique word, and the source.
    mark: String,
    to: String,
    /// Why the new store's outbox is paused.
    why_paused: String,
}

impl Claim {
    fn new(from: &Location, to: &Location) -> Self {
        Self {
            mark: format!("{:010x} {from}", random::number(40)),
            to: to.to_string(),
            why_paused: format!("this store is a copy of {from}"),
        }
    }

    /// Removes an unfinished copy's data, and marks that this one has begun. Any other data is an error.
    fn begin(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if marks::get(tx, marks::COPYING)?.is_some() {
            for table in &TABLES {
                tx.execute(&table.clear, &[])?;
            }
        } else if total(tx)? > 0 {
            return Err(Error::new(
                Kind::Exists,
                format!(
                    "{} holds a store already: a copy needs an empty place, so name another one",
                    self.to
                ),
            ));
        }
        marks::set(tx, marks::COPYING, &self.mark)
    }

    /// Fails if another copy has begun since.
    fn stands(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if marks::get(tx, marks::COPYING)?.as_ref() == Some(&self.mark) {
            return Ok(());
        }
        let text = format!(
            "another `billhook copy` into {} was begun, so this one has ended: wait for that one",
            self.to
        );
        Err(Error::new(Kind::Locked, text))
    }
}

/// Copies the store at `from` into the one at `to`. The target must be missing, empty, or an unfinished copy.
/// Nobody may write either of them meanwhile: a data folder's store must not be open anywhere else.
pub fn copy(
    from: &Location,
    to: &Location,
    progress: &mut dyn FnMut(&'static str, Progress),
) -> Result<Report, Error> {
    if from.to_string() == to.to_string() {
        let text = format!("{from} can't be copied into itself: name another store to copy to");
        return Err(Error::new(Kind::Location, text));
    }
    if !from.holds_store()? {
        return Err(Error::new(Kind::Location, format!("there is no store in {from}: nothing to copy")));
    }
    let _alone = [from.lock_for_serving()?, to.lock_for_serving()?];
    let source = Store::open_for_copy(from)?.whole()?;
    let target = Store::open_for_copy(to)?;
    let claim = Arc::new(Claim::new(from, to));
    let begun = claim.clone();
    target.write(move |tx| begun.begin(tx))?;
    let unfinished = Unfinished::new(engine::files(to));

    let mut digests = Digests::default();
    source.read(|tx| {
        let mut counted = Counted::new(total(tx)?, "copying", progress);
        for table in &TABLES {
            fill(tx, table, &target, &claim, &mut digests, &mut counted)?;
        }
        Ok::<(), Error>(())
    })?;
    let copied = digests.finished();
    let there = digests_of(&target, "comparing", progress)?;
    if let Some(account) = differing(&copied, &there) {
        let text = format!(
            "the copy in {to} differs from {from} (account {account}): it was written meanwhile, or a disk failed; copy again"
        );
        return Err(Error::new(Kind::Damaged, text));
    }
    // A folder is open only here. A database may have been written by anybody, so it is read once more.
    if source.is_shared() {
        let now = digests_of(&source, "looking again", progress)?;
        if let Some(account) = differing(&copied, &now) {
            let text = format!(
                "{from} was written while it was copied (account {account}): stop what writes it, and copy again, which begins anew"
            );
            return Err(Error::new(Kind::Unfinished, text));
        }
    }
    unfinished.finish(|| {
        target.write(move |tx| {
            claim.stands(tx)?;
            // The source may go on, and send what waits in both.
            deliveries::pause(tx, &claim.why_paused)?;
            marks::remove(tx, marks::COPYING)
        })
    })?;
    let count = |table: &str| digests.tables.get(table).copied().unwrap_or(0);
    Ok(Report {
        accounts: count("accounts"),
        orders: count("orders"),
        rows: digests.tables.values().sum(),
        digests: copied,
    })
}

/// Reads a whole store in one transaction.
fn digests_of(
    store: &Store,
    what: &'static str,
    progress: &mut dyn FnMut(&'static str, Progress),
) -> Result<Vec<AccountDigest>, Error> {
    store.read(|tx| {
        let mut digests = Digests::default();
        let mut counted = Counted::new(total(tx)?, what, progress);
        for table in &TABLES {
            tx.rows(&table.read, &[], |row| {
                counted.one();
                if is_copied(table, row)? {
                    digests.add(table, row)?;
                }
                Ok::<(), Error>(())
            })?;
        }
        Ok(digests.finished())
    })
}

/// The first account whose digests differ, or are missing on one side.
fn differing(one: &[AccountDigest], other: &[AccountDigest]) -> Option<i64> {
    let pair = one.iter().zip(other).find(|(one, other)| one != other);
    pair.map(|(one, other)| one.account.min(other.account)).or_else(|| {
        let longer = if one.len() > other.len() { one } else { other };
        longer.get(one.len().min(other.len())).map(|digest| digest.account)
    })
}

fn total(tx: &mut Tx<'_>) -> Result<u64, Error> {
    TABLES.iter().map(|table| tx.counted(&table.count, &[])).sum()
}

/// Whether a row is copied: the copy's own mark is not.
fn is_copied(table: &Copied, row: &dyn Row) -> Result<bool, Error> {
    Ok(table.is_of_accounts() || row.text(0)? != marks::COPYING)
}

/// Copies one table.
fn fill(
    from: &mut Tx<'_>,
    table: &'static Copied,
    target: &Store,
    claim: &Arc<Claim>,
    digests: &mut Digests,
    counted: &mut Counted<'_>,
) -> Result<(), Error> {
    let mut batch: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    let write = |batch: Vec<Vec<Value>>| {
        if batch.is_empty() {
            return Ok(());
        }
        let claim = claim.clone();
        target.write(move |tx| {
            claim.stands(tx)?;
            tx.execute_each(&table.write, &mut batch.iter().map(|row| row.iter().map(Value::arg).collect()))
        })
    };
    from.rows(&table.read, &[], |row| {
        if !is_copied(table, row)? {
            return Ok(());
        }
        digests.add(table, row)?;
        let values = (0..row.width()).map(|column| {
            let value = row.value(column)?;
            if let Arg::Text(text) = value {
                bytes += text.len();
            }
            Ok(value.into())
        });
        batch.push(values.collect::<Result<_, Error>>()?);
        counted.one();
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            write(std::mem::take(&mut batch))?;
        }
        Ok::<(), Error>(())
    })?;
    write(batch)
}

/// Counts rows for reports of progress.
struct Counted<'a> {
    done: u64,
    total: u64,
    what: &'static str,
    progress: &'a mut dyn FnMut(&'static str, Progress),
}

impl<'a> Counted<'a> {
    fn new(total: u64, what: &'static str, progress: &'a mut dyn FnMut(&'static str, Progress)) -> Self {
        Self { done: 0, total, what, progress }
    }

    fn one(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(ROWS_A_REPORT) || self.done == self.total {
            (self.progress)(self.what, Progress { done: self.done, total: self.total });
        }
    }
}

/// The digests of accounts, updated row by row.
#[derive(Default)]
struct Digests {
    accounts: BTreeMap<i64, (u64, Sha256)>,
    tables: BTreeMap<&'static str, u64>,
}

impl Digests {
    /// Adds a row. The rows of one account and table must come in the order of their key.
    fn add(&mut self, table: &Copied, row: &dyn Row) -> Result<(), Error> {
        let account = if table.is_of_accounts() { row.int(0)? } else { 0 };
        let (rows, digest) = self.accounts.entry(account).or_default();
        *rows += 1;
        *self.tables.entry(table.table.name).or_default() += 1;
        digest.update(table.table.name);
        for column in 0..row.width() {
            match row.value(column)? {
                Arg::Int(number) => {
                    digest.update(b"i");
                    digest.update(number.to_be_bytes());
                }
                Arg::Text(text) => {
                    digest.update(b"t");
                    digest.update((text.len() as u64).to_be_bytes());
                    digest.update(text);
                }
            }
        }
        Ok(())
    }

    fn finished(&self) -> Vec<AccountDigest> {
        let accounts = self.accounts.iter();
        accounts
            .map(|(&account, (rows, digest))| {
                let mut sha256 = String::new();
                for byte in digest.clone().finalize() {
                    let _ = write!(sha256, "{byte:02x}");
                }
                AccountDigest { account, rows: *rows, sha256 }
            })
            .collect()
    }
}

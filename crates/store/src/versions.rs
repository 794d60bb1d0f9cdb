//! What products were called when they were ordered.
//!
//! An order keeps its products' names as they were, whatever the catalogue says later. Each set of names is kept once, as a version
//! of its product that never changes and is never removed; lines name it by its number. So a line is a third of the size that it
//! would have with its names in it, and the names of a version that has been read once can stay in memory for good.

use std::{collections::HashMap, sync::Arc};

use billhook_wire::{GoodId, method::GoodNames};
use quick_cache::{Weighter, sync::Cache};

use crate::{AccountId, Error, Kind, Sql, Tx, orders::Line};

/// A product under the names of some time.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) good: GoodId,
    pub(crate) names: Arc<GoodNames>,
}

/// The memory that known versions take, at most.
const KNOWN_BYTES_MAX: u64 = 8 << 20;
/// What a version takes beside its names: the cache's entry, the allocations.
const KNOWN_BYTES_EACH: usize = 160;

/// Versions that were read from the store, by account and number. Filled by read transactions alone: what a write transaction sees
/// may never come to be.
pub(crate) struct KnownVersions(Cache<(i64, i64), Arc<Version>, Bytes>);

#[derive(Clone)]
struct Bytes;

impl Weighter<(i64, i64), Arc<Version>> for Bytes {
    fn weight(&self, _: &(i64, i64), version: &Arc<Version>) -> u64 {
        (KNOWN_BYTES_EACH + version.names.bytes()) as u64
    }
}

impl Default for KnownVersions {
    fn default() -> Self {
        let typical = KNOWN_BYTES_EACH as u64 + 300;
        let entries = usize::try_from(KNOWN_BYTES_MAX / typical).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(entries, KNOWN_BYTES_MAX, Bytes))
    }
}

/// Versions of one product that a transaction remembers, at most: they are searched one by one.
const USED_OF_ONE_MAX: usize = 16;

/// The numbers that one write transaction has looked up or given, by account and product.
#[derive(Default)]
pub(crate) struct UsedVersions(HashMap<(AccountId, GoodId), Vec<UsedVersion>>);

struct UsedVersion {
    good_name: String,
    good_title: String,
    id: i64,
}

const GET: Sql = Sql::new(
    "versions.get",
    "SELECT good_id, good_name, good_title FROM product_versions WHERE account_id = $1 AND version_id = $2",
);

/// The version of a number.
pub(crate) fn get(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Arc<Version>, Error> {
    let place = (account.0, id);
    if let Some(known) = tx.known_versions().and_then(|known| known.0.get(&place)) {
        return Ok(known);
    }
    // It never changes, so it may be read beside the one statement of a transaction that takes one.
    let found = tx.row_that_never_changes(&GET, &[account.0.into(), id.into()], |row| {
        let names = GoodNames::new(row.text(1)?, row.text(2)?)
            .map_err(|error| Error::new(Kind::Statement, format!("store: versions.get: {error}")))?;
        Ok(Version { good: GoodId(row.int(0)?), names: Arc::new(names) })
    })?;
    let lost =
        || Error::new(Kind::Damaged, format!("product version {id} of account {} is missing", account.0));
    let version = Arc::new(found.ok_or_else(lost)?);
    if let Some(known) = tx.known_versions() {
        known.0.insert(place, version.clone());
    }
    Ok(version)
}

const FIND: Sql = Sql::new(
    "versions.find",
    "SELECT version_id FROM product_versions
      WHERE account_id = $1 AND good_id = $2 AND good_name = $3 AND good_title = $4",
);
const ADD: Sql = Sql::new(
    "versions.add",
    "INSERT INTO product_versions (account_id, version_id, good_id, good_name, good_title)
     VALUES ($1, (SELECT COALESCE(MAX(version_id), 0) + 1 FROM product_versions WHERE account_id = $1), $2, $3, $4)
     RETURNING version_id",
);

/// The number of the version that a line's product has; it is given one if it has none.
pub(crate) fn number(tx: &mut Tx<'_>, account: AccountId, line: &Line) -> Result<i64, Error> {
    let used = tx.used_versions().0.entry((account, line.good_id)).or_default();
    let known =
        used.iter().find(|known| known.good_name == line.good_name && known.good_title == line.good_title);
    if let Some(known) = known {
        return Ok(known.id);
    }
    let args = [account.0.into(), line.good_id.0.into(), (&line.good_name).into(), (&line.good_title).into()];
    let id = match tx.row(&FIND, &args, |row| row.int(0))? {
        Some(id) => id,
        None => tx
            .row(&ADD, &args, |row| row.int(0))?
            .ok_or_else(|| Error::new(Kind::Statement, "store: versions.add: no number was given"))?,
    };
    let used = tx.used_versions().0.entry((account, line.good_id)).or_default();
    if used.len() < USED_OF_ONE_MAX {
        used.push(UsedVersion { good_name: line.good_name.clone(), good_title: line.good_title.clone(), id });
    }
    Ok(id)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &FIND, &ADD];

//! The names that products had when they were ordered.
//!
//! An order keeps its products' names, whatever the catalogue says later. Each set of names is stored once,
//! as a version of its product, which never changes and is never removed. Lines refer to it by number. So a
//! line takes a third of the space, and a version that was read once can stay in memory for ever.
//!
//! That must hold even if the database loses its last commits in a failover, or is restored under running
//! servers, when counters repeat. So the lower bits of a number are random, and a number is never used for
//! another version.

use std::{collections::HashMap, sync::Arc};

use billhook_wire::{GoodId, method::GoodNames};
use quick_cache::{Weighter, sync::Cache};

use crate::{
    AccountId, Error, Kind, Sql, Tx, random,
    table::{Columns, Table},
};

/// A product with its names at some time.
#[derive(Debug, Clone)]
pub(crate) struct ProductVersion {
    pub(crate) good: GoodId,
    pub(crate) names: Arc<GoodNames>,
}

/// The memory for cached versions, enough for more than a hundred thousand.
const KNOWN_BYTES_MAX: u64 = 64 << 20;
/// The memory of a version besides its names.
const KNOWN_BYTES_EACH: usize = 120;

/// The number of versions in a block, which are read and cached together. A miss costs a statement. A
/// customer's orders mostly have few products, whose numbers are close together in a small catalogue.
const BLOCK_VERSIONS: i64 = 16;
/// The random bits of a number; the bits above are a counter. [`ADD`] has the same number in its text.
const DRAWN_BITS: u32 = 20;
/// The first number of this kind. Lower ones come from earlier programs, which counted them.
const FIRST_DRAWN: i64 = BLOCK_VERSIONS << DRAWN_BITS;

/// A cache of versions. Only read transactions fill it, because writes may be rolled back.
pub(crate) struct KnownVersions(Cache<Place, Arc<Block>, Bytes>);

/// An account, and the first number of a block in it.
type Place = (i64, i64);

/// Versions in the order of their numbers.
#[derive(Debug, Default)]
struct Block(Vec<(i64, ProductVersion)>);

#[derive(Clone)]
struct Bytes;

impl Weighter<Place, Arc<Block>> for Bytes {
    fn weight(&self, _: &Place, block: &Arc<Block>) -> u64 {
        let versions = block.0.iter().map(|(_, version)| KNOWN_BYTES_EACH + version.names.bytes());
        (KNOWN_BYTES_EACH + versions.sum::<usize>()) as u64
    }
}

impl Default for KnownVersions {
    fn default() -> Self {
        // An estimate for the cache: half-full blocks with names of usual length.
        let typical = 8 * (KNOWN_BYTES_EACH as u64 + 300);
        let blocks = usize::try_from(KNOWN_BYTES_MAX / typical).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(blocks, KNOWN_BYTES_MAX, Bytes))
    }
}

/// The maximum number of blocks in a [`Lookup`], which are searched one by one.
const AT_HAND_MAX: usize = 16;

/// Looks up versions of one account within one transaction.
pub(crate) struct Lookup {
    account: AccountId,
    at_hand: Vec<(i64, Arc<Block>)>,
}

pub(crate) const TABLE: Table = Table {
    name: "product_versions",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<i64>("version_id"),
        Columns::one::<GoodId>("good_id"),
        Columns::one::<String>("good_name"),
        Columns::one::<String>("good_title"),
    ],
    key: &["account_id", "version_id"],
};

const BLOCK: Sql = Sql::new(
    "product_versions.block",
    "SELECT version_id, good_id, good_name, good_title FROM product_versions
      WHERE account_id = $1 AND version_id >= $2 AND version_id < $3 ORDER BY version_id",
);

impl Lookup {
    pub(crate) fn new(account: AccountId) -> Self {
        Self { account, at_hand: Vec::new() }
    }

    /// The version with this number.
    pub(crate) fn get(&mut self, tx: &mut Tx<'_>, id: i64) -> Result<ProductVersion, Error> {
        let size = block_size(id);
        let first = id - id.rem_euclid(size);
        let mut at_hand = self.at_hand.iter().filter(|(at, _)| *at == first);
        if let Some(version) = at_hand.find_map(|(_, block)| block.get(id)) {
            return Ok(version);
        }
        let place = (self.account.0, first);
        let known = tx.known_versions().and_then(|known| known.0.get(&place));
        // A block that was read before this version was made, or before the database went back, lacks it.
        let found = known.and_then(|block| block.get(id).map(|version| (block, version)));
        let (block, version) = if let Some(found) = found {
            found
        } else {
            let block = Arc::new(self.read(tx, first, first.saturating_add(size))?);
            if let Some(known) = tx.known_versions() {
                known.0.insert(place, block.clone());
            }
            let lost = || {
                let account = self.account.0;
                Error::damaged(&format!("product version {id} of account {account} is missing"))
            };
            let version = block.get(id).ok_or_else(lost)?;
            (block, version)
        };
        if self.at_hand.len() == AT_HAND_MAX {
            self.at_hand.clear();
        }
        self.at_hand.push((first, block));
        Ok(version)
    }

    fn read(&self, tx: &mut Tx<'_>, first: i64, end: i64) -> Result<Block, Error> {
        let mut block = Block::default();
        // Versions never change, so this may run besides the only statement of a transaction.
        tx.rows_that_never_change(&BLOCK, &[self.account.0.into(), first.into(), end.into()], |row| {
            let names = GoodNames::new(row.text(2)?, row.text(3)?)
                .map_err(|error| Error::new(Kind::Statement, format!("store: versions.block: {error}")))?;
            block.0.push((row.int(0)?, ProductVersion { good: GoodId(row.int(1)?), names: Arc::new(names) }));
            Ok(())
        })?;
        Ok(block)
    }
}

/// The size of the block that has this number.
fn block_size(id: i64) -> i64 {
    if id < FIRST_DRAWN { BLOCK_VERSIONS } else { BLOCK_VERSIONS << DRAWN_BITS }
}

impl Block {
    fn get(&self, id: i64) -> Option<ProductVersion> {
        let at = self.0.binary_search_by_key(&id, |(number, _)| *number).ok()?;
        self.0.get(at).map(|(_, version)| version.clone())
    }
}

/// The maximum number of one product's versions that a transaction remembers, which are searched one by one.
const USED_OF_ONE_MAX: usize = 16;

/// The version numbers that one write transaction has found or made, by account and product.
#[derive(Default)]
pub(crate) struct UsedVersions(HashMap<(AccountId, GoodId), Vec<UsedVersion>>);

struct UsedVersion {
    good_name: String,
    good_title: String,
    id: i64,
}

const FIND: Sql = Sql::new(
    "product_versions.find",
    "SELECT version_id FROM product_versions
      WHERE account_id = $1 AND good_id = $2 AND good_name = $3 AND good_title = $4",
);
const ADD: Sql = Sql::new(
    "product_versions.add",
    "INSERT INTO product_versions (account_id, version_id, good_id, good_name, good_title)
     VALUES ($1,
             (SELECT CASE WHEN COALESCE(MAX(version_id), 0) < 16777216 THEN 16777216
                          ELSE (MAX(version_id) / 1048576 + 1) * 1048576 END
                FROM product_versions WHERE account_id = $1) + $2,
             $3, $4, $5)
     RETURNING version_id",
);

/// A product with its name and title.
pub(crate) type Named<'a> = (GoodId, &'a str, &'a str);

/// The number of a product's version with these names; makes one if there is none.
pub(crate) fn number(tx: &mut Tx<'_>, account: AccountId, named: Named<'_>) -> Result<i64, Error> {
    let (good, good_name, good_title) = named;
    let used = tx.used_versions().0.entry((account, good)).or_default();
    let known = used.iter().find(|known| known.good_name == good_name && known.good_title == good_title);
    if let Some(known) = known {
        return Ok(known.id);
    }
    let args = [account.0.into(), good.0.into(), good_name.into(), good_title.into()];
    let id = if let Some(id) = tx.row(&FIND, &args, |row| row.int(0))? {
        id
    } else {
        let [account, good, name, title] = args;
        let args = [account, random::number(DRAWN_BITS).into(), good, name, title];
        tx.added(&ADD, &args)?
    };
    note(tx, account, named, id);
    Ok(id)
}

/// Remembers a product's version with these names.
pub(crate) fn note(tx: &mut Tx<'_>, account: AccountId, (good, good_name, good_title): Named<'_>, id: i64) {
    let used = tx.used_versions().0.entry((account, good)).or_default();
    if used.len() < USED_OF_ONE_MAX {
        used.push(UsedVersion { good_name: good_name.to_owned(), good_title: good_title.to_owned(), id });
    }
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&BLOCK, &FIND, &ADD];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_counts_as_the_blocks_do() {
        let step = 1_i64 << DRAWN_BITS;
        assert!(ADD.text.contains(&format!("/ {step} + 1) * {step}")), "{}", ADD.text);
        assert!(ADD.text.contains(&format!("< {FIRST_DRAWN} THEN {FIRST_DRAWN}")), "{}", ADD.text);
        assert_eq!(FIRST_DRAWN % block_size(FIRST_DRAWN), 0);
    }
}

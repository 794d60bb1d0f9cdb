//! Discount coupons: what they take off, of which products, when, and how often.

use billhook_wire::{GoodId, Money, Percent};

use crate::{
    AccountId, Arg, Error, Sql, Tx, marks,
    statement_text::sql,
    table::{self, Columns, Reader, Stores, Table, row},
};

/// What marks call coupons.
const KIND: &str = "coupon";

/// A coupon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coupon {
    /// Its number.
    pub id: i64,
    /// The code that the buyer types; letter case does not matter.
    pub coupon: String,
    /// What it takes off.
    pub discount: Discount,
    /// From when on it holds, unix seconds.
    pub starts: i64,
    /// Until when it holds, unix seconds; 0: for ever.
    pub ends: i64,
    /// How often it may be used; 0: without limit.
    pub uses_max: i64,
    /// How often it was used.
    pub uses: i64,
    /// The products that it is for; none: all.
    pub goods: Vec<GoodId>,
}

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// A share of each product's price.
    Percent(Percent),
    /// A sum off the order, taken from its products one after the other.
    Sum(Money),
}

impl Default for Discount {
    fn default() -> Self {
        Self::Sum(Money::ZERO)
    }
}

const PERCENT: &str = "percent";
const SUM: &str = "sum";

impl Stores for Discount {
    const COLUMNS: &'static [Columns] = &[Columns::one::<String>("kind"), Columns::one::<i64>("amount")];

    fn args<'a>(&'a self, args: &mut Vec<Arg<'a>>) {
        args.extend(match self {
            Self::Percent(share) => [Arg::from(PERCENT), share.hundredths().into()],
            Self::Sum(sum) => [Arg::from(SUM), sum.kopecks().into()],
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.text()? {
            PERCENT => reader.next("coupon", "amount").map(Self::Percent),
            SUM => reader.next("coupon", "amount").map(Self::Sum),
            kind => Err(Error::damaged(&format!("a coupon of the unknown kind {kind:?}"))),
        }
    }
}

row! {
    Coupon: "coupon" {
        coupon_id: i64 = id,
        coupon: String = coupon,
        starts: i64 = starts,
        ends: i64 = ends,
        uses_max: i64 = uses_max,
        uses: i64 = uses,
        ; ..discount: Discount
    }
}

pub(crate) const TABLE: Table = Table {
    name: "coupons",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::Of(Coupon::COLUMNS),
        Columns::one::<String>("coupon_key"),
    ],
    key: &["account_id", "coupon_id"],
};

pub(crate) const GOODS_TABLE: Table = Table {
    name: "coupon_goods",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<i64>("coupon_id"),
        Columns::one::<GoodId>("good_id"),
    ],
    key: &["account_id", "coupon_id", "good_id"],
};

impl Coupon {
    /// Whether it can be used at this time.
    pub fn holds(&self, now: i64) -> bool {
        self.starts <= now
            && (self.ends == 0 || now <= self.ends)
            && (self.uses_max == 0 || self.uses < self.uses_max)
    }

    /// Whether it is for this product.
    pub fn is_for(&self, good: GoodId) -> bool {
        self.goods.is_empty() || self.goods.contains(&good)
    }
}

/// Selects coupons.
macro_rules! coupons {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(Coupon::COLUMNS, ""), " FROM coupons WHERE ", $rest)
    };
}

const LIST: Sql = coupons!("coupons.list", "account_id = $1 ORDER BY coupon_id");

/// Every coupon, by number, without the products that each is for.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Coupon>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = coupons!("coupons.find", "account_id = $1 AND coupon_id = $2");
const NAMED: Sql = coupons!("coupons.named", "account_id = $1 AND coupon_key = $2");
const GOODS: Sql = Sql::new(
    "coupons.goods",
    "SELECT good_id FROM coupon_goods WHERE account_id = $1 AND coupon_id = $2 ORDER BY good_id",
);

/// The coupon of a number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Coupon>, Error> {
    let found = tx.row(&FIND, &[account.0.into(), id.into()], table::read)?;
    found.map(|coupon| with_goods(tx, account, coupon)).transpose()
}

/// The coupon of a code.
pub fn named(tx: &mut Tx<'_>, account: AccountId, code: &str) -> Result<Option<Coupon>, Error> {
    let found = tx.row(&NAMED, &[account.0.into(), (&key(code)).into()], table::read)?;
    found.map(|coupon| with_goods(tx, account, coupon)).transpose()
}

/// A coupon of [`list`], with the products that it is for.
pub fn with_goods(tx: &mut Tx<'_>, account: AccountId, mut coupon: Coupon) -> Result<Coupon, Error> {
    coupon.goods = tx.all(&GOODS, &[account.0.into(), coupon.id.into()], |row| row.int(0).map(GoodId))?;
    Ok(coupon)
}

const HIGHEST: Sql = Sql::new(
    "coupons.highest",
    "SELECT coupon_id FROM coupons WHERE account_id = $1 ORDER BY coupon_id DESC LIMIT 1",
);
const ADD: Sql =
    sql!("coupons.add", Piece::Insert(&TABLE), " ON CONFLICT (account_id, coupon_key) DO NOTHING");
const ADD_GOOD: Sql = sql!(
    "coupons.add_good",
    Piece::Insert(&GOODS_TABLE),
    " ON CONFLICT (account_id, coupon_id, good_id) DO NOTHING",
);

/// Adds a coupon that nobody has used; its number is the answer, or none if the code is taken. `createorder` names coupons by number,
/// so a number that was removed is not given again.
pub fn add(tx: &mut Tx<'_>, account: AccountId, coupon: &Coupon) -> Result<Option<i64>, Error> {
    let key = key(&coupon.coupon);
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    let added = Coupon { id, coupon: coupon.coupon.trim().to_owned(), uses: 0, ..coupon.clone() };
    let mut args = table::args(account, &added);
    args.push((&key).into());
    if tx.execute(&ADD, &args)? == 0 {
        return Ok(None);
    }
    add_goods(tx, account, id, &coupon.goods)?;
    Ok(Some(id))
}

fn add_goods(tx: &mut Tx<'_>, account: AccountId, id: i64, goods: &[GoodId]) -> Result<(), Error> {
    for good in goods {
        tx.execute(&ADD_GOOD, &[account.0.into(), id.into(), good.0.into()])?;
    }
    Ok(())
}

const PUT: Sql = sql!("coupons.put", Piece::Upsert(&TABLE));

/// Replaces all of the coupon of that number, its uses too, or adds one of a number that it had elsewhere.
pub fn put(tx: &mut Tx<'_>, account: AccountId, coupon: &Coupon) -> Result<(), Error> {
    let key = key(&coupon.coupon);
    let mut args = table::args(account, coupon);
    args.push((&key).into());
    tx.execute(&PUT, &args)?;
    tx.execute(&REMOVE_GOODS, &[account.0.into(), coupon.id.into()])?;
    add_goods(tx, account, coupon.id, &coupon.goods)
}

const USE: Sql = Sql::new(
    "coupons.use",
    "UPDATE coupons SET uses = uses + 1
      WHERE account_id = $1 AND coupon_id = $2 AND (uses_max = 0 OR uses < uses_max)",
);

/// Counts one use; false if none is left.
pub fn use_once(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    Ok(tx.execute(&USE, &[account.0.into(), id.into()])? > 0)
}

const REMOVE: Sql =
    Sql::new("coupons.remove", "DELETE FROM coupons WHERE account_id = $1 AND coupon_id = $2");
const REMOVE_GOODS: Sql =
    Sql::new("coupons.remove_goods", "DELETE FROM coupon_goods WHERE account_id = $1 AND coupon_id = $2");

/// Removes a coupon; false if there is none of that number. Orders keep what it took off, and its code.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    tx.execute(&REMOVE_GOODS, &[account.0.into(), id.into()])?;
    let was_there = tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0;
    if was_there {
        marks::note_removed(tx, account, KIND, id)?;
    }
    Ok(was_there)
}

fn key(code: &str) -> String {
    code.trim().to_lowercase()
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&LIST, &FIND, &NAMED, &GOODS, &HIGHEST, &ADD, &ADD_GOOD, &PUT, &USE, &REMOVE, &REMOVE_GOODS];

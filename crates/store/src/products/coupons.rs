//! Discount coupons.

use billhook_wire::{GoodId, Money, Percent};

use crate::{
    AccountId, Arg, Error, Sql, Tx, marks,
    table::{self, Columns, Reader, Stores, Table, row, statement_text::sql},
};

/// The kind of coupons in `marks`.
const KIND: &str = "coupon";

/// A coupon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coupon {
    /// Its number.
    pub id: i64,
    /// The code that buyers type; letter case does not matter.
    pub coupon: String,
    /// Its discount.
    pub discount: Discount,
    /// The first second at which it is valid, unix seconds.
    pub starts: i64,
    /// The last second at which it is valid, unix seconds; 0: no limit.
    pub ends: i64,
    /// How often it may be used; 0: no limit.
    pub uses_max: i64,
    /// How often it was used.
    pub uses: i64,
    /// The products that it is for; empty: all.
    pub goods: Vec<GoodId>,
}

/// A coupon's discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// A percentage of each product's price.
    Percent(Percent),
    /// A sum off the order, subtracted from one product after the other.
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
    /// Whether it is valid at this time, and not used up.
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

macro_rules! coupons {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(Coupon::COLUMNS, ""), " FROM coupons WHERE ", $rest)
    };
}

const LIST: Sql = coupons!("coupons.list", "account_id = $1 ORDER BY coupon_id");

/// Every coupon, by number, without its list of products.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Coupon>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = coupons!("coupons.find", "account_id = $1 AND coupon_id = $2");
const NAMED: Sql = coupons!("coupons.named", "account_id = $1 AND coupon_key = $2");
const GOODS: Sql = Sql::new(
    "coupons.goods",
    "SELECT good_id FROM coupon_goods WHERE account_id = $1 AND coupon_id = $2 ORDER BY good_id",
);

/// The coupon with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Coupon>, Error> {
    let found = tx.row(&FIND, &[account.0.into(), id.into()], table::read)?;
    found.map(|coupon| with_goods(tx, account, coupon)).transpose()
}

/// The coupon with this code.
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

/// Adds an unused coupon and returns its number; `None` if the code is taken. Numbers of removed coupons are
/// not used again, because `createorder` refers to coupons by number.
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

/// Removes a coupon; false if there is none with this number. Orders keep its code and discount.
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

//! Discount coupons: what they take off, of which products, when, and how often.

use billhook_wire::{GoodId, Money, Percent};

use crate::{AccountId, Error, Row, Sql, Tx, marks};

/// What marks call coupons.
const KIND: &str = "coupon";

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl Discount {
    const fn kind(self) -> &'static str {
        match self {
            Self::Percent(_) => "percent",
            Self::Sum(_) => "sum",
        }
    }

    const fn amount(self) -> i64 {
        match self {
            Self::Percent(share) => share.hundredths(),
            Self::Sum(sum) => sum.kopecks(),
        }
    }
}

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

const LIST: Sql = Sql::new(
    "coupons.list",
    "SELECT coupon_id, coupon, kind, amount, starts, ends, uses_max, uses FROM coupons
      WHERE account_id = $1 ORDER BY coupon_id",
);

/// Every coupon, by number, without the products that each is for.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Coupon>, Error> {
    let mut coupons = Vec::new();
    tx.rows(&LIST, &[account.0.into()], |row| {
        coupons.push(coupon(row)?);
        Ok::<(), Error>(())
    })?;
    Ok(coupons)
}

const FIND: Sql = Sql::new(
    "coupons.find",
    "SELECT coupon_id, coupon, kind, amount, starts, ends, uses_max, uses FROM coupons
      WHERE account_id = $1 AND coupon_id = $2",
);
const NAMED: Sql = Sql::new(
    "coupons.named",
    "SELECT coupon_id, coupon, kind, amount, starts, ends, uses_max, uses FROM coupons
      WHERE account_id = $1 AND coupon_key = $2",
);
const GOODS: Sql = Sql::new(
    "coupons.goods",
    "SELECT good_id FROM coupon_goods WHERE account_id = $1 AND coupon_id = $2 ORDER BY good_id",
);

/// The coupon of a number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Coupon>, Error> {
    let found = tx.row(&FIND, &[account.0.into(), id.into()], coupon)?;
    found.map(|coupon| with_goods(tx, account, coupon)).transpose()
}

/// The coupon of a code.
pub fn named(tx: &mut Tx<'_>, account: AccountId, code: &str) -> Result<Option<Coupon>, Error> {
    let found = tx.row(&NAMED, &[account.0.into(), (&key(code)).into()], coupon)?;
    found.map(|coupon| with_goods(tx, account, coupon)).transpose()
}

fn with_goods(tx: &mut Tx<'_>, account: AccountId, mut coupon: Coupon) -> Result<Coupon, Error> {
    tx.rows(&GOODS, &[account.0.into(), coupon.id.into()], |row| {
        coupon.goods.push(GoodId(row.int(0)?));
        Ok::<(), Error>(())
    })?;
    Ok(coupon)
}

const HIGHEST: Sql = Sql::new(
    "coupons.highest",
    "SELECT coupon_id FROM coupons WHERE account_id = $1 ORDER BY coupon_id DESC LIMIT 1",
);
const ADD: Sql = Sql::new(
    "coupons.add",
    "INSERT INTO coupons (account_id, coupon_id, coupon, coupon_key, kind, amount, starts, ends, uses_max, uses)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
         ON CONFLICT (account_id, coupon_key) DO NOTHING",
);
const ADD_GOOD: Sql = Sql::new(
    "coupons.add_good",
    "INSERT INTO coupon_goods (account_id, coupon_id, good_id) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, coupon_id, good_id) DO NOTHING",
);

/// Adds a coupon that nobody has used; its number is the answer, or none if the code is taken. `createorder` names coupons by number,
/// so a number that was removed is not given again.
pub fn add(tx: &mut Tx<'_>, account: AccountId, coupon: &Coupon) -> Result<Option<i64>, Error> {
    let key = key(&coupon.coupon);
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    let args = [
        account.0.into(),
        id.into(),
        coupon.coupon.trim().into(),
        (&key).into(),
        coupon.discount.kind().into(),
        coupon.discount.amount().into(),
        coupon.starts.into(),
        coupon.ends.into(),
        coupon.uses_max.into(),
    ];
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

const SAVE: Sql = Sql::new(
    "coupons.save",
    "UPDATE coupons SET kind = $1, amount = $2, starts = $3, ends = $4, uses_max = $5
      WHERE account_id = $6 AND coupon_id = $7",
);

/// Saves what can change of a coupon: all but its number, its code, and how often it was used.
pub fn save(tx: &mut Tx<'_>, account: AccountId, coupon: &Coupon) -> Result<(), Error> {
    let args = [
        coupon.discount.kind().into(),
        coupon.discount.amount().into(),
        coupon.starts.into(),
        coupon.ends.into(),
        coupon.uses_max.into(),
        account.0.into(),
        coupon.id.into(),
    ];
    tx.execute(&SAVE, &args)?;
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

fn coupon(row: &dyn Row) -> Result<Coupon, Error> {
    let id = row.int(0)?;
    let damaged = || Error::damaged(&format!("coupon {id}: unknown discount"));
    let amount = row.int(3)?;
    let discount = match row.text(2)? {
        "percent" => Discount::Percent(Percent::from_hundredths(amount).map_err(|_| damaged())?),
        "sum" => Discount::Sum(Money::from_kopecks(amount)),
        _ => return Err(damaged()),
    };
    Ok(Coupon {
        id,
        coupon: row.text(1)?.to_owned(),
        discount,
        starts: row.int(4)?,
        ends: row.int(5)?,
        uses_max: row.int(6)?,
        uses: row.int(7)?,
        goods: Vec::new(),
    })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&LIST, &FIND, &NAMED, &GOODS, &HIGHEST, &ADD, &ADD_GOOD, &SAVE, &USE, &REMOVE, &REMOVE_GOODS];

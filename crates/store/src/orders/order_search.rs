//! Finds orders for people: by what they type into a search box, by a product, or the newest first of some time.
//!
//! One index is walked, whichever fits best, and whatever else was asked for is looked at on the way. No more than so many rows are
//! looked at for one page; the next page goes on where it ended.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use billhook_wire::{GoodId, Money, OrderId, PayStatus};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{
        income,
        order_facts::{self, BY_NUMBER, Facts, facts, one_more},
    },
    table,
};

pub use crate::orders::{order_facts::COUNTED_MAX, search_word::Word};

/// As many rows are looked at for one page.
pub const LOOKED_AT_MAX: usize = 20_000;
/// Words that name more orders than this are looked for along the filter's time.
pub(crate) const NAMED_MAX: u64 = 5_000;

/// Which time of an order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// When it was created.
    Created,
    /// When it was paid; only paid orders.
    Paid,
    /// When money came in for it last.
    Income,
    /// When money of it was given back last.
    Refunds,
}

/// Which orders are wanted. By default all of them that are not hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// One of these has to hold; none: any order.
    pub words: Vec<Word>,
    /// Only those with this product.
    pub product: Option<GoodId>,
    /// Which time counts.
    pub by: By,
    /// The first and the last second.
    pub time: (i64, i64),
    /// Only those of this state.
    pub status: Option<PayStatus>,
    /// Only those for which some money is there.
    pub is_prepaid: bool,
    /// The least and the most that they cost.
    pub price: (Money, Money),
    /// Only those of the manager of this number; 0: of any.
    pub manager: i64,
    /// Only those with this tag; empty: any. Letter case does not matter, here and below.
    pub tag: String,
    /// Only those with this coupon.
    pub coupon: String,
    /// Only those of the partner with this login or number, of either level.
    pub partner: String,
    /// Only those with a mark of this text.
    pub utm: String,
    /// Only those of this channel, their `utm_source`.
    pub channel: String,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            product: None,
            by: By::Created,
            time: (i64::MIN, i64::MAX - 1),
            status: None,
            is_prepaid: false,
            price: (Money::from_kopecks(i64::MIN), Money::from_kopecks(i64::MAX)),
            manager: 0,
            tag: String::new(),
            coupon: String::new(),
            partner: String::new(),
            utm: String::new(),
            channel: String::new(),
        }
    }
}

/// Where an order stands in a list: its time and its number, of which the greater ones come first. In a product's list the time is 0.
pub type Position = (i64, i64);

/// Before every order. From here [`find`] counts them too.
pub const START: Position = (i64::MAX, i64::MAX);
/// Before every order as well, and they are not counted.
pub const UNCOUNTED_START: Position = (i64::MAX, i64::MAX - 1);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The orders, the newest first.
    pub orders: Vec<OrderId>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Position>,
    /// How many there are on all pages, and whether there are more than that; none: it was not counted.
    pub total: Option<(u64, bool)>,
}

impl Filter {
    fn takes(&self, facts: &Facts) -> bool {
        let is_named = self.words.iter().any(|word| matches!(word, Word::Number(id) if *id == facts.id));
        let has =
            |wanted: &str, of: &[&String]| wanted.is_empty() || of.iter().any(|text| same(text, wanted));
        (facts.deleted == 0 || is_named)
            && (self.words.is_empty() || self.words.iter().any(|word| facts.are_named_by(word)))
            && facts.at.is_some_and(|at| (self.time.0..=self.time.1).contains(&at))
            && (!self.is_prepaid || facts.received > Money::ZERO)
            && self.status.is_none_or(|status| status == facts.pay_status)
            && (self.price.0..=self.price.1).contains(&facts.price)
            && (self.manager == 0 || self.manager == facts.manager)
            && has(&self.tag, &[&facts.tag])
            && has(&self.coupon, &[&facts.coupon])
            && has(&self.channel, &[&facts.utm_source])
            && has(&self.partner, &[&facts.aff, &facts.aff_name, &facts.paff, &facts.paff_name])
            && has(
                &self.utm,
                &[
                    &facts.utm_medium,
                    &facts.utm_source,
                    &facts.utm_campaign,
                    &facts.utm_content,
                    &facts.utm_term,
                ],
            )
    }

    /// Whether the product is all that it asks for.
    fn is_product_alone(&self) -> bool {
        *self == Self { product: self.product, ..Self::default() }
    }

    /// Whether the words are.
    fn are_words_alone(&self) -> bool {
        *self == Self { words: self.words.clone(), ..Self::default() }
    }

    /// Whether the time is.
    fn is_time_alone(&self) -> bool {
        *self == Self { by: self.by, time: self.time, ..Self::default() }
    }

    fn position(&self, facts: &Facts) -> Position {
        if self.product.is_some() { (0, facts.id.0) } else { (facts.at.unwrap_or(END.0), facts.id.0) }
    }

    /// When money came in for each order, or was given back, within the time; nothing where that is not asked for.
    fn moved(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<HashMap<OrderId, i64>, Error> {
        let mut times = HashMap::new();
        if matches!(self.by, By::Income | By::Refunds) {
            income::each_between(tx, account, self.time, |order, payment| {
                let sum = if self.by == By::Income { payment.sum } else { Money::ZERO - payment.sum };
                if sum > Money::ZERO {
                    let time = times.entry(order).or_insert(payment.received);
                    *time = payment.received.max(*time);
                }
            })?;
        }
        Ok(times)
    }
}

/// Whether two texts are the same but for letter case.
fn same(text: &str, wanted: &str) -> bool {
    text.chars().flat_map(char::to_lowercase).eq(wanted.chars().flat_map(char::to_lowercase))
}

/// A walk along orders, the newest first.
struct Walk<'a> {
    filter: &'a Filter,
    moved: HashMap<OrderId, i64>,
    most: usize,
    counts: bool,
    orders: Vec<OrderId>,
    looked_at: usize,
    matched: u64,
    /// Where the last order stands that was looked at, and the last one of the page.
    last: Position,
    last_found: Position,
    is_cut: bool,
}

/// Why a walk ends before its rows do.
pub(crate) enum Stop {
    Enough,
    Store(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Walk<'_> {
    /// Puts the time that counts into an order's facts.
    fn timed(&self, facts: Facts) -> Facts {
        let at = match self.filter.by {
            By::Created => Some(facts.created),
            By::Paid => (facts.pay_status == PayStatus::Paid).then_some(facts.paid),
            By::Income | By::Refunds => self.moved.get(&facts.id).copied(),
        };
        Facts { at, ..facts }
    }

    fn see(&mut self, facts: &Facts) -> Result<(), Stop> {
        if self.looked_at == LOOKED_AT_MAX {
            self.is_cut = true;
            return Err(Stop::Enough);
        }
        self.looked_at += 1;
        self.last = self.filter.position(facts);
        if !self.filter.takes(facts) {
            return Ok(());
        }
        self.matched += 1;
        if self.orders.len() < self.most {
            self.orders.push(facts.id);
            self.last_found = self.last;
        } else if !self.counts || self.matched > COUNTED_MAX {
            return Err(Stop::Enough);
        }
        Ok(())
    }

    /// Sees those of the orders that stand behind one position and down to another, below which there may be more.
    fn see_each(&mut self, rows: Vec<Facts>, after: Position, floor: Position) {
        let rows = rows.into_iter().map(|facts| self.timed(facts));
        let sorted: BTreeMap<_, _> =
            rows.map(|facts| (Reverse(self.filter.position(&facts)), facts)).collect();
        for (Reverse(position), facts) in sorted {
            if position < after && position >= floor && self.see(&facts).is_err() {
                return;
            }
        }
        if floor != END {
            self.is_cut = true;
            self.last = floor;
        }
    }

    fn found(self) -> Found {
        let is_full = self.matched > self.orders.len() as u64;
        let more = self.is_cut || self.matched > COUNTED_MAX;
        let next = if is_full { Some(self.last_found) } else { self.is_cut.then_some(self.last) };
        let total = self.counts.then_some((self.matched.min(COUNTED_MAX), more));
        Found { orders: self.orders, next, total }
    }
}

/// The orders that a filter takes, behind a position of its list ([`START`] for the first page).
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    filter: &Filter,
    after: Position,
    most: usize,
) -> Result<Found, Error> {
    let mut walk = Walk {
        filter,
        moved: filter.moved(tx, account)?,
        most,
        counts: after == START,
        orders: Vec::new(),
        looked_at: 0,
        matched: 0,
        last: START,
        last_found: START,
        is_cut: false,
    };
    let (total, named) = named(tx, account, &walk, after)?;
    walk.counts &= total.is_none();
    match named {
        Some((rows, floor)) => walk.see_each(rows, after, floor),
        None => match filter.by {
            By::Created => along_time(tx, account, &mut walk, &BY_CREATED, after)?,
            By::Paid => along_time(tx, account, &mut walk, &BY_PAID, after)?,
            By::Income | By::Refunds => along_money(tx, account, &mut walk, after)?,
        },
    }
    let found = walk.found();
    Ok(Found { total: total.or(found.total), ..found })
}

/// How many there are, and whether there are more than that.
type Total = (u64, bool);
/// Orders, and the position down to which they are all of them.
type Named = (Vec<Facts>, Position);

/// The orders that a filter's product or words name; none where a walk along its time finds them. Before that, their total, if the filter
/// asks for nothing else.
fn named(
    tx: &mut Tx<'_>,
    account: AccountId,
    walk: &Walk<'_>,
    after: Position,
) -> Result<(Option<Total>, Option<Named>), Error> {
    let filter = walk.filter;
    if let Some(product) = filter.product {
        let versions = versions(tx, account, product)?;
        let is_counted = walk.counts && filter.is_product_alone();
        let total = is_counted.then(|| count_ordered(tx, account, &versions)).transpose()?;
        return Ok((total, Some(of_versions(tx, account, walk, &versions, after)?)));
    }
    if filter.words.is_empty() {
        let is_counted = walk.counts && filter.is_time_alone();
        return Ok((is_counted.then(|| count(tx, account, walk)).transpose()?, None));
    }
    let counts = order_facts::count_named(tx, account, &filter.words)?;
    if counts.iter().sum::<u64>() <= NAMED_MAX {
        return Ok((None, Some((order_facts::named(tx, account, &filter.words)?, END))));
    }
    // Of several words some orders may be counted twice, and of names those with another first name are.
    let mut counts = filter.words.iter().zip(counts).filter(|(_, count)| *count > 0);
    let only = counts.next().filter(|(word, _)| !matches!(word, Word::Name { .. }));
    let only = only.filter(|_| walk.counts && filter.are_words_alone() && counts.next().is_none());
    let only = only.map(|(_, count)| count);
    Ok((only.map(total_of), None))
}

/// A count that ends soon after [`COUNTED_MAX`].
fn total_of(count: u64) -> Total {
    (count.min(COUNTED_MAX), count > COUNTED_MAX)
}

const BY_CREATED: Sql = facts!(
    "order_search.by_created",
    "orders o WHERE o.account_id = $1 AND o.deleted = 0 AND o.created >= $2 AND (o.created, o.order_id) < ($3, $4)
      ORDER BY o.created DESC, o.order_id DESC LIMIT $5"
);
const BY_PAID: Sql = facts!(
    "order_search.by_paid",
    "orders o WHERE o.account_id = $1 AND o.deleted = 0 AND o.pay_status = 'paid' AND o.paid >= $2
                AND (o.paid, o.order_id) < ($3, $4)
      ORDER BY o.paid DESC, o.order_id DESC LIMIT $5"
);

fn along_time(
    tx: &mut Tx<'_>,
    account: AccountId,
    walk: &mut Walk<'_>,
    sql: &'static Sql,
    after: Position,
) -> Result<(), Error> {
    let Filter { time: (begin, end), .. } = *walk.filter;
    let rows = if walk.filter.is_time_alone() { walk.most } else { LOOKED_AT_MAX };
    let (time, id) = after.min((end.saturating_add(1), 0));
    let args = [account.0.into(), begin.into(), time.into(), id.into(), limit(rows)];
    match tx.rows(sql, &args, |row| walk.see(&walk.timed(table::read(row)?))) {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// The newest orders below a position, at most so many.
pub(crate) fn newest(
    tx: &mut Tx<'_>,
    account: AccountId,
    below: Position,
    most: usize,
) -> Result<Vec<Facts>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let args = [account.0.into(), i64::MIN.into(), below.0.into(), below.1.into(), most.into()];
    tx.all(&BY_CREATED, &args, table::read)
}

/// How many orders are asked for by number at once.
const ASKED_AT_ONCE: usize = 100;

/// Looks at the orders for which money moved.
fn along_money(
    tx: &mut Tx<'_>,
    account: AccountId,
    walk: &mut Walk<'_>,
    after: Position,
) -> Result<(), Error> {
    let mut positions: Vec<Position> = walk.moved.iter().map(|(id, at)| (*at, id.0)).collect();
    positions.retain(|position| *position < after);
    positions.sort_unstable_by_key(|position| Reverse(*position));
    for some in positions.chunks(ASKED_AT_ONCE) {
        let args: Vec<_> = some.iter().map(|(_, id)| vec![account.0.into(), (*id).into()]).collect();
        let mut orders: Vec<Facts> = Vec::with_capacity(some.len());
        tx.rows_each(&BY_NUMBER, &args, |_, row| table::read(row).map(|facts| orders.push(facts)))?;
        for facts in orders {
            if walk.see(&walk.timed(facts)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One more than so many rows, so that it is seen whether more follow.
pub(crate) fn limit(rows: usize) -> Arg<'static> {
    one_more(rows as u64)
}

const COUNT_CREATED: Sql = Sql::new(
    "order_search.count_created",
    "SELECT COUNT(*) FROM (
         SELECT order_id FROM orders WHERE account_id = $1 AND deleted = 0 AND created >= $2 AND created <= $3 LIMIT $4
     ) counted",
);
const COUNT_PAID: Sql = Sql::new(
    "order_search.count_paid",
    "SELECT COUNT(*) FROM (
         SELECT order_id FROM orders
          WHERE account_id = $1 AND deleted = 0 AND pay_status = 'paid' AND paid >= $2 AND paid <= $3 LIMIT $4
     ) counted",
);

/// How many orders there are of a filter's time, and whether there are more.
fn count(tx: &mut Tx<'_>, account: AccountId, walk: &Walk<'_>) -> Result<Total, Error> {
    let (begin, end) = walk.filter.time;
    let args = [account.0.into(), begin.into(), end.into(), one_more(COUNTED_MAX)];
    let count = match walk.filter.by {
        By::Created => tx.counted(&COUNT_CREATED, &args)?,
        By::Paid => tx.counted(&COUNT_PAID, &args)?,
        By::Income | By::Refunds => walk.moved.len() as u64,
    };
    Ok(total_of(count))
}

/// Behind every order.
const END: Position = (i64::MIN, i64::MIN);

const VERSIONS: Sql = Sql::new(
    "order_search.versions",
    "SELECT version_id FROM product_versions WHERE account_id = $1 AND good_id = $2",
);
const BY_VERSION: Sql = facts!(
    "order_search.by_version",
    "order_lines l CROSS JOIN orders o
      WHERE l.account_id = $1 AND l.version_id = $2 AND l.order_id < $3
        AND o.account_id = l.account_id AND o.order_id = l.order_id
      ORDER BY l.order_id DESC LIMIT $4"
);

// A hidden order's key begins with a space (`orders::hidden_key`).
const COUNT_VERSION: Sql = Sql::new(
    "order_search.count_version",
    "SELECT DISTINCT order_id FROM order_lines
      WHERE account_id = $1 AND version_id = $2 AND (email_key < ' ' OR email_key >= '!')
      ORDER BY order_id LIMIT $3",
);

fn versions(tx: &mut Tx<'_>, account: AccountId, product: GoodId) -> Result<Vec<i64>, Error> {
    tx.all(&VERSIONS, &[account.0.into(), product.0.into()], |row| row.int(0))
}

/// How many orders have one of a product's versions.
fn count_ordered(tx: &mut Tx<'_>, account: AccountId, versions: &[i64]) -> Result<Total, Error> {
    let mut orders = HashSet::new();
    for version in versions {
        let args = [account.0.into(), (*version).into(), one_more(COUNTED_MAX)];
        orders.extend(tx.all(&COUNT_VERSION, &args, |row| row.int(0))?);
    }
    Ok(total_of(orders.len() as u64))
}

/// A product's orders below a position, and down to where they are all of them. Each of its versions has a list of its own.
fn of_versions(
    tx: &mut Tx<'_>,
    account: AccountId,
    walk: &Walk<'_>,
    versions: &[i64],
    after: Position,
) -> Result<Named, Error> {
    let each = if walk.filter.is_product_alone() {
        walk.most + 1
    } else {
        (LOOKED_AT_MAX / versions.len().max(1)).max(1)
    };
    let (mut rows, mut floor) = (Vec::new(), END);
    for version in versions {
        let args = [account.0.into(), (*version).into(), after.1.into(), limit(each)];
        let mut found: Vec<Facts> = tx.all(&BY_VERSION, &args, table::read)?;
        if found.len() > each {
            // Below the last one there are more.
            found.pop();
            floor = floor.max((0, found.last().map_or(0, |facts| facts.id.0)));
        }
        rows.append(&mut found);
    }
    Ok((rows, floor))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&BY_CREATED, &BY_PAID, &COUNT_CREATED, &COUNT_PAID, &VERSIONS, &BY_VERSION, &COUNT_VERSION];

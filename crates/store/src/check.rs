//! Finds data that can't be read or is inconsistent, which none of our transactions could have written.

use std::fmt;

use billhook_wire::{Email, Money, OrderId};

use crate::{
    AccountId, Error, Kind, Progress, Sql, Tx, accounts, managers,
    orders::{
        self, hidden_key,
        order_keys::{phone_key, surname_key},
        payments,
    },
    partners,
    products::{self, categories, coupons, pincodes},
    table::tables::TABLES,
};

/// One finding, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(String);

impl Finding {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The maximum number of findings to list. With so many, a backup helps more than a longer list.
const FINDINGS_MAX: usize = 100;
/// Rows between two reports of progress.
const ROWS_A_REPORT: u64 = 10_000;

const TOTAL: Sql =
    Sql::new("check.total", "SELECT 2 * (SELECT COUNT(*) FROM orders) + (SELECT COUNT(*) FROM order_lines)");

const ORDERS: Sql = Sql::new(
    "check.orders",
    "SELECT o.account_id, o.order_id, o.email, o.email_key,
            o.deleted, o.received,
            CAST(COALESCE((SELECT SUM(p.sum) FROM payments p WHERE p.account_id = o.account_id AND p.order_id = o.order_id), 0)
                 AS BIGINT),
            (SELECT COUNT(*) FROM order_lines l
              WHERE l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id),
            (SELECT COUNT(*) FROM accounts a WHERE a.account_id = o.account_id),
            o.phone, o.phone_key, o.last_name, o.surname_key
       FROM orders o ORDER BY o.account_id, o.order_id",
);

const LINES: Sql = Sql::new(
    "check.lines",
    "SELECT l.account_id, l.order_id, l.position, l.pay_status, COALESCE(v.good_id, 0),
            COALESCE((SELECT o.pay_status FROM orders o
                       WHERE o.account_id = l.account_id AND o.order_id = l.order_id AND o.email_key = l.email_key), ''),
            (SELECT COUNT(*) FROM products p WHERE p.account_id = l.account_id AND p.good_id = v.good_id),
            l.sum, COALESCE((SELECT o.price FROM orders o WHERE o.account_id = l.account_id AND o.order_id = l.order_id), 0)
       FROM order_lines l
       LEFT JOIN product_versions v ON v.account_id = l.account_id AND v.version_id = l.version_id
      ORDER BY l.account_id, l.email_key, l.order_id, l.position",
);

/// The findings so far, and the progress.
struct Search<'a> {
    findings: Vec<Finding>,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl Search<'_> {
    fn count(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(ROWS_A_REPORT) || self.done == self.total {
            (self.progress)(Progress { done: self.done, total: self.total });
        }
    }

    fn find(&mut self, text: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding::new(text));
        }
    }

    /// Unreadable data becomes a finding, and then the result is empty. Any other failure ends the check.
    fn reading<T: Default>(&mut self, what: &str, read: Result<T, Error>) -> Result<T, Error> {
        match read {
            Err(error) if matches!(error.kind(), Kind::Damaged | Kind::Statement) => {
                self.find(format!("{what}: {error}"));
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// Reads everything as the program does, then compares the tables with each other.
pub(crate) fn findings(tx: &mut Tx<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    let total = tx.counted(&TOTAL, &[])?;
    let mut search = Search { findings: Vec::new(), done: 0, total, progress };
    let read = accounts::list(tx);
    for account in search.reading("accounts", read)? {
        what_an_account_has(tx, account.id, account.login.as_str(), &mut search)?;
    }
    // What no reader above covers: columns that only some commands read, and rows of no account.
    for table in &TABLES {
        let values = tx.rows(&table.read, &[], |row| {
            (0..row.width()).try_for_each(|column| row.value(column).map(drop))
        });
        search.reading(table.table.name, values)?;
    }
    let compared = contradictions(tx, &mut search);
    search.reading("tables beside each other", compared)?;
    Ok(search.findings)
}

/// Reads all data of an account.
fn what_an_account_has(
    tx: &mut Tx<'_>,
    id: AccountId,
    login: &str,
    search: &mut Search<'_>,
) -> Result<(), Error> {
    let of = |what: &str| format!("account {login}, {what}");
    let mut goods = Vec::new();
    let read = products::each_good(tx, id, |good| {
        goods.push(good.listing.id);
        Ok::<(), Error>(())
    });
    search.reading(&of("products"), read)?;
    for good in goods {
        let read = pincodes::each(tx, id, good, |_, _| Ok::<(), Error>(()));
        search.reading(&of("pin codes"), read)?;
    }
    let read = coupons::list(tx, id).map(drop);
    search.reading(&of("coupons"), read)?;
    let read = categories::list(tx, id).map(drop);
    search.reading(&of("categories"), read)?;
    let read = managers::list(tx, id).map(drop);
    search.reading(&of("managers"), read)?;
    let read = partners::list(tx, id).map(drop);
    search.reading(&of("partners"), read)?;
    let last = orders::highest(tx, id)?.unwrap_or(OrderId(0));
    let read = payments::each_order(tx, id, (OrderId(0), last), |_, _| {
        search.count();
        Ok::<(), Error>(())
    });
    search.reading(&of("orders"), read)
}

/// Compares the tables with each other.
fn contradictions(tx: &mut Tx<'_>, search: &mut Search<'_>) -> Result<(), Error> {
    tx.rows(&ORDERS, &[], |row| {
        search.count();
        let order = format!("account {}, order {}", row.int(0)?, row.int(1)?);
        let email = match row.text(2)? {
            "" => Ok(String::new()),
            text => Email::parse(text).map(|email| email.key().to_owned()),
        };
        let is_hidden = row.int(4)? != 0;
        match email {
            Ok(key) if is_hidden && hidden_key(&key) == row.text(3)? => {}
            Ok(key) if !is_hidden && key == row.text(3)? => {}
            Ok(_) => search.find(format!("{order}: its e-mail's key does not match its e-mail")),
            Err(why) => search.find(format!("{order}: {why}")),
        }
        if row.int(5)? != row.int(6)? {
            search.find(format!("{order}: its received sum is not the sum of its payments"));
        }
        if row.int(7)? == 0 {
            search.find(format!("{order}: it has no lines"));
        }
        if row.int(8)? == 0 {
            search.find(format!("{order}: there is no such account"));
        }
        if phone_key(row.text(9)?) != row.text(10)? || surname_key(row.text(11)?) != row.text(12)? {
            search.find(format!("{order}: the key of its phone or its surname is wrong"));
        }
        Ok::<(), Error>(())
    })?;

    let (mut before, mut sums) = (None, Sums::default());
    tx.rows(&LINES, &[], |row| {
        search.count();
        let (account, id, position) = (row.int(0)?, row.int(1)?, row.int(2)?);
        let line = format!("account {account}, order {id}, line {position}");
        match row.text(5)? {
            "" => search.find(format!("{line}: there is no such order of that customer")),
            status if status != row.text(3)? => search.find(format!("{line}: its status is not its order's")),
            _ => {}
        }
        match (row.int(4)?, row.int(6)?) {
            (0, _) => search.find(format!("{line}: the version of its product is missing")),
            (good, 0) => search.find(format!("{line}: product {good} is not in the catalogue")),
            _ => {}
        }
        if sums.order != (account, id) {
            sums.compare(search);
            let price = if row.text(5)?.is_empty() { None } else { Some(Money::from_kopecks(row.int(8)?)) };
            sums = Sums { order: (account, id), sum: Money::ZERO, price };
        }
        sums.sum = sums.sum + Money::from_kopecks(row.int(7)?);
        let expected = match before {
            Some((account_before, id_before, position)) if (account_before, id_before) == (account, id) => {
                position + 1
            }
            _ => 0,
        };
        if position != expected {
            search.find(format!("{line}: a line before it is missing"));
        }
        before = Some((account, id, position));
        Ok::<(), Error>(())
    })?;
    sums.compare(search);
    Ok(())
}

/// An order's price, and the sum of its lines, which is added here: an engine's sum may overflow.
#[derive(Default)]
struct Sums {
    order: (i64, i64),
    sum: Money,
    /// `None`: the lines have no such order.
    price: Option<Money>,
}

impl Sums {
    fn compare(&self, search: &mut Search<'_>) {
        if self.price.is_some_and(|price| price != self.sum) {
            let (account, id) = self.order;
            search.find(format!("account {account}, order {id}: its price is not the sum of its lines"));
        }
    }
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&TOTAL, &ORDERS, &LINES];

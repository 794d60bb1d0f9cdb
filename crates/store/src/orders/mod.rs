//! Orders and their lines, and the queries over them.
//!
//! Lines are clustered by (account, e-mail, order, position). Each has its order's status and the version of
//! its product (see `product_versions`), so `GetBills` is one range scan. The columns that are in both tables are
//! written by [`add_all`], `remove` and `order_changes`; `check` compares them.

pub mod customers;
pub mod income;
pub mod order_changes;
pub(crate) mod order_facts;
pub mod order_info;
pub(crate) mod order_keys;
pub mod order_lists;
pub mod order_record;
pub mod order_search;
pub(crate) mod order_texts;
pub mod payments;
pub mod reports;
pub mod same_order;
pub(crate) mod search_word;

use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus, method::Bills};

use std::{borrow::Cow, fmt::Write as _, num::NonZeroU32};

use sha2::{Digest as _, Sha256};

use crate::{
    AccountId, Arg, Error, Kind, Row, Sql, Tx,
    orders::order_keys::Keys,
    products::product_versions,
    table::{self, Columns, Reader, Stores as _, Table, row, statement_text::sql, stored},
};

pub use crate::orders::order_texts::{TextField, Texts};

/// The maximum number of an order's lines (decision 66).
pub const LINES_MAX: usize = 1_000;

/// An order with all its fields.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// The customer's e-mail, if known.
    pub email: Option<Email>,
    /// Its payment status.
    pub pay_status: PayStatus,
    /// When it was created, unix seconds.
    pub created: i64,
    /// When it was paid, unix seconds; 0: never.
    pub paid: i64,
    /// Whether it is a payment of a subscription.
    pub is_recurrent: bool,
    /// Its handling besides the status.
    pub handling: Handling,
    /// Its text fields.
    pub texts: Texts,
    /// Its lines in order, at least one.
    pub lines: Vec<Line>,
}

impl PartialEq for Order {
    /// Whether they are exactly the same, including the e-mail's letter case.
    fn eq(&self, other: &Self) -> bool {
        let Self { id, email, pay_status, created, paid, is_recurrent, handling, texts, lines } = self;
        *id == other.id
            && email.as_ref().map(Email::as_str) == other.email.as_ref().map(Email::as_str)
            && *pay_status == other.pay_status
            && *created == other.created
            && *paid == other.paid
            && *is_recurrent == other.is_recurrent
            && *handling == other.handling
            && *texts == other.texts
            && *lines == other.lines
    }
}

/// An order's handling besides its payment status. Times are unix seconds; 0: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handling {
    /// When it was hidden (decision 22).
    pub deleted: i64,
    /// When it cancels itself, unless it is paid first.
    pub kill_at: i64,
    /// The sum of its payments.
    pub received: Money,
    /// The state of the parcel.
    pub delivery: Parcel,
    /// When the parcel was posted.
    pub sent: i64,
    /// Whether the customer has confirmed it.
    pub confirmed: bool,
    /// The number of the manager who sold it; 0: none.
    pub manager: i64,
}

/// The state of a parcel (section 12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Parcel {
    /// Nothing yet.
    #[default]
    None,
    /// It was posted.
    Sent,
    /// The customer sent it back.
    Return,
}

impl Parcel {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::None, Self::Sent, Self::Return];

    /// The protocol's word; empty for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Sent => "sent",
            Self::Return => "return",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One line of an order: a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The product's numeric code.
    pub good_id: GoodId,
    /// Its symbolic name, as it was when ordered.
    pub good_name: String,
    /// Its title, as it was when ordered.
    pub good_title: String,
    /// Its price in this order.
    pub sum: Money,
    /// The catalogue's price at that time.
    pub price: Money,
    /// The pin code handed out with it; empty: none.
    pub pincode: String,
    /// The fee of the order's partner of level 1.
    pub partner_fee: Money,
    /// The fee of the order's partner of level 2.
    pub partner_pfee: Money,
}

stored! {
    Parcel: false, |word| word.as_str(), Arg::Text(word) => Self::parse(word);
}

row! {
    Order: "order" {
        order_id: OrderId = id,
        email: Option<Email> = email,
        pay_status: PayStatus = pay_status,
        created: i64 = created,
        paid: i64 = paid,
        is_recurrent: bool = is_recurrent,
        deleted: i64 = handling.deleted,
        kill_at: i64 = handling.kill_at,
        received: Money = handling.received,
        delivery: Parcel = handling.delivery,
        sent: i64 = handling.sent,
        confirmed: bool = handling.confirmed,
        manager: i64 = handling.manager,
        ; ..texts: Texts
    }
}

row! {
    Line: "product" {
        good_id: GoodId = good_id,
        good_name: String = good_name,
        good_title: String = good_title,
        sum: Money = sum,
        price: Money = price,
        pincode: String = pincode,
        partner_fee: Money = partner_fee,
        partner_pfee: Money = partner_pfee,
    }
}

/// The columns of a line, without those of its product's version.
pub(crate) const OF_LINE: &[Columns] = match Line::COLUMNS {
    [_good_id, _good_name, _good_title, own @ ..] => own,
    _ => &[],
};

pub(crate) const TABLE: Table = Table {
    name: "orders",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::Of(Order::COLUMNS),
        Columns::one::<String>("email_key"),
        Columns::one::<Money>("price").since(6),
        Columns::one::<String>("phone_key").since(6),
        Columns::one::<String>("surname_key").since(6),
    ],
    key: &["account_id", "order_id"],
};

pub(crate) const LINES: Table = Table {
    name: "order_lines",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<String>("email_key"),
        Columns::one::<OrderId>("order_id"),
        Columns::one::<i64>("position"),
        Columns::one::<PayStatus>("pay_status"),
        Columns::one::<i64>("version_id"),
        Columns::Of(OF_LINE),
    ],
    key: &["account_id", "email_key", "order_id", "position"],
};

impl Line {
    fn named(&self) -> product_versions::Named<'_> {
        (self.good_id, &self.good_name, &self.good_title)
    }
}

impl Order {
    /// The customer's e-mail; empty: unknown.
    pub fn email_text(&self) -> &str {
        self.email.as_ref().map_or("", Email::as_str)
    }

    /// What the customer is called: surname, first name, patronymic.
    pub fn customer_name(&self) -> String {
        let names = [TextField::LastName, TextField::FirstName, TextField::MiddleName];
        let names = names.map(|field| self.texts.get(field).trim());
        names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Its price: the sum of its lines (decision 12).
    pub fn price(&self) -> Money {
        self.lines.iter().map(|line| line.sum).sum()
    }

    /// A digest of all that is known of it, hexadecimal: another one says that it was changed meanwhile.
    pub fn digest(&self) -> String {
        let mut args = Vec::new();
        self.args(&mut args);
        self.lines.iter().for_each(|line| line.args(&mut args));
        let mut digest = Sha256::new();
        for arg in args {
            match arg {
                Arg::Int(number) => digest.update(number.to_be_bytes()),
                Arg::Text(text) => {
                    digest.update(text.len().to_be_bytes());
                    digest.update(text);
                }
            }
        }
        let mut text = String::new();
        for byte in digest.finalize() {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The open amount (decision 12): zero for an order that is paid or refunded.
    pub fn to_pay(&self) -> Money {
        match self.pay_status {
            PayStatus::Paid | PayStatus::Return => Money::ZERO,
            PayStatus::Waiting | PayStatus::Cancel => self.owed(),
        }
    }

    /// Its price minus what was received.
    pub(crate) fn owed(&self) -> Money {
        (self.price() - self.handling.received).max(Money::ZERO)
    }

    /// The e-mail key of its lines. A hidden order's begins with a space, which no e-mail does, so look-ups
    /// by customer do not find it.
    pub(crate) fn email_key(&self) -> Cow<'_, str> {
        let key = self.email.as_ref().map_or("", Email::key);
        if self.handling.deleted == 0 { key.into() } else { hidden_key(key).into() }
    }
}

/// The key of a customer's hidden orders.
pub(crate) fn hidden_key(key: &str) -> String {
    format!(" {key}")
}

/// The maximum size of the names in one answer, which is built in memory (decision 64).
const BILLS_MAX_BYTES: usize = 64 << 20;

/// A customer's lines.
pub const BILLS_OF: Sql = Sql::new(
    "orders.bills_of",
    "SELECT order_id, version_id, pay_status
       FROM order_lines -- clustered by (account_id, email_key, order_id, position): one range scan
      WHERE account_id = $1 AND email_key = $2
      ORDER BY order_id, position",
);

/// Every product of every order of `email`, by order number; in any state if `state` is `None`.
pub fn bills_of(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: &Email,
    state: Option<PayStatus>,
) -> Result<Bills, Error> {
    bills(tx, &BILLS_OF, &[account.0.into(), email.key().into()], account, state)
}

/// The products of the orders that a statement returns line by line.
pub(crate) fn bills(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    args: &[Arg<'_>],
    account: AccountId,
    state: Option<PayStatus>,
) -> Result<Bills, Error> {
    let state = state.map(PayStatus::as_str);
    let mut lines = Vec::new();
    // Rows in other states are filtered here, so that they count towards the limit of a brief read.
    tx.rows(sql, args, |row| {
        if state.is_none() || state == Some(row.text(2)?) {
            lines.push((OrderId(row.int(0)?), row.int(1)?));
        }
        Ok::<(), Error>(())
    })?;
    let mut bills = Bills::with_capacity(lines.len());
    let mut versions = product_versions::Lookup::new(account);
    for (order, version) in lines {
        let version = versions.get(tx, version)?;
        bills.push(order, version.good, version.names);
        if bills.bytes() > BILLS_MAX_BYTES {
            return Err(Error::new(Kind::TooLarge, "one customer's orders hold more than 64 MiB of names"));
        }
    }
    Ok(bills)
}

/// Selects whole orders, line by line, for [`order`] and [`line`]. The cross join makes engines read in this
/// order without sorting: orders by key, each order's lines by key, each line's version.
macro_rules! order_lines {
    ($name:literal, $rest:literal) => {
        $crate::orders::order_lines!($name, $rest, "o.order_id")
    };
    ($name:literal, $rest:literal, $order:literal) => {
        $crate::table::statement_text::sql!(
            $name,
            "SELECT ",
            Piece::List(<$crate::orders::Order as $crate::table::Stores>::COLUMNS, "o."),
            ", v.good_id, v.good_name, v.good_title, ",
            Piece::List($crate::orders::OF_LINE, "l."),
            " FROM orders o CROSS JOIN order_lines l CROSS JOIN product_versions v
              WHERE l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id
                AND v.account_id = l.account_id AND v.version_id = l.version_id
                AND ",
            $rest,
            " ORDER BY ",
            $order,
            ", l.position"
        )
    };
}
pub(crate) use order_lines;

/// A whole order.
pub const FIND: Sql = order_lines!("orders.find", "o.account_id = $1 AND o.order_id = $2");

/// The order with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: OrderId) -> Result<Option<Order>, Error> {
    let mut found: Option<Order> = None;
    tx.rows(&FIND, &[account.0.into(), id.0.into()], |row| {
        match &mut found {
            Some(order) => order.lines.push(line(row)?),
            None => found = Some(order(row)?),
        }
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

const EACH_BETWEEN: Sql =
    order_lines!("orders.each_between", "o.account_id = $1 AND o.order_id > $2 AND o.order_id <= $3");

/// Shows every order after one number and up to another, by number.
pub(crate) fn each_between<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: OrderId,
    last: OrderId,
    take: impl FnMut(Order) -> Result<(), E>,
) -> Result<(), E> {
    show_each(tx, &EACH_BETWEEN, &[account.0.into(), after.0.into(), last.0.into()], take)
}

const NTH_AFTER: Sql = Sql::new(
    "orders.nth_after",
    "SELECT order_id FROM orders WHERE account_id = $1 AND order_id > $2 ORDER BY order_id LIMIT 1 OFFSET $3",
);

/// The number of the last of `most` orders after a number; `None` if there are fewer.
pub fn last_of(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: OrderId,
    count: NonZeroU32,
) -> Result<Option<OrderId>, Error> {
    let args = [account.0.into(), after.0.into(), (i64::from(count.get()) - 1).into()];
    tx.row(&NTH_AFTER, &args, |row| row.int(0).map(OrderId))
}

/// Shows the orders that a statement returns line by line.
pub(crate) fn show_each<E: From<Error>>(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    args: &[Arg<'_>],
    mut take: impl FnMut(Order) -> Result<(), E>,
) -> Result<(), E> {
    let mut current: Option<Order> = None;
    tx.rows(sql, args, |row| {
        match &mut current {
            Some(order) if order.id.0 == row.int(0)? => order.lines.push(line(row)?),
            _ => {
                if let Some(done) = current.replace(order(row)?) {
                    take(done)?;
                }
            }
        }
        Ok::<(), E>(())
    })?;
    current.map_or(Ok(()), take)
}

const COUNT: Sql = Sql::new("orders.count", "SELECT COUNT(*) FROM orders WHERE account_id = $1");

/// The number of the account's orders.
pub fn count(tx: &mut Tx<'_>, account: AccountId) -> Result<u64, Error> {
    tx.counted(&COUNT, &[account.0.into()])
}

const HIGHEST: Sql = Sql::new(
    "orders.highest",
    "SELECT order_id FROM orders WHERE account_id = $1 ORDER BY order_id DESC LIMIT 1",
);

/// The account's highest order number.
pub fn highest(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<OrderId>, Error> {
    tx.row(&HIGHEST, &[account.0.into()], |row| Ok(OrderId(row.int(0)?)))
}

/// A unique number for a new order; `None` if none is left. With several nodes some numbers stay unused, and
/// those of different nodes are not in the order of time.
pub fn next_number(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<OrderId>, Error> {
    if let Some(number) = tx.order_number(account.0)? {
        return Ok(Some(OrderId(number)));
    }
    let highest = highest(tx, account)?.map_or(0, |id| id.0);
    Ok(highest.checked_add(1).map(OrderId))
}

/// A new order.
pub const ADD_ORDER: Sql = sql!("orders.add_order", Piece::Insert(&TABLE));
/// One of its lines.
pub const ADD_LINE: Sql = sql!("orders.add_line", Piece::Insert(&LINES));

/// Adds an order. A number that is taken is a [`Kind::Conflict`].
pub fn add(tx: &mut Tx<'_>, account: AccountId, order: &Order) -> Result<(), Error> {
    let keys = Keys::of(order.email_key(), &order.texts);
    let mut statements = vec![(&ADD_ORDER, order_columns(account, order, &keys))];
    for (position, line) in (0_i64..).zip(&order.lines) {
        let version = product_versions::number(tx, account, line.named())?;
        statements.push((&ADD_LINE, line_columns(account, order, &keys.email, position, version, line)));
    }
    tx.execute_all(&statements)
}

/// Adds many orders at once, much faster than [`add`] for each.
pub fn add_all(tx: &mut Tx<'_>, account: AccountId, orders: &[&Order]) -> Result<(), Error> {
    let keys: Vec<_> = orders.iter().map(|order| Keys::of(order.email_key(), &order.texts)).collect();
    let mut lines = Vec::new();
    for (order, keys) in orders.iter().zip(&keys) {
        for (position, line) in (0_i64..).zip(&order.lines) {
            lines.push((
                &*keys.email,
                order.id,
                position,
                product_versions::number(tx, account, line.named())?,
                *order,
                line,
            ));
        }
    }
    tx.execute_each(
        &ADD_ORDER,
        &mut orders.iter().zip(&keys).map(|(order, keys)| order_columns(account, order, keys)),
    )?;
    // In the order of the key, so that each page is filled once.
    lines.sort_unstable_by_key(|(email, id, position, ..)| (*email, *id, *position));
    tx.execute_each(
        &ADD_LINE,
        &mut lines.into_iter().map(|(email, _, position, version, order, line)| {
            line_columns(account, order, email, position, version, line)
        }),
    )
}

fn order_columns<'a>(account: AccountId, order: &'a Order, keys: &'a Keys<'a>) -> Vec<Arg<'a>> {
    let mut args = table::args(account, order);
    args.extend([
        Arg::Text(&keys.email),
        Arg::Int(order.price().kopecks()),
        Arg::Text(&keys.phone),
        Arg::Text(&keys.surname),
    ]);
    args
}

fn line_columns<'a>(
    account: AccountId,
    order: &'a Order,
    key: &'a str,
    position: i64,
    version: i64,
    line: &'a Line,
) -> Vec<Arg<'a>> {
    vec![
        account.0.into(),
        key.into(),
        order.id.0.into(),
        position.into(),
        order.pay_status.as_str().into(),
        version.into(),
        line.sum.kopecks().into(),
        line.price.kopecks().into(),
        (&line.pincode).into(),
        line.partner_fee.kopecks().into(),
        line.partner_pfee.kopecks().into(),
    ]
}

const REMOVE_LINES: Sql = Sql::new(
    "orders.remove_lines",
    "DELETE FROM order_lines
      WHERE account_id = $1
        AND email_key = (SELECT email_key FROM orders WHERE account_id = $1 AND order_id = $2)
        AND order_id = $2",
);
const REMOVE_ORDER: Sql =
    Sql::new("orders.remove_order", "DELETE FROM orders WHERE account_id = $1 AND order_id = $2");

/// Replaces the order with the same number.
pub fn replace(tx: &mut Tx<'_>, account: AccountId, order: &Order) -> Result<(), Error> {
    remove(tx, account, order.id)?;
    add(tx, account, order)
}

fn remove(tx: &mut Tx<'_>, account: AccountId, id: OrderId) -> Result<(), Error> {
    let args = [account.0.into(), id.0.into()];
    tx.execute(&REMOVE_LINES, &args)?;
    tx.execute(&REMOVE_ORDER, &args).map(drop)
}

/// Reads an order from the row of its first line.
pub(crate) fn order(row: &dyn Row) -> Result<Order, Error> {
    let mut reader = Reader::new(row);
    let mut order = Order::read(&mut reader)?;
    order.lines.push(Line::read(&mut reader)?);
    Ok(order)
}

pub(crate) fn line(row: &dyn Row) -> Result<Line, Error> {
    Line::read(&mut Reader::behind(row, Order::COLUMNS))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &BILLS_OF,
    &FIND,
    &NTH_AFTER,
    &EACH_BETWEEN,
    &COUNT,
    &HIGHEST,
    &ADD_ORDER,
    &ADD_LINE,
    &REMOVE_LINES,
    &REMOVE_ORDER,
];

//! What is looked at of an order, and the orders that the words of a search box name.

use billhook_wire::{Money, OrderId, PayStatus};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{order_keys::surname_key, search_word::Word},
    table::{self, row},
};

/// Up to so many the orders are counted.
pub const COUNTED_MAX: u64 = 10_000;

/// What is looked at of an order.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) id: OrderId,
    pub(crate) pay_status: PayStatus,
    pub(crate) created: i64,
    pub(crate) paid: i64,
    pub(crate) deleted: i64,
    pub(crate) manager: i64,
    pub(crate) price: Money,
    pub(crate) received: Money,
    /// The time that counts; none: it has no such time.
    pub(crate) at: Option<i64>,
    pub(crate) email_key: String,
    pub(crate) phone_key: String,
    pub(crate) surname_key: String,
    pub(crate) first_name: String,
    pub(crate) tag: String,
    pub(crate) coupon: String,
    pub(crate) aff: String,
    pub(crate) aff_name: String,
    pub(crate) paff: String,
    pub(crate) paff_name: String,
    pub(crate) utm_medium: String,
    pub(crate) utm_source: String,
    pub(crate) utm_campaign: String,
    pub(crate) utm_content: String,
    pub(crate) utm_term: String,
}

row! {
    Facts: "order" {
        order_id: OrderId = id,
        pay_status: PayStatus = pay_status,
        created: i64 = created,
        paid: i64 = paid,
        deleted: i64 = deleted,
        manager: i64 = manager,
        price: Money = price,
        received: Money = received,
        email_key: String = email_key,
        phone_key: String = phone_key,
        surname_key: String = surname_key,
        first_name: String = first_name,
        tag: String = tag,
        kupon: String = coupon,
        aff: String = aff,
        aff_name: String = aff_name,
        paff: String = paff,
        paff_name: String = paff_name,
        utm_medium: String = utm_medium,
        utm_source: String = utm_source,
        utm_campaign: String = utm_campaign,
        utm_content: String = utm_content,
        utm_term: String = utm_term,
    }
}

impl Facts {
    pub(crate) fn are_named_by(&self, word: &Word) -> bool {
        match word {
            Word::Number(id) => self.id == *id,
            Word::Email(start) => self.email_key.starts_with(start),
            Word::Phone(start) => self.phone_key.starts_with(start),
            Word::Surname(start) => self.surname_key.starts_with(start),
            Word::Name { last, first } => {
                self.surname_key.starts_with(last) && surname_key(&self.first_name).starts_with(first)
            }
        }
    }
}

/// Selects what is looked at of orders, for [`Facts`].
macro_rules! facts {
    ($name:literal, $rest:literal) => {
        $crate::table::statement_text::sql!(
            $name,
            "SELECT ",
            Piece::List(<$crate::orders::order_facts::Facts as $crate::table::Stores>::COLUMNS, "o."),
            " FROM ",
            $rest
        )
    };
}
pub(crate) use facts;

/// One more than so many rows, so that it is seen whether more follow.
pub(crate) fn one_more(rows: u64) -> Arg<'static> {
    i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1).into()
}

pub(crate) const BY_NUMBER: Sql =
    facts!("order_facts.by_number", "orders o WHERE o.account_id = $1 AND o.order_id = $2");

const BY_EMAIL: Sql = facts!(
    "order_facts.by_email",
    "order_lines l CROSS JOIN orders o
      WHERE l.account_id = $1 AND l.email_key >= $2 AND l.email_key < $3 AND l.position = 0
        AND o.account_id = l.account_id AND o.order_id = l.order_id"
);
const BY_PHONE: Sql = facts!(
    "order_facts.by_phone",
    "orders o WHERE o.account_id = $1 AND o.deleted = 0 AND o.phone_key <> '' AND o.phone_key >= $2 AND o.phone_key < $3"
);
const BY_SURNAME: Sql = facts!(
    "order_facts.by_surname",
    "orders o WHERE o.account_id = $1 AND o.deleted = 0 AND o.surname_key <> '' AND o.surname_key >= $2 AND o.surname_key < $3"
);

/// The orders that the words of a search box name.
pub(crate) fn named(tx: &mut Tx<'_>, account: AccountId, words: &[Word]) -> Result<Vec<Facts>, Error> {
    let mut rows: Vec<Facts> = Vec::new();
    for word in words {
        let mut found = match word {
            Word::Number(id) => tx.all(&BY_NUMBER, &[account.0.into(), id.0.into()], table::read)?,
            Word::Email(start) => beginning(tx, account, &BY_EMAIL, start)?,
            Word::Phone(start) => beginning(tx, account, &BY_PHONE, start)?,
            Word::Surname(start) | Word::Name { last: start, .. } => {
                beginning(tx, account, &BY_SURNAME, start)?
            }
        };
        found.retain(|facts: &Facts| facts.are_named_by(word));
        rows.append(&mut found);
    }
    Ok(rows)
}

fn beginning(
    tx: &mut Tx<'_>,
    account: AccountId,
    sql: &'static Sql,
    start: &str,
) -> Result<Vec<Facts>, Error> {
    tx.all(sql, &[account.0.into(), start.into(), (&end_of(start)).into()], table::read)
}

/// What begins with a text is less than this, byte by byte.
pub(crate) fn end_of(start: &str) -> String {
    format!("{start}{}", char::MAX)
}

const COUNT_EMAIL: Sql = Sql::new(
    "order_facts.count_email",
    "SELECT COUNT(*) FROM (
         SELECT order_id FROM order_lines
          WHERE account_id = $1 AND email_key >= $2 AND email_key < $3 AND position = 0 LIMIT $4
     ) counted",
);
const COUNT_PHONE: Sql = Sql::new(
    "order_facts.count_phone",
    "SELECT COUNT(*) FROM (
         SELECT phone_key FROM orders
          WHERE account_id = $1 AND deleted = 0 AND phone_key <> '' AND phone_key >= $2 AND phone_key < $3 LIMIT $4
     ) counted",
);
const COUNT_SURNAME: Sql = Sql::new(
    "order_facts.count_surname",
    "SELECT COUNT(*) FROM (
         SELECT surname_key FROM orders
          WHERE account_id = $1 AND deleted = 0 AND surname_key <> '' AND surname_key >= $2 AND surname_key < $3 LIMIT $4
     ) counted",
);

/// How many orders each of the words names, whatever the first name; no more than one behind [`COUNTED_MAX`] are counted.
pub(crate) fn count_named(tx: &mut Tx<'_>, account: AccountId, words: &[Word]) -> Result<Vec<u64>, Error> {
    let mut counts = Vec::new();
    for word in words {
        let (sql, start) = match word {
            Word::Number(_) => {
                counts.push(1);
                continue;
            }
            Word::Email(start) => (&COUNT_EMAIL, start),
            Word::Phone(start) => (&COUNT_PHONE, start),
            Word::Surname(start) | Word::Name { last: start, .. } => (&COUNT_SURNAME, start),
        };
        let end = end_of(start);
        let args = [account.0.into(), start.into(), (&end).into(), one_more(COUNTED_MAX)];
        counts.push(tx.counted(sql, &args)?);
    }
    Ok(counts)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&BY_NUMBER, &BY_EMAIL, &BY_PHONE, &BY_SURNAME, &COUNT_EMAIL, &COUNT_PHONE, &COUNT_SURNAME];

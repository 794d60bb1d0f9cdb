//! The order that another one repeats (decision 17), found at the same cost however many its customer has waiting.
//!
//! An order keeps a digest of its products and sums; an index has those that wait, by customer and digest.

use std::cmp::Reverse;

use billhook_wire::{Email, GoodId, Money, OrderId};
use sha2::{Digest as _, Sha256};

use crate::{AccountId, Arg, Error, Sql, Tx, orders::Order};

/// The digest of an order that was made before there were digests.
const UNKNOWN: i64 = 0;

/// What an order is known by: its products, and what each costs, however they are arranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(Vec<(GoodId, Money)>);

impl Content {
    /// The content of an order with these lines.
    pub fn new(lines: impl Iterator<Item = (GoodId, Money)>) -> Self {
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        Self(lines)
    }

    /// 63 bits of it, and never [`UNKNOWN`].
    fn digest(&self) -> i64 {
        let mut sha256 = Sha256::new();
        for (good, sum) in &self.0 {
            sha256.update(good.0.to_be_bytes());
            sha256.update(sum.kopecks().to_be_bytes());
        }
        let sha256: [u8; 32] = sha256.finalize().into();
        let bits = sha256.first_chunk().map_or(UNKNOWN, |first| i64::from_be_bytes(*first));
        (bits & i64::MAX).max(UNKNOWN + 1)
    }
}

/// The digest that an order keeps of its content.
pub(crate) fn digest(order: &Order) -> i64 {
    Content::new(order.lines.iter().map(|line| (line.good_id, line.sum))).digest()
}

/// Of each digest the newest 50: more than one content of a digest there is only where somebody looks for them on purpose.
const CANDIDATES: Sql = Sql::new(
    "same_order.candidates",
    "SELECT order_id FROM orders
      WHERE account_id = $1 AND email_key = $2 AND goods_digest = $3 AND created >= $4 AND created <= $5
        AND pay_status = 'waiting' AND deleted = 0
      ORDER BY created DESC, order_id DESC LIMIT 50",
);
const LINES: Sql = Sql::new(
    "same_order.lines",
    "SELECT v.good_id, l.sum
       FROM order_lines l CROSS JOIN product_versions v
      WHERE l.account_id = $1 AND l.email_key = $2 AND l.order_id = $3
        AND v.account_id = l.account_id AND v.version_id = l.version_id
      LIMIT $4",
);

/// The newest of a customer's orders that waits for its payment, was made in this time (both ends included), and holds one of these
/// contents. Of orders that were made before there were digests the newest 50 are looked at.
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: Option<&Email>,
    contents: &[Content],
    (begin, end): (i64, i64),
) -> Result<Option<OrderId>, Error> {
    let key = email.map_or("", Email::key);
    let mut digests: Vec<_> = contents.iter().map(Content::digest).collect();
    digests.dedup();
    digests.push(UNKNOWN);
    let asked: Vec<Vec<Arg<'_>>> = digests
        .iter()
        .map(|digest| vec![account.0.into(), key.into(), (*digest).into(), begin.into(), end.into()])
        .collect();
    let mut candidates = Vec::new();
    tx.rows_each(&CANDIDATES, &asked, |at, row| {
        candidates.push((digests.get(at) == Some(&UNKNOWN), Reverse(OrderId(row.int(0)?))));
        Ok(())
    })?;
    candidates.sort_unstable();
    // An order of one line more is another one already.
    let most = contents.iter().map(|content| content.0.len()).max().unwrap_or(0);
    let most = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    for (_, Reverse(id)) in candidates {
        let mut lines = Vec::new();
        tx.rows(&LINES, &[account.0.into(), key.into(), id.0.into(), most.into()], |row| {
            lines.push((GoodId(row.int(0)?), Money::from_kopecks(row.int(1)?)));
            Ok::<(), Error>(())
        })?;
        if contents.contains(&Content::new(lines.into_iter())) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&CANDIDATES, &LINES];

#[cfg(test)]
mod tests {
    use super::*;

    fn content(lines: &[(i64, i64)]) -> Content {
        Content::new(lines.iter().map(|(good, sum)| (GoodId(*good), Money::from_kopecks(*sum))))
    }

    /// It stands in stores: another way to make it would have their orders not found.
    #[test]
    fn a_digest_is_of_the_content_and_stays_what_it_is() {
        let two = content(&[(1, 100_000), (2, 500)]);
        assert_eq!(two.digest(), 3_268_216_936_978_882_910);
        assert_eq!(content(&[(2, 500), (1, 100_000)]).digest(), two.digest());
        for other in [&[(1, 100_000)][..], &[(1, 100_000), (2, 501)], &[(1, 100_000), (2, 500), (2, 500)]] {
            assert_ne!(content(other).digest(), two.digest());
        }
    }
}

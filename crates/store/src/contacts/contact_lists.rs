//! Lists of contacts: all of them, those of a group, those with a tag.

use crate::{
    AccountId, Error, Sql, Tx,
    contacts::Contact,
    table::{self, Stores as _, statement_text::sql},
};

/// Which contacts are wanted. By default all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those with an active subscription to the group of this number.
    pub group: Option<i64>,
    /// Only those with this tag. Letter case matters.
    pub tag: Option<String>,
}

/// Selects whole contacts `c`.
macro_rules! contacts {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(Contact::COLUMNS, "c."), " FROM ", $rest)
    };
}
pub(crate) use contacts;

const LIST: Sql = contacts!(
    "contacts.list",
    "contacts c WHERE c.account_id = $1 AND c.contact_id < $2 ORDER BY c.contact_id DESC LIMIT $3"
);
const IN_GROUP: Sql = contacts!(
    "contacts.in_group",
    "subscriptions s CROSS JOIN contacts c
      WHERE s.account_id = $1 AND s.contact_id < $2 AND s.group_id = $3 AND s.status = 'STATUS_SUBSCRIBE'
        AND c.account_id = s.account_id AND c.contact_id = s.contact_id
        AND ($4 = '' OR EXISTS (SELECT 1 FROM contact_tags t
                                 WHERE t.account_id = s.account_id AND t.contact_id = s.contact_id AND t.tag = $4))
      ORDER BY s.contact_id DESC LIMIT $5"
);
const TAGGED: Sql = contacts!(
    "contacts.tagged",
    "contact_tags t CROSS JOIN contacts c
      WHERE t.account_id = $1 AND t.contact_id < $2 AND t.tag = $3
        AND c.account_id = t.account_id AND c.contact_id = t.contact_id
      ORDER BY t.contact_id DESC LIMIT $4"
);

/// The contacts below a number, the newest first and at most so many.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    filter: &Filter,
    before: Option<i64>,
    most: u32,
) -> Result<Vec<Contact>, Error> {
    let (below, most) = (before.unwrap_or(i64::MAX), i64::from(most).into());
    let mut args = vec![account.0.into(), below.into()];
    let sql = match (filter.group, &filter.tag) {
        (None, None) => &LIST,
        (None, Some(tag)) => {
            args.push(tag.into());
            &TAGGED
        }
        (Some(group), tag) => {
            args.push(group.into());
            args.push(tag.as_deref().unwrap_or_default().into());
            &IN_GROUP
        }
    };
    args.push(most);
    tx.all(sql, &args, table::read)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &IN_GROUP, &TAGGED];

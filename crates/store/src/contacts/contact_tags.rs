//! The tags of contacts.

use crate::{
    AccountId, Error, Sql, Tx,
    contacts::{
        By, TAGS,
        contact_lists::{self, Filter},
        note,
    },
    table::statement_text::sql,
};

/// Of so many contacts a tag is taken at once.
const RETAGGED: u32 = 500;

const TAGS_OF: Sql = Sql::new(
    "contacts.tags_of",
    "SELECT tag FROM contact_tags WHERE account_id = $1 AND contact_id = $2 ORDER BY tag",
);

/// A contact's tags, in order.
pub fn tags(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Vec<String>, Error> {
    tx.all(&TAGS_OF, &[account.0.into(), id.into()], |row| Ok(row.text(0)?.to_owned()))
}

pub(crate) const ADD_TAG: Sql =
    sql!("contacts.add_tag", Piece::Insert(&TAGS), " ON CONFLICT (account_id, contact_id, tag) DO NOTHING");
const REMOVE_TAG: Sql = Sql::new(
    "contacts.remove_tag",
    "DELETE FROM contact_tags WHERE account_id = $1 AND contact_id = $2 AND tag = $3",
);

/// Adds tags to a contact, or removes them; says whether that changed anything. Letter case matters.
pub fn tag<'a>(
    tx: &mut Tx<'_>,
    account: AccountId,
    id: i64,
    by: By<'_>,
    tags: impl IntoIterator<Item = &'a str>,
    removes: bool,
) -> Result<bool, Error> {
    let (sql, what) = if removes { (&REMOVE_TAG, "tag removed") } else { (&ADD_TAG, "tag added") };
    let mut changed = false;
    for tag in tags {
        if tx.execute(sql, &[account.0.into(), id.into(), tag.into()])? > 0 {
            note(tx, account, id, by, what, tag)?;
            changed = true;
        }
    }
    Ok(changed)
}

const ALL_TAGS: Sql = Sql::new(
    "contacts.all_tags",
    "SELECT tag, COUNT(*) FROM contact_tags WHERE account_id = $1 GROUP BY tag ORDER BY tag",
);

/// Every tag, in order, with how many contacts have it.
pub fn all_tags(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<(String, u64)>, Error> {
    tx.all(&ALL_TAGS, &[account.0.into()], |row| Ok((row.text(0)?.to_owned(), row.int(1)?.unsigned_abs())))
}

const COUNT_TAGGED: Sql =
    Sql::new("contacts.count_tagged", "SELECT COUNT(*) FROM contact_tags WHERE account_id = $1 AND tag = $2");

/// How many contacts have a tag.
pub fn count_tagged(tx: &mut Tx<'_>, account: AccountId, tag: &str) -> Result<u64, Error> {
    let count = tx.row(&COUNT_TAGGED, &[account.0.into(), tag.into()], |row| row.int(0))?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Takes a tag off some of the contacts that have it, and puts another on them if one is given. Returns of how many;
/// call it until that is 0.
pub fn retag_some(
    tx: &mut Tx<'_>,
    account: AccountId,
    tag: &str,
    other: Option<&str>,
    by: By<'_>,
) -> Result<usize, Error> {
    let tagged = Filter { tag: Some(tag.to_owned()), ..Filter::default() };
    let some = contact_lists::list(tx, account, &tagged, None, RETAGGED)?;
    for contact in &some {
        self::tag(tx, account, contact.id, by, other, false)?;
        self::tag(tx, account, contact.id, by, [tag], true)?;
    }
    Ok(some.len())
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&TAGS_OF, &ADD_TAG, &REMOVE_TAG, &ALL_TAGS, &COUNT_TAGGED];

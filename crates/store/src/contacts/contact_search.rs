//! Finds contacts for people, by what they type into a search box.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    AccountId, Error, Sql, Tx,
    contacts::{
        Contact, ContactText,
        contact_lists::{Filter, contacts},
        contact_tags, find,
    },
    orders::{order_facts::end_of, order_keys::surname_key, order_search::Word},
    table::{self, Stores as _, statement_text::sql},
};

/// So many contacts that a word names are looked at.
const NAMED_MAX: u32 = 5_000;
/// So many of them are asked whether they have a tag or are in a group.
const FILTERED_MAX: usize = 1_000;

const BY_EMAIL: Sql = contacts!(
    "contacts.by_email",
    "contacts c WHERE c.account_id = $1 AND c.email_key <> '' AND c.email_key >= $2 AND c.email_key < $3
      ORDER BY c.email_key LIMIT $4"
);
const BY_PHONE: Sql = contacts!(
    "contacts.by_phone",
    "contacts c WHERE c.account_id = $1 AND c.phone_key <> '' AND c.phone_key >= $2 AND c.phone_key < $3
      ORDER BY c.phone_key, c.contact_id LIMIT $4"
);
const BY_SURNAME: Sql = contacts!(
    "contacts.by_surname",
    "contacts c WHERE c.account_id = $1 AND c.surname_key <> '' AND c.surname_key >= $2 AND c.surname_key < $3
      ORDER BY c.surname_key, c.contact_id LIMIT $4"
);

/// The contacts below a number that any of the words names and that a filter takes, the newest first and at most so
/// many; and whether a word names more contacts than are looked at.
pub fn named(
    tx: &mut Tx<'_>,
    account: AccountId,
    words: &[Word],
    filter: &Filter,
    before: Option<i64>,
    most: usize,
) -> Result<(Vec<Contact>, bool), Error> {
    let (mut named, mut is_cut) = (BTreeMap::new(), false);
    for word in words {
        let found = search(tx, account, word)?;
        is_cut |= u32::try_from(found.len()).is_ok_and(|count| count == NAMED_MAX);
        named.extend(found.into_iter().map(|contact| (Reverse(contact.id), contact)));
    }
    let mut found = Vec::new();
    let below = named.into_values().filter(|contact| before.is_none_or(|before| contact.id < before));
    for (looked_at, contact) in below.enumerate() {
        if found.len() == most {
            break;
        }
        // Each asks the store.
        if *filter != Filter::default() && looked_at == FILTERED_MAX {
            is_cut = true;
            break;
        }
        if takes(filter, tx, account, contact.id)? {
            found.push(contact);
        }
    }
    Ok((found, is_cut))
}

/// The contacts that a word names. A number is a contact's.
fn search(tx: &mut Tx<'_>, account: AccountId, word: &Word) -> Result<Vec<Contact>, Error> {
    let mut beginning = |sql, start: &String| {
        let end = end_of(start);
        let args = [account.0.into(), start.into(), (&end).into(), i64::from(NAMED_MAX).into()];
        tx.all(sql, &args, table::read::<Contact>)
    };
    match word {
        Word::Number(id) => Ok(find(tx, account, id.0)?.into_iter().collect()),
        Word::Email(start) => beginning(&BY_EMAIL, start),
        Word::Phone(start) => beginning(&BY_PHONE, start),
        Word::Surname(start) => beginning(&BY_SURNAME, start),
        Word::Name { last, first } => {
            let mut named = beginning(&BY_SURNAME, last)?;
            named.retain(|contact| surname_key(contact.texts.get(ContactText::FirstName)).starts_with(first));
            Ok(named)
        }
    }
}

const IS_IN: Sql = Sql::new(
    "contacts.is_in",
    "SELECT group_id FROM subscriptions
      WHERE account_id = $1 AND contact_id = $2 AND group_id = $3 AND status = 'STATUS_SUBSCRIBE'",
);

/// Whether a filter takes the contact with this number.
fn takes(filter: &Filter, tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    let is_in = |tx: &mut Tx<'_>, group: i64| {
        tx.row(&IS_IN, &[account.0.into(), id.into(), group.into()], |row| row.int(0))
    };
    if let Some(group) = filter.group
        && is_in(tx, group)?.is_none()
    {
        return Ok(false);
    }
    filter.tag.as_ref().map_or(Ok(true), |tag| Ok(contact_tags::tags(tx, account, id)?.contains(tag)))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&IS_IN, &BY_EMAIL, &BY_PHONE, &BY_SURNAME];

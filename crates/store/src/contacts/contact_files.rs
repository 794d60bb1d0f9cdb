//! Contacts as files hold them: each whole, with its tags, subscriptions and history.

use crate::{
    AccountId, Arg, Error, Row, Sql, Tx,
    contacts::{
        self, By, Contact, Entry, HISTORY, HISTORY_MAX, contact_tags,
        subscriptions::{self, Subscription},
    },
    table::{self, Reader, Stores as _, statement_text::sql},
};

/// A contact with everything about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// The contact itself.
    pub contact: Contact,
    /// Its tags, in order.
    pub tags: Vec<String>,
    /// Its subscriptions, by the groups' numbers.
    pub subscriptions: Vec<Subscription>,
    /// Its history, the oldest line first.
    pub history: Vec<Entry>,
}

const AFTER: Sql = sql!(
    "contact_files.after",
    "SELECT ",
    Piece::List(Contact::COLUMNS, ""),
    " FROM contacts WHERE account_id = $1 AND contact_id > $2 ORDER BY contact_id LIMIT $3",
);
// Without an order: a database would sort what it finds by key.
const TAGS_BETWEEN: Sql = Sql::new(
    "contact_files.tags",
    "SELECT contact_id, tag FROM contact_tags WHERE account_id = $1 AND contact_id > $2 AND contact_id <= $3",
);
const SUBSCRIPTIONS_BETWEEN: Sql = sql!(
    "contact_files.subscriptions",
    "SELECT contact_id, ",
    Piece::List(Subscription::COLUMNS, ""),
    " FROM subscriptions WHERE account_id = $1 AND contact_id > $2 AND contact_id <= $3",
);
const HISTORY_BETWEEN: Sql = sql!(
    "contact_files.history",
    "SELECT contact_id, ",
    Piece::List(Entry::COLUMNS, ""),
    " FROM contact_history WHERE account_id = $1 AND contact_id > $2 AND contact_id <= $3",
);

/// The next contacts behind a number, in order of their numbers; empty: there are no more.
pub fn after(tx: &mut Tx<'_>, account: AccountId, after: i64, limit: u32) -> Result<Vec<Whole>, Error> {
    let args = [account.0.into(), after.into(), i64::from(limit).into()];
    let contacts = tx.all(&AFTER, &args, table::read)?;
    with_parts(tx, account, after, contacts)
}

/// A contact with everything about it.
pub fn whole(tx: &mut Tx<'_>, account: AccountId, contact: Contact) -> Result<Whole, Error> {
    let all = with_parts(tx, account, contact.id - 1, vec![contact])?;
    Ok(all.into_iter().next().unwrap_or_default())
}

/// Adds their parts to contacts in order of their numbers, which are all there are behind `after`.
fn with_parts(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: i64,
    contacts: Vec<Contact>,
) -> Result<Vec<Whole>, Error> {
    let whole = |contact| Whole { contact, ..Whole::default() };
    let mut all: Vec<_> = contacts.into_iter().map(whole).collect();
    let Some(last) = all.last().map(|whole| whole.contact.id) else { return Ok(all) };
    let args = [account.0.into(), after.into(), last.into()];
    let mut fill = |sql, take: fn(&mut Whole, &dyn Row) -> Result<(), Error>| {
        tx.rows(sql, &args, |row| {
            let owner = row.int(0)?;
            let place = all.binary_search_by_key(&owner, |whole| whole.contact.id).ok();
            let whole = place.and_then(|place| all.get_mut(place));
            take(whole.ok_or_else(|| Error::damaged(&format!("contact {owner} is missing")))?, row)
        })
    };
    fill(&TAGS_BETWEEN, |whole, row| row.text(1).map(|tag| whole.tags.push(tag.to_owned())))?;
    fill(&SUBSCRIPTIONS_BETWEEN, |whole, row| {
        behind_owner(row).map(|place| whole.subscriptions.push(place))
    })?;
    fill(&HISTORY_BETWEEN, |whole, row| behind_owner(row).map(|entry| whole.history.push(entry)))?;
    for whole in &mut all {
        whole.tags.sort_unstable();
        whole.subscriptions.sort_unstable_by_key(|subscription| subscription.group);
        whole.history.sort_unstable_by_key(|entry| entry.number);
    }
    Ok(all)
}

/// Reads the columns behind the contact's number.
fn behind_owner<T: table::Stores>(row: &dyn Row) -> Result<T, Error> {
    T::read(&mut Reader::behind(row, &[table::Columns::one::<i64>("contact_id")]))
}

// Of a new contact there is nothing to replace. A database copies many rows of a plain INSERT at once.
const ADD_TAG: Sql = sql!("contact_files.add_tag", Piece::Insert(&contacts::TAGS));
const ADD_SUBSCRIPTION: Sql = sql!("contact_files.add_subscription", Piece::Insert(&subscriptions::TABLE));
const PUT_SUBSCRIPTION: Sql = sql!("contact_files.put_subscription", Piece::Upsert(&subscriptions::TABLE));
const ADD_ENTRY: Sql = sql!("contact_files.add_entry", Piece::Insert(&HISTORY));
const FORGET: Sql =
    Sql::new("contact_files.forget", "DELETE FROM contact_history WHERE account_id = $1 AND contact_id = $2");

/// Adds contacts under their numbers, which must be free. Each names a tag or a group once.
pub fn add_all(tx: &mut Tx<'_>, account: AccountId, all: &[Whole]) -> Result<(), Error> {
    let keys: Vec<_> = all.iter().map(|whole| contacts::keys(&whole.contact)).collect();
    let mut rows =
        all.iter().zip(&keys).map(|(whole, keys)| contacts::row_args(account, &whole.contact, keys));
    tx.execute_each(&contacts::ADD, &mut rows)?;
    put_parts(tx, account, all, (&ADD_TAG, &ADD_SUBSCRIPTION))
}

/// Writes a contact in place of the stored one. No tag and no subscription is removed.
pub fn put(tx: &mut Tx<'_>, account: AccountId, whole: &Whole) -> Result<(), Error> {
    let by = By { at: whole.contact.changed, method: "", address: "" };
    contacts::put(tx, account, &whole.contact, by)?;
    tx.execute(&FORGET, &[account.0.into(), whole.contact.id.into()])?;
    put_parts(tx, account, std::slice::from_ref(whole), (&contact_tags::ADD_TAG, &PUT_SUBSCRIPTION))
}

/// Writes tags, subscriptions, and the last lines of histories that are empty in the store.
fn put_parts(
    tx: &mut Tx<'_>,
    account: AccountId,
    all: &[Whole],
    (tag, subscription): (&'static Sql, &'static Sql),
) -> Result<(), Error> {
    let mut tags = all.iter().flat_map(|whole| {
        whole.tags.iter().map(move |name| vec![account.0.into(), whole.contact.id.into(), name.into()])
    });
    tx.execute_each(tag, &mut tags)?;
    let mut subscriptions =
        all.iter().flat_map(|whole| &whole.subscriptions).map(|place| table::args(account, place));
    tx.execute_each(subscription, &mut subscriptions)?;
    let most = usize::try_from(HISTORY_MAX).unwrap_or(usize::MAX);
    let mut entries = all.iter().flat_map(|whole| {
        let last = whole.history.iter().skip(whole.history.len().saturating_sub(most));
        (1_i64..).zip(last).map(move |(number, entry)| {
            let Entry { at, method, address, what, detail, .. } = entry;
            let owner: [Arg<'_>; 4] =
                [account.0.into(), whole.contact.id.into(), number.into(), (*at).into()];
            owner.into_iter().chain([method, address, what, detail].map(Arg::from)).collect()
        })
    });
    tx.execute_each(&ADD_ENTRY, &mut entries)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &AFTER,
    &TAGS_BETWEEN,
    &SUBSCRIPTIONS_BETWEEN,
    &HISTORY_BETWEEN,
    &ADD_TAG,
    &ADD_SUBSCRIPTION,
    &PUT_SUBSCRIPTION,
    &ADD_ENTRY,
    &FORGET,
];

//! Who did what in an account, and when: each sign-in, and each change that a person made in the cabinet or by a command.

use billhook_wire::OrderId;

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    contacts::{Contact, ContactText},
    orders::{Order, TextField},
    products::{
        Product,
        product_settings::{FIELDS, value},
    },
    table::{self, Columns, Stores as _, Table, row, statement_text::sql, stored},
};

/// An entry quotes so much of a field, in characters.
const QUOTED_CHARS: usize = 100;
/// How long an entry is kept, in seconds: 400 days.
const KEPT_SECONDS: i64 = 400 * 24 * 60 * 60;

/// Defines the kinds of entries, each with its word in the store.
macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])+ $name,)+ }

        impl Action {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word that the store and JSON use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

actions! {
    /// Signed in by a password.
    #[default]
    SignIn = "sign-in",
    /// Signed in by a link.
    LinkSignIn = "link-sign-in",
    /// A password or a code was wrong.
    SignInFailed = "sign-in-failed",
    /// Signed out.
    SignOut = "sign-out",
    /// Ended the other sessions.
    SignOutEverywhere = "sign-out-everywhere",
    /// A link was made.
    LoginLink = "login-link",
    /// Chose a password.
    Password = "password",
    /// Turned one-time codes on.
    TotpOn = "totp-on",
    /// Turned one-time codes off.
    TotpOff = "totp-off",
    /// Added a person.
    PersonAdded = "person-added",
    /// Changed a person's role.
    PersonChanged = "person-changed",
    /// Removed a person.
    PersonRemoved = "person-removed",
    /// Looked at the key.
    KeyShown = "key-shown",
    /// Gave the account a new key.
    KeyRotated = "key-rotated",
    /// Ended the old key before its time.
    OldKeyEnded = "old-key-ended",
    /// Changed a setting.
    Setting = "setting",
    /// Took an export.
    Exported = "exported",
    /// Switched the account on or off, bound or unbound a name, made it the default one.
    Account = "account",
    /// Made an order by hand.
    OrderAdded = "order-added",
    /// Marked an order as paid.
    OrderPaid = "order-paid",
    /// Noted a payment of a part.
    OrderPayment = "order-payment",
    /// Removed a payment.
    OrderUnpaid = "order-unpaid",
    /// Noted that a parcel was posted.
    OrderSent = "order-sent",
    /// Cancelled an order.
    OrderCancelled = "order-cancelled",
    /// Deleted an order.
    OrderDeleted = "order-deleted",
    /// Brought a deleted order back.
    OrderRestored = "order-restored",
    /// Had an order wait for its payment again.
    OrderWaits = "order-waits",
    /// Gave an order's money back.
    OrderRefunded = "order-refunded",
    /// Noted that a parcel came back.
    OrderCameBack = "order-came-back",
    /// Changed an order's contacts or its note.
    OrderEdited = "order-edited",
    /// Added a product.
    ProductAdded = "product-added",
    /// Changed a product.
    ProductChanged = "product-changed",
    /// Took a product off sale.
    ProductRemoved = "product-removed",
    /// Added a coupon.
    CouponAdded = "coupon-added",
    /// Changed a coupon.
    CouponChanged = "coupon-changed",
    /// Removed a coupon.
    CouponRemoved = "coupon-removed",
    /// Added a category.
    CategoryAdded = "category-added",
    /// Changed a category.
    CategoryChanged = "category-changed",
    /// Removed a category.
    CategoryRemoved = "category-removed",
    /// Added a manager.
    ManagerAdded = "manager-added",
    /// Changed a manager.
    ManagerChanged = "manager-changed",
    /// Removed a manager.
    ManagerRemoved = "manager-removed",
    /// Added a partner.
    PartnerAdded = "partner-added",
    /// Changed a partner.
    PartnerChanged = "partner-changed",
    /// Removed a partner.
    PartnerRemoved = "partner-removed",
    /// Added a group of contacts.
    GroupAdded = "group-added",
    /// Changed a group of contacts.
    GroupChanged = "group-changed",
    /// Removed a group of contacts.
    GroupRemoved = "group-removed",
    /// Gave a tag of contacts another name.
    TagChanged = "tag-changed",
    /// Took a tag off all contacts.
    TagRemoved = "tag-removed",
    /// Added a contact.
    ContactAdded = "contact-added",
    /// Changed a contact.
    ContactChanged = "contact-changed",
    /// Removed a contact.
    ContactRemoved = "contact-removed",
    /// Erased a person.
    ContactErased = "contact-erased",
    /// Added pin codes to a product.
    PincodesAdded = "pincodes-added",
    /// Added a webhook endpoint.
    WebhookAdded = "webhook-added",
    /// Disabled a webhook endpoint.
    WebhookDisabled = "webhook-disabled",
    /// Enabled a webhook endpoint.
    WebhookEnabled = "webhook-enabled",
    /// Gave a webhook endpoint a new secret.
    WebhookSecret = "webhook-secret",
    /// Looked at the secret of a webhook endpoint.
    WebhookSecretShown = "webhook-secret-shown",
    /// Sent a webhook endpoint an event that tests it.
    WebhookTested = "webhook-tested",
    /// Removed a webhook endpoint.
    WebhookRemoved = "webhook-removed",
    /// Sent events once more.
    EventsResent = "events-resent",
    /// Dropped events that waited.
    EventsDropped = "events-dropped",
}

impl Action {
    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == word)
    }
}

stored! {
    Action: false, |action| action.as_str(), Arg::Text(word) => Self::parse(word);
}

/// An entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// When, unix seconds.
    pub at: i64,
    /// The number among the entries of one second.
    pub position: i64,
    /// The person's name; empty: the operator, by a command.
    pub person: String,
    /// What was done.
    pub action: Action,
    /// The order that it was done to; 0: none.
    pub order: i64,
    /// The rest: a setting and its value, another person's name, which fields were changed.
    pub detail: String,
    /// The caller's address; empty: by a command.
    pub address: String,
}

row! {
    Entry: "audit entry" {
        at: i64 = at since 5,
        position: i64 = position since 5,
        person: String = person since 5,
        action: Action = action since 5,
        order_id: i64 = order since 5,
        detail: String = detail since 5,
        address: String = address since 5,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "audit",
    columns: &[Columns::one::<i64>("account_id").since(5), Columns::Of(Entry::COLUMNS)],
    key: &["account_id", "at", "position"],
};

const LAST: Sql = Sql::new(
    "audit.last",
    "SELECT position FROM audit WHERE account_id = $1 AND at = $2 ORDER BY position DESC LIMIT 1",
);
const ADD: Sql = sql!("audit.add", Piece::Insert(&TABLE));
const FORGET: Sql = Sql::new("audit.forget", "DELETE FROM audit WHERE account_id = $1 AND at < $2");

/// Adds an entry, whose position is found, and forgets those of more than 400 days ago.
pub fn add(tx: &mut Tx<'_>, account: AccountId, entry: &Entry) -> Result<(), Error> {
    tx.execute(&FORGET, &[account.0.into(), (entry.at - KEPT_SECONDS).into()])?;
    let last = tx.row(&LAST, &[account.0.into(), entry.at.into()], |row| row.int(0))?;
    let entry = Entry { position: last.unwrap_or(0) + 1, ..entry.clone() };
    tx.execute(&ADD, &table::args(account, &entry)).map(drop)
}

/// Adds an entry for what the operator did by a command.
pub fn add_command(
    tx: &mut Tx<'_>,
    account: AccountId,
    action: Action,
    detail: &str,
    now: i64,
) -> Result<(), Error> {
    add(tx, account, &Entry { at: now, action, detail: detail.to_owned(), ..Entry::default() })
}

/// The same for what was done to an order.
pub fn add_order_command(
    tx: &mut Tx<'_>,
    account: AccountId,
    (action, order): (Action, OrderId),
    detail: &str,
    now: i64,
) -> Result<(), Error> {
    let entry = Entry { at: now, action, order: order.0, detail: detail.to_owned(), ..Entry::default() };
    add(tx, account, &entry)
}

/// Which texts of an order another one has, as an entry tells them.
pub fn changes_of_order(before: &Order, after: &Order) -> String {
    let email = [("email", before.email_text().to_owned(), after.email_text().to_owned())];
    let text = |order: &Order, field| order.texts.get(field).to_owned();
    let texts =
        TextField::ALL.into_iter().map(|field| (field.name(), text(before, field), text(after, field)));
    changes(email.into_iter().chain(texts))
}

/// Which fields of a contact another one has, and which tags, which have commas between.
pub fn changes_of_contact((before, tags): (&Contact, &str), (after, tags_after): (&Contact, &str)) -> String {
    let manager = [("manager", before.manager.to_string(), after.manager.to_string())];
    let text = |contact: &Contact, field| contact.texts.get(field).to_owned();
    let texts =
        ContactText::ALL.into_iter().map(|field| (field.name(), text(before, field), text(after, field)));
    let tags = [("tags", tags.to_owned(), tags_after.to_owned())];
    changes(manager.into_iter().chain(texts).chain(tags))
}

/// Which settings of a product another one has.
pub fn changes_of_product(before: &Product, after: &Product) -> String {
    let said = |product, field| value(product, field).to_string();
    changes(FIELDS.into_iter().map(|field| (field, said(before, field), said(after, field))))
}

/// The fields whose values differ, as `name: old → new`.
fn changes(fields: impl Iterator<Item = (&'static str, String, String)>) -> String {
    let quoted = |text: String| match text.char_indices().nth(QUOTED_CHARS) {
        _ if text.is_empty() => "—".to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    let changed = fields.filter(|(_, old, new)| old != new);
    let changed = changed.map(|(name, old, new)| format!("{name}: {} → {}", quoted(old), quoted(new)));
    changed.collect::<Vec<_>>().join("; ")
}

const BEFORE: Sql = sql!(
    "audit.before",
    "SELECT ",
    Piece::List(Entry::COLUMNS, ""),
    " FROM audit WHERE account_id = $1 AND (at, position) < ($2, $3) ORDER BY at DESC, position DESC LIMIT $4",
);

/// The newest entries before that of a time and a position; `i64::MAX` for both gives the newest of all.
pub fn before(
    tx: &mut Tx<'_>,
    account: AccountId,
    (at, position): (i64, i64),
    most: u32,
) -> Result<Vec<Entry>, Error> {
    tx.all(&BEFORE, &[account.0.into(), at.into(), position.into(), i64::from(most).into()], table::read)
}

const OF_ORDER: Sql = sql!(
    "audit.of_order",
    "SELECT ",
    Piece::List(Entry::COLUMNS, ""),
    " FROM audit WHERE account_id = $1 AND order_id = $2 ORDER BY at, position",
);

/// What was done to an order, the oldest first.
pub fn of_order(tx: &mut Tx<'_>, account: AccountId, order: i64) -> Result<Vec<Entry>, Error> {
    tx.all(&OF_ORDER, &[account.0.into(), order.into()], table::read)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LAST, &ADD, &FORGET, &BEFORE, &OF_ORDER];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_what_was_changed() {
        let (mut before, mut after) = (Order::default(), Order::default());
        assert_eq!(changes_of_order(&before, &after), "");
        before.texts.set(TextField::Phone, "5");
        after.texts.set(TextField::Note, "ё".repeat(QUOTED_CHARS + 1));
        let note = "ё".repeat(QUOTED_CHARS);
        assert_eq!(changes_of_order(&before, &after), format!("phone: 5 → —; note: — → {note}…"));
        let product = Product { publish: true, ..Product::default() };
        assert_eq!(changes_of_product(&Product::default(), &product), "good_publish: false → true");
    }
}

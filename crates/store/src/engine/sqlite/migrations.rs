//! Brings a file up to date: forward only, each step in the transaction that records it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{APPLICATION_ID, file_failure};
use crate::{
    Error, Kind,
    engine::{SchemaVersion, steps},
};

/// The steps, each with its name. A file's `user_version` counts those taken. A released step never changes.
const STEPS: &[(&str, &str)] = steps::steps!(
    steps::SQLITE,
    ("the first tables", FIRST),
    ("tokens of accounts", TOKENS),
    ("orders that are made here", ORDERS)
);

const FIRST: &str = "
    CREATE TABLE marks (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE accounts (
        account_id INTEGER NOT NULL PRIMARY KEY,
        login TEXT NOT NULL UNIQUE,
        api_key TEXT NOT NULL,
        old_key TEXT NOT NULL,
        old_key_until INTEGER NOT NULL,
        disabled INTEGER NOT NULL,
        created INTEGER NOT NULL,
        version INTEGER NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE domains (
        domain TEXT NOT NULL PRIMARY KEY,
        account_id INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX domains_by_account ON domains (account_id);

    CREATE TABLE settings (
        account_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (account_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE products (
        account_id INTEGER NOT NULL,
        good_id INTEGER NOT NULL,
        good_name TEXT NOT NULL,
        good_title TEXT NOT NULL,
        good_sum INTEGER NOT NULL,
        PRIMARY KEY (account_id, good_id),
        UNIQUE (account_id, good_name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE product_versions (
        account_id INTEGER NOT NULL,
        version_id INTEGER NOT NULL,
        good_id INTEGER NOT NULL,
        good_name TEXT NOT NULL,
        good_title TEXT NOT NULL,
        PRIMARY KEY (account_id, version_id),
        UNIQUE (account_id, good_id, good_name, good_title)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE orders (
        account_id INTEGER NOT NULL,
        order_id INTEGER NOT NULL,
        email TEXT NOT NULL,
        email_key TEXT NOT NULL,
        pay_status TEXT NOT NULL,
        created INTEGER NOT NULL,
        paid INTEGER NOT NULL,
        is_recurrent INTEGER NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        middle_name TEXT NOT NULL,
        phone TEXT NOT NULL,
        country TEXT NOT NULL,
        region TEXT NOT NULL,
        city TEXT NOT NULL,
        address TEXT NOT NULL,
        postalcode TEXT NOT NULL,
        comment TEXT NOT NULL,
        tag TEXT NOT NULL,
        kupon TEXT NOT NULL,
        ip TEXT NOT NULL,
        domain TEXT NOT NULL,
        link TEXT NOT NULL,
        type TEXT NOT NULL,
        payway TEXT NOT NULL,
        rpo TEXT NOT NULL,
        utm_medium TEXT NOT NULL,
        utm_source TEXT NOT NULL,
        utm_campaign TEXT NOT NULL,
        utm_content TEXT NOT NULL,
        utm_term TEXT NOT NULL,
        aff_medium TEXT NOT NULL,
        aff_source TEXT NOT NULL,
        aff_campaign TEXT NOT NULL,
        aff_content TEXT NOT NULL,
        aff_term TEXT NOT NULL,
        aff TEXT NOT NULL,
        aff_name TEXT NOT NULL,
        paff TEXT NOT NULL,
        paff_name TEXT NOT NULL,
        ad_id TEXT NOT NULL,
        PRIMARY KEY (account_id, order_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE order_lines (
        account_id INTEGER NOT NULL,
        email_key TEXT NOT NULL,
        order_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        pay_status TEXT NOT NULL,
        version_id INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        price INTEGER NOT NULL,
        pincode TEXT NOT NULL,
        PRIMARY KEY (account_id, email_key, order_id, position)
    ) STRICT, WITHOUT ROWID;
";

const TOKENS: &str = "ALTER TABLE accounts ADD COLUMN token INTEGER NOT NULL DEFAULT 0";

const ORDERS: &str = "
    ALTER TABLE orders ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN kill_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN received INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN manager INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN affiliates TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN shipping_phone TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN address_2 TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_country TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_region TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_city TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_address TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_address_2 TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN billing_postalcode TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE order_lines ADD COLUMN partner_fee INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE order_lines ADD COLUMN partner_pfee INTEGER NOT NULL DEFAULT 0;

    ALTER TABLE products ADD COLUMN good_type TEXT NOT NULL DEFAULT '0';
    ALTER TABLE products ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_nalozh_only INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_show INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_use_short INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_publish INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_timer INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_timer_unit TEXT NOT NULL DEFAULT 'hour';
    ALTER TABLE products ADD COLUMN good_timer_duration INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_fee INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_fee_perc INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_pfee INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_pfee_perc INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_rashod INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_rashod_perc INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN prepayment_enabled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN prepayment_minsum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_api_url_notif TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_api_url_new_order TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_success_link TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_client_rassilki TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_quickpost_article TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_post_service TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_only_countries TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_download TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_mail_subject TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_mail_format TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_mail_body TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_mail_text TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_partner_sl_link TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_partner_addition_link TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_partner_text TEXT NOT NULL DEFAULT '';
    ALTER TABLE products ADD COLUMN good_pay_text TEXT NOT NULL DEFAULT '';

    CREATE TABLE categories (
        account_id INTEGER NOT NULL,
        category_id INTEGER NOT NULL,
        title TEXT NOT NULL,
        PRIMARY KEY (account_id, category_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE managers (
        account_id INTEGER NOT NULL,
        manager_id INTEGER NOT NULL,
        manager_name TEXT NOT NULL,
        PRIMARY KEY (account_id, manager_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE partners (
        account_id INTEGER NOT NULL,
        partner_id INTEGER NOT NULL,
        login TEXT NOT NULL,
        parent_id INTEGER NOT NULL,
        PRIMARY KEY (account_id, partner_id),
        UNIQUE (account_id, login)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE coupons (
        account_id INTEGER NOT NULL,
        coupon_id INTEGER NOT NULL,
        coupon TEXT NOT NULL,
        coupon_key TEXT NOT NULL,
        kind TEXT NOT NULL,
        amount INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        uses_max INTEGER NOT NULL,
        uses INTEGER NOT NULL,
        PRIMARY KEY (account_id, coupon_id),
        UNIQUE (account_id, coupon_key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE coupon_goods (
        account_id INTEGER NOT NULL,
        coupon_id INTEGER NOT NULL,
        good_id INTEGER NOT NULL,
        PRIMARY KEY (account_id, coupon_id, good_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE payments (
        account_id INTEGER NOT NULL,
        order_id INTEGER NOT NULL,
        payment_no INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        received INTEGER NOT NULL,
        PRIMARY KEY (account_id, order_id, payment_no)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pincodes (
        account_id INTEGER NOT NULL,
        good_id INTEGER NOT NULL,
        pincode_no INTEGER NOT NULL,
        pincode TEXT NOT NULL,
        order_id INTEGER NOT NULL,
        PRIMARY KEY (account_id, good_id, pincode_no)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pincodes_free ON pincodes (account_id, good_id, pincode_no) WHERE order_id = 0;

    CREATE UNIQUE INDEX orders_by_created ON orders (account_id, created, order_id) WHERE deleted = 0;
    CREATE UNIQUE INDEX orders_by_paid ON orders (account_id, paid, order_id) WHERE deleted = 0 AND pay_status = 'paid';
    CREATE INDEX orders_by_timer ON orders (kill_at, account_id, order_id)
        WHERE kill_at > 0 AND deleted = 0 AND pay_status = 'waiting';
";

/// A file's version; 0 if it is empty. Fails if it is no store, or newer than this program.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<usize, Error> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables =
        || connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    let facts = || Ok((pragma("application_id")?, pragma("user_version")?, tables()?));
    match facts().map_err(|error| file_failure(path, &error))? {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, version, _) => match usize::try_from(version) {
            Ok(version) if version <= STEPS.len() => Ok(version),
            _ => Err(Error::new(
                Kind::Newer,
                format!(
                    "{} was written by a newer version of Billhook (store version {version}, this one knows {}): \
                     run that version, or a newer one",
                    path.display(),
                    STEPS.len()
                ),
            )),
        },
        _ => Err(Error::new(Kind::Foreign, format!("{} is not a Billhook store", path.display()))),
    }
}

/// Whether a file is one of our stores, of any version.
pub(super) fn is_store(path: &Path) -> bool {
    let read = || {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?.pragma_query_value(
            None,
            "application_id",
            |row| row.get::<_, i32>(0),
        )
    };
    read().is_ok_and(|id| id == APPLICATION_ID)
}

/// The missing steps of a store that has taken `taken` steps.
pub(super) fn plan(taken: usize) -> SchemaVersion {
    let missing = STEPS.iter().skip(taken).map(|(name, _)| *name).collect();
    SchemaVersion { taken, known: STEPS.len(), missing }
}

/// Takes the first steps in an empty database.
pub(super) fn make(connection: &Connection, steps: usize) -> rusqlite::Result<()> {
    STEPS.iter().take(steps).try_for_each(|(_, step)| connection.execute_batch(step))
}

/// Takes the missing steps.
pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    if version(connection, path)? == STEPS.len() {
        return Ok(());
    }
    let failed = |error| file_failure(path, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let taken = version(&transaction, path)?;
    for (at, (_, step)) in STEPS.iter().enumerate().skip(taken) {
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

//! Brings a database's tables up to date: forward only, each step in the transaction that records it.

use super::{
    address::Address,
    connection::Connection,
    failed::{Failed, Why},
};
use crate::{
    Error, Kind, Sql,
    engine::{SchemaVersion, steps},
    tx::Arg,
};

/// A step: its name for people, and its SQL.
pub(super) type Step = (&'static str, &'static str);

/// The steps. The table `billhook_store` has the number of those taken. A released step never changes.
pub(super) const STEPS: &[Step] = steps::steps!(
    steps::POSTGRES,
    ("the first tables", FIRST),
    ("tokens of accounts", TOKENS),
    ("orders that are made here", ORDERS)
);

/// Every key begins with the account, so that a table can be sharded by it. `accounts` and `domains`, which
/// are used to find an account, are small and can be on every shard. Texts are compared byte by byte, as the
/// embedded engine does.
///
/// The index of `order_lines` includes all columns that `GetBills` reads, so the table itself is not read.
const FIRST: &str = r#"
    CREATE TABLE marks (
        name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    );

    CREATE TABLE accounts (
        account_id BIGINT NOT NULL PRIMARY KEY,
        login TEXT COLLATE "C" NOT NULL UNIQUE,
        api_key TEXT NOT NULL,
        old_key TEXT NOT NULL,
        old_key_until BIGINT NOT NULL,
        disabled BIGINT NOT NULL,
        created BIGINT NOT NULL,
        version BIGINT NOT NULL UNIQUE
    );

    CREATE TABLE domains (
        account_id BIGINT NOT NULL,
        domain TEXT COLLATE "C" NOT NULL UNIQUE,
        PRIMARY KEY (account_id, domain)
    );

    CREATE TABLE settings (
        account_id BIGINT NOT NULL,
        name TEXT COLLATE "C" NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (account_id, name)
    );

    CREATE TABLE products (
        account_id BIGINT NOT NULL,
        good_id BIGINT NOT NULL,
        good_name TEXT COLLATE "C" NOT NULL,
        good_title TEXT NOT NULL,
        good_sum BIGINT NOT NULL,
        PRIMARY KEY (account_id, good_id),
        UNIQUE (account_id, good_name)
    );

    CREATE TABLE product_versions (
        account_id BIGINT NOT NULL,
        version_id BIGINT NOT NULL,
        good_id BIGINT NOT NULL,
        good_name TEXT NOT NULL,
        good_title TEXT NOT NULL,
        PRIMARY KEY (account_id, version_id)
    );
    -- A title may be longer than a key can be.
    CREATE UNIQUE INDEX product_versions_by_names
        ON product_versions (account_id, good_id, md5(good_name), md5(good_title));

    CREATE TABLE orders (
        account_id BIGINT NOT NULL,
        order_id BIGINT NOT NULL,
        email TEXT NOT NULL,
        email_key TEXT COLLATE "C" NOT NULL,
        pay_status TEXT NOT NULL,
        created BIGINT NOT NULL,
        paid BIGINT NOT NULL,
        is_recurrent BIGINT NOT NULL,
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
    );

    CREATE TABLE order_lines (
        account_id BIGINT NOT NULL,
        email_key TEXT COLLATE "C" NOT NULL,
        order_id BIGINT NOT NULL,
        position BIGINT NOT NULL,
        pay_status TEXT COLLATE "C" NOT NULL,
        version_id BIGINT NOT NULL,
        sum BIGINT NOT NULL,
        price BIGINT NOT NULL,
        pincode TEXT NOT NULL,
        PRIMARY KEY (account_id, email_key, order_id, position) INCLUDE (pay_status, version_id)
    );
"#;

const TOKENS: &str = "ALTER TABLE accounts ADD COLUMN token BIGINT NOT NULL DEFAULT 0";

const ORDERS: &str = r#"
    ALTER TABLE orders ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN kill_at BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN sent BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN confirmed BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN manager BIGINT NOT NULL DEFAULT 0;
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
    ALTER TABLE order_lines ADD COLUMN partner_fee BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE order_lines ADD COLUMN partner_pfee BIGINT NOT NULL DEFAULT 0;

    ALTER TABLE products ADD COLUMN good_type TEXT NOT NULL DEFAULT '0';
    ALTER TABLE products ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN parent_id BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_nalozh_only BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_show BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_use_short BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_publish BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_timer BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_timer_unit TEXT NOT NULL DEFAULT 'hour';
    ALTER TABLE products ADD COLUMN good_timer_duration BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_fee BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_fee_perc BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_pfee BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_partner_pfee_perc BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_rashod BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN good_rashod_perc BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN prepayment_enabled BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE products ADD COLUMN prepayment_minsum BIGINT NOT NULL DEFAULT 0;
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
        account_id BIGINT NOT NULL,
        category_id BIGINT NOT NULL,
        title TEXT NOT NULL,
        PRIMARY KEY (account_id, category_id)
    );
    CREATE TABLE managers (
        account_id BIGINT NOT NULL,
        manager_id BIGINT NOT NULL,
        manager_name TEXT NOT NULL,
        PRIMARY KEY (account_id, manager_id)
    );
    CREATE TABLE partners (
        account_id BIGINT NOT NULL,
        partner_id BIGINT NOT NULL,
        login TEXT COLLATE "C" NOT NULL,
        parent_id BIGINT NOT NULL,
        PRIMARY KEY (account_id, partner_id),
        UNIQUE (account_id, login)
    );
    CREATE TABLE coupons (
        account_id BIGINT NOT NULL,
        coupon_id BIGINT NOT NULL,
        coupon TEXT NOT NULL,
        coupon_key TEXT COLLATE "C" NOT NULL,
        kind TEXT NOT NULL,
        amount BIGINT NOT NULL,
        starts BIGINT NOT NULL,
        ends BIGINT NOT NULL,
        uses_max BIGINT NOT NULL,
        uses BIGINT NOT NULL,
        PRIMARY KEY (account_id, coupon_id),
        UNIQUE (account_id, coupon_key)
    );
    CREATE TABLE coupon_goods (
        account_id BIGINT NOT NULL,
        coupon_id BIGINT NOT NULL,
        good_id BIGINT NOT NULL,
        PRIMARY KEY (account_id, coupon_id, good_id)
    );
    CREATE TABLE payments (
        account_id BIGINT NOT NULL,
        order_id BIGINT NOT NULL,
        payment_no BIGINT NOT NULL,
        sum BIGINT NOT NULL,
        received BIGINT NOT NULL,
        PRIMARY KEY (account_id, order_id, payment_no)
    );
    CREATE TABLE pincodes (
        account_id BIGINT NOT NULL,
        good_id BIGINT NOT NULL,
        pincode_no BIGINT NOT NULL,
        pincode TEXT NOT NULL,
        order_id BIGINT NOT NULL,
        PRIMARY KEY (account_id, good_id, pincode_no)
    );
    -- Numbers that a node has set aside for its new orders: what is derived from the orders, so nothing that is copied.
    CREATE TABLE order_numbers (
        account_id BIGINT NOT NULL PRIMARY KEY,
        next_id BIGINT NOT NULL
    );
    CREATE INDEX pincodes_free ON pincodes (account_id, good_id, pincode_no) WHERE order_id = 0;

    CREATE UNIQUE INDEX orders_by_created ON orders (account_id, created, order_id) WHERE deleted = 0;
    CREATE UNIQUE INDEX orders_by_paid ON orders (account_id, paid, order_id) WHERE deleted = 0 AND pay_status = 'paid';
    CREATE INDEX orders_by_timer ON orders (kill_at, account_id, order_id)
        WHERE kill_at > 0 AND deleted = 0 AND pay_status = 'waiting';
"#;

/// Marks a database as ours, and waits for a concurrent migration, so that its result is then visible under
/// any isolation level. The lock's number is arbitrary.
const LOCK: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SELECT pg_advisory_xact_lock(4849653873201);
    CREATE TABLE IF NOT EXISTS billhook_store (
        one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
        version BIGINT NOT NULL
    );
    INSERT INTO billhook_store (one, version) VALUES (1, 0) ON CONFLICT (one) DO NOTHING";

const IS_THERE: Sql = Sql::new(
    "migrations.is_there",
    "SELECT CASE WHEN to_regclass('billhook_store') IS NULL THEN 0 ELSE 1 END::BIGINT",
);
const VERSION: Sql = Sql::new("migrations.version", "SELECT version FROM billhook_store WHERE one = 1");
const NOTE: Sql = Sql::new("migrations.note", "UPDATE billhook_store SET version = $1 WHERE one = 1");

/// How often a migration is retried after a conflict, on databases where the lock does not prevent one.
const RETRIES_MAX: u32 = 5;

/// The steps that a database has taken; `None`: it holds no store. More than this program knows is an error.
pub(super) fn version(
    connection: &mut Connection,
    address: &Address,
    known: usize,
) -> Result<Option<usize>, Failed> {
    if number(connection, &IS_THERE)? != Some(1) {
        return Ok(None);
    }
    let version = number(connection, &VERSION)?.unwrap_or(0);
    match usize::try_from(version) {
        Ok(0) => Ok(None),
        Ok(version) if version <= known => Ok(Some(version)),
        _ => {
            let text = format!(
                "{address} was written by a newer version of Billhook (store version {version}, this one knows {known}): \
                 run that version, or a newer one"
            );
            Err(Failed { error: Error::new(Kind::Newer, text), why: Why::Final })
        }
    }
}

/// The steps that a database has taken, and those that it lacks.
pub(super) fn plan(connection: &mut Connection, address: &Address) -> Result<SchemaVersion, Failed> {
    let taken = version(connection, address, STEPS.len())?.unwrap_or(0);
    let missing = STEPS.iter().skip(taken).map(|(name, _)| *name).collect();
    Ok(SchemaVersion { taken, known: STEPS.len(), missing })
}

/// Takes the missing steps.
pub(super) fn run(
    connection: &mut Connection,
    address: &Address,
    steps: &'static [Step],
) -> Result<(), Failed> {
    let mut retries = 0;
    loop {
        if version(connection, address, steps.len())? == Some(steps.len()) {
            return Ok(());
        }
        let timeout = connection.set_timeout(None);
        let taken = step_through(connection, address, steps);
        connection.set_timeout(timeout);
        match taken {
            Err(failed) if retries < RETRIES_MAX && matches!(failed.why, Why::Conflict | Why::Taken) => {
                connection.batch("ROLLBACK")?;
                retries += 1;
            }
            Err(failed) => {
                // The first failure says more than one of the roll-back would.
                let _ = connection.batch("ROLLBACK");
                return Err(failed);
            }
            Ok(()) => return Ok(()),
        }
    }
}

fn step_through(
    connection: &mut Connection,
    address: &Address,
    steps: &'static [Step],
) -> Result<(), Failed> {
    connection.batch(LOCK)?;
    let taken = version(connection, address, steps.len())?.unwrap_or(0);
    for (name, text) in steps.iter().skip(taken) {
        connection.batch(text).map_err(|failed| {
            let text = format!(
                "{address}: the step {name:?} of bringing the store up to date failed: {}",
                failed.error
            );
            Failed { error: Error::new(failed.error.kind(), text), ..failed }
        })?;
    }
    let version = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    connection.execute(None, &NOTE, &[Arg::Int(version)])?;
    connection.batch("COMMIT")
}

fn number(connection: &mut Connection, sql: &'static Sql) -> Result<Option<i64>, Failed> {
    let mut found = None;
    connection.rows(None, sql, &[], &mut |row| {
        found = row.try_get(0).ok();
        true
    })?;
    Ok(found)
}

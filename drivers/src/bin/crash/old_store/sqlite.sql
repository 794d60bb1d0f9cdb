-- A store as its first version had it; released, and so never changed.

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

PRAGMA application_id = 0x42686B31;
PRAGMA user_version = 1;

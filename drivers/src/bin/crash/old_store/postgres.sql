-- A store as its first version had it; released, and so never changed.

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

CREATE TABLE billhook_store (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL
);
INSERT INTO billhook_store (one, version) VALUES (1, 1);

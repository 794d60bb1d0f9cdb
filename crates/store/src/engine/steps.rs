//! The migration steps that both engines share, from the fourth on, made from the tables' descriptions.

use crate::table::statement_text::Dialect;

pub(crate) const SQLITE: Dialect = Dialect {
    int: "INTEGER",
    text: "TEXT",
    key: "TEXT",
    end: " STRICT, WITHOUT ROWID",
    keys_ready: "",
    phone_key: "(WITH RECURSIVE read (rest, digits) AS (
        SELECT substr(phone, -40), ''
        UNION ALL
        SELECT substr(rest, 1, length(rest) - 1),
               digits || CASE WHEN substr(rest, -1) BETWEEN '0' AND '9' THEN substr(rest, -1) ELSE '' END
          FROM read WHERE rest <> ''
    ) SELECT substr(digits, 1, 10) FROM read WHERE rest = '')",
    surname_key: "(WITH RECURSIVE folded (done, folding) AS (
        SELECT 0, lower(substr(trim(last_name), 1, 40))
        UNION ALL
        SELECT done + 1, replace(folding, substr('АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁё', done + 1, 1),
                                 substr('абвгдежзийклмнопрстуфхцчшщъыьэюяее', done + 1, 1))
          FROM folded WHERE done < 34
    ) SELECT folding FROM folded WHERE done = 34)",
    reports: "CREATE INDEX orders_in_reports ON orders (account_id, created, pay_status, price, received, utm_source, kupon,
                                                        aff, aff_name, paff, paff_name) WHERE deleted = 0;\n",
    large_events: "ALTER TABLE events RENAME TO small_events;
                   CREATE TABLE events (
                       account_id INTEGER NOT NULL, event_no INTEGER NOT NULL, event TEXT NOT NULL, order_id INTEGER NOT NULL,
                       at INTEGER NOT NULL, form TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (account_id, event_no)
                   ) STRICT;
                   INSERT INTO events (account_id, event_no, event, order_id, at, form, json)
                   SELECT account_id, event_no, event, order_id, at, form, json FROM small_events;
                   DROP TABLE small_events;
                   CREATE INDEX events_of_order ON events (account_id, order_id, event_no);\n",
    contact_keys: "",
};
/// Key texts are compared byte by byte, as in the embedded engine.
pub(crate) const POSTGRES: Dialect = Dialect {
    int: "BIGINT",
    text: "TEXT",
    key: "TEXT COLLATE \"C\"",
    end: "",
    keys_ready: "ALTER TABLE orders ALTER COLUMN phone_key TYPE TEXT COLLATE \"C\",
                                    ALTER COLUMN surname_key TYPE TEXT COLLATE \"C\";\n",
    phone_key: "left(reverse(regexp_replace(right(phone, 40), '[^0-9]', '', 'g')), 10)",
    surname_key: "translate(left(btrim(last_name), 40),
        'ABCDEFGHIJKLMNOPQRSTUVWXYZАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁё',
        'abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюяее')",
    // An index here takes no long texts.
    reports: "",
    large_events: "",
    contact_keys: "ALTER TABLE contacts ALTER COLUMN email_key TYPE TEXT COLLATE \"C\",
                                      ALTER COLUMN phone_key TYPE TEXT COLLATE \"C\",
                                      ALTER COLUMN surname_key TYPE TEXT COLLATE \"C\";\n",
};

/// All steps of an engine, its own ones first, each with its name. A released step never changes.
macro_rules! steps {
    ($dialect:expr, $($own:expr),+) => {
        &[
            $($own,)+
            (
                // Version 4. An account that is the only one becomes the default.
                "the default account, repeated calls",
                $crate::table::statement_text::text!(
                    Piece::Step(&$crate::accounts::TABLE, 4, $dialect),
                    Piece::Step(&$crate::accounts::idempotency::TABLE, 4, $dialect),
                    "UPDATE accounts SET is_default = 1 WHERE (SELECT COUNT(*) FROM accounts) = 1;
                     CREATE INDEX idempotency_keys_by_created ON idempotency_keys (created);"
                ),
            ),
            (
                // Version 5.
                "the people of the cabinet",
                $crate::table::statement_text::text!(
                    Piece::Step(&$crate::accounts::people::TABLE, 5, $dialect),
                    Piece::Step(&$crate::accounts::people::SESSIONS, 5, $dialect),
                    Piece::Step(&$crate::accounts::people::LINKS, 5, $dialect),
                    Piece::Step(&$crate::accounts::audit::TABLE, 5, $dialect),
                    "CREATE INDEX audit_by_order ON audit (account_id, order_id, at, position);"
                ),
            ),
            (
                // Version 6.
                "what orders are found by",
                $crate::table::statement_text::text!(
                    Piece::Step(&$crate::orders::TABLE, 6, $dialect),
                    Piece::Text($dialect.keys_ready),
                    "UPDATE orders
                        SET price = (SELECT COALESCE(SUM(l.sum), 0) FROM order_lines l
                                      WHERE l.account_id = orders.account_id AND l.email_key = orders.email_key
                                        AND l.order_id = orders.order_id),
                            phone_key = ",
                    Piece::Text($dialect.phone_key),
                    ", surname_key = ",
                    Piece::Text($dialect.surname_key),
                    ";
                     CREATE INDEX orders_by_phone ON orders (account_id, phone_key) WHERE phone_key <> '' AND deleted = 0;
                     CREATE INDEX orders_by_surname ON orders (account_id, surname_key)
                         WHERE surname_key <> '' AND deleted = 0;
                     CREATE INDEX order_lines_by_version ON order_lines (account_id, version_id, order_id, sum);
                     CREATE INDEX orders_unnoted ON orders (account_id, paid, order_id, price, received)
                         WHERE deleted = 0 AND pay_status = 'paid' AND price > received;
                     CREATE INDEX payments_by_time ON payments (account_id, received, order_id, sum);
                     CREATE INDEX payments_given_back ON payments (account_id, order_id, sum) WHERE sum < 0;
",
                    Piece::Text($dialect.reports)
                ),
            ),
            (
                // Version 7.
                "events and their deliveries",
                $crate::table::statement_text::text!(
                    Piece::Step(&$crate::products::TABLE, 7, $dialect),
                    Piece::Step(&$crate::outbox::endpoints::TABLE, 7, $dialect),
                    Piece::Step(&$crate::outbox::events::TABLE, 7, $dialect),
                    Piece::Step(&$crate::outbox::deliveries::TABLE, 7, $dialect),
                    Piece::Step(&$crate::outbox::deliveries::TRIES, 7, $dialect),
                    "CREATE INDEX events_of_order ON events (account_id, order_id, event_no);
                     CREATE INDEX deliveries_due ON deliveries (account_id, due_at, event_no, target_no)
                         WHERE state = 'pending';
                     CREATE INDEX deliveries_of_order ON deliveries (account_id, order_id, event_no);
                     CREATE INDEX deliveries_by_state ON deliveries (account_id, state, event_no, target_no);"
                ),
            ),
            (
                // Version 8.
                "deliveries wait by URL, contacts and groups",
                $crate::table::statement_text::text!(
                    Piece::Text($dialect.large_events),
                    Piece::Step(&$crate::outbox::events::TABLE, 8, $dialect),
                    "DROP INDEX deliveries_due;
                     DROP INDEX deliveries_of_order;
                     DROP INDEX deliveries_by_state;
                     CREATE INDEX deliveries_by_url ON deliveries (account_id, substr(url, 1, 200), due_at, event_no, target_no)
                         WHERE state = 'pending';
                     CREATE INDEX deliveries_by_state ON deliveries (account_id, state, event_no, target_no)
                         WHERE state <> 'delivered';\n",
                    Piece::Step(&$crate::contacts::TABLE, 8, $dialect),
                    Piece::Step(&$crate::contacts::TAGS, 8, $dialect),
                    Piece::Step(&$crate::contacts::HISTORY, 8, $dialect),
                    Piece::Step(&$crate::contacts::groups::TABLE, 8, $dialect),
                    Piece::Step(&$crate::contacts::subscriptions::TABLE, 8, $dialect),
                    Piece::Step(&$crate::contacts::erasure::TABLE, 8, $dialect),
                    Piece::Text($dialect.contact_keys),
                    "CREATE UNIQUE INDEX contacts_by_email ON contacts (account_id, email_key) WHERE email_key <> '';
                     CREATE INDEX contacts_by_phone ON contacts (account_id, phone_key, contact_id) WHERE phone_key <> '';
                     CREATE INDEX contacts_by_surname ON contacts (account_id, surname_key, contact_id)
                         WHERE surname_key <> '';
                     CREATE INDEX contacts_active ON contacts (account_id, active);
                     CREATE INDEX contacts_by_aff ON contacts (account_id, substr(aff, 1, 200), created) WHERE aff <> '';
                     CREATE INDEX events_of_contact ON events (account_id, contact_id, event_no) WHERE contact_id <> 0;
                     CREATE INDEX contact_tags_by_tag ON contact_tags (account_id, tag, contact_id);
                     CREATE UNIQUE INDEX contact_groups_by_name ON contact_groups (account_id, name);
                     CREATE INDEX subscriptions_by_group ON subscriptions (account_id, group_id, status, contact_id);"
                ),
            ),
        ]
    };
}
pub(super) use steps;

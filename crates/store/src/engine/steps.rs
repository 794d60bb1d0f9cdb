//! The migration steps that both engines share, from the fourth on, made from the tables' descriptions.

use crate::statement_text::Dialect;

pub(crate) const SQLITE: Dialect =
    Dialect { int: "INTEGER", text: "TEXT", key: "TEXT", end: " STRICT, WITHOUT ROWID" };
/// Key texts are compared byte by byte, as in the embedded engine.
pub(crate) const POSTGRES: Dialect =
    Dialect { int: "BIGINT", text: "TEXT", key: "TEXT COLLATE \"C\"", end: "" };

/// All steps of an engine, its own ones first, each with its name. A released step never changes.
macro_rules! steps {
    ($dialect:expr, $($own:expr),+) => {
        &[
            $($own,)+
            (
                // Version 4. An account that is the only one becomes the default.
                "the default account, repeated calls",
                $crate::statement_text::text!(
                    Piece::Step(&$crate::accounts::TABLE, 4, $dialect),
                    Piece::Step(&$crate::idempotency::TABLE, 4, $dialect),
                    "UPDATE accounts SET is_default = 1 WHERE (SELECT COUNT(*) FROM accounts) = 1;
                     CREATE INDEX idempotency_keys_by_created ON idempotency_keys (created);"
                ),
            ),
            (
                // Version 5.
                "the people of the cabinet",
                $crate::statement_text::text!(
                    Piece::Step(&$crate::people::TABLE, 5, $dialect),
                    Piece::Step(&$crate::people::SESSIONS, 5, $dialect),
                    Piece::Step(&$crate::people::LINKS, 5, $dialect),
                    Piece::Step(&$crate::audit::TABLE, 5, $dialect),
                    "CREATE INDEX audit_by_order ON audit (account_id, order_id, at, position);"
                ),
            ),
        ]
    };
}
pub(super) use steps;

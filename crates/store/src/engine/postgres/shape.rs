//! Compares a database's tables with those that the steps make in a temporary schema.

use super::{connection::Connection, failed::Failed, migrations::STEPS};
use crate::{Finding, Sql, engine::shape::Shape, tx::Arg};

/// Every part of the tables in a schema: the session's temporary one, or the store's.
const PARTS: Sql = Sql::new(
    "shape.parts",
    "SELECT part, what FROM (
         SELECT c.relnamespace AS schema, 'table ' || c.relname AS part, '' AS what
           FROM pg_class c WHERE c.relkind IN ('r', 'p')
         UNION ALL
         SELECT c.relnamespace, 'column ' || c.relname || '.' || a.attname,
                format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
                || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') || COALESCE(' COLLATE ' || l.collname, '')
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
           LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
           LEFT JOIN pg_collation l ON l.oid = a.attcollation
          WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
         UNION ALL
         SELECT c.relnamespace, 'index ' || i.relname,
                CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END || CASE WHEN x.indisvalid THEN '' ELSE 'INVALID ' END
                || 'ON ' || c.relname || ' ('
                || (SELECT string_agg(pg_get_indexdef(x.indexrelid, n, true), ', ' ORDER BY n)
                      FROM generate_series(1, x.indnatts::int) n)
                || '), ' || x.indnkeyatts || ' of them keys' || COALESCE(' WHERE ' || pg_get_expr(x.indpred, x.indrelid), '')
           FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
         UNION ALL
         SELECT c.relnamespace, 'trigger ' || t.tgname, c.relname::text
           FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
     ) parts
     WHERE schema = CASE WHEN $1 = 1 THEN pg_my_temp_schema()
                         ELSE (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('billhook_store')) END",
);

/// The parts of a database's tables that are missing or different, and foreign triggers on them. Nothing is
/// compared if the session can have no temporary tables, as on a standby.
pub(super) fn differences(connection: &mut Connection) -> Result<Vec<Finding>, Failed> {
    let found = parts(connection, 0)?;
    let made = make(connection).and_then(|()| parts(connection, 1));
    connection.batch("ROLLBACK")?;
    match made {
        Ok(expected) => Ok(found.differences(&expected)),
        Err(failed) => {
            tracing::warn!("the tables are not compared with what they should be: {}", failed.error);
            Ok(Vec::new())
        }
    }
}

fn make(connection: &Connection) -> Result<(), Failed> {
    connection.batch("BEGIN READ WRITE; SET LOCAL search_path = pg_temp")?;
    STEPS.iter().try_for_each(|(_, step)| connection.batch(step))
}

fn parts(connection: &mut Connection, is_own: i64) -> Result<Shape, Failed> {
    let mut shape = Shape::default();
    connection.rows(None, &PARTS, &[Arg::Int(is_own)], &mut |row| {
        if let (Ok(part), Ok(what)) = (row.try_get(0), row.try_get(1)) {
            shape.add(part, what);
        }
        true
    })?;
    Ok(shape)
}

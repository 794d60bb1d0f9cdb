//! Checks a file: SQLite's integrity check, the tables' definitions, the texts, the data.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, types::ValueRef};

use super::{Open, begin, connect, damaged, end, failure, migrations};
use crate::{
    Error, Finding, Progress, Tx, check, engine::shape::Shape, products::product_versions::KnownVersions,
};

/// The maximum number of findings of a kind.
const FINDINGS_MAX: usize = 100;

/// Every part of a file's tables.
const PARTS: &str = "
    SELECT 'table ' || name, CASE WHEN strict THEN 'STRICT' ELSE '' END || CASE WHEN wr THEN ' WITHOUT ROWID' ELSE '' END
      FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'
    UNION ALL
    SELECT 'column ' || t.name || '.' || c.name,
           c.type || CASE WHEN c.\"notnull\" THEN ' NOT NULL' ELSE '' END || COALESCE(' DEFAULT ' || c.dflt_value, '')
           || CASE WHEN c.pk THEN ', key ' || c.pk ELSE '' END
      FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c WHERE t.schema = 'main' AND t.type = 'table'
    UNION ALL
    SELECT 'index ' || i.name,
           COALESCE((SELECT sql FROM sqlite_schema s WHERE s.type = 'index' AND s.name = i.name),
                    CASE WHEN i.\"unique\" THEN 'UNIQUE ' ELSE '' END || 'ON ' || t.name || ' ('
                    || (SELECT group_concat(k.name || ' ' || k.coll, ', ') FROM pragma_index_xinfo(i.name) k WHERE k.key) || ')')
      FROM pragma_table_list t JOIN pragma_index_list(t.name) i WHERE t.schema = 'main' AND t.type = 'table'
    UNION ALL
    SELECT 'trigger ' || name, tbl_name FROM sqlite_schema WHERE type = 'trigger'";

/// Checks one state of a file. The data is checked only if no migration step is missing.
pub(super) fn findings(
    connection: &mut Connection,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Finding>, Error> {
    begin(connection, "BEGIN")?;
    let found = look(connection, path, progress);
    end(connection, "ROLLBACK")?;
    found
}

fn look(
    connection: &mut Connection,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Finding>, Error> {
    let mut findings = integrity(connection, &FINDINGS_MAX.to_string())?;
    // A damaged file may not even have readable rows.
    if !findings.is_empty() {
        return Ok(findings);
    }
    let taken = migrations::version(connection, path)?;
    findings = differences(connection, taken)?;
    if findings.is_empty() {
        findings = wrong_texts(connection)?;
    }
    if findings.is_empty() && migrations::plan(taken).missing.is_empty() {
        let known = KnownVersions::default();
        findings = check::findings(&mut Tx::reading(&mut Open(connection), &known, None), progress)?;
    }
    Ok(findings)
}

/// Refuses a server whose table of accounts is damaged: it would tell their callers that there is no such account.
pub(crate) fn of_accounts(path: &Path) -> Result<(), Error> {
    match integrity(&connect(path)?, "accounts")?.first() {
        None => Ok(()),
        Some(found) => Err(damaged(&format!("{}: table accounts: {found}", path.display()))),
    }
}

/// SQLite's integrity check: of a table and its indexes, or of this many findings in all tables.
fn integrity(connection: &Connection, what: &str) -> Result<Vec<Finding>, Error> {
    let lines = || {
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({what})"))?;
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    match lines() {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").map(Finding::new).collect()),
        Err(error) if is_damage(&error) => Ok(vec![Finding::new(error.to_string())]),
        Err(error) => Err(failure("integrity_check", &error)),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The parts of a file's tables that are missing or different, and foreign triggers on them.
fn differences(connection: &Connection, taken: usize) -> Result<Vec<Finding>, Error> {
    let compare = || {
        let made = Connection::open_in_memory()?;
        migrations::make(&made, taken)?;
        Ok(shape(connection)?.differences(&shape(&made)?))
    };
    compare().map_err(|error| failure("shape", &error))
}

fn shape(connection: &Connection) -> rusqlite::Result<Shape> {
    let mut shape = Shape::default();
    let mut statement = connection.prepare(PARTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // Our names are valid texts, so others are not ours.
        let [part, what] = [row.get_ref(0)?.as_bytes()?, row.get_ref(1)?.as_bytes()?];
        shape.add(&String::from_utf8_lossy(part), &String::from_utf8_lossy(what));
    }
    Ok(shape)
}

/// Texts that are not UTF-8: SQLite accepts any bytes.
fn wrong_texts(connection: &Connection) -> Result<Vec<Finding>, Error> {
    let look = || {
        let mut findings = Vec::new();
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
        let tables = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        for table in tables {
            let mut statement =
                connection.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
            let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.raw_query();
            for number in 1.. {
                let Some(row) = rows.next()? else { break };
                for (at, column) in columns.iter().enumerate() {
                    if let ValueRef::Text(text) = row.get_ref(at)?
                        && let Err(error) = str::from_utf8(text)
                        && findings.len() < FINDINGS_MAX
                    {
                        findings.push(Finding::new(format!("{table}, row {number}: {column}: {error}")));
                    }
                }
            }
        }
        Ok(findings)
    };
    look().map_err(|error| failure("wrong_texts", &error))
}

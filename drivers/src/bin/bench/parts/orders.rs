//! Orders over HTTP: made, paid, read one by one, and listed by their time.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;

use crate::{Result, scene::Scene, table::Row};

use super::postgres;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    // What one of them measured is not lost with another.
    let measured = [
        create::measure(scene, rows),
        read::measure(scene, rows),
        list::measure(scene, rows),
        postgres::orders::measure(scene, rows),
    ];
    let failures: Vec<_> = measured.into_iter().filter_map(|done| Some(done.err()?.to_string())).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

//! Orders over HTTP: created, paid, read one by one, listed by time.

pub(in crate::parts) mod create;
pub(super) mod list;
pub(super) mod read;

use billhook_drivers::Result;

use crate::{scene::Scene, table::Row};

use super::{all, postgres};

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    all([
        create::measure(scene, rows),
        read::measure(scene, rows),
        list::measure(scene, rows),
        postgres::orders::measure(scene, rows),
    ])
}

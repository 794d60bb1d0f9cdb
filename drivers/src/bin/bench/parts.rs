//! The parts of the table, one module each. Each starts its servers and adds its rows.

pub(crate) mod bulk;
pub(crate) mod cabinet;
pub(crate) mod closed;
pub(crate) mod contacts;
pub(crate) mod durable;
pub(crate) mod events;
pub(crate) mod growth;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod orders;
pub(crate) mod postgres;
pub(crate) mod start;

use billhook_drivers::Result;

/// Collects the failures of several measurements, so that one does not stop the others.
fn all<const N: usize>(measured: [Result<()>; N]) -> Result<()> {
    let failures: Vec<_> = measured.into_iter().filter_map(|done| Some(done.err()?.to_string())).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

//! Kills `billhook copy` from a folder into a database, or back, and runs it again.

use std::{fs, time::Duration};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::{Cluster, Store};
use rand::rngs::StdRng;

use super::{archive::Archive, life::moment};
use crate::{export, old_store, seller::LOGIN, tally::Tally};

/// Kills a copy. An interrupted copy must be refused or whole; a repeated one must be whole.
pub(crate) fn round(
    billhook: &Billhook,
    cluster: &Cluster,
    archive: &Archive,
    took: &mut Duration,
    dice: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    let from = Store::Folder(archive.store.clone());
    let database = Store::Database(cluster.create_database()?);
    cut_off(billhook, &from, &database, archive, took, dice, tally)?;
    let back = archive.store.with_file_name("copied-back");
    cut_off(billhook, &database, &Store::Folder(back.clone()), archive, took, dice, tally)?;
    fs::remove_dir_all(back)?;
    old_store::remove(&database, Some(cluster))
}

fn cut_off(
    billhook: &Billhook,
    from: &Store,
    to: &Store,
    archive: &Archive,
    took: &mut Duration,
    dice: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    let (shown_from, shown_to) = (from.shown(), to.shown());
    let copy = ["copy", shown_from.as_str(), shown_to.as_str()];
    // The command's own store does not matter here.
    let cut = billhook.kill_after(from, &copy, moment(dice, *took))?;
    tally.note_cut(&cut);
    let left = usable(billhook, to)?;
    let is_whole = left.as_ref().is_some_and(|left| *left == archive.content);
    if left.is_some() != is_whole || (!cut.is_cut_off && !is_whole) {
        tally.wrong(format!("a copy into {shown_to} that was killed can be used, or is not there"));
    }
    if !is_whole {
        *took = billhook.timed(from, &copy)?;
    }
    if export::sound_text(billhook, to, LOGIN)? != archive.content {
        tally.wrong(format!("a copy into {shown_to} that was killed and run again holds something else"));
    }
    if export::sound_text(billhook, from, LOGIN)? != archive.content {
        tally.wrong(format!("a copy that was killed changed {shown_from}"));
    }
    Ok(())
}

/// The export of a usable store; `None` if it is refused, or empty because no copy has begun.
fn usable(billhook: &Billhook, place: &Store) -> Result<Option<String>> {
    if billhook.try_run(place, &["check"])?.is_none() {
        return Ok(None);
    }
    if billhook.run(place, &["account", "list", "--json"])?.trim().is_empty() {
        return Ok(None);
    }
    export::text(billhook, place, LOGIN).map(Some)
}

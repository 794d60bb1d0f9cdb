//! Kills `billhook import`, and runs it again.

use billhook_drivers::{
    Result,
    billhook::{Billhook, KEY},
};
use billhook_test_kit::Store;
use rand::rngs::StdRng;

use super::{archive::Archive, life::moment};
use crate::{export, tally::Tally};

/// Kills an import into a new account. Afterwards the store must be sound. A repeated import must give the
/// same result as one without interruption.
pub(crate) fn round(
    billhook: &Billhook,
    place: &Store,
    login: &str,
    archive: &Archive,
    dice: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    billhook.run(place, &["account", "add", login, "--key", KEY])?;
    let import = ["import", "--account", login, &archive.file];
    let cut = billhook.kill_after(place, &import, moment(dice, archive.took))?;
    tally.note_cut(&cut);
    let left = export::sound_text(billhook, place, login)?;
    if !cut.is_cut_off && left != archive.content {
        tally.lost("an import ended with success, and its account is not what it should be".to_owned());
    }
    billhook.run(place, &import)?;
    if export::sound_text(billhook, place, login)? != archive.content {
        tally.wrong("an import that was killed and run again made something else".to_owned());
    }
    Ok(())
}

//! Kills `billhook backup` and `billhook restore`, and runs them again.

use std::{fs, path::Path, time::Duration};

use billhook_drivers::{Result, billhook::Billhook, folders};
use billhook_test_kit::Store;
use rand::{RngExt as _, rngs::StdRng};

use super::{
    archive::Archive,
    life::{Life, moment},
};
use crate::{export, seller::LOGIN, tally::Tally};

/// How long the commands take without interruption.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) backup: Duration,
    pub(crate) restore: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let some = Duration::from_millis(60);
        Self { backup: some, restore: some }
    }
}

/// Kills a backup beside a server. The store must be unchanged; a file with the backup's name must be whole;
/// and another backup must succeed.
pub(crate) fn of_backup(life: &Life, times: &mut Times, dice: &mut StdRng, tally: &mut Tally) -> Result<()> {
    let billhook = &life.billhook;
    let content = export::text(billhook, &life.place, LOGIN)?;
    let folder = life.fresh("backups")?;
    fs::create_dir(&folder)?;
    let file = folder.join("first.billhook");
    let name = file.display().to_string();
    let cut = billhook.kill_after(&life.place, &["backup", &name], moment(dice, times.backup))?;
    tally.note_cut(&cut);
    if export::sound_text(billhook, &life.place, LOGIN)? != content {
        tally.wrong("a backup that was killed changed the store".to_owned());
    }
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let is_backup = path == file;
        let restored = restored(life, &path)?;
        // A file without its final name may be whole, or must be refused.
        let is_right = restored.as_ref().map_or(!is_backup, |restored| *restored == content);
        if !is_right {
            tally.wrong(format!(
                "{} was left by a backup that was killed, and holds something else",
                path.display()
            ));
        }
    }
    if !cut.is_cut_off && !file.exists() {
        tally.lost("a backup ended with success, and there is none".to_owned());
    }
    let again = if file.exists() { folder.join("second.billhook") } else { file };
    times.backup = billhook.timed(&life.place, &["backup", &again.display().to_string()])?;
    if restored(life, &again)?.is_none_or(|restored| restored != content) {
        tally.wrong("a backup after one that was killed holds something else".to_owned());
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The export after restoring a backup; `None` if it is refused.
fn restored(life: &Life, file: &Path) -> Result<Option<String>> {
    let folder = life.fresh("restored")?;
    let place = Store::Folder(folder.clone());
    let content = match life.billhook.try_run(&place, &["restore", &file.display().to_string()])? {
        None => None,
        Some(_) => Some(export::sound_text(&life.billhook, &place, LOGIN)?),
    };
    folders::remove(&folder)?;
    Ok(content)
}

/// Kills a restore into an empty folder or over another store. Afterwards there is nothing, the old store, or
/// the backup's; a repeated restore must give the latter.
pub(crate) fn of_restore(
    life: &Life,
    other: &Archive,
    times: &mut Times,
    dice: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    let billhook = &life.billhook;
    let content = export::text(billhook, &life.place, LOGIN)?;
    let backup = life.fresh("backups")?;
    fs::create_dir(&backup)?;
    let file = backup.join("whole.billhook").display().to_string();
    billhook.run(&life.place, &["backup", &file])?;

    let folder = life.fresh("restored")?;
    let place = Store::Folder(folder.clone());
    let has_store = dice.random();
    if has_store {
        folders::copy(&other.store, &folder)?;
    }
    let mut restore = vec!["restore", file.as_str()];
    if has_store {
        restore.push("--replace");
    }
    let cut = billhook.kill_after(&place, &restore, moment(dice, times.restore))?;
    tally.note_cut(&cut);
    let left = left(billhook, &place)?;
    let is_right = match &left {
        None => !has_store && cut.is_cut_off,
        Some(left) => *left == content || (has_store && cut.is_cut_off && *left == other.content),
    };
    if !is_right {
        let what = if left.is_some() { "something else" } else { "nothing" };
        tally.wrong(format!("a restore that was killed left {what}"));
    }
    times.restore = billhook.timed(&place, &["restore", file.as_str(), "--replace"])?;
    if export::sound_text(billhook, &place, LOGIN)? != content {
        tally.wrong("a restore after one that was killed made something else".to_owned());
    }
    fs::remove_dir_all(&folder)?;
    fs::remove_dir_all(&backup)?;
    Ok(())
}

/// The export of a folder; `None` if it has no store. A store must be sound.
fn left(billhook: &Billhook, place: &Store) -> Result<Option<String>> {
    let Store::Folder(folder) = place else { return Ok(None) };
    if !folder.join("billhook.db").exists() {
        return match billhook.try_run(place, &["check"])? {
            None => Ok(None),
            Some(_) => Err("a folder without a store is sound".into()),
        };
    }
    export::sound_text(billhook, place, LOGIN).map(Some)
}

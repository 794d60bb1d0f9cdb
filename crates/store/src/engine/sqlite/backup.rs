//! Backups: a copy of the file as it was at one moment, taken while it goes on being written, and put back again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use rustix::fs::statvfs;

use super::{
    FILE_NAME, FILES, connect, failure, file_failure, free_name, integrity, left_log, migrations, pace::Pace,
    with_suffix,
};
use crate::{
    BackupReport, DataFolder, Error, Kind, PartialFile, Progress, RestoreReport, folder::containing,
};

/// Pages copied between two reports of progress: a fraction of a millisecond's work.
const PAGES_A_STEP: i32 = 64;
/// So many pages are synced together: one sync of all at the end would keep the disk from everybody else.
const PAGES_A_SYNC: u64 = 2048;
/// Steps of SQLite's virtual machine, or pages that it checks, after which a check can rest.
const CHECKS_A_STEP: i32 = 200;

/// Copies the store of `from` into the new file `to`, and verifies the copy. The file appears under its name only when it is whole.
pub(super) fn write(
    from: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<BackupReport, Error> {
    if to.exists() {
        return Err(Error::new(
            Kind::Exists,
            format!("{} exists already: choose another name", to.display()),
        ));
    }
    let folder = containing(to);
    if !folder.is_dir() {
        let text =
            format!("the folder {} does not exist: make it, or choose another place", folder.display());
        return Err(Error::new(Kind::Folder, text));
    }
    let (partial, report) = copied(from, folder, progress)?;
    partial.keep_as(to).map_err(|cause| Error::file("write", to, &cause))?;
    DataFolder::sync(folder)?;
    Ok(report)
}

/// Keeps a copy of a store that is to be brought up to date, in the place of one that an earlier try has kept.
pub(super) fn keep(from: &Connection, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    let folder = containing(to);
    let pragma = |name| {
        let value = from.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        value.map(i64::unsigned_abs).map_err(|error| failure(name, &error))
    };
    let wanted = pragma("page_count")? * pragma("page_size")?;
    let disk = statvfs(folder).map_err(|error| Error::file("look at the disk of", folder, &error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < wanted {
        return Err(Error::new(
            Kind::Full,
            format!(
                "{} can't be kept, and without it the store is not brought up to date: {wanted} bytes are wanted, and {free} are free; \
                 free some space and try again",
                to.display()
            ),
        ));
    }
    let (partial, _) = copied(from, folder, progress)?;
    partial.replace(to).map_err(|cause| Error::file("write", to, &cause))?;
    DataFolder::sync(folder)
}

/// A verified and synced copy in that folder, which has no name yet.
fn copied(
    from: &Connection,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(PartialFile, BackupReport), Error> {
    let partial = PartialFile::new_in(folder).map_err(|cause| Error::file("write in", folder, &cause))?;
    copy_pages(from, &partial, progress)?;
    let report = verify(partial.path(), Some(Pace::new()))?;
    partial.as_file().sync_all().map_err(|cause| Error::file("sync", partial.path(), &cause))?;
    Ok((partial, report))
}

fn copy_pages(
    from: &Connection,
    partial: &PartialFile,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let to = partial.path();
    let mut pace = Pace::new();
    let mut synced = 0;
    let failed = |error| failure("backup", &error);
    let mut copy = Connection::open(to).map_err(|error| file_failure(to, &error))?;
    // The copy has no name yet, so it needs no journal, which would be left lying about if this failed.
    copy.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(())).map_err(failed)?;
    // A read transaction pins one state: without it each write beside us would begin the copy anew.
    from.execute_batch("BEGIN; SELECT COUNT(*) FROM marks;").map_err(failed)?;
    {
        let backup = Backup::new(from, &mut copy).map_err(failed)?;
        loop {
            let step = backup.step(PAGES_A_STEP).map_err(failed)?;
            let pages = backup.progress();
            let total = u64::try_from(pages.pagecount).unwrap_or_default();
            let left = u64::try_from(pages.remaining).unwrap_or_default();
            let done = total.saturating_sub(left);
            progress(Progress { done, total });
            match step {
                StepResult::Done => break,
                StepResult::More => {
                    if done.saturating_sub(synced) >= PAGES_A_SYNC {
                        synced = done;
                        partial.as_file().sync_data().map_err(|cause| Error::file("sync", to, &cause))?;
                    }
                    pace.step();
                }
                _ => {
                    return Err(Error::new(
                        Kind::Busy,
                        "backup: the store is held by another process; try again",
                    ));
                }
            }
        }
    }
    from.execute_batch("COMMIT").map_err(failed)?;
    // One file, without a log beside it.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(failed)?;
    copy.close().map_err(|(_, error)| failed(error))
}

/// Reads a backup through, with rests if there is a pace, and says what it holds; anything wrong with it is an error.
fn verify(path: &Path, pace: Option<Pace>) -> Result<BackupReport, Error> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| file_failure(path, &error))?;
    if migrations::version(&connection, path)? == 0 {
        return Err(Error::new(
            Kind::Foreign,
            format!("{} is not a Billhook store: it is empty", path.display()),
        ));
    }
    if let Some(mut pace) = pace {
        let rest = move || {
            pace.step();
            false
        };
        connection.progress_handler(CHECKS_A_STEP, Some(rest)).map_err(|error| file_failure(path, &error))?;
    }
    if let Some(finding) = integrity(&connection)?.first() {
        return Err(Error::new(Kind::Damaged, format!("{} is damaged: {finding}", path.display())));
    }
    let count = |table: &str| {
        connection
            .query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|error| file_failure(path, &error))
    };
    let bytes = fs::metadata(path).map_err(|cause| Error::file("read", path, &cause))?.len();
    Ok(BackupReport { bytes, accounts: count("accounts")?, orders: count("orders")? })
}

/// Puts a backup in place of the folder's store. The caller holds all locks.
pub(crate) fn restore(
    from: &Path,
    folder: &DataFolder,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    if !from.is_file() {
        let what = if from.exists() { "is not a file" } else { "does not exist" };
        return Err(Error::new(
            Kind::Folder,
            format!("{} {what}: give a file that `billhook backup` wrote", from.display()),
        ));
    }
    if fs::metadata(with_suffix(from, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(Error::new(
            Kind::Foreign,
            format!(
                "{} has a log beside it, so it is not all there is: it is a store that is in use, or whose program was killed; make a backup of it \
                 with `billhook backup`",
                from.display()
            ),
        ));
    }
    let place = folder.path().join(FILE_NAME);
    let is_taken = FILES.iter().any(|suffix| with_suffix(&place, suffix).exists());
    if is_taken && !replace {
        let text = format!(
            "{} holds a store already, or what is left of one: give --replace to put it aside, or choose another folder \
             with --data",
            folder.path().display()
        );
        return Err(Error::new(Kind::Exists, text));
    }
    verify(from, None)?;
    let partial =
        PartialFile::new_in(folder.path()).map_err(|cause| Error::file("write in", folder.path(), &cause))?;
    copy_bytes(from, partial.path(), progress)?;
    let restored = verify(partial.path(), None)?;
    let kept = if is_taken { Some(put_aside(&place)?) } else { None };
    // A log that came back beside the new store would be applied to it.
    DataFolder::sync(folder.path())?;
    // From one store to the other in one step: a power cut leaves either.
    partial.replace(&place).map_err(|cause| Error::file("write", &place, &cause))?;
    DataFolder::sync(folder.path())?;
    // An older backup is brought up to date now, so that `serve` starts at once.
    migrations::run(&mut connect(&place)?, &place)?;
    Ok(RestoreReport { restored, kept })
}

fn copy_bytes(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    let reading = |cause: io::Error| Error::file("read", from, &cause);
    let mut source = File::open(from).map_err(reading)?;
    let total = source.metadata().map_err(reading)?.len();
    let mut target = File::options().write(true).open(to).map_err(|cause| Error::file("open", to, &cause))?;
    let mut done = 0;
    loop {
        let step = io::copy(&mut io::Read::take(&mut source, 8 << 20), &mut target)
            .map_err(|cause| Error::file("copy the backup to", to, &cause))?;
        if step == 0 {
            break;
        }
        done += step;
        progress(Progress { done, total });
    }
    target.sync_all().map_err(|cause| Error::file("sync", to, &cause))
}

/// Gives what stands at `place` a second name, which says when it was put aside, and takes its log away: a log that is left
/// behind would be applied to the store that comes in its place.
fn put_aside(place: &Path) -> Result<PathBuf, Error> {
    let aside = free_name(place, "replaced");
    if place.exists() && !left_log::is_damaged(place)? && migrations::is_store(place) {
        // With all that its log holds, so that it is one file.
        let failed = |error: &rusqlite::Error| failure("put aside", error);
        let connection = connect(place)?;
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0))
            .map_err(|error| failed(&error))?;
        if mode != "delete" {
            return Err(Error::new(
                Kind::Busy,
                "restore: the store that is there is held by another process; try again",
            ));
        }
        connection.close().map_err(|(_, error)| failed(&error))?;
    }
    for suffix in FILES {
        let (file, aside) = (with_suffix(place, suffix), with_suffix(&aside, suffix));
        if !file.exists() {
            continue;
        }
        // The store keeps its own name until the new one takes it.
        let moved = if suffix.is_empty() { fs::hard_link(&file, &aside) } else { fs::rename(&file, &aside) };
        moved.map_err(|cause| Error::file("put aside", &file, &cause))?;
    }
    Ok(aside)
}

//! Backup: a copy of the file at one moment, made while it is written. Restore: puts such a copy back.

use std::{
    env,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use rustix::fs::statvfs;
use sha2::{Digest as _, Sha256};

use super::{
    FILE_NAME, FILES, Open, PREPARED_MAX,
    checksum::{self, Checksum},
    connect, failure, file_failure, free_name, harden, left_log, migrations, soundness,
    throttle::Throttle,
    with_suffix,
};
use crate::{
    BackupReport, DataFolder, Error, Finding, Kind, PartialFile, Progress, RestoreReport, Tx,
    folder::containing, outbox::deliveries, partial::PartialFolder,
};

/// Pages copied between two reports of progress, a fraction of a millisecond's work.
const PAGES_A_STEP: i32 = 64;
/// Pages synced together. A single sync at the end would block the disk for everybody else.
const PAGES_A_SYNC: u64 = 2048;
/// Steps of SQLite's virtual machine, or pages checked, after which a check can pause.
const CHECKS_A_STEP: i32 = 200;
/// The size of a block when a backup is copied.
const PIECE_BYTES: usize = 1 << 20;

/// Copies the store of `from` into the new file `to`, and verifies it before it gets that name.
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

/// Keeps a copy of a store before its migration. Replaces the copy of an earlier attempt.
pub(super) fn keep(from: &Connection, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    let folder = containing(to);
    let pragma = |name| {
        let value = from.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        value.map(i64::unsigned_abs).map_err(|error| failure(name, &error))
    };
    let wanted = pragma("page_count")? * pragma("page_size")?;
    let disk = statvfs(folder).map_err(|error| Error::file("look at the disk of", folder, &error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // Some file systems do not report their size.
    if disk.f_blocks > 0 && free < wanted {
        return Err(Error::new(
            Kind::Full,
            format!(
                "{} can't be kept, so the store is not migrated: it takes {wanted} bytes, and {free} are free; \
                 free some space and try again",
                to.display()
            ),
        ));
    }
    let (partial, _) = copied(from, folder, progress).map_err(|error| match error.kind() {
        Kind::Damaged => {
            Error::new(Kind::Damaged, format!("{error}; restore a backup with `billhook restore`"))
        }
        _ => error,
    })?;
    partial.replace(to).map_err(|cause| Error::file("write", to, &cause))?;
    DataFolder::sync(folder)
}

/// A checked, synced and sealed copy in that folder, without its final name. Fails for a damaged store.
fn copied(
    from: &Connection,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(PartialFile, BackupReport), Error> {
    let partial = PartialFile::new_in(folder).map_err(|cause| Error::file("write in", folder, &cause))?;
    copy_pages(from, &partial, progress)?;
    let (path, file) = (partial.path(), partial.as_file());
    checksum::put(file).map_err(|cause| Error::file("write", path, &cause))?;
    let mut connection = open_copy(path, path)?;
    rest_while_checking(&mut connection)?;
    let findings = soundness::findings(&mut connection, path, &mut |_| {})?;
    if let Some(finding) = findings.first() {
        let text =
            format!("the store is damaged, so no copy of it is kept: {}", with_count(finding, &findings));
        return Err(Error::new(Kind::Damaged, text));
    }
    let report = report(&connection, path)?;
    file.sync_all().map_err(|cause| Error::file("sync", path, &cause))?;
    Ok((partial, report))
}

/// A finding, and the number of the others.
fn with_count(finding: &Finding, findings: &[Finding]) -> String {
    match findings.len() {
        0 | 1 => finding.to_string(),
        count => format!("{finding} (and {} more)", count - 1),
    }
}

fn copy_pages(
    from: &Connection,
    partial: &PartialFile,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let to = partial.path();
    let mut throttle = Throttle::new();
    let mut synced = 0;
    let failed = |error| failure("backup", &error);
    // It is there already. A signal may just have removed it: then it must not be made anew.
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| file_failure(to, &error))?;
    // The copy has no name yet, so it needs no journal. If this failed, a journal file would remain.
    copy.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(())).map_err(failed)?;
    // A read transaction pins one state. Otherwise each concurrent write would restart the copy.
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
                    throttle.step();
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
    // Makes it one file without a log.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(failed)?;
    copy.close().map_err(|(_, error)| failed(error))
}

/// Opens a private copy of a file without log and journal, which would remain if this failed.
fn open_copy(path: &Path, of: &Path) -> Result<Connection, Error> {
    let open = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        harden(&connection)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
        for mode in ["DELETE", "MEMORY"] {
            connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))?;
        }
        Ok(connection)
    };
    open().map_err(|error| file_failure(of, &error))
}

fn rest_while_checking(connection: &mut Connection) -> Result<(), Error> {
    let mut throttle = Throttle::new();
    let rest = move || {
        throttle.step();
        false
    };
    connection
        .progress_handler(CHECKS_A_STEP, Some(rest))
        .map_err(|error| failure("rest while checking", &error))
}

/// The report on a copy.
fn report(connection: &Connection, path: &Path) -> Result<BackupReport, Error> {
    let count = |table: &str| {
        connection
            .query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|error| file_failure(path, &error))
    };
    let bytes = fs::metadata(path).map_err(|cause| Error::file("read", path, &cause))?.len();
    Ok(BackupReport { bytes, accounts: count("accounts")?, orders: count("orders")? })
}

/// A backup that was copied into a private file, migrated and checked there.
struct TakenIn {
    partial: PartialFile,
    findings: Vec<Finding>,
    /// Its content, if it is sound.
    report: BackupReport,
}

/// Copies a backup into a folder. Migrates it only if it is sound.
fn take_in(from: &Path, folder: &Path, progress: &mut dyn FnMut(Progress)) -> Result<TakenIn, Error> {
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
                "{} has a log beside it, so it is no backup, but a store that is in use, or whose program was killed; make a backup of it \
                 with `billhook backup`",
                from.display()
            ),
        ));
    }
    let partial = PartialFile::new_in(folder).map_err(|cause| Error::file("write in", folder, &cause))?;
    let checksum = copy_without_checksum(from, partial.path(), progress)?;
    if let Checksum::Broken(why) = checksum {
        return Ok(TakenIn { partial, findings: vec![Finding::new(why)], report: BackupReport::default() });
    }
    let mut connection = open_copy(partial.path(), from)?;
    let version = migrations::plan(migrations::version(&connection, from)?);
    if version.taken == 0 {
        let text = format!("{} is not a Billhook store: it is empty", from.display());
        return Err(Error::new(Kind::Foreign, text));
    }
    let mut findings = soundness::findings(&mut connection, from, progress)?;
    if findings.is_empty() && version.is_older() {
        migrations::run(&mut connection, from)?;
        findings = soundness::findings(&mut connection, from, progress)?;
    }
    if checksum == Checksum::None && findings.is_empty() {
        tracing::warn!(
            "{} has no checksum, like all backups of early versions: changed letters or numbers in it can't be found",
            from.display()
        );
    }
    let report =
        if findings.is_empty() { report(&connection, partial.path())? } else { BackupReport::default() };
    Ok(TakenIn { partial, findings, report })
}

pub(crate) fn check(from: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    let place = env::temp_dir();
    let folder =
        PartialFolder::new_in(&place).map_err(|cause| Error::file("make a folder in", &place, &cause))?;
    take_in(from, folder.path(), progress).map(|taken| taken.findings)
}

/// Puts a backup in the place of the folder's store. The caller holds all locks.
pub(crate) fn restore(
    from: &Path,
    folder: &DataFolder,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
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
    let TakenIn { partial, findings, report: restored } = take_in(from, folder.path(), progress)?;
    if let Some(finding) = findings.first() {
        let text = format!(
            "{} is damaged: {}: take another backup, or look at all of it with `billhook check FILE`",
            from.display(),
            with_count(finding, &findings)
        );
        return Err(Error::new(Kind::Damaged, text));
    }
    pause_outbox(partial.path(), from)?;
    partial.as_file().sync_all().map_err(|cause| Error::file("sync", partial.path(), &cause))?;
    let kept = if is_taken { Some(put_aside(&place)?) } else { None };
    // A log that reappeared after a crash would be applied to the new store.
    DataFolder::sync(folder.path())?;
    // An atomic rename: after a power cut, one of the two stores is there.
    partial.replace(&place).map_err(|cause| Error::file("write", &place, &cause))?;
    DataFolder::sync(folder.path())?;
    Ok(RestoreReport { restored, kept })
}

/// Sends nothing from a restored store before an operator resumes it. What waits in it may have been sent since the
/// backup.
fn pause_outbox(path: &Path, from: &Path) -> Result<(), Error> {
    let mut connection = open_copy(path, path)?;
    let why = format!("this store was restored from {}", from.display());
    deliveries::pause(&mut Tx::writing(&mut Open(&mut connection)), &why)
}

/// Copies a backup without its checksum, and compares it with that.
fn copy_without_checksum(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checksum, Error> {
    let reading = |cause: io::Error| Error::file("read", from, &cause);
    let mut source = File::open(from).map_err(reading)?;
    let checksum = checksum::of(&source).map_err(reading)?;
    let total = match &checksum {
        Checksum::Sha256 { pages_bytes, .. } => *pages_bytes,
        Checksum::None => source.metadata().map_err(reading)?.len(),
        Checksum::Broken(_) => return Ok(checksum),
    };
    let mut target = File::options().write(true).open(to).map_err(|cause| Error::file("open", to, &cause))?;
    let mut done = 0;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    while done < total {
        let wanted = piece.len().min(usize::try_from(total - done).unwrap_or(usize::MAX));
        let read = source.read(piece.get_mut(..wanted).unwrap_or_default()).map_err(reading)?;
        let read = piece.get(..read).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        digest.update(read);
        target.write_all(read).map_err(|cause| Error::file("copy the backup to", to, &cause))?;
        done += read.len() as u64;
        progress(Progress { done, total });
    }
    Ok(checksum.compared_with(digest))
}

/// Gives the file at `place` a second name with the time. Removes its log, which would spoil the new store.
fn put_aside(place: &Path) -> Result<PathBuf, Error> {
    let aside = free_name(place, "replaced");
    if place.exists() && !left_log::is_damaged(place)? && migrations::is_store(place) {
        // First copy its log into it, so that it is one file.
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

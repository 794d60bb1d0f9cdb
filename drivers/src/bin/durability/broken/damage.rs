//! Changes bytes of a store's files. Tests whether `billhook check` finds it, what an export shows, and what
//! a server does.
//!
//! SQLite has checksums only in its log, so some damage can't be found, and is only counted. What must never
//! happen: a panic; a server that writes to a store after it found damage; a backup of such a store; a
//! damaged log that is accepted although it loses acknowledged orders. Damage to the log's last order can't
//! be known.
//!
//! A backup has a checksum, so every changed bit must be found.

use std::{fs, path::Path, time::Instant};

use billhook_drivers::{Result, billhook::Billhook, folders};
use billhook_test_kit::http::Client;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::DataDisk;
use crate::{
    load::Caller,
    record::Change,
    seller::{LOGIN, request},
};

const FILE: &str = "billhook.db";
const LOG: &str = "billhook.db-wal";
const PAGE_BYTES: usize = 4096;
/// The length of a page's header, which locates its rows.
const HEAD_BYTES: usize = 8;
const SECTOR_BYTES: usize = 512;
/// The number of orders in the store, and of calls to a server.
const ORDERS: usize = 400;
const LOGGED: usize = 60;
const CALLS: usize = ORDERS / 4;

/// The results of the rounds, for one file.
#[derive(Default)]
struct Report {
    rounds: u64,
    /// `check` finds something, and `backup` refuses.
    found: u64,
    /// Not found, and the export is unchanged.
    without_effect: u64,
    /// Not found, and an order or one of the latest changes is missing.
    lost: u64,
    /// Not found, and another text or number differs.
    other: u64,
    /// Servers that found it and stopped writing.
    stopped: u64,
}

/// Damages this many stores; the first violation is an error.
pub(crate) fn run(billhook: Billhook, rounds: u64, seed: u64) -> Result<String> {
    let begun = Instant::now();
    let mut shop = DataDisk::new(billhook)?;
    shop.add_account()?;
    shop.fill()?;
    shop.import(ORDERS)?;
    let server = shop.serve()?;
    let mut caller = Caller::connect(server.address()?)?;
    for _ in 0..LOGGED {
        shop.order(&mut caller)?;
    }
    // Without a normal stop the log stays.
    drop(server);
    let files = [FILE, LOG].map(|name| (name, shop.data().join(name)));
    let whole = files.each_ref().map(|(name, path)| Ok((*name, fs::read(path)?)));
    let whole = whole.into_iter().collect::<Result<Vec<_>>>()?;
    let expected = shop.export()?;
    let backup = shop.elsewhere("sound.backup");
    shop.run(&["backup", &backup.display().to_string()])?;
    let backup = fs::read(backup)?;
    let mut reports = [(FILE, false), (LOG, false), (FILE, true)].map(|goal| (goal, Report::default()));
    for seed in seed..seed + rounds {
        let mut dice = StdRng::seed_from_u64(seed);
        let (place, bit) = (dice.random_range(0..backup.len()), 1 << dice.random_range(0..8));
        rot(&shop, &backup, place, bit)
            .map_err(|failure| format!("damage: seed {seed}, byte {place} of a backup: {failure}"))?;
        for ((name, at_head), report) in &mut reports {
            let mut damaged = whole.clone();
            let Some((_, bytes)) = damaged.iter_mut().find(|file| file.0 == *name) else { continue };
            let mut place = dice.random_range(0..bytes.len());
            if *at_head {
                place = place - place % PAGE_BYTES + dice.random_range(0..HEAD_BYTES);
            }
            // Sometimes a whole sector of the log, in which two transactions may meet.
            let is_sector = *name == LOG && dice.random_bool(0.25);
            if is_sector {
                place -= place % SECTOR_BYTES;
                bytes.iter_mut().skip(place).take(SECTOR_BYTES).for_each(|byte| *byte = 0);
            } else if let Some(byte) = bytes.get_mut(place) {
                *byte ^= dice.random_range(1..=255_u8);
            }
            round(&mut shop, &damaged, &expected, report)
                .and_then(|missing| {
                    if *name == LOG && missing > 1 + usize::from(is_sector) {
                        return Err(format!("{missing} orders are missing, and check finds nothing").into());
                    }
                    Ok(())
                })
                .map_err(|failure| format!("damage: seed {seed}, byte {place} of {name}: {failure}"))?;
        }
    }
    let [file, log, heads] = reports.map(|(_, report)| report.text());
    Ok(format!(
        "damage: {rounds} bytes (of the log, sectors too) each in {} s\n{FILE}: {file}\n{FILE}, heads of pages: {heads}\n{LOG}: {log}\nbackups: of {rounds} \
         bits, {rounds} found by restore and by check\nno panic, no backup of a store that was found damaged, and no server went on writing a store that it \
         had found damaged",
        begun.elapsed().as_secs()
    ))
}

impl Report {
    fn text(self) -> String {
        let Self { rounds, found, without_effect, lost, other, stopped } = self;
        format!(
            "of {rounds}, {found} found by check, {without_effect} without effect, {lost} with orders missing and {other} with other content \
             that check can't tell; {stopped} servers met it and stopped writing"
        )
    }
}

/// Damages a store. Returns how many orders are missing if nothing was found.
fn round(
    shop: &mut DataDisk,
    files: &[(&str, Vec<u8>)],
    expected: &str,
    report: &mut Report,
) -> Result<usize> {
    let folder = shop.elsewhere("damaged");
    let put = || -> Result<()> {
        folders::remove(&folder)?;
        fs::create_dir(&folder)?;
        files.iter().try_for_each(|(name, bytes)| Ok(fs::write(folder.join(name), bytes)?))
    };
    let no_panic = |text: &str| -> Result<()> {
        if text.contains("panicked") || text.contains("signal") { Err(text.into()) } else { Ok(()) }
    };
    report.rounds += 1;
    let mut missing = 0;
    put()?;
    if let Err(found) = shop.run_over(&folder, &["check"]) {
        let found = found.to_string();
        no_panic(&found)?;
        if ![
            "is damaged",
            "was damaged",
            "is not a Billhook store",
            "a newer version",
            "is missing: put the store back",
        ]
        .iter()
        .any(|words| found.contains(words))
        {
            return Err(found.into());
        }
        report.found += 1;
        put()?;
        is_not_backed_up(shop, &folder)?;
    } else {
        put()?;
        match shop.run_over(&folder, &["export", "--account", LOGIN]) {
            Ok(export) if export == expected => report.without_effect += 1,
            Ok(export) if export.lines().count() < expected.lines().count() => {
                missing = expected.lines().count() - export.lines().count();
                report.lost += 1;
            }
            Ok(_) => report.other += 1,
            Err(failure) => {
                no_panic(&failure.to_string())?;
                report.other += 1;
            }
        }
    }
    put()?;
    serve(shop, &folder, report)?;
    no_panic(&shop.log()?)?;
    Ok(missing)
}

/// A backup with one changed bit must be refused, and called damaged.
fn rot(shop: &DataDisk, backup: &[u8], place: usize, bit: u8) -> Result<()> {
    let mut rotten = backup.to_vec();
    if let Some(byte) = rotten.get_mut(place) {
        *byte ^= bit;
    }
    let file = shop.elsewhere("rotten.backup");
    fs::write(&file, rotten)?;
    for command in ["restore", "check"] {
        match shop.run_over(&shop.elsewhere("restored"), &[command, &file.display().to_string()]) {
            Ok(_) => return Err(format!("{command} takes it").into()),
            Err(refused) if refused.to_string().contains("is damaged") => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// A store that was found damaged must not be backed up, and the message must offer alternatives.
fn is_not_backed_up(shop: &DataDisk, folder: &Path) -> Result<()> {
    let file = shop.elsewhere("damaged.backup");
    let told = match shop.run_over(folder, &["backup", &file.display().to_string()]) {
        Ok(_) => return Err("a damaged store was backed up".into()),
        Err(refused) => refused.to_string(),
    };
    if file.exists() || told.contains("panicked") {
        return Err(told.into());
    }
    if told.contains("damaged") && !told.contains("`billhook export") {
        return Err(format!("it does not name export: {told}").into());
    }
    Ok(())
}

/// Reads and writes through a server. Once it has found the damage, it must refuse all writes, and say so.
fn serve(shop: &mut DataDisk, folder: &Path, report: &mut Report) -> Result<()> {
    // A server that does not start has said why, and serves nothing wrong.
    let Ok(server) = shop.serve_over(folder) else { return Ok(()) };
    let mut caller = Caller::connect(server.address()?)?;
    for number in 0..CALLS {
        let email = shop.record.orders.get(number * 4).map(|order| order.draft.email());
        caller.look(&email.unwrap_or_default())?;
        if number % 10 == 0 {
            caller.ask(&request(&shop.draft(), Change::Make))?;
        }
    }
    let log = shop.log()?;
    if !log.contains("is damaged") {
        return Ok(());
    }
    report.stopped += 1;
    let (code, _) = caller.ask(&request(&shop.draft(), Change::Make))?;
    if code != 9 {
        return Err(format!("it goes on writing: code {code}; {log}").into());
    }
    if log.lines().filter(|line| line.contains("is damaged")).count() > 1 {
        return Err(format!("it says it more than once: {log}").into());
    }
    let operator = server.admin.ok_or("no address for the operator")?;
    let ready = Client::connect(operator)?.ask(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    if ready.status != 503 || !ready.body.contains("damaged") {
        return Err(format!("/readyz: {ready:?}").into());
    }
    Ok(())
}

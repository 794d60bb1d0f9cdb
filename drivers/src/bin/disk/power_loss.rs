//! Rounds of power loss: at some operation of a disk its power goes, the program is killed, and of what was not synced an arbitrary
//! part is left. Then the store must be sound and have everything that was acknowledged, and nothing twice.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::Result;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::shop::{Customer, KEY, LOGIN, Shop};

/// How long a server is left alone if it does little.
const SERVED_MAX: Duration = Duration::from_secs(2);
/// The latest operation at which a server's disk, and that of a command, loses power. Many servers' logs are copied before that.
const SERVED_OPERATIONS_MAX: f64 = 12_000.0;
const COMMAND_OPERATIONS_MAX: f64 = 1500.0;
/// How many orders are imported.
const IMPORTED: u64 = 300;

/// What is at work when power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FirstStart,
    Serving,
    Backup,
    Import,
    Restore,
    Migration,
}

/// A store's life, from its first start; then comes another one. Ten rounds are enough for all kinds.
const LIFE: [Kind; 10] = [
    Kind::FirstStart,
    Kind::Serving,
    Kind::Backup,
    Kind::Serving,
    Kind::Import,
    Kind::Serving,
    Kind::Restore,
    Kind::Serving,
    Kind::Migration,
    Kind::Serving,
];

/// What was found, in all rounds.
#[derive(Default)]
struct Report {
    acknowledged: u64,
    /// Orders and changes that were compared.
    compared: u64,
    unacknowledged: u64,
    /// Commands that had ended before power went.
    commands_done: u64,
    commands_cut: u64,
}

/// Runs so many rounds; an error is the first that is wrong.
pub(crate) fn run(program: &Path, rounds: u64, seed: u64) -> Result<String> {
    let begun = Instant::now();
    let mut report = Report::default();
    let mut shop = None;
    for (seed, kind) in (seed..).zip(LIFE.into_iter().cycle()).take(usize::try_from(rounds)?) {
        let mut dice = StdRng::seed_from_u64(seed);
        if kind == Kind::FirstStart {
            // The last one's disk is gone before the next is mounted.
            shop = None;
        }
        let shop = match &mut shop {
            Some(shop) => shop,
            none => none.insert(Shop::new(program)?),
        };
        round(shop, kind, &mut report, &mut dice).map_err(|failure| {
            let log = shop.log().unwrap_or_default();
            format!("power-loss: seed {seed}, {kind:?}: {failure}\n{}", log.trim_end())
        })?;
    }
    let Report { acknowledged, compared, unacknowledged, commands_done, commands_cut } = report;
    Ok(format!(
        "power-loss: {rounds} rounds in {} s, seeds from {seed}: {acknowledged} calls were acknowledged, {commands_done} commands had \
         ended and {commands_cut} had not\nsound each time; 0 of {compared} orders, payments and cancellations were lost, 0 were there \
         twice or in part, {unacknowledged} were there that nobody had been told of",
        begun.elapsed().as_secs()
    ))
}

fn round(shop: &mut Shop, kind: Kind, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    match kind {
        Kind::FirstStart => first_start(shop, report, dice)?,
        Kind::Serving => {
            report.acknowledged += serve(shop, dice, |_| Ok(()))?;
            shop.disk.come_back(dice)?;
        }
        Kind::Backup => backup(shop, report, dice)?,
        Kind::Import => {
            shop.disk.cut_after(operations(COMMAND_OPERATIONS_MAX, dice));
            let done = shop.import(IMPORTED);
            report.count(&done);
            shop.disk.cut();
            shop.disk.come_back(dice)?;
        }
        Kind::Restore => restore(shop, report, dice)?,
        Kind::Migration => migrate(shop, report, dice)?,
    }
    let tally = shop.compare()?;
    report.compared += tally.kept;
    report.unacknowledged += tally.unacknowledged;
    Ok(())
}

impl Report {
    fn count<T>(&mut self, done: &Result<T>) {
        match done {
            Ok(_) => self.commands_done += 1,
            Err(_) => self.commands_cut += 1,
        }
    }
}

/// When power goes: early as likely as late, whatever the order of magnitude.
fn operations(max: f64, dice: &mut StdRng) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and a few thousand"
    )]
    let operations = max.powf(dice.random()) as u64;
    operations
}

/// Power goes while the store is made. Whether or not its maker was told that it is there, it can be made then.
fn first_start(shop: &mut Shop, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    shop.disk.cut_after(operations(COMMAND_OPERATIONS_MAX, dice));
    let made = shop.run(&["account", "add", LOGIN, "--key", KEY]);
    report.count(&made);
    shop.disk.cut();
    shop.disk.come_back(dice)?;
    let is_there =
        shop.data().join("billhook.db").exists() && shop.run(&["account", "list"])?.contains(LOGIN);
    if made.is_ok() && !is_there {
        return Err("the account was acknowledged and is lost".into());
    }
    if !is_there {
        shop.run(&["account", "add", LOGIN, "--key", KEY])?;
    }
    shop.import(1)?;
    shop.disk.settle();
    Ok(())
}

/// Serves customers until power goes, and has `act` done beside. Says how many calls were acknowledged.
fn serve(shop: &Shop, dice: &mut StdRng, act: impl FnOnce(&Shop) -> Result<()> + Send) -> Result<u64> {
    let server = shop.serve()?;
    let address = server.address()?;
    let is_over = AtomicBool::new(false);
    let seed = dice.random();
    let power_off = operations(SERVED_OPERATIONS_MAX, dice);
    thread::scope(|scope| {
        let trading = scope.spawn(|| shop.trade(address, &is_over, seed));
        let acting = scope.spawn(|| act(shop));
        shop.disk.cut_after(power_off);
        let begun = Instant::now();
        while !shop.disk.is_off() && begun.elapsed() < SERVED_MAX {
            thread::sleep(Duration::from_millis(1));
        }
        shop.disk.cut();
        drop(server);
        is_over.store(true, Ordering::Relaxed);
        acting.join().map_err(|_| "what was done beside the server panicked")??;
        trading.join().map_err(|_| "the customers panicked")?
    })
}

/// Power goes while a backup is written beside a server. One that has its name is whole.
fn backup(shop: &mut Shop, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let file = shop.on_disk("backup");
    let mut backed_up = Err("it was not begun".into());
    let before = shop.ledger.acknowledged();
    report.acknowledged += serve(shop, dice, |shop| {
        backed_up = shop.run(&["backup", &file.display().to_string()]);
        Ok(())
    })?;
    report.count(&backed_up);
    shop.disk.come_back(dice)?;
    if backed_up.is_ok() && !file.exists() {
        return Err("a backup was acknowledged and is lost".into());
    }
    if file.exists() {
        let elsewhere = shop.elsewhere("restored");
        shop.run_over(&elsewhere, &["restore", &file.display().to_string()])?;
        let export = shop.run_over(&elsewhere, &["export", "--account", LOGIN])?;
        let is_there = |tag: &String| export.contains(&format!("\"tag\":\"{tag}\""));
        if let Some(lost) = before.iter().find(|tag| !is_there(tag)) {
            return Err(
                format!("{lost} was acknowledged before a backup began, and the backup lacks it").into()
            );
        }
        fs::remove_dir_all(elsewhere)?;
        fs::remove_file(file)?;
        // Otherwise the next power cut may bring it back.
        shop.disk.settle();
    }
    Ok(())
}

/// Power goes while a backup takes the place of a store. Then there is the one or the other, whole.
fn restore(shop: &mut Shop, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let file = shop.on_disk("backup");
    shop.run(&["backup", &file.display().to_string()])?;
    let then = shop.export()?;
    let known = shop.ledger.acknowledged();
    shop.import(IMPORTED)?;
    // What a server left in its log is to be put aside, too.
    serve_and_kill(shop)?;
    let left = shop.disk.picture();
    let now = shop.export()?;
    shop.disk.put_back(&left)?;
    shop.disk.settle();
    shop.disk.cut_after(operations(COMMAND_OPERATIONS_MAX, dice));
    let restored = shop.run(&["restore", &file.display().to_string(), "--replace"]);
    report.count(&restored);
    shop.disk.cut();
    shop.disk.come_back(dice)?;
    shop.run(&["check"])?;
    let found = shop.export()?;
    if found != then && (restored.is_ok() || found != now) {
        return Err(format!("restore ended with {restored:?}, and the store is neither of both").into());
    }
    if found == then {
        let mut tags = shop.ledger.acknowledged();
        tags.retain(|tag| !known.contains(tag));
        shop.ledger.forget(&tags);
    }
    for entry in fs::read_dir(shop.data())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains(".replaced-") || name.ends_with(".partial") {
            fs::remove_file(path)?;
        }
    }
    Ok(fs::remove_file(file)?)
}

/// Has a server go without an orderly end, so that its log stays.
fn serve_and_kill(shop: &Shop) -> Result<()> {
    let server = shop.serve()?;
    Customer::new(server.address()?, &shop.ledger)?.order()?;
    drop(server);
    Ok(())
}

/// A store that the first version made, and one account with some orders.
const FIRST_STORE: &str = include_str!("../crash/old_store/sqlite.sql");
const FIRST_ORDERS: &str = include_str!("first_orders.sql");

/// Power goes while an old store is brought up to date. The next try does it.
fn migrate(shop: &mut Shop, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let make = |folder: &Path| -> Result<()> {
        // SQLite would write another file on a disk that is slower than this.
        let whole = shop.elsewhere("first.db");
        let store = rusqlite::Connection::open(&whole)?;
        store.execute_batch(&format!("BEGIN; {FIRST_STORE} {FIRST_ORDERS} COMMIT;"))?;
        store.close().map_err(|(_, failure)| failure)?;
        fs::create_dir(folder)?;
        fs::copy(&whole, folder.join("billhook.db"))?;
        Ok(fs::remove_file(whole)?)
    };
    let undisturbed = shop.elsewhere("undisturbed");
    make(&undisturbed)?;
    shop.run_over(&undisturbed, &["migrate"])?;
    let expected = shop.run_over(&undisturbed, &["export", "--account", LOGIN])?;
    fs::remove_dir_all(undisturbed)?;
    let old = shop.on_disk("old");
    make(&old)?;
    shop.disk.settle();
    shop.disk.cut_after(operations(COMMAND_OPERATIONS_MAX, dice));
    report.count(&shop.run_over(&old, &["migrate"]));
    shop.disk.cut();
    shop.disk.come_back(dice)?;
    shop.run_over(&old, &["migrate"])?;
    shop.run_over(&old, &["check"])?;
    if shop.run_over(&old, &["export", "--account", LOGIN])? != expected {
        return Err("a store that was brought up to date is not what it was".into());
    }
    Ok(fs::remove_dir_all(old)?)
}

//! Rounds of power loss. At some operation the disk loses its power, the program is killed, and of the
//! unsynced data a random part stays. Then the store must be sound and have everything that was acknowledged,
//! nothing twice.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, billhook::Billhook, folders};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::DataDisk;
use crate::{
    load::{self, Caller, Plan, Target},
    old_store,
    seller::LOGIN,
    tally::Tally,
};

/// Connections that make orders.
const CONNECTIONS: usize = 4;
/// How long a server that does little is left running.
const SERVED_MAX: Duration = Duration::from_secs(2);
/// The last operation at which a disk may lose power. Most servers copy their log before that.
const SERVED_OPERATIONS_MAX: f64 = 12_000.0;
const COMMAND_OPERATIONS_MAX: f64 = 1500.0;
/// How many orders are imported.
const IMPORTED: usize = 300;

/// What runs when the power is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FirstStart,
    Serving,
    Backup,
    Import,
    Restore,
    Migration,
}

/// The rounds of one store, from its first start; then a new store begins. All kinds occur in ten rounds.
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

/// The results of all rounds.
#[derive(Default)]
struct Report {
    tally: Tally,
    /// Orders and contacts that were compared.
    compared: u64,
    /// Commands that ended before the power was lost.
    commands_done: u64,
    commands_cut: u64,
    /// Loads of the current store.
    loads: u32,
}

/// Runs this many rounds; the first violation is an error.
pub(crate) fn run(billhook: &Billhook, rounds: u64, seed: u64) -> Result<String> {
    let begun = Instant::now();
    let mut report = Report::default();
    let mut shop = None;
    for (seed, kind) in (seed..).zip(LIFE.into_iter().cycle()).take(usize::try_from(rounds)?) {
        let mut dice = StdRng::seed_from_u64(seed);
        if kind == Kind::FirstStart {
            // The old disk must be gone before the next is mounted.
            shop = None;
        }
        let shop = match &mut shop {
            Some(shop) => shop,
            none => none.insert(DataDisk::new(billhook.clone())?),
        };
        round(shop, kind, &mut report, &mut dice).map_err(|failure| {
            let log = shop.log().unwrap_or_default();
            format!("power-loss: seed {seed}, {kind:?}: {failure}\n{}", log.trim_end())
        })?;
    }
    let Report { tally, compared, commands_done, commands_cut, .. } = report;
    Ok(format!(
        "power-loss: {rounds} rounds in {} s, seeds from {seed}: {} calls were acknowledged, {} of them of contacts, and {} put off, {commands_done} commands had \
         ended and {commands_cut} had not\nsound each time; 0 of {compared} orders and contacts, with their changes, were lost, 0 were there \
         twice or in part, {} were there that nobody had been told of",
        begun.elapsed().as_secs(),
        tally.acknowledged,
        tally.of_contacts,
        tally.put_off,
        tally.unknown_there
    ))
}

fn round(shop: &mut DataDisk, kind: Kind, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    match kind {
        Kind::FirstStart => first_start(shop, report, dice)?,
        Kind::Serving => {
            serve(shop, report, dice, |_| {})?;
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
    report.compared += shop.compare(&mut report.tally)?;
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

/// The operation at which power is lost: every order of magnitude is equally likely.
fn operations(max: f64, dice: &mut StdRng) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and a few thousand"
    )]
    let operations = max.powf(dice.random()) as u64;
    operations
}

/// Power is lost while the store is made. Whatever that command reported, the store can be made afterwards.
fn first_start(shop: &mut DataDisk, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    shop.disk.cut_after(operations(COMMAND_OPERATIONS_MAX, dice));
    let made = shop.add_account();
    report.count(&made);
    shop.disk.cut();
    shop.disk.come_back(dice)?;
    let is_there =
        shop.data().join("billhook.db").exists() && shop.run(&["account", "list"])?.contains(LOGIN);
    if made.is_ok() && !is_there {
        return Err("the account was acknowledged and is lost".into());
    }
    if !is_there {
        shop.add_account()?;
    }
    shop.fill()
}

/// Customers make orders until the power is lost, with `act` running at the same time.
fn serve(
    shop: &mut DataDisk,
    report: &mut Report,
    dice: &mut StdRng,
    act: impl FnOnce(&DataDisk) + Send,
) -> Result<()> {
    let server = shop.serve()?;
    let target = Target::new(server.address()?);
    // Set at the start, because the program ends by itself when its disk is gone.
    target.will_be_killed();
    report.loads += 1;
    let (name, coupons) = (format!("l{}", report.loads), shop.coupons.clone());
    let plan = Plan { name: &name, connections: CONNECTIONS, coupons: &coupons, seed: dice.random() };
    let power_off = operations(SERVED_OPERATIONS_MAX, dice);
    let mut record = std::mem::take(&mut shop.record);
    let done = load::run(&plan, &[target], &mut record, &mut report.tally, || {
        thread::scope(|scope| {
            let shop = &*shop;
            let acting = scope.spawn(|| act(shop));
            shop.disk.cut_after(power_off);
            let begun = Instant::now();
            while !shop.disk.is_off() && begun.elapsed() < SERVED_MAX {
                thread::sleep(Duration::from_millis(1));
            }
            shop.disk.cut();
            drop(server);
            acting.join().map_err(|_| "what was done beside the server panicked".into())
        })
    });
    shop.record = record;
    done.and_then(|()| report.tally.judge())
}

/// Power is lost while a backup is written beside a server. A backup with its final name must be whole.
fn backup(shop: &mut DataDisk, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let file = shop.on_disk("backup");
    let mut backed_up = Err("it was not begun".into());
    let before = shop.record.certain();
    serve(shop, report, dice, |shop| backed_up = shop.run(&["backup", &file.display().to_string()]))?;
    report.count(&backed_up);
    shop.disk.come_back(dice)?;
    if backed_up.is_ok() && !file.exists() {
        return Err("a backup was acknowledged and is lost".into());
    }
    if file.exists() {
        let elsewhere = shop.elsewhere("restored");
        shop.run_over(&elsewhere, &["restore", &file.display().to_string()])?;
        let export = shop.run_over(&elsewhere, &["export", "--account", LOGIN])?;
        if let Some(lost) = before.iter().find(|shown| !export.contains(*shown)) {
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

/// Power is lost while a backup replaces a store. Then one of the two must be there, whole.
fn restore(shop: &mut DataDisk, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let file = shop.on_disk("backup");
    shop.run(&["backup", &file.display().to_string()])?;
    let then = shop.export()?;
    let known = shop.record.clone();
    shop.import(IMPORTED)?;
    // A server's log must be put aside, too.
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
        // Later orders are gone, as if they had never been made.
        shop.record = known;
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

/// Ends a server without a normal stop, so that its log stays.
fn serve_and_kill(shop: &mut DataDisk) -> Result<()> {
    let server = shop.serve()?;
    if !shop.order(&mut Caller::connect(server.address()?)?)?.1 {
        return Err("an order is put off, and nothing has failed".into());
    }
    drop(server);
    Ok(())
}

/// Power is lost during a migration. The next attempt completes it.
fn migrate(shop: &mut DataDisk, report: &mut Report, dice: &mut StdRng) -> Result<()> {
    let whole = shop.elsewhere("whole");
    folders::remove(&whole)?;
    old_store::in_folder(&whole)?;
    let undisturbed = shop.elsewhere("undisturbed");
    folders::copy(&whole, &undisturbed)?;
    shop.run_over(&undisturbed, &["migrate"])?;
    let expected = shop.run_over(&undisturbed, &["export", "--account", LOGIN])?;
    fs::remove_dir_all(undisturbed)?;
    let old = shop.on_disk("old");
    folders::copy(&whole, &old)?;
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

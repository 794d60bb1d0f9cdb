//! Kills servers while many connections create and change orders; with PostgreSQL, the database too.

use std::{
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::Result;
use billhook_test_kit::Cluster;
use rand::{RngExt as _, rngs::StdRng};

use super::life::{Life, Nodes, moment};
use crate::{load::Target, tally::Tally};

/// The longest time under load before the kill.
const LOAD_MAX: Duration = Duration::from_millis(300);
/// The longest time before a server is killed at its start.
const BEGUN_MAX: Duration = Duration::from_millis(40);
/// How long the others go on.
const AFTER: Duration = Duration::from_millis(50);
/// The longest downtime of a database.
const AWAY_MAX: Duration = Duration::from_millis(300);
/// How soon servers must serve again once their database is back.
const BACK_MAX: Duration = Duration::from_secs(15);
/// How long the database may still work on a killed server's statements.
const GONE_MAX: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);

/// Kills the server of a data folder.
pub(crate) fn one_server(life: &mut Life, dice: &mut StdRng, tally: &mut Tally) -> Result<()> {
    let kill_after = moment(dice, LOAD_MAX);
    let put_off = tally.put_off;
    life.load(dice, tally, |nodes| {
        thread::sleep(kill_after);
        nodes.kill(0).map(drop)
    })?;
    if tally.put_off > put_off {
        tally.wrong("a server put writes off, and nothing had failed".to_owned());
    }
    while dice.random_bool(0.25) {
        // It may be working on what its predecessor left.
        life.billhook.kill_at_start(&life.place, moment(dice, BEGUN_MAX))?;
    }
    // Either a server or another command finds the remains first.
    let is_server_first = dice.random();
    if is_server_first {
        restart(life)?;
    }
    life.verify(tally)?;
    if !is_server_first {
        restart(life)?;
    }
    life.read(tally)
}

/// Starts the missing servers: two, or one for a folder.
fn restart(life: &mut Life) -> Result<()> {
    let node = life.start()?;
    life.nodes.push(node);
    Ok(())
}

/// Who is killed, with PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Node,
    Database,
    Both,
}

/// Kills one of two nodes, the database with all its processes, or both.
pub(crate) fn on_postgres(
    life: &mut Life,
    cluster: &Cluster,
    victim: Victim,
    dice: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    let kill_after = moment(dice, LOAD_MAX);
    let away = moment(dice, AWAY_MAX);
    let one = dice.random_range(0..life.nodes.len().max(1));
    let mut killed = None;
    life.load(dice, tally, |nodes| {
        thread::sleep(kill_after);
        if victim == Victim::Node {
            killed = Some(nodes.kill(one)?);
        } else {
            cluster.kill()?;
            if victim == Victim::Both {
                killed = Some(nodes.kill(one)?);
            }
            thread::sleep(away);
            cluster.start_again()?;
        }
        wait_for_service(nodes)?;
        thread::sleep(AFTER);
        Ok(())
    })?;
    if let Some(name) = killed {
        wait_until_gone(cluster, &name)?;
        restart(life)?;
    }
    life.verify(tally)?;
    life.read(tally)
}

/// Waits until each surviving server has acknowledged something new.
fn wait_for_service(nodes: &Nodes<'_>) -> Result<()> {
    let since = Instant::now();
    let alive: Vec<(&Target, u64)> = nodes
        .targets
        .iter()
        .filter(|target| !target.is_killed())
        .map(|target| (target, target.acknowledged()))
        .collect();
    while alive.iter().any(|(target, before)| target.acknowledged() == *before) {
        if since.elapsed() > BACK_MAX {
            return Err(
                format!("a server that nobody killed has not written again within {BACK_MAX:?}").into()
            );
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Waits until the database has finished a killed node's statements, which may still add rows.
fn wait_until_gone(cluster: &Cluster, name: &str) -> Result<()> {
    let since = Instant::now();
    let count = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    while cluster.sql("postgres", &count)?.trim() != "0" {
        if since.elapsed() > GONE_MAX {
            return Err(
                format!("the database has not noticed within {GONE_MAX:?} that {name} is gone").into()
            );
        }
        thread::sleep(POLL);
    }
    Ok(())
}

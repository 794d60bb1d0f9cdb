//! The kinds of rounds, and what they need.

use std::{path::PathBuf, time::Duration};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::{self as test_kit, Cluster, Store};
use clap::ValueEnum;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tempfile::TempDir;

use super::{
    Engine, Options,
    archive::Archive,
    backups::{self, Times},
    copies, imports,
    life::Life,
    migrations::OldStore,
    serving::{self, Victim},
};
use crate::{old_store, tally::Tally};

/// The number of orders in a file that is imported in one transaction, and in one that takes several.
const SHORT_ORDERS: u32 = 3000;
const LONG_ORDERS: u32 = 60_000;
/// One import of so many is of the long file, which takes seconds.
const LONG_EVERY: u32 = 20;
/// Nodes on one database.
const NODES: usize = 2;

/// The kind of a round: who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The server of a data folder, under load
    Server,
    /// One of two nodes, under load
    Node,
    /// PostgreSQL, while its nodes are under load
    Database,
    /// PostgreSQL and one of its nodes
    DatabaseAndNode,
    /// `billhook import`
    Import,
    /// `billhook backup`
    Backup,
    /// `billhook restore`
    Restore,
    /// `billhook migrate`
    Migration,
    /// `billhook copy`
    Copy,
}

impl Kind {
    /// The kinds of rounds of an engine, each as often as it should come.
    fn deck(engine: Engine) -> Vec<Self> {
        match engine {
            Engine::Sqlite => {
                let commands = [Self::Import, Self::Backup, Self::Restore, Self::Migration];
                [[Self::Server; 6].as_slice(), &commands].concat()
            }
            Engine::Postgres => {
                vec![
                    Self::Node,
                    Self::Database,
                    Self::DatabaseAndNode,
                    Self::Import,
                    Self::Migration,
                    Self::Copy,
                ]
            }
        }
    }

    /// Its name in `--only`.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether servers are under load.
    pub(crate) fn is_of_servers(self) -> bool {
        matches!(self, Self::Server | Self::Node | Self::Database | Self::DatabaseAndNode)
    }
}

/// A run's rounds.
pub(crate) struct Rounds {
    billhook: Billhook,
    // Dropped before the folder with its files.
    life: Option<Life>,
    lived: u32,
    life_max: u32,
    connections: usize,
    cluster: Option<Cluster>,
    /// The folder of the run, removed on drop unless it is kept.
    work: TempDir,
    kinds: Vec<Kind>,
    /// The kinds that come before all are shuffled again.
    deck: Vec<Kind>,
    dice: StdRng,
    times: Times,
    copy_took: Duration,
    imports: u32,
    short: Option<Archive>,
    long: Option<Archive>,
    old: Option<OldStore>,
    made: u32,
}

impl Rounds {
    pub(crate) fn new(billhook: Billhook, options: &Options, seed: u64) -> Result<Self> {
        let mut kinds = Kind::deck(options.engine);
        kinds.retain(|kind| options.only.is_none_or(|only| *kind == only));
        if kinds.is_empty() {
            return Err("this engine has no rounds of that kind".into());
        }
        let durable = test_kit::Options { durable: true, ..test_kit::Options::default() };
        let cluster = match options.engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Cluster::start(&durable)?),
        };
        Ok(Self {
            billhook,
            life: None,
            lived: 0,
            life_max: options.life,
            connections: usize::try_from(options.connections)?,
            cluster,
            work: tempfile::Builder::new().prefix("billhook-crash-").tempdir()?,
            kinds,
            deck: Vec::new(),
            dice: StdRng::seed_from_u64(seed),
            times: Times::default(),
            copy_took: Duration::from_millis(300),
            imports: 0,
            short: None,
            long: None,
            old: None,
            made: 0,
        })
    }

    /// Draws the next kind; within a few rounds each comes as often as it should.
    pub(crate) fn draw(&mut self) -> Kind {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.deck.shuffle(&mut self.dice);
        }
        self.deck.pop().unwrap_or(Kind::Server)
    }

    /// Keeps the folder for inspection.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.life = None;
        self.work.disable_cleanup(true);
        self.work.path().to_owned()
    }

    /// A new name for a folder.
    fn fresh(&mut self, name: &str) -> PathBuf {
        self.made += 1;
        self.work.path().join(format!("{name}-{}", self.made))
    }

    pub(crate) fn run(&mut self, round: u32, kind: Kind, tally: &mut Tally) -> Result<()> {
        // From the run's seed: how much a round itself draws depends on the machine.
        let mut dice = StdRng::from_rng(&mut self.dice);
        self.live(tally)?;
        let dice = &mut dice;
        match kind {
            Kind::Server => serving::one_server(life(&mut self.life)?, dice, tally),
            Kind::Node => self.on_postgres(Victim::Node, dice, tally),
            Kind::Database => self.on_postgres(Victim::Database, dice, tally),
            Kind::DatabaseAndNode => self.on_postgres(Victim::Both, dice, tally),
            Kind::Import => self.import(round, dice, tally),
            Kind::Backup => backups::of_backup(life(&mut self.life)?, &mut self.times, dice, tally),
            Kind::Restore => {
                self.make_short()?;
                let short = made(self.short.as_ref())?;
                backups::of_restore(life(&mut self.life)?, short, &mut self.times, dice, tally)
            }
            Kind::Migration => {
                if self.old.is_none() {
                    let folder = self.fresh("old-store");
                    self.old = Some(OldStore::make(&self.billhook, &folder, self.cluster.as_ref())?);
                }
                made(self.old.as_ref())?.round(&self.billhook, self.cluster.as_ref(), dice, tally)
            }
            Kind::Copy => {
                self.make_short()?;
                let (cluster, short) = (made(self.cluster.as_ref())?, made(self.short.as_ref())?);
                copies::round(&self.billhook, cluster, short, &mut self.copy_took, dice, tally)
            }
        }
    }

    /// Makes sure that there is a store with servers that is not too old.
    fn live(&mut self, tally: &mut Tally) -> Result<()> {
        if self.lived >= self.life_max || self.life.as_ref().is_some_and(Life::is_used_up) {
            self.end_life(tally)?;
        }
        self.lived += 1;
        if self.life.is_some() {
            return Ok(());
        }
        let folder = self.fresh("life");
        std::fs::create_dir(&folder)?;
        let (place, nodes) = match &self.cluster {
            None => (Store::Folder(folder.join("data")), 1),
            Some(cluster) => (Store::Database(cluster.create_database()?), NODES),
        };
        self.life = Some(Life::begin(&self.billhook, place, folder, nodes, self.connections)?);
        Ok(())
    }

    /// Ends the store's life: its servers stop normally.
    pub(crate) fn end_life(&mut self, tally: &mut Tally) -> Result<()> {
        self.lived = 0;
        let Some(life) = self.life.take() else { return Ok(()) };
        let (folder, place) = (life.folder.clone(), life.place.clone());
        life.end(tally)?;
        if tally.is_wrong() {
            return Ok(());
        }
        old_store::remove(&place, self.cluster.as_ref())?;
        Ok(std::fs::remove_dir_all(folder)?)
    }

    fn on_postgres(&mut self, victim: Victim, dice: &mut StdRng, tally: &mut Tally) -> Result<()> {
        serving::on_postgres(life(&mut self.life)?, made(self.cluster.as_ref())?, victim, dice, tally)
    }

    /// A short file goes into the current store; sometimes a long one goes into a store of its own.
    fn import(&mut self, round: u32, dice: &mut StdRng, tally: &mut Tally) -> Result<()> {
        self.imports += 1;
        if !self.imports.is_multiple_of(LONG_EVERY) {
            self.make_short()?;
            let (life, short) = (life(&mut self.life)?, made(self.short.as_ref())?);
            return imports::round(
                &self.billhook,
                &life.place,
                &format!("import{round}"),
                short,
                dice,
                tally,
            );
        }
        if self.long.is_none() {
            let folder = self.fresh("long");
            self.long = Some(Archive::make(&self.billhook, &folder, LONG_ORDERS)?);
        }
        let folder = self.fresh("imported");
        let place = match &self.cluster {
            None => Store::Folder(folder),
            Some(cluster) => Store::Database(cluster.create_database()?),
        };
        imports::round(&self.billhook, &place, "import", made(self.long.as_ref())?, dice, tally)?;
        old_store::remove(&place, self.cluster.as_ref())
    }

    fn make_short(&mut self) -> Result<()> {
        if self.short.is_none() {
            let folder = self.fresh("short");
            self.short = Some(Archive::make(&self.billhook, &folder, SHORT_ORDERS)?);
        }
        Ok(())
    }
}

fn life(life: &mut Option<Life>) -> Result<&mut Life> {
    Ok(life.as_mut().ok_or("there is no store")?)
}

fn made<T>(made: Option<&T>) -> Result<&T> {
    Ok(made.ok_or("what the round needs was not made")?)
}

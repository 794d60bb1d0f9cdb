//! A store in PostgreSQL, on a separate cluster with default settings.
//!
//! It is compared with `pgbench`, PostgreSQL's own load generator, with the same statements. That is the
//! least that a client can do, so its rate is the database's limit on this machine.

mod bills;
mod durable;
pub(super) mod orders;
mod pgbench;
mod statements;

use std::path::Path;

use billhook_drivers::{Result, usage::family_cpu_us};
use billhook_test_kit::{Cluster, Options, Store};

use crate::{
    requests,
    scene::Scene,
    table::{Row, Target, figure, median, whole},
};

use super::all;

/// The cluster, and its database with the usual store.
pub(super) struct Base {
    cluster: Cluster,
    url: String,
}

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let (base, rates) = Base::import(scene, scene.rounds)?;
    rows.push(base.row(scene, rates)?);
    all([
        bills::measure(scene, &base, rows),
        bills::measure_nodes(scene, &base, rows),
        durable::measure(scene, &base, rows),
    ])
}

impl Base {
    /// Imports the usual store into new databases, and keeps the last one. Also returns the rates.
    fn import(scene: &Scene, rounds: u32) -> Result<(Self, Vec<f64>)> {
        let file = scene.path("postgres.jsonl");
        scene.export(&scene.store()?, &file.display().to_string())?;
        let imported = Self::of_file(scene, &file, scene.orders, rounds)?;
        std::fs::remove_file(&file)?;
        Ok(imported)
    }

    /// The same with a file of so many records.
    pub(super) fn of_file(scene: &Scene, file: &Path, records: u64, rounds: u32) -> Result<(Self, Vec<f64>)> {
        let shown = file.display().to_string();
        let cluster = Cluster::start(&Options { durable: true, ..Options::default() })?;
        let mut base = Self { url: cluster.create_database()?, cluster };
        let mut rates = Vec::new();
        for round in 0..rounds {
            if round > 0 {
                base.cluster.drop_database(&base.url)?;
                base.url = base.cluster.create_database()?;
            }
            scene.add_account(base.store(), requests::LOGIN)?;
            let done = scene.run(base.store(), &["import", "--account", requests::LOGIN, &shown])?;
            rates.push(figure(records) / done.took.as_secs_f64());
        }
        // Otherwise the database would do both within minutes, during a measurement.
        base.cluster.sql(&base.url, "VACUUM ANALYZE; CHECKPOINT")?;
        Ok((base, rates))
    }

    fn row(&self, scene: &Scene, rates: Vec<f64>) -> Result<Row> {
        let size = self.query("SELECT pg_database_size(current_database())")?;
        let row = Row::new(
            format!("PostgreSQL: import of JSON Lines into an empty account, {} orders", whole(scene.orders)),
            median(rates),
            "orders/s",
        );
        Ok(row.target(Target::ValueAtLeast(60_000.0)).note(format!(
            "by COPY; then VACUUM ANALYZE and CHECKPOINT, not counted; {} MiB",
            whole(size.unsigned_abs() >> 20)
        )))
    }

    pub(super) fn store(&self) -> Store {
        Store::Database(self.url.clone())
    }

    /// Runs `work`, and also returns the database's processor time for it, in microseconds.
    fn spent<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
        let before = family_cpu_us(self.cluster.pid())?;
        let done = work()?;
        Ok((done, family_cpu_us(self.cluster.pid())? - before))
    }

    /// The number that a statement returns.
    fn query(&self, sql: &str) -> Result<i64> {
        Ok(self.cluster.sql(&self.url, sql)?.trim().parse()?)
    }

    fn account(&self, login: &str) -> Result<i64> {
        self.query(&format!("SELECT account_id FROM accounts WHERE login = '{login}'"))
    }
}

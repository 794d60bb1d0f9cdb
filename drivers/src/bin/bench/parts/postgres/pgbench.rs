//! pgbench: what the database can do for the simplest client.

use std::{fs, path::PathBuf, time::Duration};

use billhook_drivers::{Result, billhook::command};
use billhook_test_kit::run;

use crate::scene::Scene;

use super::Base;

/// pgbench's threads, as many as wrk's.
const THREADS: u32 = 2;

/// A script, and the database that it is run on.
pub(super) struct Pgbench<'a> {
    base: &'a Base,
    script: PathBuf,
    time: Duration,
}

/// The result of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    /// The processor time of the database's processes per transaction, in microseconds.
    pub(super) database_us: f64,
}

impl<'a> Pgbench<'a> {
    pub(super) fn new(scene: &Scene, base: &'a Base, name: &str, script: &str) -> Result<Self> {
        let path = scene.path(name);
        fs::write(&path, script)?;
        Ok(Self { base, script: path, time: scene.time })
    }

    /// Runs the script at the maximum rate with this many clients.
    pub(super) fn run(
        &self,
        clients: u32,
        variables: impl Fn() -> Vec<(&'static str, String)>,
    ) -> Result<Rate> {
        // One transaction per client measures the cost of connecting and of each statement's first use.
        let start = self.once(clients, ["--transactions", "1"], &variables())?;
        let seconds = self.time.as_secs().max(1).to_string();
        let whole = self.once(clients, ["--time", &seconds], &variables())?;
        let database_us =
            (whole.database_us - start.database_us) / (whole.transactions - start.transactions).max(1.0);
        Ok(Rate { per_second: whole.per_second, database_us })
    }

    fn once(&self, clients: u32, length: [&str; 2], variables: &[(&str, String)]) -> Result<Whole> {
        // The same plans as in Billhook's sessions.
        let url = format!("{}?options=-c%20plan_cache_mode%3Dforce_generic_plan", self.base.url);
        let mut arguments = ["--protocol", "prepared", "--no-vacuum", "--file"].map(str::to_owned).to_vec();
        arguments.extend([self.script.display().to_string(), format!("--client={clients}")]);
        arguments.push(format!("--jobs={}", THREADS.min(clients)));
        arguments.extend(length.map(str::to_owned));
        arguments.extend(variables.iter().map(|(name, value)| format!("--define={name}={value}")));
        arguments.push(url);
        let program = self.base.cluster.programs().join("pgbench");
        let time_max = self.time + Duration::from_mins(1);
        let (told, database_us) =
            self.base.spent(|| run(&mut command(&program, &arguments), time_max)?.result())?;
        let number = |name: &str| -> Result<f64> {
            let line = told.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|line| line.split([' ', '/']).next());
            Ok(word.ok_or_else(|| format!("pgbench does not tell `{name}`:\n{told}"))?.parse()?)
        };
        Ok(Whole {
            per_second: number("tps = ")?,
            transactions: number("number of transactions actually processed: ")?,
            database_us,
        })
    }
}

/// The output of one process of pgbench.
struct Whole {
    per_second: f64,
    transactions: f64,
    database_us: f64,
}

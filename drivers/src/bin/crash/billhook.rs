//! The program under test, run as processes.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Result,
    process::{self, Cut, Running},
};

/// How long a command may take that nobody kills.
const COMMAND_MAX: Duration = Duration::from_mins(5);

/// Where a store is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Folder(PathBuf),
    /// By its URL.
    Database(String),
}

impl Place {
    /// As an argument of `billhook copy`.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Database(url) => url.clone(),
        }
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<OsString> {
        let mut all = match self {
            Self::Folder(folder) => vec![OsString::from("--data"), folder.into()],
            Self::Database(url) => ["--store", url].map(OsString::from).to_vec(),
        };
        all.extend(arguments.iter().map(OsString::from));
        all
    }
}

/// The program that was built with this one.
#[derive(Debug, Clone)]
pub(crate) struct Billhook(PathBuf);

impl Billhook {
    pub(crate) fn find() -> Result<Self> {
        let this = std::env::current_exe()?;
        let program = this.parent().ok_or("this program is in no folder")?.join("billhook");
        if program.is_file() {
            Ok(Self(program))
        } else {
            Err(format!("{} is missing", program.display()).into())
        }
    }

    /// Runs a command to its end and gives what it printed; one that fails is an error with all that it said.
    pub(crate) fn run(&self, place: &Place, arguments: &[&str]) -> Result<String> {
        let cut = self.cut_off(place, arguments, COMMAND_MAX)?;
        if cut.status.is_some_and(|status| status.success()) {
            return Ok(cut.stdout);
        }
        Err(told(arguments, &cut).into())
    }

    /// How long a command takes that nobody disturbs.
    pub(crate) fn timed(&self, place: &Place, arguments: &[&str]) -> Result<Duration> {
        Ok(self.kill_after(place, arguments, COMMAND_MAX)?.took)
    }

    /// Runs a command that may refuse what is asked of it: none if it does.
    pub(crate) fn try_run(&self, place: &Place, arguments: &[&str]) -> Result<Option<String>> {
        let cut = self.cut_off(place, arguments, COMMAND_MAX)?;
        match cut.status.map(|status| (status.success(), status.code())) {
            Some((true, _)) => Ok(Some(cut.stdout)),
            Some((_, Some(1))) => Ok(None),
            _ => Err(told(arguments, &cut).into()),
        }
    }

    /// Runs a command that is killed if it has not ended after some time. One that fails by itself is an error.
    pub(crate) fn kill_after(&self, place: &Place, arguments: &[&str], time: Duration) -> Result<Cut> {
        let cut = self.cut_off(place, arguments, time)?;
        match cut.status {
            Some(status) if !status.success() => Err(told(arguments, &cut).into()),
            _ => Ok(cut),
        }
    }

    fn cut_off(&self, place: &Place, arguments: &[&str], time: Duration) -> Result<Cut> {
        process::cut_off(&self.0, place.arguments(arguments), time)
    }

    /// Starts a server; its log goes to a file.
    pub(crate) fn serve(&self, place: &Place, log: &Path) -> Result<Running> {
        Running::start(&self.0, &place.arguments(SERVE), log, 1)
    }

    /// Starts a server and kills it so long after.
    pub(crate) fn kill_at_start(&self, place: &Place, time: Duration) -> Result<()> {
        let cut = self.cut_off(place, SERVE, time)?;
        if cut.status.is_some() { Err(told(SERVE, &cut).into()) } else { Ok(()) }
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

fn told(arguments: &[&str], cut: &Cut) -> String {
    let ended = cut.status.map_or_else(|| "it took too long".to_owned(), |status| status.to_string());
    let said = [cut.stdout.trim_end(), cut.stderr.trim_end()].join("\n");
    format!("billhook {}: {ended}: {}", arguments.join(" "), said.trim())
}

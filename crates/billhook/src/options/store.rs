//! The options that name the store: a data folder or a database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use billhook_store::{Location, Store};
use clap::{ArgMatches, Args, parser::ValueSource};

use crate::{failure::Failure, options::small_file, terminal::priority::step_back};

const DATA: &str = "./billhook-data";
/// The default folder of the demo, so that it does not mix with a seller's own accounts.
const DEMO_DATA: &str = "./billhook-demo";

/// `--data`, `--store` and related options. The source nearer to the command line wins.
///
/// URLs may hold passwords. They are parsed only in [`StoreOption::location`], because clap's messages would
/// repeat them.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the options' help")]
pub(crate) struct StoreOption {
    /// The data folder; serve, account add, copy and restore make it if it does not exist
    #[arg(long, global = true, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
    /// The store, instead of --data: postgres://USER@HOST/DATABASE or sqlite:DIR; other users can see a
    /// password in the list of processes, so the environment or --store-file is safer
    #[arg(long, global = true, value_name = "URL", hide_default_value = true)]
    store: Option<String>,
    /// A file that holds the store's URL
    #[arg(long, global = true, value_name = "FILE")]
    store_file: Option<PathBuf>,
    /// A replica of the database for methods that only read; their answers are as old as its data
    #[arg(long, global = true, value_name = "URL", hide_default_value = true)]
    store_read: Option<String>,
    /// A file that holds the replica's URL
    #[arg(long, global = true, value_name = "FILE")]
    store_read_file: Option<PathBuf>,
    /// The maximum number of connections to the database for reads; the same number again is for writes
    #[arg(long, global = true, value_name = "N", default_value_t = billhook_store::CONNECTIONS, value_parser = connections)]
    store_connections: usize,
    /// Whether any source named the store.
    #[arg(skip)]
    is_named: bool,
    /// Whether the command line itself named the store.
    #[arg(skip)]
    is_at_hand: bool,
    /// Whether the replica's source is farther from the command line than the store's.
    #[arg(skip)]
    reads_are_farther: bool,
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| "a number from 1 to 1000 is needed".to_owned())
}

impl StoreOption {
    /// Keeps the value from the nearest source: flag, environment, file, default.
    pub(crate) fn choose(&mut self, sources: &ArgMatches) -> Result<(), Failure> {
        let url = nearer(sources, (&mut self.store, "store"), (&mut self.store_file, "store-file"))?;
        let reads = nearer(
            sources,
            (&mut self.store_read, "store-read"),
            (&mut self.store_read_file, "store-read-file"),
        )?;
        let data = Near::of(sources, "data");
        let data = if data > Near::File || self.data != Path::new(DATA) { data } else { Near::Nowhere };
        if url == Near::Flag && data == Near::Flag {
            return Err(twice(url, "data", if self.store.is_some() { "store" } else { "store-file" }));
        }
        if data > url {
            (self.store, self.store_file) = (None, None);
        }
        self.is_named = data.max(url) > Near::Nowhere;
        self.is_at_hand = url == Near::Flag;
        self.reads_are_farther = reads < data.max(url);
        Ok(())
    }

    /// Uses the demo's own folder, unless a store was named.
    pub(crate) fn for_demo(&mut self) {
        if !self.is_named {
            self.data = DEMO_DATA.into();
        }
    }

    /// Warnings about files that hold a URL with a password, and that others can read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let files = [&self.store_file, &self.store_read_file].into_iter().flatten();
        // Skips unreadable files, which the command that needs them reports, and pipes, which can be read
        // only once.
        files
            .filter(|file| file.is_file() && small_file::is_readable_by_others(file))
            .filter(|file| small_file::read(file).is_ok_and(|url| has_password(&url)))
            .map(|file| small_file::warning(file))
            .collect()
    }

    pub(crate) fn location(&self) -> Result<Location, Failure> {
        let location = match &self.store_file {
            Some(file) => in_file(file, Location::parse)?,
            None => match &self.store {
                Some(url) => Location::parse(url).map_err(Failure::usage)?,
                None => Location::folder(&self.data),
            },
        };
        // A replica from a farther source does not belong to a folder that is named here.
        if self.reads_are_farther && location.as_folder().is_some() {
            return Ok(location);
        }
        let location = location.with_connections(self.store_connections);
        match (&self.store_read_file, &self.store_read) {
            (Some(file), _) => in_file(file, |url| location.with_reads_from(url)),
            (None, Some(url)) => location.with_reads_from(url).map_err(Failure::usage),
            (None, None) => Ok(location),
        }
    }

    /// Opens the store, which must exist. Making one would hide a typing mistake or a disk that is not
    /// mounted: a backup would succeed and be empty.
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.there()?)?)
    }

    /// The same for a command that reads the whole store, on any file system.
    pub(crate) fn open_to_save(&self) -> Result<Store, Failure> {
        Ok(Store::open_to_save(&self.there()?)?)
    }

    /// The same for a command that reads or writes very many orders.
    pub(crate) fn open_for_bulk(&self) -> Result<Store, Failure> {
        let location = self.there()?;
        step_back();
        Ok(Store::open_for_bulk(&location)?)
    }

    /// Opens the store, or creates it.
    pub(crate) fn open_or_make(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.location()?)?)
    }

    /// The store's location; fails if there is no store.
    pub(crate) fn there(&self) -> Result<Location, Failure> {
        let location = self.location()?;
        let (what, mend) = match location.as_folder() {
            Some(path) => match path.try_exists() {
                Ok(false) => ("data folder", "name another folder with --data, or make one"),
                Ok(true) if path.is_dir() && !location.holds_store()? => {
                    ("store in", "name another folder with --data, or make one")
                }
                _ => return Ok(location),
            },
            None if location.holds_store()? => return Ok(location),
            None => ("store in", "name another database with --store, or make one"),
        };
        Err(Failure::failed(format!("there is no {what} {location}: {mend} with `billhook account add`")))
    }

    /// The option for the next command, with a space before it and without a password.
    pub(crate) fn flag(&self) -> String {
        let (flag, value) = match (&self.store, &self.store_file) {
            (None, None) if self.data == Path::new(DATA) => return String::new(),
            (None, None) => ("data", self.data.display().to_string()),
            // The next command gets it from the environment or the file.
            _ if !self.is_at_hand => return String::new(),
            (_, Some(file)) => ("store-file", file.display().to_string()),
            (Some(_), None) => match self.location() {
                Ok(location) => ("store", location.to_string()),
                Err(_) => return String::new(),
            },
        };
        let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        if value.chars().all(is_plain) {
            format!(" --{flag} {value}")
        } else {
            format!(" --{flag} '{}'", value.replace('\'', "'\\''"))
        }
    }
}

/// How near to the command line a value's source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    Nowhere,
    /// In the configuration file.
    File,
    Environment,
    Flag,
}

impl Near {
    /// The source of the option's value.
    fn of(sources: &ArgMatches, long: &str) -> Self {
        match sources.value_source(&long.replace('-', "_")) {
            Some(ValueSource::CommandLine) => Self::Flag,
            Some(ValueSource::EnvVariable) => Self::Environment,
            // Values of the configuration file are clap's defaults.
            Some(_) => Self::File,
            None => Self::Nowhere,
        }
    }

    /// How this source spells the option.
    fn name(self, long: &str) -> String {
        match self {
            Self::Environment => format!("BILLHOOK_{}", long.replace('-', "_").to_uppercase()),
            Self::Flag => format!("--{long}"),
            Self::File | Self::Nowhere => long.to_owned(),
        }
    }
}

/// Keeps the nearer one of a URL and a file with a URL, and returns its source.
fn nearer(
    sources: &ArgMatches,
    (url, url_name): (&mut Option<String>, &str),
    (file, file_name): (&mut Option<PathBuf>, &str),
) -> Result<Near, Failure> {
    let (of_url, of_file) = (Near::of(sources, url_name), Near::of(sources, file_name));
    if url.is_some() && of_url == of_file {
        return Err(twice(of_url, url_name, file_name));
    }
    if of_url > of_file {
        *file = None;
    } else {
        *url = None;
    }
    Ok(of_url.max(of_file))
}

fn twice(near: Near, one: &str, other: &str) -> Failure {
    let (one, other) = (near.name(one), near.name(other));
    Failure::usage(format!("the store is named twice: leave one of {one} and {other} out"))
}

/// Runs a function on the URL in a file. Its failure names the file.
fn in_file<T>(
    file: &Path,
    take: impl FnOnce(&str) -> Result<T, billhook_store::Error>,
) -> Result<T, Failure> {
    let text =
        small_file::read(file).map_err(|error| Failure::file("read the store's URL in", file, &error))?;
    take(text.trim()).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

pub(crate) fn has_password(url: &str) -> bool {
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user);
    user.contains(':') || url.contains("password=")
}

impl fmt::Debug for StoreOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOption").field("data", &self.data).finish_non_exhaustive()
    }
}

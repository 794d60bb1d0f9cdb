//! The location of a store: a data folder, or a database's URL.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    DataFolder, Error, Kind, ServingLock,
    engine::{
        postgres::{Address, Database},
        sqlite,
    },
};

/// The location of a store. Its text form has no password.
#[derive(Debug, Clone)]
pub struct Location(pub(crate) Place);

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Folder(PathBuf),
    Database(Box<Database>),
}

/// The default number of connections to a database for reads, and again for writes.
pub const CONNECTIONS: usize = 10;

impl Location {
    /// A store in a data folder.
    pub fn folder(path: &Path) -> Self {
        Self(Place::Folder(path.to_owned()))
    }

    /// Parses `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`, or `sqlite:` with a data folder or its store.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let url = url.trim();
        match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = Path::new(path.strip_prefix("//").unwrap_or(path));
                let folder = match path.extension() {
                    Some(_) if path.file_name().is_some_and(|name| name == sqlite::FILE_NAME) => {
                        path.parent().unwrap_or(path)
                    }
                    _ => path,
                };
                let here = folder.as_os_str().is_empty();
                Ok(Self::folder(if here { Path::new(".") } else { folder }))
            }
            Some(("postgres" | "postgresql", _)) => {
                let address = Address::parse(url)?;
                let database = Database { address, reads: None, connections: CONNECTIONS };
                Ok(Self(Place::Database(Box::new(database))))
            }
            _ => Err(Error::new(
                Kind::Location,
                "a store is named by postgres://USER@HOST/DATABASE or sqlite:DIR: this is neither",
            )),
        }
    }

    /// The same store, with a replica that answers the API's reads.
    pub fn with_reads_from(self, url: &str) -> Result<Self, Error> {
        match self.0 {
            Place::Database(database) => {
                let reads = Some(Address::parse(url.trim())?);
                Ok(Self(Place::Database(Box::new(Database { reads, ..*database }))))
            }
            Place::Folder(_) => Err(Error::new(
                Kind::Location,
                "only a store in PostgreSQL can be read from a replica: name it with --store, or leave --store-read out",
            )),
        }
    }

    /// The same store, with another maximum of connections for reads, and again for writes.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        if let Place::Database(database) = &mut self.0 {
            database.connections = connections.max(1);
        }
        self
    }

    /// The data folder, unless it is a database.
    pub fn as_folder(&self) -> Option<&Path> {
        match &self.0 {
            Place::Folder(path) => Some(path),
            Place::Database(_) => None,
        }
    }

    /// Takes the right to serve from a data folder, or to replace its store, which only one process can have.
    /// Creates the folder if needed. A database can be served by any number of processes, so nothing is
    /// locked.
    pub fn lock_for_serving(&self) -> Result<Option<ServingLock>, Error> {
        self.as_folder().map(|path| DataFolder::open(path)?.lock_for_serving()).transpose()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Folder(path) => path.display().fmt(f),
            Place::Database(database) => database.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_by_itself_or_by_its_file() {
        for (url, folder) in [
            ("sqlite:./data", "./data"),
            ("sqlite:/var/lib/billhook", "/var/lib/billhook"),
            ("sqlite:///var/lib/billhook/billhook.db", "/var/lib/billhook"),
            ("sqlite:billhook.db", "."),
            ("sqlite:shop.2026", "shop.2026"),
        ] {
            assert_eq!(Location::parse(url).unwrap().as_folder(), Some(Path::new(folder)), "{url}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused_without_being_repeated() {
        for url in ["mysql://root:secret@localhost/x", "secret", "", "postgres:secret"] {
            let error = Location::parse(url).unwrap_err();
            assert_eq!(error.kind(), Kind::Location, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let location =
            Location::parse("postgres://anna:se%63ret@db.example:5433/shop?sslmode=require").unwrap();
        assert_eq!(location.to_string(), "postgres://anna@db.example:5433/shop");
        assert!(!format!("{location:?}").contains("secret"));
    }
}

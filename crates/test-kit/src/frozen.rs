//! Stores of each version of the tables, frozen when the version was made: a data folder's file, and a dump
//! of a database. With them are the outputs of that time's program: the export and, since version 4, the
//! lists.
//!
//! `BILLHOOK_WRITE=1 cargo test --test upgrade` adds those of a new version. Existing files are never
//! changed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Cluster, Store};

/// A file of a version: `db.gz`, `sql.gz`, `jsonl`, or `txt`.
pub fn file(version: usize, end: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stores").join(format!("v{version}.{end}"))
}

/// The latest frozen version.
pub fn latest() -> usize {
    let mut next = 1;
    while file(next, "db.gz").exists() {
        next += 1;
    }
    next - 1
}

/// Makes a data folder with a version's store.
pub fn folder(version: usize, data: &Path) -> Store {
    fs::create_dir(data).unwrap();
    fs::write(data.join("billhook.db"), unpacked(&file(version, "db.gz"))).unwrap();
    Store::Folder(data.to_owned())
}

/// Makes a database with a version's store.
pub fn database(version: usize, cluster: &Cluster) -> Store {
    let url = cluster.create_database().unwrap();
    let dump = String::from_utf8(unpacked(&file(version, "sql.gz"))).unwrap();
    cluster.sql(&url, &dump).unwrap();
    Store::Database(url)
}

fn unpacked(file: &Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(file).output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Freezes the stores of a new version.
pub fn keep(version: usize, data: &Path, url: &str, cluster: &Cluster) {
    let dump = data.join("dump.sql");
    let mut pg_dump = Command::new(cluster.programs().join("pg_dump"));
    pg_dump.args(["--no-owner", "--no-privileges", "--file"]).arg(&dump).arg(url);
    assert!(pg_dump.status().unwrap().success());
    for (from, end) in [(data.join("billhook.db"), "db.gz"), (dump, "sql.gz")] {
        let packed = Command::new("gzip").arg("-n9c").arg(from).output().unwrap();
        assert!(packed.status.success());
        fs::write(file(version, end), packed.stdout).unwrap();
    }
}

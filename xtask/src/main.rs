//! Developers' tasks: `cargo xtask ci` and its parts, and the drivers that measure the program or attack it.

mod fuzz;
mod tidy;

use std::{
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const USAGE: &str = "\
usage: cargo xtask TASK
  ci                 everything that guards a change: format, lints, documentation, tests, tidy, vectors, and each driver for a moment
  tidy               what no compiler checks: file sizes, decisions that are cited but not written down
  vectors [--check]  make the test vectors anew with PHP; with --check, only compare
  openapi            write docs/openapi.json anew, after a change of a method
  screenshots        take the README's pictures of the cabinet anew
  fuzz [--seconds N] [TARGET]
                     the fuzzer on every target, or on one, for N seconds each (60); it wants cargo-fuzz

Drivers; each has options, see --help:";

/// A program of the package `billhook-drivers`.
struct Driver {
    /// The task's name.
    name: &'static str,
    /// The binary. One with several tasks gets the task's name as its first argument.
    binary: &'static str,
    what: &'static str,
    /// The Debian packages that it needs.
    packages: &'static [&'static str],
    /// Other binaries of that package that it starts.
    beside: &'static [&'static str],
    /// Whether it mounts file systems, in its own mount namespace.
    mounts: bool,
    /// Its runs in `ci`, with the tests' build.
    in_ci: &'static [&'static [&'static str]],
}

const DRIVERS: [Driver; 8] = [
    Driver {
        name: "bench",
        binary: "bench",
        what: "Billhook beside the floor, in release builds",
        packages: &["wrk", "util-linux", "postgresql"],
        beside: &["floor"],
        mounts: false,
        in_ci: &[],
    },
    Driver {
        name: "crash",
        binary: "durability",
        what: "kills at random moments, and what is there afterwards",
        packages: &["util-linux", "postgresql"],
        beside: &[],
        mounts: false,
        in_ci: &[&["--rounds", "20"], &["--rounds", "6", "--engine", "postgres"]],
    },
    Driver {
        name: "outbox",
        binary: "durability",
        what: "kills between a change and the arrival of its event",
        packages: &["util-linux", "postgresql"],
        beside: &[],
        mounts: false,
        // On PostgreSQL it waits a minute for a killed server's leases.
        in_ci: &[&["--rounds", "10"]],
    },
    Driver {
        name: "php-compare",
        binary: "php-compare",
        what: "random bodies, arrays and values through PHP and through us",
        packages: &["php-cli", "util-linux"],
        beside: &[],
        mounts: false,
        in_ci: &[&["--bodies", "10000"]],
    },
    Driver {
        name: "power-loss",
        binary: "durability",
        what: "the store's disk loses power, again and again",
        packages: &["util-linux"],
        beside: &[],
        mounts: true,
        in_ci: &[&["--rounds", "10"]],
    },
    Driver {
        name: "disk-faults",
        binary: "durability",
        what: "every write and sync of a short run fails",
        packages: &["util-linux"],
        beside: &[],
        mounts: true,
        in_ci: &[&["--every", "25"]],
    },
    Driver {
        name: "damage",
        binary: "durability",
        what: "bytes of the store's files are other ones",
        packages: &["util-linux"],
        beside: &[],
        mounts: true,
        in_ci: &[&["--rounds", "20"]],
    },
    Driver {
        name: "siege",
        binary: "siege",
        what: "hostile clients",
        packages: &["util-linux"],
        beside: &[],
        mounts: false,
        // Refusals, memory, and leaks, but no times.
        in_ci: &[&["--quick"]],
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["ci"] => ci(),
        ["tidy"] => tidy::check(&root()),
        ["vectors"] => vectors(false),
        ["vectors", "--check"] => vectors(true),
        ["openapi"] => openapi(),
        ["screenshots"] => screenshots(),
        ["fuzz", options @ ..] => fuzz::run(&root(), options),
        [task, options @ ..] if let Some(driver) = DRIVERS.iter().find(|driver| driver.name == *task) => {
            driver.run(options)
        }
        _ => {
            eprintln!("{USAGE}");
            for Driver { name, what, .. } in &DRIVERS {
                eprintln!("  {name:<18} {what}");
            }
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| ".".into(), Path::to_owned)
}

/// Runs every check, cheapest first, and stops at the first that fails.
fn ci() -> Result<(), String> {
    tidy::check(&root())?;
    run("cargo", &["fmt", "--all", "--check"], &[])?;
    // The fuzzer's workspace is not built here, so its lock file is easily forgotten.
    run("cargo", &["tree", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--depth", "0"], &[])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    run("cargo", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    vectors(true)?;
    // One build for the tests and the drivers, which start the program themselves. Without the tests it would
    // have other features, and so compile most crates once more.
    run("cargo", &["build", "--workspace", "--bins", "--tests", "--locked"], &[])?;
    run("cargo", &["test", "--workspace", "--locked"], &[])?;
    for driver in &DRIVERS {
        for options in driver.in_ci {
            let (program, arguments) = driver.command("debug", options);
            run(&program, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
        }
    }
    if Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|output| output.status.success())
    {
        run("cargo", &["deny", "check", "bans", "licenses", "sources"], &[])?;
    } else {
        eprintln!(
            "xtask: cargo-deny is not installed: licences, bans and sources of the crates were NOT checked"
        );
    }
    Ok(())
}

impl Driver {
    /// Makes release builds of the program and the driver, and becomes the driver. The program is built
    /// separately, so that its crates get the same features as in a user's build.
    fn run(&self, options: &[&str]) -> Result<(), String> {
        run("sh", &[&[".ci/packages"], self.packages].concat(), &[])?;
        run("cargo", &["build", "--release", "--locked", "--bin", "billhook"], &[])?;
        let mut build = vec!["build", "--release", "--locked", "--package", "billhook-drivers"];
        build.extend([&self.binary].into_iter().chain(self.beside).flat_map(|program| ["--bin", program]));
        run("cargo", &build, &[])?;
        let (program, arguments) = self.command("release", options);
        let cause = Command::new(&program).args(arguments).current_dir(root()).exec();
        Err(format!("{program}: {cause}"))
    }

    /// The command for the built driver.
    fn command(&self, profile: &str, options: &[&str]) -> (String, Vec<String>) {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let program = root().join(target).join(profile).join(self.binary).display().to_string();
        let task = (self.name != self.binary).then_some(self.name);
        let options = task.into_iter().chain(options.iter().copied()).map(str::to_owned);
        if !self.mounts {
            return (program, options.collect());
        }
        // Other users than root may mount in their own user namespace.
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let user = (!is_root).then(|| "--map-root-user".to_owned());
        let unshare = user.into_iter().chain(["--mount".to_owned(), "--".to_owned(), program]);
        ("unshare".to_owned(), unshare.chain(options).collect())
    }
}

/// The test that compares the description with the table can also write it.
fn openapi() -> Result<(), String> {
    let test = ["test", "--quiet", "--package", "billhook-reference", "--test", "openapi", "committed"];
    run("cargo", &test, &[("BILLHOOK_WRITE", "1")])
}

/// The test that looks whether they are there can also take them.
fn screenshots() -> Result<(), String> {
    run("sh", &[".ci/packages", "chromium", "chromium-driver"], &[])?;
    let test = ["test", "--quiet", "--package", "billhook", "--test", "contract", "screenshots"];
    run("cargo", &test, &[("BILLHOOK_WRITE", "1")])
}

/// Makes the vectors with PHP. With `check` it only compares them with the committed ones.
fn vectors(check: bool) -> Result<(), String> {
    let folder = root().join("crates/wire/vectors");
    let before = vector_files(&folder)?;
    let status = Command::new("php").arg("generate.php").current_dir(&folder).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("php generate.php: {status}")),
        Err(cause) => {
            return Err(format!("cannot run php: {cause}: install it (`apt-get install php-cli php-curl`)"));
        }
    }
    if !check || vector_files(&folder)? == before {
        return Ok(());
    }
    for (path, content) in &before {
        std::fs::write(path, content).map_err(|cause| format!("{}: {cause}", path.display()))?;
    }
    Err("PHP makes other vectors than those committed (they were made by PHP 8.2): see `cargo xtask vectors`"
        .to_owned())
}

/// The vector files with their content.
fn vector_files(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let failed = |cause: std::io::Error| format!("{}: {cause}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let content = std::fs::read(&path).map_err(failed)?;
            files.push((path, content));
        }
    }
    files.sort();
    Ok(files)
}

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    eprintln!("xtask: {shown}");
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|cause| format!("{shown}: {cause}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

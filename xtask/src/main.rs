//! What developers run: `cargo xtask ci`, `cargo xtask tidy`, `cargo xtask vectors`, `cargo xtask openapi`,
//! `cargo xtask bench`, `cargo xtask crash`.

mod tidy;

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const USAGE: &str = "\
usage: cargo xtask TASK
  ci                 everything that guards a change: format, lints, documentation, tests, tidy, vectors
  tidy               what no compiler checks: file sizes, decisions that are cited but not written down
  vectors [--check]  make the test vectors anew with PHP; with --check, only compare
  openapi            write docs/openapi.json anew, after a change of a method
  bench [OPTIONS]    Billhook beside the floor, in release builds; `bench --help` has the options
  crash [OPTIONS]    kills at random moments, and what is there afterwards; `crash --help` has the options";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["ci"] => ci(),
        ["tidy"] => tidy::check(&root()),
        ["vectors"] => vectors(false),
        ["vectors", "--check"] => vectors(true),
        ["openapi"] => openapi(),
        ["bench", options @ ..] => bench(options),
        ["crash", options @ ..] => crash(options),
        _ => {
            eprintln!("{USAGE}");
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
    run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    run("cargo", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    vectors(true)?;
    run("cargo", &["test", "--workspace", "--locked"], &[])?;
    crash_quickly()?;
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

/// Builds what is measured and what measures, and becomes the latter. The program is built by itself, so that its crates have
/// just the features that a user's build gives them.
fn bench(options: &[&str]) -> Result<(), String> {
    run("sh", &[".ci/packages", "wrk", "util-linux", "postgresql"], &[])?;
    run("cargo", &["build", "--release", "--locked", "--bin", "billhook"], &[])?;
    run(
        "cargo",
        &["build", "--release", "--locked", "--package", "xtask", "--bin", "bench", "--bin", "floor"],
        &[],
    )?;
    become_program("bench", options)
}

/// Builds what is killed and what kills it, and becomes the latter.
fn crash(options: &[&str]) -> Result<(), String> {
    run("sh", &[".ci/packages", "util-linux", "postgresql"], &[])?;
    run("cargo", &["build", "--release", "--locked", "--bin", "billhook"], &[])?;
    run("cargo", &["build", "--release", "--locked", "--package", "xtask", "--bin", "crash"], &[])?;
    become_program("crash", options)
}

/// A few rounds with the programs as the tests use them: each kind of round comes at least once.
fn crash_quickly() -> Result<(), String> {
    run("cargo", &["build", "--workspace", "--locked"], &[])?;
    let program = built("debug/crash").display().to_string();
    run(&program, &["--rounds", "20"], &[])?;
    run(&program, &["--rounds", "6", "--engine", "postgres"], &[])
}

/// Ends as another program that was built for release.
fn become_program(name: &str, options: &[&str]) -> Result<(), String> {
    let program = built(&format!("release/{name}"));
    let cause = Command::new(&program).args(options).current_dir(root()).exec();
    Err(format!("{}: {cause}", program.display()))
}

/// Where cargo puts a program.
fn built(program: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join(program)
}

/// The test that holds the description to the table can write it, too.
fn openapi() -> Result<(), String> {
    let test = ["test", "--quiet", "--package", "billhook-reference", "--test", "openapi", "committed"];
    run("cargo", &test, &[("BILLHOOK_WRITE", "1")])
}

/// Makes the vectors with PHP. With `check` they are only compared with what is committed, which stays as it is.
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

/// The files of vectors and what is in them.
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

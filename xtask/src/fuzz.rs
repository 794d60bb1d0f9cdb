//! `cargo xtask fuzz`: runs the fuzzer on each target, and prints a line for each.

#![expect(clippy::print_stdout, reason = "what was found is the answer of the task")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// The default time for a target.
const SECONDS: &str = "60";
/// The longest input. It is enough for all rules of ours, and short inputs are faster.
const MAX_LEN: &str = "-max_len=8192";

/// Fails if a target found something.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<(), String> {
    let (seconds, named) = match options {
        ["--seconds", seconds, named @ ..] if seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0) => {
            (*seconds, named)
        }
        named => (SECONDS, named),
    };
    let all = targets(root)?;
    let chosen: Vec<&str> = match named {
        [] => all.iter().map(String::as_str).collect(),
        [one] if all.iter().any(|target| target == one) => vec![one],
        _ => return Err(format!("usage: cargo xtask fuzz [--seconds N] [TARGET], of {}", all.join(", "))),
    };
    let mut found = Vec::new();
    for target in chosen {
        let (line, is_good) = fuzz(root, target, seconds)?;
        println!("{target}: {line}");
        if !is_good {
            found.push(target);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("something was found in {}: the inputs are in fuzz/artifacts", found.join(", ")))
}

/// The targets' names.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/fuzz_targets");
    let fault = |cause: std::io::Error| format!("{}: {cause}", folder.display());
    let mut targets = Vec::new();
    for entry in fs::read_dir(&folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

/// Runs one target. Returns the fuzzer's summary, and whether nothing was found.
fn fuzz(root: &Path, target: &str, seconds: &str) -> Result<(String, bool), String> {
    let kept = format!("fuzz/corpus/{target}");
    // New inputs and other files go to a separate folder, so that a run changes nothing that is committed.
    let work = root.join("target/fuzz").join(target);
    let (grown, temporary) = (work.join("corpus"), work.join("tmp"));
    for folder in [&grown, &temporary] {
        fs::create_dir_all(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    // Without a sanitizer, which needs a nightly compiler: there is no unsafe code.
    let output = Command::new("cargo")
        .args(["fuzz", "run", "--sanitizer", "none", target])
        .arg(&grown)
        .arg(&kept)
        .args(["--", "-print_final_stats=1", "-timeout=20", MAX_LEN])
        .arg(format!("-max_total_time={seconds}"))
        .env("TMPDIR", &temporary)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| format!("cargo fuzz: {cause}: install it (`cargo install --locked cargo-fuzz`)"))?;
    let _ = fs::remove_dir_all(&temporary);
    let said = String::from_utf8_lossy(&output.stderr);
    let stat =
        |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim).to_owned();
    let executions = stat("stat::number_of_executed_units:");
    if output.status.success() {
        return Ok((format!("{executions} executions in {seconds} s, nothing found"), true));
    }
    eprintln!("{said}");
    Ok((format!("{executions} executions, and then a failure"), false))
}

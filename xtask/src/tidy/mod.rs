//! What no compiler checks: that files stay small, that what the code cites is written down, that names keep to the rules.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const LINES_MAX: usize = 600;
const NAMES_WITHOUT_MEANING: &[&str] = &["common", "utils", "util", "helpers", "helper", "manager", "misc"];

/// Checks every committed source file below `root`.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        sources(&root.join(folder), &mut files).map_err(|cause| format!("{folder}: {cause}"))?;
    }
    let read = |path: &Path| fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()));
    let (decisions, to_come) = written_down(&read(&root.join("docs/protocol.md"))?);
    let mut faults = Vec::new();
    for path in &files {
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = read(path)?;
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!(
                "{shown}: {lines} lines, more than {LINES_MAX}: does a part of it want a file of its own?"
            ));
        }
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if NAMES_WITHOUT_MEANING.contains(&name) {
            faults.push(format!("{shown}: name the file after what is in it"));
        }
        for number in cited(&text).difference(&decisions) {
            faults.push(format!("{shown}: cites decision {number}, which docs/protocol.md does not have"));
        }
        for number in cited(&text).intersection(&to_come) {
            faults.push(format!(
                "{shown}: cites decision {number}, which docs/protocol.md marks as one to come"
            ));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The numbers of the decisions that the document lists, `12. **…**` at the head of a line, and of those that nothing carries out yet:
/// `12. (to come) **…**`.
fn written_down(document: &str) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let decision = |line: &'_ str| -> Option<(u32, bool)> {
        let (number, text) = line.split_once(". ")?;
        Some((number.parse().ok()?, text.starts_with("(to come) ")))
    };
    let lines = document.lines().skip_while(|line| !line.starts_with("## 14"));
    let decisions: Vec<_> = lines.filter_map(decision).collect();
    let to_come = decisions.iter().filter(|(_, is_to_come)| *is_to_come).map(|(number, _)| *number);
    (decisions.iter().map(|(number, _)| *number).collect(), to_come.collect())
}

/// The numbers that a text cites: `decision 21`, `decisions 4 and 50`, `decisions 6, 52, 53`.
fn cited(text: &str) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for (at, word) in text.match_indices("decision") {
        let rest = text.get(at + word.len()..).unwrap_or_default();
        let list = rest.strip_prefix('s').unwrap_or(rest);
        let end = list.find(|c: char| !(c.is_ascii_digit() || " ,and".contains(c))).unwrap_or(list.len());
        let list = list.get(..end).unwrap_or_default();
        numbers.extend(
            list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok()),
        );
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_are_found() {
        let text = "(decision 21) see decisions 4 and 50; decisions 6, 52, 53 of it. A decision: 7";
        assert_eq!(cited(text), BTreeSet::from([4, 6, 21, 50, 52, 53]));
        let document = "## 3\n1. a\n## 14. Decisions\n2. b\n12. (to come) **c**\n";
        assert_eq!(written_down(document), (BTreeSet::from([2, 12]), BTreeSet::from([12])));
    }
}

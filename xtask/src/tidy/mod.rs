//! Checks that no compiler makes: where code may be, and that texts about the project are true.

mod circles;
mod contract;
mod paths;
mod prose;

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path},
};

use contract::Contract;

const LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 100;
const NAMES_WITHOUT_MEANING: &[&str] = &["common", "utils", "util", "helpers", "helper", "manager", "misc"];
const ENGINES: &[&str] = &["sqlite", "postgres"];
/// The beginnings of SQL in a program's text.
const SQL: &[&str] = &["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "Sql::new"];
/// Folders that are built, downloaded, or belong to git.
const NOT_OURS: &[&str] = &["target", ".git", "node_modules", "billhook-data", "billhook-demo"];

/// The project's text files, each with its path from the root.
struct Files(Vec<(String, String)>);

impl Files {
    fn read(root: &Path) -> Result<Self, String> {
        let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
        while let Some(folder) = folders.pop() {
            let failed = |cause: std::io::Error| format!("{}: {cause}", folder.display());
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if path.is_dir() && !NOT_OURS.contains(&name) {
                    folders.push(path);
                } else if path.is_file() {
                    let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                    let extension = path.extension().and_then(|extension| extension.to_str());
                    let is_text = matches!(extension, Some("rs" | "md"));
                    let text =
                        if is_text { fs::read_to_string(&path).map_err(failed)? } else { String::new() };
                    files.push((shown, text));
                }
            }
        }
        files.sort();
        Ok(Self(files))
    }

    fn ending<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.0.iter().filter(move |(path, _)| path.ends_with(extension));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All documents but the changelog, which names what no longer exists.
    fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_read = |path: &str| path.starts_with("docs/") || !path.contains('/') && path != "CHANGELOG.md";
        self.ending(".md").filter(move |(path, _)| is_read(path))
    }
}

/// Checks every file below `root`.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let files = Files::read(root)?;
    let protocol = files.documents().find(|(path, _)| *path == "docs/protocol.md");
    let contract = Contract::read(protocol.ok_or("docs/protocol.md is missing")?.1);
    let mut faults = Vec::new();
    let mut cited = BTreeSet::new();
    for (path, text) in files.ending(".rs") {
        let mut fault = |what: String| faults.push(format!("{path}: {what}"));
        stays_in_its_room(path, text, &mut fault);
        contract.check(text, &mut fault);
        cited.extend(contract::decisions(text));
        let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
        paths::check(&files, comments, &mut fault);
    }
    let crates: BTreeSet<&str> =
        files.ending(".rs").filter_map(|(path, _)| Some(path.split_once("/src/")?.0)).collect();
    for name in crates {
        let sources = files
            .ending(".rs")
            .filter_map(|(path, text)| Some((path.strip_prefix(name)?.strip_prefix("/src/")?, text)));
        for part in circles::circles(sources) {
            faults.push(format!("{name}: imports run in a circle: {part}"));
        }
    }
    for number in contract.carried_out().difference(&cited) {
        faults.push(format!(
            "docs/protocol.md: no source cites decision {number}: cite it where it is carried out, or mark it \"(to come)\""
        ));
    }
    let mut whole = prose::Tally::default();
    for (path, text) in files.documents() {
        let mut fault = |what: String| faults.push(format!("{path}: {what}"));
        prose::check_lines(text, COLUMNS_MAX, &mut fault);
        contract.check(text, &mut fault);
        paths::check(&files, text.lines(), &mut fault);
        if path != "docs/protocol.md" {
            whole.add(path, text);
        }
    }
    faults.extend(whole.faults());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// The rules of CONTRIBUTING about files, and the invariants of ARCHITECTURE.
fn stays_in_its_room(path: &str, text: &str, fault: &mut impl FnMut(String)) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        fault(format!("{lines} lines, more than {LINES_MAX}: split it by what is in it"));
    }
    let parts = Path::new(path).with_extension("");
    let named = |part: Component<'_>| NAMES_WITHOUT_MEANING.iter().any(|name| part.as_os_str() == *name);
    if parts.components().any(named) {
        fault("name the file after what is in it".to_owned());
    }
    let (product, is_test) =
        (text.split("#[cfg(test)]\nmod ").next().unwrap_or_default(), path.contains("/tests"));
    let store =
        path.strip_prefix("crates/store/src/").filter(|path| !is_test && !path.starts_with("engine/"));
    let server = path.starts_with("crates/server/src/") && !is_test;
    for (at, line) in product.lines().enumerate() {
        let names_engine = || ENGINES.iter().any(|engine| line.to_lowercase().contains(engine));
        if store.is_some_and(|path| path != "location.rs") && names_engine() {
            fault(format!("line {} names an engine: only engine/ and location.rs do", at + 1));
        }
        if server && SQL.iter().any(|sql| line.contains(sql)) {
            fault(format!("line {} has SQL: queries belong to crates/store", at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        stays_in_its_room(path, text, &mut |fault| faults.push(fault));
        faults
    }

    #[test]
    fn sources_stay_in_their_rooms() {
        let select = "const A: &str = \"SELECT 1\";";
        assert_eq!(faults("crates/store/src/orders/mod.rs", select), [""; 0]);
        assert_eq!(faults("crates/server/src/orders.rs", select).len(), 1);
        assert_eq!(faults("crates/store/src/orders/mod.rs", "/// As PostgreSQL does.").len(), 1);
        assert_eq!(faults("crates/store/src/engine/mod.rs", "/// As PostgreSQL does."), [""; 0]);
        assert_eq!(
            faults("crates/store/src/orders/mod.rs", "#[cfg(test)]\nmod tests {\n// postgres\n}"),
            [""; 0]
        );
        assert_eq!(faults("crates/wire/src/utils/mod.rs", "").len(), 1);
        assert_eq!(faults("crates/wire/src/form.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
    }
}

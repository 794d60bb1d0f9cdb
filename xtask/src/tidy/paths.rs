//! Checks that paths in back-ticks exist, so that readers can follow them.

use super::Files;

/// Extensions that mark a word as a path.
const SOURCES: &[&str] = &[".rs", ".md", ".toml", ".php", ".sh"];
/// Folders at the root: a word that begins with one is a path, whatever its extension.
const FOLDERS: &[&str] = &["crates/", "docs/", "drivers/", "examples/", "fuzz/", "xtask/", ".ci/", ".cargo/"];

/// Reports paths that do not exist.
pub(super) fn check<'a>(files: &Files, lines: impl Iterator<Item = &'a str>, fault: &mut impl FnMut(String)) {
    for line in lines {
        // Every second piece is in back-ticks.
        for word in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
            if !files.0.iter().any(|(path, _)| leads_to(word, path)) {
                fault(format!("`{word}` does not exist"));
            }
        }
    }
}

fn is_path(word: &str) -> bool {
    let is_named = |c: char| c.is_ascii_alphanumeric() || "._-/*".contains(c);
    let is_ours = FOLDERS.iter().any(|folder| word.starts_with(folder))
        || SOURCES.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending))
        || word.len() > 1 && word.ends_with('/');
    is_ours && word.chars().all(is_named) && !word.starts_with(['/', '*'])
}

/// Whether a file is the one that the word names, or is in that folder. A path may begin anywhere, and may
/// leave out `crates/` and `src/`: `store/marks.rs`. A component in capitals, or `*`, matches any.
fn leads_to(word: &str, path: &str) -> bool {
    let parts =
        |path| str::split(path, '/').filter(|part| !["crates", "src", ""].contains(part)).collect::<Vec<_>>();
    let (word, path) = (parts(word), parts(path));
    let is_any = |part: &str| part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'*');
    path.windows(word.len().max(1))
        .any(|window| window.iter().zip(&word).all(|(part, named)| part == named || is_any(named)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_paths_are_found() {
        let files = Files(vec![
            ("crates/server/src/http/body.rs".into(), String::new()),
            ("docs/a.md".into(), String::new()),
        ]);
        let faults = |text: &str| {
            let mut faults = Vec::new();
            check(&files, text.lines(), &mut |fault| faults.push(fault));
            faults
        };
        let live = "`server/http/body.rs` `body.rs` `crates/server/src/*/body.rs` `http/` `docs/NAME` `docs/` `/docs` `.rs`";
        assert_eq!(faults(live), [""; 0]);
        assert_eq!(
            faults("no path: `orders.jsonl` `text/plain` `https://` `POST /api/` server/body.rs"),
            [""; 0]
        );
        assert_eq!(faults("`server/body.rs` `docs/b`\n`door/`").len(), 3);
    }
}

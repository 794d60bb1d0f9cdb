//! Finds circles of imports: modules of a crate that need each other can't be read, tested or moved alone.

use std::collections::{BTreeMap, BTreeSet};

/// The modules on circles, each with those that it uses there. `files` are a crate's: paths from `src`, and texts. Left out are
/// `lib.rs`, tests, and what a module and its parents use of each other.
pub(super) fn circles<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let module = |path: &str| path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    let is_module = |path: &str| !matches!(path, "lib.rs" | "main.rs") && !path.contains("tests");
    let texts: BTreeMap<String, &str> =
        files.filter(|(path, _)| is_module(path)).map(|(path, text)| (module(path), text)).collect();
    let owner = |path: String| {
        let mut path = path.as_str();
        while !texts.contains_key(path) {
            path = path.rsplit_once("::")?.0;
        }
        Some(path.to_owned())
    };
    let imports = |(module, text): (&String, &&str)| {
        let is_other = |used: &String| used != module && !module.starts_with(&format!("{used}::"));
        (module.clone(), paths(module, text).into_iter().filter_map(owner).filter(is_other).collect())
    };
    let mut left: BTreeMap<String, BTreeSet<String>> = texts.iter().map(imports).collect();
    // A module that no other one uses is on no circle, nor is one that uses no other one.
    loop {
        let needed: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.clone();
        left.retain(|module, uses| {
            uses.retain(|used| before.contains_key(used));
            needed.contains(module) && !uses.is_empty()
        });
        if left == before {
            return left.iter().map(|(module, uses)| format!("{module} uses {uses:?}")).collect();
        }
    }
}

/// The paths that a module's text names, from the crate's root, with `{…}` written out.
fn paths(module: &str, text: &str) -> Vec<String> {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<String>();
    let parent = module.rsplit_once("::").map_or(String::new(), |(parent, _)| format!("{parent}::"));
    let mut paths = Vec::new();
    for (word, start) in [("crate::", String::new()), ("super::", parent)] {
        for piece in code.split(word).skip(1) {
            let (mut path, mut outer) = (start.clone(), Vec::new());
            for c in piece.chars() {
                match c {
                    '{' => outer.push(path.clone()),
                    ',' | '}' if !outer.is_empty() => {
                        paths.push(std::mem::take(&mut path));
                        match (c, outer.last()) {
                            (',', Some(last)) => path.clone_from(last),
                            _ => drop(outer.pop()),
                        }
                    }
                    ' ' if !outer.is_empty() => {}
                    c if c.is_alphanumeric() || "_:".contains(c) => path.push(c),
                    _ => break,
                }
            }
            paths.push(path);
        }
    }
    // What stands behind the last comma of a list.
    paths.retain(|path| !path.ends_with(':'));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found() {
        let files = [
            ("lib.rs", "use crate::a::A;"),
            ("a.rs", "use crate::{Other, b::{C, c::{D, E}}, x};\n#[cfg(test)]\nmod tests { use crate::z; }"),
            ("b/mod.rs", "use super::x;"),
            ("b/c.rs", "use super::d::{D, E};"),
            ("b/d.rs", "// use crate::x::Y\nfn f() { crate::z::g(); }"),
            ("x.rs", "use std::fmt;"),
            ("z.rs", "use crate::b::{c::D,};"),
        ];
        let found = circles(files.into_iter());
        assert_eq!(found, ["b::c uses {\"b::d\"}", "b::d uses {\"z\"}", "z uses {\"b::c\"}"]);
        assert_eq!(circles(files.into_iter().filter(|(path, _)| *path != "z.rs")), [""; 0]);
    }
}

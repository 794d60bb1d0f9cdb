//! Runs a fuzz target's checks in an ordinary test: on every committed input of the target, and on random
//! changes of them.
//!
//! So bugs are found without the fuzzer's compiler flags, and inputs that showed a bug are tested for ever.

use std::{env, fs, io, path::Path};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// The number of changed inputs, unless `BILLHOOK_FUZZ_ROUNDS` is set.
const ROUNDS: u32 = 1_000;
/// The longest changed input.
const BYTES_MAX: usize = 4_096;

/// Calls `check` with every input in `fuzz/corpus/TARGET`, and with changes of them, the same ones each time.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let inputs = inputs(target);
    for (name, input) in &inputs {
        let current = Current { target, name, input };
        check(input);
        drop(current);
    }
    let rounds = env::var("BILLHOOK_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..rounds.unwrap_or(ROUNDS) {
        let input = changed(&inputs, &mut random);
        let current = Current { target, name: "a changed one", input: &input };
        check(&input);
        drop(current);
    }
}

/// Prints the input if the check panics.
struct Current<'a> {
    target: &'a str,
    name: &'a str,
    input: &'a [u8],
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}, input {}: b\"{}\"", self.target, self.name, self.input.escape_ascii());
        }
    }
}

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs = read(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(!inputs.is_empty(), "{} holds no input", folder.display());
    inputs
}

fn read(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        inputs.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    inputs.sort();
    Ok(inputs)
}

/// One of the inputs with bytes added, removed or replaced, a part repeated, or another input's end.
fn changed(inputs: &[(String, Vec<u8>)], random: &mut StdRng) -> Vec<u8> {
    let mut any = || inputs.choose(random).map(|(_, input)| input.clone()).unwrap_or_default();
    let (mut input, other) = (any(), any());
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=input.len());
        let end = at + random.random_range(0..=(input.len() - at).min(32));
        match random.random_range(0..6) {
            0 => input.insert(at, random.random()),
            // Characters with a meaning in some format.
            1 => input.insert(at, *b"[]=&%+.\"\\{}:,;\r\n\0 -@09aA".choose(random).unwrap_or(&0)),
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input.get(at..end).unwrap_or_default().to_vec();
                input.splice(at..at, piece);
            }
            4 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.random();
                }
            }
            _ => {
                let from = random.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
        }
        input.truncate(BYTES_MAX);
    }
    input
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        collections::BTreeSet,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    use super::*;

    #[test]
    fn every_input_is_shown_and_then_changes_of_it() {
        let seen = RefCell::new(BTreeSet::new());
        replay("form", |input| {
            seen.borrow_mut().insert(input.to_vec());
        });
        let seen = seen.into_inner();
        assert!(inputs("form").iter().all(|(_, input)| seen.contains(input)));
        assert!(seen.len() > 500, "only {} inputs", seen.len());
    }

    #[test]
    fn a_check_that_fails_ends_it() {
        let failed = catch_unwind(AssertUnwindSafe(|| {
            replay("form", |input| assert!(!input.contains(&b'['), "a bracket"));
        }));
        assert!(failed.is_err());
    }
}

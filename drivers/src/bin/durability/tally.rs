//! The counts and findings of a run.

use std::{collections::BTreeMap, fmt};

use billhook_test_kit::Done;

/// The maximum number of findings to list; more are only counted.
const FINDINGS_MAX: usize = 20;

/// The sums of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rounds: BTreeMap<String, u32>,
    /// Writes answered with success.
    pub(crate) acknowledged: u64,
    /// Those of contacts among them.
    pub(crate) of_contacts: u64,
    /// Acknowledged writes that the store does not show.
    pub(crate) lost: u64,
    /// Things that exist more than once.
    pub(crate) doubles: u64,
    /// Unanswered writes that exist.
    pub(crate) unknown_there: u64,
    /// Unanswered writes that do not exist.
    pub(crate) unknown_not_there: u64,
    /// Orders that were repeated because their creation was uncertain.
    pub(crate) repeated: u64,
    /// Writes that were put off (code 9).
    pub(crate) put_off: u64,
    /// Commands that were killed in time, and those that finished first.
    pub(crate) cut_off: u64,
    pub(crate) ended_before: u64,
    findings: Vec<String>,
    more: u64,
}

impl Tally {
    /// Records a violation.
    pub(crate) fn wrong(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Records an acknowledged write that is missing.
    pub(crate) fn lost(&mut self, finding: String) {
        self.lost += 1;
        self.wrong(finding);
    }

    /// Records something that exists twice.
    pub(crate) fn double(&mut self, finding: String) {
        self.doubles += 1;
        self.wrong(finding);
    }

    /// Records whether a command was killed, or finished first.
    pub(crate) fn note_cut(&mut self, done: &Done) {
        *if done.is_cut_off { &mut self.cut_off } else { &mut self.ended_before } += 1;
    }

    /// Adds the counts and findings of a connection.
    pub(crate) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.of_contacts += other.of_contacts;
        self.repeated += other.repeated;
        self.put_off += other.put_off;
        other.findings().for_each(|finding| self.wrong(finding));
    }

    pub(crate) fn is_wrong(&self) -> bool {
        !self.findings.is_empty()
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.findings.iter().cloned().chain(more)
    }

    /// An error, if anything is wrong.
    pub(crate) fn judge(&self) -> billhook_drivers::Result<()> {
        if self.is_wrong() { Err(self.findings().collect::<Vec<_>>().join("; ").into()) } else { Ok(()) }
    }

    pub(crate) fn count(&mut self, kind: String) {
        *self.rounds.entry(kind).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.rounds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let count: u32 = self.rounds.values().sum();
        writeln!(
            f,
            "{count} rounds ({}); commands: {} killed, {} had ended",
            kinds.join(", "),
            self.cut_off,
            self.ended_before
        )?;
        write!(
            f,
            "{} writes acknowledged, {} of them of contacts, {} lost, {} doubles; unknown: {} there, {} not there; {} repeated, {} put off; {}",
            self.acknowledged,
            self.of_contacts,
            self.lost,
            self.doubles,
            self.unknown_there,
            self.unknown_not_there,
            self.repeated,
            self.put_off,
            if self.is_wrong() { "WRONG" } else { "all as it should be" }
        )
    }
}

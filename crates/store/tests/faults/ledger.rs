//! What the nodes reported, compared with the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Instant,
};

use crate::node::{self, SPAN};

/// What the nodes reported.
#[derive(Default)]
pub(crate) struct Ledger {
    kept: BTreeSet<i64>,
    failed: BTreeSet<i64>,
    unknown: BTreeSet<i64>,
    /// Violations.
    pub(crate) wrong: Vec<String>,
    /// When each node last had a write acknowledged.
    pub(crate) last_kept: BTreeMap<i64, Instant>,
    /// The last order that each thread reported.
    last_of_thread: BTreeMap<i64, i64>,
    /// Nodes that ended normally.
    pub(crate) ended: BTreeSet<i64>,
}

/// The store's orders, compared with the reports.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    acknowledged: usize,
    counted: usize,
    failed: usize,
    unknown: usize,
    unknown_kept: usize,
    unsaid_kept: usize,
}

impl Ledger {
    /// Records a line of a node; lines of the test harness are ignored.
    pub(crate) fn note(&mut self, node: i64, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let told = match word {
            "kept" => &mut self.kept,
            "failed" => &mut self.failed,
            "unknown" => &mut self.unknown,
            "wrong:" => return self.wrong.push(format!("node {node}: {rest}")),
            "ended" => {
                self.ended.insert(node);
                return;
            }
            _ => return,
        };
        let id: i64 = rest.parse().unwrap();
        assert!(told.insert(id), "order {id}: said twice");
        self.last_of_thread.insert(id / SPAN, id);
        if word == "kept" {
            self.last_kept.insert(node, Instant::now());
        }
    }

    /// Compares the reports with the store: orders, with their counts.
    pub(crate) fn compare(&self, found: &BTreeMap<i64, Option<u64>>) -> Tally {
        let lost: Vec<_> = self.kept.iter().filter(|id| !found.contains_key(id)).collect();
        assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
        let undead: Vec<_> = self.failed.iter().filter(|id| found.contains_key(id)).collect();
        assert!(undead.is_empty(), "failed for certain, and there: {undead:?}");
        let mut tally = Tally {
            acknowledged: self.kept.len(),
            failed: self.failed.len(),
            unknown: self.unknown.len(),
            ..Tally::default()
        };
        for (id, count) in found {
            tally.counted += usize::from(count.is_some());
            if self.unknown.contains(id) {
                tally.unknown_kept += 1;
            } else if !self.kept.contains(id) {
                assert!(self.may_be_unsaid(*id), "order {id} is there, and nobody spoke of it");
                tally.unsaid_kept += 1;
            }
        }
        tally
    }

    /// Whether a killed node may have added it without reporting it.
    fn may_be_unsaid(&self, id: i64) -> bool {
        let thread = id / SPAN;
        let before = self.last_of_thread.get(&thread).copied().unwrap_or(thread * SPAN);
        !self.ended.contains(&node::of_thread(thread)) && id == before + 1
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, counted, failed, unknown, unknown_kept, unsaid_kept } = self;
        write!(
            f,
            "{acknowledged} acknowledged, all there ({counted} with a count); {failed} failed, none there; \
             {unknown} unknown, {unknown_kept} there; {unsaid_kept} there of killed nodes that could not say so"
        )
    }
}

//! Checks citations of docs/protocol.md: sections, as "section 4.8", and decisions, as "decision 21".

use std::collections::BTreeSet;

/// The sections and decisions of the document.
pub(super) struct Contract {
    sections: BTreeSet<String>,
    carried_out: BTreeSet<u32>,
    /// `12. (to come) **…**`: decisions on what Billhook does not have yet.
    to_come: BTreeSet<u32>,
}

impl Contract {
    /// Reads the headings `## 14. …` and `### 4.8 …`, and the decisions in section 14: `12. **…**`.
    pub(super) fn read(document: &str) -> Self {
        let headings = document.lines().filter(|line| line.starts_with("##"));
        let number =
            |line: &str| line.split(' ').nth(1).map(|number| number.trim_end_matches('.').to_owned());
        let sections = headings.filter_map(number).collect();
        let (mut carried_out, mut to_come) = (BTreeSet::new(), BTreeSet::new());
        for line in document.lines().skip_while(|line| !line.starts_with("## 14.")) {
            let Some((number, text)) = line.split_once(". ") else { continue };
            if let Ok(number) = number.parse() {
                let decisions = if text.starts_with("(to come) ") { &mut to_come } else { &mut carried_out };
                decisions.insert(number);
            }
        }
        Self { sections, carried_out, to_come }
    }

    pub(super) fn carried_out(&self) -> &BTreeSet<u32> {
        &self.carried_out
    }

    /// Reports citations of what does not exist, or does not exist yet.
    pub(super) fn check(&self, text: &str, fault: &mut impl FnMut(String)) {
        for number in decisions(text) {
            if self.to_come.contains(&number) {
                fault(format!("cites decision {number}, which docs/protocol.md marks \"(to come)\""));
            } else if !self.carried_out.contains(&number) {
                fault(format!("cites decision {number}, which docs/protocol.md does not have"));
            }
        }
        for section in sections(text).filter(|section| !self.sections.contains(section)) {
            fault(format!("cites section {section}, which docs/protocol.md does not have"));
        }
    }
}

/// The numbers in `decision 21`, `decisions 4 and 50`, `decisions 6, 52, 53`.
pub(super) fn decisions(text: &str) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for (_, rest) in behind(text, "decision") {
        let list = rest.strip_prefix('s').unwrap_or(rest);
        let list =
            list.split(|c: char| !(c.is_ascii_digit() || " ,and\n/".contains(c))).next().unwrap_or_default();
        numbers.extend(
            list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok()),
        );
    }
    numbers
}

/// The numbers in `section 4.8`, except those of other documents: `RFC 9110, section 5`.
fn sections(text: &str) -> impl Iterator<Item = String> {
    let ours = behind(text, "section ").filter(|(before, _)| !before.ends_with("RFC"));
    ours.filter_map(|(_, rest)| {
        let number = rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or_default();
        let number = number.trim_end_matches('.');
        (!number.is_empty()).then(|| number.to_owned())
    })
}

/// The text after each occurrence of the word, and the text before it, without adjacent numbers.
fn behind<'a>(text: &'a str, word: &'static str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text.get(..at)?.trim_end_matches(|c: char| c.is_ascii_digit() || " ,".contains(c));
        Some((before, text.get(at + word.len()..)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_are_found() {
        let text = "(decision 21) see decisions 4 and 50; decisions 6,\n// 52, 53 of it. A decision: 7";
        assert_eq!(decisions(text), BTreeSet::from([4, 6, 21, 50, 52, 53]));
        let text = "section 4.8. As RFC 9110, section 5.6 has it; section 12";
        assert!(sections(text).eq(["4.8", "12"]));
    }

    #[test]
    fn what_is_cited_must_be_there() {
        let contract = Contract::read(
            "## 3. The answer\n### 3.1 Codes\n1. a\n## 14. Decisions\n2. b\n12. (to come) **c**\n",
        );
        assert_eq!(contract.carried_out(), &BTreeSet::from([2]));
        let mut faults = Vec::new();
        contract.check("section 3.1, section 4.1, decision 2, decision 3, decision 12", &mut |fault| {
            faults.push(fault);
        });
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}

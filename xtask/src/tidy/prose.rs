//! Checks the length of sentences in the documents: a long one hides a second fact, and is read twice.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// The maximum average number of words in a sentence.
const MEAN_MAX: usize = 16;
/// A sentence with more words is long; one in [`LONG_EVERY`] may be.
const LONG: usize = 30;
const LONG_EVERY: usize = 50;

/// Reports lines with too many columns, except tables, samples, and unbreakable words.
pub(super) fn check_lines(text: &str, columns_max: usize, fault: &mut impl FnMut(String)) {
    let mut is_sample = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_sample = !is_sample;
        }
        let columns = line.chars().count();
        let is_table = line.trim_start().starts_with('|');
        if columns > columns_max && !is_sample && !is_table && line.trim().contains(' ') {
            fault(format!("line {} has {columns} columns, more than {columns_max}", at + 1));
        }
    }
}

/// The sentences of all documents together.
#[derive(Default)]
pub(super) struct Tally {
    sentences: usize,
    words: usize,
    /// The place and the beginning of each long one.
    long: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, path: &str, text: &str) {
        for sentence in paragraphs(text).iter().flat_map(|paragraph| sentences(paragraph)) {
            self.sentences += 1;
            self.words += sentence.len();
            if sentence.len() > LONG {
                let begin = sentence.get(..8).unwrap_or_default().join(" ");
                self.long.push(format!("{path}: {} words in one sentence: \"{begin} …\"", sentence.len()));
            }
        }
    }

    pub(super) fn faults(self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.words > self.sentences * MEAN_MAX {
            let Self { sentences, words, .. } = self;
            faults.push(format!(
                "documents: {words} words in {sentences} sentences, more than {MEAN_MAX} each on average"
            ));
        }
        if self.long.len() * LONG_EVERY > self.sentences {
            faults.extend(self.long);
        }
        faults
    }
}

/// The paragraphs and list items of a document, with one word for each text in back-ticks.
fn paragraphs(text: &str) -> Vec<String> {
    let (mut paragraphs, mut paragraph, mut is_skipped) = (Vec::new(), String::new(), false);
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. }) => is_skipped = true,
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_)) => is_skipped = false,
            Event::Text(text) if !is_skipped => paragraph.push_str(&text),
            Event::Code(_) if !is_skipped => paragraph.push_str("Code"),
            Event::SoftBreak | Event::HardBreak => paragraph.push(' '),
            Event::Start(Tag::Item) | Event::End(TagEnd::Paragraph | TagEnd::Item) => {
                paragraphs.push(std::mem::take(&mut paragraph));
            }
            _ => {}
        }
    }
    // Tables are no prose.
    paragraphs.retain(|paragraph| !paragraph.starts_with('|'));
    paragraphs
}

/// A paragraph's sentences as words. One ends with a full stop or colon if the next word has a capital.
fn sentences(paragraph: &str) -> Vec<Vec<&str>> {
    let mut sentences = vec![Vec::new()];
    let mut has_ended = false;
    for word in paragraph.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)) {
        let begins = word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(char::is_uppercase);
        if has_ended && begins {
            sentences.push(Vec::new());
        }
        if let Some(sentence) = sentences.last_mut() {
            sentence.push(word);
        }
        has_ended = word.trim_end_matches(['"', ')', '»', '*']).ends_with(['.', ':', '!', '?']);
    }
    sentences.retain(|sentence| sentence.len() > 1);
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_counted() {
        let text = "# A heading is none\n\nOne of `two words`, e.g. this. (Another\none.) Say: `x` is.\n\n- an item\n- and one more\n\n\
                    ```sh\nno prose. At all\n```\n\n| a | table |\n|---|---|\n";
        let paragraphs = paragraphs(text);
        let counts: Vec<_> =
            paragraphs.iter().flat_map(|text| sentences(text)).map(|words| words.len()).collect();
        assert_eq!(counts, [5, 2, 2, 2, 3]);
    }

    #[test]
    fn long_sentences_are_told_when_there_are_too_many() {
        let long = format!("{}.\n\n", "word ".repeat(31).trim());
        let mut tally = Tally::default();
        tally.add("a.md", &(long.clone() + &"Two words. ".repeat(49)));
        assert_eq!(tally.faults(), [""; 0]);
        let mut tally = Tally::default();
        tally.add("a.md", &(long.clone() + &"Two words. ".repeat(48)));
        assert_eq!(tally.faults().len(), 1);
        let mut tally = Tally::default();
        tally.add("a.md", &long);
        assert_eq!(tally.faults().len(), 2, "the mean, and the sentence");
    }

    #[test]
    fn long_lines_are_told() {
        let mut faults = Vec::new();
        let text = "as long as it may be\n| a table's row may be longer |\n```\nand so may a sample's line be\n```\nthis line is too long by far";
        check_lines(text, 20, &mut |fault| faults.push(fault));
        assert_eq!(faults, ["line 6 has 28 columns, more than 20"]);
    }
}

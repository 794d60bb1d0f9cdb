//! Programs that ask for a customer's orders, ready to paste: with the account's own address and login.

/// A language that a sample is written in.
pub(super) struct Sample {
    /// Its name.
    pub(super) language: &'static str,
    text: &'static str,
    /// How it quotes a text of plain ASCII.
    quoted: fn(&str) -> String,
}

/// All of them.
pub(super) static SAMPLES: [Sample; 4] = [
    Sample { language: "PHP", text: include_str!("samples/get_bills.php"), quoted: with_backslashes },
    Sample { language: "Python", text: include_str!("samples/get_bills.py"), quoted: with_backslashes },
    Sample { language: "Node.js", text: include_str!("samples/get_bills.mjs"), quoted: with_backslashes },
    Sample { language: "curl", text: include_str!("samples/get_bills.sh"), quoted: for_shell },
];

impl Sample {
    /// The program.
    pub(super) fn filled(&self, comment: &str, url: &str, login: &str, key: &str) -> String {
        // The key comes last: no other place in it is filled in.
        self.text
            .replace("{{COMMENT}}", comment)
            .replace("{{URL}}", &(self.quoted)(url))
            .replace("{{LOGIN}}", &(self.quoted)(login))
            .replace("{{KEY}}", &(self.quoted)(key))
    }
}

fn with_backslashes(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn for_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

//! `billhook explain`: finds out why a server refuses the hash of a request.

use std::{
    fs,
    io::{self, Read as _, Write},
    path::PathBuf,
};

use billhook_wire::{
    Key, Login,
    mistake::{self, Diagnosis, Signed, Verdict},
    request::Content,
};
use clap::{ArgMatches, Args};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, say},
    options::secret::KeyOption,
    terminal::output::{json_pretty, stdout},
};

/// More than any server accepts.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Find out why a request's hash is refused
///
/// Takes a request's body as it was sent. Shows the text that the server hashes, the hash that it expects and
/// the one in the request, and names the likely mistake. It sends nothing and needs no data folder.
///
/// Exit status 0: the hash is right; 1: it is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook explain --login shop --key-file shop.key --body 'email=a%40b.c&hash=01…'
  billhook explain --login shop --key-file shop.key --body-file request.txt

`curl --trace-ascii -` shows what curl sends; in PHP, log what CURLOPT_POSTFIELDS gets.")]
pub(crate) struct Arguments {
    /// The account's login
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse, required = true)]
    login: Login,
    #[command(flatten)]
    key: KeyOption,
    /// The request's body as it was sent, with its hash
    #[arg(long, value_name = "FORM")]
    body: Option<String>,
    /// A file with the request's body; - is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// The request's Content-Type [default: application/x-www-form-urlencoded]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Show the key in the hashed texts
    #[arg(long)]
    reveal_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, sources: &ArgMatches) -> Result<(), Failure> {
        let content_type = self.content_type.as_deref().map(str::as_bytes);
        let body = match (self.body, self.body_file) {
            (Some(body), None) => body.into_bytes(),
            (None, Some(path)) => read(&path, Content::of(content_type))?,
            (Some(_), Some(_)) => {
                return Err(Failure::usage("both --body and --body-file are given: leave one of them out"));
            }
            (None, None) => {
                return Err(Failure::usage("a body is needed: give --body FORM or --body-file FILE"));
            }
        };
        let key = self.key.require(sources)?;
        let diagnosis = mistake::diagnose(&self.login, &key, content_type, &body);
        let fits = matches!(diagnosis.verdict, Verdict::Fits { .. } | Verdict::KeyFits);
        let shown_key = self.reveal_key.then_some(&key);
        let mut out = stdout();
        if self.json {
            json_pretty(&mut out, &report(&diagnosis, fits, shown_key))?;
        } else {
            print(&mut out, &diagnosis, shown_key, &key)?;
            out.flush()?;
        }
        if fits { Ok(()) } else { Err(Failure::failed(summary(&diagnosis.verdict))) }
    }
}

fn read(path: &PathBuf, content: Content) -> Result<Vec<u8>, Failure> {
    let fault = |error: io::Error| Failure::file("read the body in", path, &error);
    let mut body = Vec::new();
    let source: Box<dyn io::Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(fs::File::open(path).map_err(fault)?)
    };
    source.take(BODY_BYTES_MAX).read_to_end(&mut body).map_err(fault)?;
    // Editors and shells end the last line with a line end, which is never part of such a form.
    if content == Content::Urlencoded && body.ends_with(b"\n") {
        body.pop();
        body.pop_if(|byte| *byte == b'\r');
        say("the line end after the body was left out");
    }
    Ok(body)
}

fn print(
    out: &mut impl Write,
    diagnosis: &Diagnosis,
    shown_key: Option<&Key>,
    key: &Key,
) -> Result<(), Failure> {
    match diagnosis.content {
        Content::Urlencoded => {}
        Content::Multipart => {
            writeln!(out, "The body is read as multipart: only the re-encoded text can be hashed.")?;
        }
        Content::Unread => writeln!(
            out,
            "A body of this Content-Type holds no parameters: send application/x-www-form-urlencoded."
        )?,
    }
    if shown_key.is_none() {
        writeln!(
            out,
            "KEY stands for the key of {} characters (--reveal-key shows it).",
            key.reveal().len()
        )?;
    }
    match &diagnosis.raw {
        Some(raw) if diagnosis.texts_are_equal() => text(out, "The server hashes", raw, shown_key)?,
        Some(raw) => {
            text(out, "The server hashes the body as it was sent", raw, shown_key)?;
            text(out, "and the parameters as PHP encodes them", &diagnosis.encoded, shown_key)?;
        }
        None => text(out, "The server hashes", &diagnosis.encoded, shown_key)?,
    }
    writeln!(out, "\nIt got:    {}", diagnosis.sent.as_deref().unwrap_or("no hash"))?;
    Ok(writeln!(out, "\n{}", diagnosis.verdict)?)
}

fn text(out: &mut impl Write, title: &str, signed: &Signed, shown_key: Option<&Key>) -> Result<(), Failure> {
    writeln!(out, "\n{title}:\n  {}", with_key(signed, shown_key))?;
    Ok(writeln!(out, "  expected: {}", signed.hash)?)
}

/// The hashed text; the key at its end is shown as KEY, unless `shown_key` is given.
fn with_key(signed: &Signed, shown_key: Option<&Key>) -> String {
    match (shown_key, signed.text.strip_suffix("KEY")) {
        (Some(key), Some(text)) => format!("{text}{}", key.reveal()),
        _ => signed.text.clone(),
    }
}

/// A short verdict, for the error message.
fn summary(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Fits { .. } => "the hash is right",
        Verdict::KeyFits => "the rpsKey is right",
        Verdict::Json | Verdict::NotAForm => "the body is not a form",
        Verdict::OverLimit => "the form is too large",
        Verdict::NoCredential => "there is no hash and no rpsKey",
        Verdict::WrongKey => "the rpsKey is wrong",
        Verdict::Wrong(_) => "the hash is wrong",
    }
}

fn report(diagnosis: &Diagnosis, fits: bool, shown_key: Option<&Key>) -> Value {
    let signed = |signed: &Signed| json!({"text": with_key(signed, shown_key), "hash": signed.hash});
    let mistakes: Vec<Value> = match &diagnosis.verdict {
        Verdict::Wrong(mistakes) => mistakes
            .iter()
            .map(|mistake| json!({"name": format!("{mistake:?}"), "mend": mistake.to_string()}))
            .collect(),
        _ => Vec::new(),
    };
    json!({
        "fits": fits,
        "raw": diagnosis.raw.as_ref().map(signed),
        "encoded": signed(&diagnosis.encoded),
        "got": diagnosis.sent,
        "verdict": diagnosis.verdict.to_string(),
        "mistakes": mistakes,
    })
}

//! `billhook docs`: prints the reference of the methods.

use std::{fmt::Write as _, io::Write as _};

use billhook_reference::{Entry, of_method};
use billhook_wire::method::{METHODS, MethodInfo};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::{failure::Failure, nearest::nearest, options::method_words, terminal::output::stdout};

/// Show the reference of the API's methods
///
/// For each method: what it does, its parameters, its answer, its codes, and an example. A running server
/// shows the same at /docs, and as OpenAPI at /api/openapi.json.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook docs             all methods
  billhook docs GetBills    one of them
  billhook docs --openapi > openapi.json")]
pub(crate) struct Arguments {
    /// The method [default: all]
    #[arg(value_name = "METHOD", add = ArgValueCandidates::new(method_words::methods))]
    method: Option<String>,
    /// Print the OpenAPI 3.1 description of all methods
    #[arg(long, conflicts_with = "method")]
    openapi: bool,
}

impl Arguments {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let text = match &self.method {
            Some(name) => describe(name)?,
            None if self.openapi => billhook_reference::openapi().to_owned(),
            None => Entry::all().iter().map(of_method).collect::<Vec<_>>().join("\n\n"),
        };
        let mut out = stdout();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// The reference of one method.
pub(crate) fn describe(name: &str) -> Result<String, Failure> {
    let Some(method) = MethodInfo::named(name) else {
        return Err(Failure::failed(unknown(name)));
    };
    Ok(of_method(&Entry::of(method)))
}

/// The message for an unknown method's name.
pub(crate) fn unknown(name: &str) -> String {
    match nearest(name, METHODS.iter().map(|method| method.name)) {
        Some(near) => format!("{name} is not known here: did you mean {near}?"),
        None => format!("{name} is not known here: `billhook call --list` lists the known ones"),
    }
}

/// A list with one line per method.
pub(crate) fn list(indent: &str) -> String {
    let mut list = String::new();
    for entry in Entry::all() {
        let _ = writeln!(list, "{indent}{}  {}", entry.method.name, entry.summary);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_described_from_its_type() {
        let text = describe("getbills").unwrap();
        assert!(text.starts_with("GetBills  All orders of one customer"), "{text}");
        assert!(text.contains("  email (required): "), "{text}");
        assert!(
            text.contains("  pay_status (optional): waiting | paid | cancel | return; Only orders"),
            "{text}"
        );
        assert!(text.contains("  result.*.*.good_title (text): Its title."), "{text}");
        assert!(text.contains("400 Order not found"), "{text}");
        let Err(Failure::Failed(error)) = describe("GetBill") else { panic!("a method that isn't there") };
        assert_eq!(error, "GetBill is not known here: did you mean GetBills?");
        assert_eq!(describe("addleadtogroup").unwrap(), describe("AddLeadToGroup").unwrap());
    }

    #[test]
    fn of_two_methods_the_spelling_picks() {
        assert!(describe("CreateOrder").unwrap().contains("bill_email"));
        assert!(describe("createorder").unwrap().contains("product_names"));
    }
}

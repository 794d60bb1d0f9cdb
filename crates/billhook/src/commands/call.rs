//! `billhook call`: signs and sends one call, verifies the answer and prints it.

use std::io::{self, IsTerminal as _, Write as _};

use billhook_client::names_localhost;
use billhook_reference::Entry;
use billhook_wire::{
    Api, Request,
    method::{METHODS, MethodInfo, Paged},
    query,
};
use clap::{ArgMatches, Args};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};
use serde_json::Value;

use crate::{
    commands::docs,
    failure::{Failure, say},
    options::{connection::Connection, method_words},
    terminal::output::{json_line, json_pretty, stdout},
};

/// Call a method of the API on any server
///
/// Signs the parameters, sends them, verifies the answer and prints its JSON. It works with any server that
/// speaks the protocol, and with methods that this program does not know. Names under localhost lead to this
/// machine.
///
/// Exit status 0: done (`error_code` 0); 1: refused or failed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The method
    #[arg(value_name = "METHOD", add = ArgValueCandidates::new(method_words::methods))]
    #[arg(required_unless_present_any = ["list", "describe"])]
    method: Option<String>,
    /// Parameters, named as in PHP (`utm[medium]=cpc`), sent in this order
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    #[arg(add = ArgValueCompleter::new(method_words::parameters))]
    parameters: Vec<(String, String)>,
    #[command(flatten)]
    connection: Connection,
    /// The API's version: 1 signs the call, 2 sends the key itself [default: the version of the method, or 1]
    #[arg(long, value_name = "VERSION", value_parser = api)]
    api: Option<Api>,
    /// Print the answer on several lines, as on a terminal
    #[arg(long)]
    pretty: bool,
    /// List the methods that this program knows
    #[arg(long)]
    list: bool,
    /// Show a method's parameters
    #[arg(long, value_name = "METHOD", add = ArgValueCandidates::new(method_words::methods))]
    describe: Option<String>,
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn api(text: &str) -> Result<Api, &'static str> {
    match text {
        "1" | "1.0" => Ok(Api::Signed),
        "2" | "2.0" => Ok(Api::Keyed),
        _ => Err("1 and 2 are known"),
    }
}

impl Arguments {
    pub(crate) fn run(self, sources: &ArgMatches) -> Result<(), Failure> {
        let mut out = stdout();
        if self.list {
            write!(out, "{}", docs::list(""))?;
            return Ok(out.flush()?);
        }
        if let Some(name) = &self.describe {
            write!(out, "{}", docs::describe(name)?)?;
            return Ok(out.flush()?);
        }
        let pretty = self.pretty || io::stdout().is_terminal();
        let method = self.method.clone().unwrap_or_default();
        let parameters = self.parameters.clone();
        let (api, url) = (self.api, self.connection.url.clone());
        let client = self.connection.client(sources)?;
        let answer = client.send(api, &method, &parameters).map_err(Failure::failed)?;
        let body: Value = serde_json::from_slice(&answer.body).map_err(Failure::failed)?;
        if pretty {
            json_pretty(&mut out, &body)?;
        } else {
            json_line(&mut out, &body)?;
        }
        if let Some(Paged { next, total }) = answer.paged {
            let more =
                next.map_or_else(|| "no more follow".to_owned(), |next| format!("more with after={next}"));
            say(&format!("{total} in all; {more}"));
        }
        match answer.error_code {
            0 => Ok(()),
            code => Err(Failure::failed(format!(
                "{method} was refused: {code} {}{}",
                answer.error_text,
                hint(code, api, &method, &parameters, &url)
            ))),
        }
    }
}

/// A hint that may help after a refusal, in terms of this command line.
fn hint(code: i64, api: Option<Api>, method: &str, parameters: &[(String, String)], url: &str) -> String {
    let is_meant = |known: &&MethodInfo| api == Some(known.api) && known.name.eq_ignore_ascii_case(method);
    let known = METHODS.iter().find(is_meant).or_else(|| MethodInfo::named(method));
    match (code, known) {
        (3, Some(known)) => {
            let fault = fault(known, parameters).map_or_else(String::new, |fault| format!("; {fault}"));
            format!("{fault}; `billhook call --describe {}` shows its parameters", known.name)
        }
        (3, None) => format!("; {}", docs::unknown(method)),
        (4, _) => "; `billhook explain` finds out why a hash does not fit".to_owned(),
        (5, _) => {
            let domain = if names_localhost(url) {
                "; or the server's --domain may not include localhost"
            } else {
                ""
            };
            format!("; the host names no account: check the URL and `billhook account list`{domain}")
        }
        _ => String::new(),
    }
}

/// The first parameter that is missing or wrong, as far as the client can tell.
fn fault(method: &'static MethodInfo, sent: &[(String, String)]) -> Option<String> {
    let mut form = Vec::new();
    query::build_pairs(sent.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
    let request = Request::read(None, &form);
    let fault = (method.fault)(&request)?;
    let name = fault.field();
    if request.form().fields().get(name.as_bytes()).is_none() {
        return Some(format!("{name} is missing"));
    }
    let parameters = Entry::of(method).parameters;
    let words =
        parameters.into_iter().find(|parameter| parameter.name == name).map(|parameter| parameter.words);
    Some(match words.as_deref() {
        Some([others @ .., last]) if !others.is_empty() => {
            format!("{name} takes {} or {last}", others.join(", "))
        }
        _ => format!("{name}: {}", fault.reason()),
    })
}

/// The list of methods for this command's help.
pub(crate) fn methods_help() -> String {
    format!(
        "Methods known here (`billhook docs METHOD` says more):\n{}\nExamples:
  billhook call GetBills email=anna@example.com pay_status=paid \\
      --url https://shop.justclick.ru --key-file shop.key
  billhook call GetBills email=anna@example.com --login shop    BILLHOOK_KEY is set
  billhook call GetOrders paid=1 limit=1000 after=258367        the next page of a list
  billhook call createorder product_names=book --api 2 --login shop
  billhook call --describe GetBills",
        docs::list("  ")
    )
}

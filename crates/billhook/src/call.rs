//! `billhook call`: one call of any method, signed, sent, verified and shown.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use billhook_client::{Client, Options, login_in, names_localhost};
use billhook_wire::{
    Api, Login, Request,
    method::{METHODS, MethodInfo},
    query,
};
use clap::{ArgMatches, Args};
use serde_json::Value;

use crate::{
    config_file::nearest,
    failure::Failure,
    output::{json_line, json_pretty, stdout},
    secret::KeyOption,
    serve::seconds,
};

/// Call a method of the API, here or anywhere else
///
/// Signs the parameters, sends them, verifies the answer and prints its JSON. It works against anything that speaks the
/// protocol; the method need not be known here. Names under localhost lead to this machine.
///
/// Exit status 0: done (`error_code` 0); 1: refused or failed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Arguments {
    /// The method
    #[arg(value_name = "METHOD", required_unless_present_any = ["list", "describe"])]
    method: Option<String>,
    /// Parameters, named as PHP writes them (`utm[medium]=cpc`), in the order in which they are sent
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// The service's address, without the method: scheme, host, port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The account's login [default: the first part of the URL's host name]
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse)]
    login: Option<Login>,
    #[command(flatten)]
    key: KeyOption,
    /// Refuse an answer whose whole body is not signed (Billhook-Signature)
    #[arg(long)]
    require_signature: bool,
    /// How old a signature of the body may be
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    max_signature_age: Duration,
    /// Take any TLS certificate: for trials
    #[arg(long)]
    insecure: bool,
    /// The only TLS certificates to trust (PEM), in place of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long the call may take in all
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// How long connecting may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    connect_timeout: Duration,
    /// Print the answer over several lines, as on a terminal
    #[arg(long)]
    pretty: bool,
    /// List the methods that are known here
    #[arg(long)]
    list: bool,
    /// Show a method's parameters
    #[arg(long, value_name = "METHOD")]
    describe: Option<String>,
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, sources: &ArgMatches) -> Result<(), Failure> {
        let mut out = stdout();
        if self.list {
            for method in METHODS {
                writeln!(out, "{}  {}", method.name, summary(method))?;
            }
            return Ok(out.flush()?);
        }
        if let Some(name) = &self.describe {
            write!(out, "{}", describe(name)?)?;
            return Ok(out.flush()?);
        }
        let pretty = self.pretty || io::stdout().is_terminal();
        let method = self.method.clone().unwrap_or_default();
        let parameters = self.parameters.clone();
        let url = self.url.clone();
        let client = Client::new(self.options(sources)?).map_err(|error| match error {
            billhook_client::Error::Url { .. } => Failure::usage(error),
            other => Failure::failed(other),
        })?;
        let answer = client.send(&method, &parameters).map_err(Failure::failed)?;
        let body: Value = serde_json::from_slice(&answer.body).map_err(Failure::failed)?;
        if pretty {
            json_pretty(&mut out, &body)?;
        } else {
            json_line(&mut out, &body)?;
        }
        match answer.error_code {
            0 => Ok(()),
            code => Err(Failure::failed(format!(
                "{method} was refused: {code} {}{}",
                answer.error_text,
                hint(code, &method, &parameters, &url)
            ))),
        }
    }

    fn options(self, sources: &ArgMatches) -> Result<Options, Failure> {
        let login = self
            .login
            .or_else(|| login_in(&self.url))
            .ok_or_else(|| Failure::usage(format!("{} names no login: give --login LOGIN", self.url)))?;
        let key = self.key.require(sources)?;
        Ok(Options {
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            require_signature: self.require_signature,
            max_signature_age: self.max_signature_age,
            insecure: self.insecure,
            ca_file: self.ca_file,
            ..Options::new(self.url, login, key)
        })
    }
}

/// What may help against a refusal, in the words of this command line.
fn hint(code: i64, method: &str, parameters: &[(String, String)], url: &str) -> String {
    let known = METHODS.iter().find(|known| known.name.eq_ignore_ascii_case(method));
    match (code, known) {
        (3, Some(known)) => {
            let fault = fault(known, parameters).map_or_else(String::new, |fault| format!("; {fault}"));
            format!("{fault}; `billhook call --describe {}` shows its parameters", known.name)
        }
        (3, None) => nearest(method, METHODS.iter().map(|known| known.name))
            .map_or_else(String::new, |near| format!("; did you mean {near}?")),
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

/// Which parameter is missing or wrong, as far as it can be told from here.
fn fault(method: &MethodInfo, sent: &[(String, String)]) -> Option<String> {
    let mut form = Vec::new();
    query::build_pairs(sent.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
    let request = Request::read(None, &form);
    let fault = (method.fault)(&request)?;
    let name = fault.field();
    if request.form().fields().get(name.as_bytes()).is_none() {
        return Some(format!("{name} is missing"));
    }
    let schema = (method.parameters)();
    let schema = schema.as_value();
    let words =
        schema.get("properties").and_then(|fields| fields.get(name)).map(|field| words(schema, field));
    Some(match words.as_deref() {
        Some([others @ .., last]) if !others.is_empty() => {
            format!("{name} takes {} or {last}", others.join(", "))
        }
        _ => format!("{name}: {}", fault.reason()),
    })
}

/// The list of methods that stands in this command's help.
pub(crate) fn methods_help() -> String {
    let mut help = "Methods known here:\n".to_owned();
    for method in METHODS {
        // Writing to a String cannot fail.
        let _ = writeln!(help, "  {}  {}", method.name, summary(method));
        for parameter in parameters(method) {
            let _ = writeln!(help, "      {parameter}");
        }
    }
    help.push_str(
        "\nExamples:
  billhook call GetBills email=anna@example.com pay_status=paid \\
      --url https://shop.justclick.ru --key-file shop.key
  billhook call GetBills email=anna@example.com --login shop    BILLHOOK_KEY is set
  billhook call --describe GetBills",
    );
    help
}

fn describe(name: &str) -> Result<String, Failure> {
    let Some(method) = METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name)) else {
        let hint = nearest(name, METHODS.iter().map(|method| method.name)).map_or_else(
            || "`billhook call --list` lists what is".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        return Err(Failure::failed(format!("{name} is not known here: {hint}")));
    };
    let credential = match method.api {
        Api::Signed => "hash, made from the parameters, the login and the key",
        Api::Keyed => "rpsKey, the key itself",
    };
    let mut text = format!("{}  {}\n\nParameters:\n", method.name, summary(method));
    for parameter in parameters(method) {
        let _ = writeln!(text, "  {parameter}");
    }
    let _ = writeln!(text, "  {credential} (added by `billhook call`)");
    let refusals: Vec<_> =
        method.refusals.iter().map(|code| format!("{} {}", code.number(), code.text())).collect();
    let _ = writeln!(text, "\nRefusals, beside the general ones: {}", refusals.join(", "));
    Ok(text)
}

/// What the method does: its documentation's first sentence.
fn summary(method: &MethodInfo) -> String {
    let schema = (method.parameters)();
    doc(schema.as_value())
}

/// One line a parameter: name, whether it is needed, the words that it takes, what it means.
fn parameters(method: &MethodInfo) -> Vec<String> {
    let schema = (method.parameters)();
    let schema = schema.as_value();
    let is_required = |name: &str| {
        schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|needed| needed == name))
    };
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let line = |(name, field): (&String, &Value)| {
        let needed = if is_required(name) { "required" } else { "optional" };
        let words = words(schema, field);
        let words = if words.is_empty() { String::new() } else { format!("{}; ", words.join(" | ")) };
        format!("{name} ({needed}): {words}{}", doc(field))
    };
    fields.iter().map(line).collect()
}

/// The words of an enumeration, wherever the schema keeps them.
fn words(root: &Value, field: &Value) -> Vec<String> {
    if let Some(name) = field.get("$ref").and_then(Value::as_str) {
        let target = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or_else(Vec::new, |target| words(root, target));
    }
    if let Some(word) = field.get("const").and_then(Value::as_str) {
        return vec![word.to_owned()];
    }
    if let Some(list) = field.get("enum").and_then(Value::as_array) {
        return list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    let choices = ["anyOf", "oneOf"].iter().filter_map(|name| field.get(name)?.as_array()).flatten();
    choices.flat_map(|choice| words(root, choice)).collect()
}

/// A doc comment without its references to sections and decisions, on one line.
fn doc(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(" (") {
        plain.push_str(before);
        let (inside, behind) = after.split_once(')').unwrap_or((after, ""));
        if !inside.starts_with("section") && !inside.starts_with("decision") {
            plain.extend([" (", inside, ")"]);
        }
        rest = behind;
    }
    plain + rest
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
        assert!(text.contains("400 Order not found"), "{text}");
        assert!(!text.contains("(decision") && !text.contains("(section"), "{text}");
        let Err(Failure::Failed(error)) = describe("GetBill") else { panic!("a method that isn't there") };
        assert_eq!(error, "GetBill is not known here: did you mean GetBills?");
    }
}

//! Pin codes of a product: adds them from a file, and shows which order got which.

use std::{collections::HashMap, io::Write as _, path::PathBuf};

use billhook_store::{
    accounts::audit::{self, Action},
    products::pincodes,
};
use billhook_wire::Name;
use clap::Args;
use serde_json::json;

use super::Target;
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, input_file, time::now},
    terminal::output::{counted, for_terminal, json_line, print, stdout},
};

/// Add pin codes to a product, from a file with one per line
///
/// Paid orders get them in the order of the file. A code that is in the file twice, or that the product has
/// or had already, is refused, and then none is added.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook product add-pincodes book codes.txt --account shop
  pwgen 12 100 -1 | billhook product add-pincodes book - --account shop")]
pub(crate) struct Add {
    #[command(flatten)]
    target: Target,
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Add {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { good_name, report }, file } = self;
        let text = input_file::read(&file)?;
        let file = file.display().to_string();
        let codes = read(&text, &file)?;
        let (name, added) = (good_name.clone(), codes.len());
        let left = report.open(everywhere)?.write(move |tx, account| {
            let good = super::in_catalogue(tx, account, &name)?.listing.id;
            let texts: Vec<String> = codes.iter().map(|(_, code)| code.clone()).collect();
            if let Some((place, order)) = pincodes::add_new(tx, account.id, good, &texts)? {
                let line = codes.get(place).map_or(0, |(line, _)| *line);
                let who = order.map_or(String::new(), |order| format!(", and order {order} got it"));
                return Err(Failure::failed(format!(
                    "{file}, line {line}: {name} has this pin code already{who}; none was added"
                )));
            }
            let detail = format!("{name}: {}", texts.len());
            audit::add_command(tx, account.id, Action::PincodesAdded, &detail, now())?;
            Ok(pincodes::left(tx, account.id, good)?)
        })?;
        let counted = counted(added as u64, "pin code");
        print(
            report.json,
            &json!({"good_name": good_name.as_str(), "added": added, "left": left}),
            &format!("{good_name}: {counted} added, {left} left"),
        )
    }
}

/// The pin codes of a text, each with the number of its line.
fn read(text: &str, place: &str) -> Result<Vec<(usize, String)>, Failure> {
    let mut codes: Vec<(usize, String)> = Vec::new();
    let mut seen = HashMap::new();
    for (line, code) in (1..).zip(text.lines()) {
        if code.trim().is_empty() {
            continue;
        }
        let code =
            Name::new(code).map_err(|error| Failure::failed(format!("{place}, line {line}: {error}")))?;
        if let Some(before) = seen.insert(code.clone(), line) {
            return Err(Failure::failed(format!(
                "{place}, line {line}: the same pin code as in line {before}"
            )));
        }
        codes.push((line, code.as_str().to_owned()));
    }
    if codes.is_empty() {
        return Err(Failure::failed(format!("{place} holds no pin code: write one a line")));
    }
    Ok(codes)
}

/// Shows how many pin codes are left, and which order got which.
pub(super) fn show(target: &Target, everywhere: &Everywhere) -> Result<(), Failure> {
    let Target { good_name, report } = target;
    let (mut left, mut handed_out) = (Vec::new(), Vec::new());
    report.open(everywhere)?.read(|tx, account| {
        let good = super::known(tx, account, good_name)?.listing.id;
        pincodes::each(tx, account.id, good, |code, order| {
            match order {
                None => left.push(code.to_owned()),
                Some(order) => handed_out.push((code.to_owned(), order)),
            }
            Ok(())
        })
    })?;
    let mut out = stdout();
    if report.json {
        for (code, order) in &handed_out {
            json_line(&mut out, &json!({"pincode": code, "order_id": order}))?;
        }
        for code in &left {
            json_line(&mut out, &json!({"pincode": code, "order_id": null}))?;
        }
        return Ok(());
    }
    writeln!(out, "handed out: {}", handed_out.len())?;
    for (code, order) in &handed_out {
        writeln!(out, "{}", for_terminal(&format!("  {code}  order {order}")))?;
    }
    writeln!(out, "left: {}", left.len())?;
    for code in &left {
        writeln!(out, "{}", for_terminal(&format!("  {code}")))?;
    }
    Ok(out.flush()?)
}

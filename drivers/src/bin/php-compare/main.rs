//! Compares our reading and writing with PHP's own: random bodies, arrays and values, a million of each.
//!
//! The vectors in `crates/wire` have the cases that we thought of; this finds others.

#![expect(clippy::print_stdout, reason = "what was found is this program's answer")]

mod dice;
mod php;
mod serialized;

use std::process::ExitCode;

use billhook_drivers::Result;
use billhook_wire::{Form, Request, form, json, query};
use clap::Parser;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::php::{Lines, Server, Task};

/// Compares our forms, query strings and JSON with PHP; prints each difference
#[derive(Debug, Parser)]
#[command(name = "cargo xtask php-compare")]
struct Options {
    /// How many bodies, arrays and values, of each
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    bodies: u64,
    /// How many bodies are posted to a PHP server, half of them multipart [default: a hundredth of the bodies]
    #[arg(long, value_name = "N")]
    posted: Option<u64>,
    /// The seed; another one gives other cases
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// How many go to PHP at a time.
const BATCH: u64 = 1_000;
/// How many differences are printed.
const SHOWN: u64 = 20;

fn main() -> ExitCode {
    let options = Options::parse();
    match compare(&options) {
        Ok(tally) if tally.differences == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("php-compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The counts of a comparison, and how many cases were of the interesting kind.
#[derive(Debug, Default)]
struct Tally {
    nested: u64,
    over_limit: u64,
    differences: u64,
}

impl Tally {
    fn note(&mut self, what: &str, input: &[u8], ours: Option<&[u8]>, php: Option<&[u8]>) {
        if ours == php {
            return;
        }
        self.differences += 1;
        if self.differences <= SHOWN {
            let text = |answer: Option<&[u8]>| {
                answer.map_or_else(|| "false".to_owned(), |answer| answer.escape_ascii().to_string())
            };
            println!("{what}: {}\n  ours  {}\n  PHP's {}", input.escape_ascii(), text(ours), text(php));
        }
    }
}

fn compare(options: &Options) -> Result<Tally> {
    let mut dice = StdRng::seed_from_u64(options.seed);
    let mut tally = Tally::default();
    let mut lines = Lines::start()?;
    let mut left = options.bodies;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        bodies(batch, &mut dice, &mut lines, &mut tally)?;
        queries(batch, &mut dice, &mut lines, &mut tally)?;
        values(batch, &mut dice, &mut lines, &mut tally)?;
    }
    let posted = options.posted.unwrap_or_else(|| options.bodies.div_ceil(100));
    let server = Server::start()?;
    for at in 0..posted {
        post(at, &mut dice, &server, &mut tally)?;
    }
    let Tally { nested, over_limit, differences } = tally;
    println!(
        "{0} bodies through parse_str, {0} arrays through http_build_query, {0} values through json_encode, {posted} bodies \
         posted (seed {1})",
        options.bodies, options.seed
    );
    println!("{nested} bodies made arrays, {over_limit} passed a limit; {differences} differences");
    // A kind that never occurred was not compared.
    if options.bodies >= BATCH && (nested == 0 || over_limit == 0) {
        return Err("the random bodies and values don't reach what they are for".into());
    }
    Ok(tally)
}

/// Compares with `parse_str`, which reads like `$_POST`, except for NUL and one variable at the limit.
fn bodies(count: u64, dice: &mut StdRng, lines: &mut Lines, tally: &mut Tally) -> Result<()> {
    let is_same =
        |body: &Vec<u8>| !body.contains(&0) && body.split(|byte| *byte == b'&').count() < form::MAX_VARIABLES;
    let bodies: Vec<_> =
        std::iter::repeat_with(|| dice::body(dice)).filter(is_same).take(usize::try_from(count)?).collect();
    for (body, php) in bodies.iter().zip(lines.ask(Task::ParseStr, &bodies)?) {
        let form = Form::urlencoded(body);
        tally.nested += u64::from(form.fields().iter().any(|(_, value)| value.as_array().is_some()));
        tally.over_limit += u64::from(form.over_limit());
        tally.note("parse_str", body, Some(&serialized::array(form.fields())), php.as_deref());
    }
    Ok(())
}

/// Compares with `http_build_query`: arrays of any bytes, and JSON objects like our methods.
fn queries(count: u64, dice: &mut StdRng, lines: &mut Lines, tally: &mut Tally) -> Result<()> {
    let (mut arrays, mut ours) = (Vec::new(), Vec::new());
    for at in 0..count {
        let mut text = Vec::new();
        if at % 2 == 0 {
            let array = dice::array(dice);
            query::build(&array, &mut text);
            arrays.push(serialized::array(&array));
        } else {
            let object = dice::object(dice);
            query::build(&query::from_json(&object), &mut text);
            arrays.push(serialized::object_as_array(&object));
        }
        ours.push(text);
    }
    for ((array, ours), php) in arrays.iter().zip(&ours).zip(lines.ask(Task::HttpBuildQuery, &arrays)?) {
        tally.note("http_build_query", array, Some(ours), php.as_deref());
    }
    Ok(())
}

/// Values of every kind through `json_encode`.
fn values(count: u64, dice: &mut StdRng, lines: &mut Lines, tally: &mut Tally) -> Result<()> {
    let (mut values, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let value = dice::value(dice);
        ours.push(json::to_vec(&value).ok());
        values.push(serialized::value(&value));
    }
    for ((value, ours), php) in values.iter().zip(&ours).zip(lines.ask(Task::JsonEncode, &values)?) {
        tally.note("json_encode", value, ours.as_deref(), php.as_deref());
    }
    Ok(())
}

/// Posts a body, urlencoded or multipart, and compares with `$_POST`.
fn post(at: u64, dice: &mut StdRng, server: &Server, tally: &mut Tally) -> Result<()> {
    let (content_type, body) = match at {
        // The limits, which random bodies would hardly reach.
        _ if at.is_multiple_of(50) => ("application/x-www-form-urlencoded".to_owned(), dice::long_body(dice)),
        _ if at % 50 == 1 => dice::long_multipart(dice),
        _ if at.is_multiple_of(2) => ("application/x-www-form-urlencoded".to_owned(), dice::body(dice)),
        _ => dice::multipart(dice),
    };
    let php = server.post(&content_type, &body)?;
    let request = Request::read(Some(content_type.as_bytes()), &body);
    tally.over_limit += u64::from(request.over_limit());
    let input = [content_type.as_bytes(), b" ", &body].concat();
    tally.note("$_POST", &input, Some(&serialized::array(request.form().fields())), Some(&php));
    Ok(())
}

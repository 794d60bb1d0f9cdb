//! `billhook log`: the last calls that a server has answered, and why it refused some.

use std::io::Write;

use billhook_client::{CallError, Client};
use billhook_wire::method::{CallInfo, GetCalls, Limit, WhyInfo};
use clap::{ArgMatches, Args};
use jiff::Timestamp;

use crate::{
    failure::{Failure, say},
    options::connection::Connection,
    terminal::output::{for_terminal, json_line, say_if_none, stdout},
};

/// Show the last calls of the API, and why one was refused
///
/// Asks a running server for what it remembers of its calls since it started: of an account up to 800 calls with a right
/// credential and up to 200 others. Where several servers share a store, each remembers its own. The oldest call comes first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook log --url http://shop.localhost:8080 --key-file shop.key
  billhook log --follow --code 4              wrong hashes, as they come
  billhook log --method CreateOrder --json    for scripts: an object a line")]
pub(crate) struct Arguments {
    /// Go on, and show each call as it is answered
    #[arg(long)]
    follow: bool,
    /// Only calls that were answered with this `error_code`
    #[arg(long, value_name = "CODE")]
    code: Option<u16>,
    /// Only calls of this method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, sources: &ArgMatches) -> Result<(), Failure> {
        let wait = self.connection.wait();
        let mut ask = GetCalls { code: self.code, method: self.method, ..GetCalls::default() };
        ask.limit = (!self.follow).then_some(Limit::MAX);
        let client = self.connection.client(sources)?;
        let mut calls = calls(&client, &ask)?;
        show(&calls, self.json)?;
        if !self.follow {
            say_if_none(calls.is_empty(), self.json, "calls");
            say(
                "these are calls that this one server remembers; other servers of the same store have their own",
            );
            return Ok(());
        }
        say("following the calls of this one server; other servers of the same store have their own");
        ask.wait = Some(wait);
        loop {
            ask.after = calls.last().map_or(ask.after, |last| Some(last.number));
            calls = self::calls(&client, &ask)?;
            show(&calls, self.json)?;
        }
    }
}

fn calls(client: &Client, ask: &GetCalls) -> Result<Vec<CallInfo>, Failure> {
    client.call(ask).map_err(|error| match error {
        CallError::Refused { code: 3, .. } => {
            Failure::failed(format!("{error}: does a Billhook of this version run there?"))
        }
        other => Failure::failed(other),
    })
}

fn show(calls: &[CallInfo], json: bool) -> Result<(), Failure> {
    let mut out = stdout();
    for call in calls {
        if json {
            json_line(&mut out, call)?;
            continue;
        }
        let CallInfo { method, code, status, caller, ms, request, .. } = call;
        let time = Timestamp::from_second(call.number / 1_000_000).unwrap_or_default();
        let line = format!("{time}  {method}  {code}  HTTP {status}  {caller}  {ms:.1} ms  {request}");
        writeln!(out, "{}", for_terminal(&line))?;
        if let Some(why) = &call.why {
            explain(&mut out, why)?;
        }
    }
    Ok(out.flush()?)
}

fn explain(out: &mut impl Write, why: &WhyInfo) -> Result<(), Failure> {
    let WhyInfo { text, signed, expected, got } = why;
    writeln!(out, "    {}", for_terminal(text))?;
    if let Some(expected) = expected {
        let got = got.as_deref().unwrap_or("no text");
        writeln!(out, "    expected: {}, got: {}", for_terminal(expected), for_terminal(got))?;
    }
    Ok(writeln!(out, "    over: {}", for_terminal(signed))?)
}

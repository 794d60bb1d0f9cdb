//! `billhook listen`: shows an account's events as they happen, and forwards them to a receiver that no server reaches.

use std::{io::Write as _, thread, time::Duration};

use billhook_client::{CallError, Client};
use billhook_store::accounts::people::Secret;
use billhook_wire::{
    Event, event,
    method::{EventInfo, EventList, GetEvents},
    signature,
};
use clap::{ArgMatches, Args};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    failure::{Failure, say},
    options::{connection::Connection, time::now},
    terminal::output::{for_terminal, json_line, stdout},
};

/// How long to wait before a server that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Show an account's events as they happen, and forward them to your receiver
///
/// Asks a server for them, so your receiver may be on a laptop that the server can't reach. The signature of each answer is
/// verified, and the hash of each form. Only events that some webhook asks for are there: `billhook webhook add
/// --listen-only` has all of them made. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook listen --url https://shop.example.org --key-file shop.key
  billhook listen --forward-to http://localhost:8000/ --login shop    BILLHOOK_KEY and BILLHOOK_SECRET are set
  billhook listen --forward-to http://localhost/paid.php --form --login shop
  billhook listen --after evt_1764500000000000 --json --login shop    what came behind this one, too")]
pub(crate) struct Arguments {
    /// Post each event to this URL once, as the server would to a webhook
    #[arg(long, value_name = "URL", value_parser = url)]
    forward_to: Option<String>,
    /// Post the form that products' URLs get, in place of the webhook's JSON
    #[arg(long, requires = "forward_to")]
    form: bool,
    /// The webhook's secret, which signs what is posted; `billhook webhook show NUMBER --secret` shows it. The
    /// environment is safer: other users of this machine can see options in the list of processes
    #[arg(long, value_name = "SECRET", value_parser = |text: &str| Ok::<_, String>(Secret(text.to_owned())))]
    secret: Option<Secret>,
    /// Begin behind the event with this id [default: behind the newest]
    #[arg(long, value_name = "ID", value_parser = number)]
    after: Option<i64>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
}

fn url(text: &str) -> Result<String, &'static str> {
    billhook_server::check_webhook_url(text).map(|()| text.to_owned())
}

fn number(text: &str) -> Result<i64, &'static str> {
    let number = text.strip_prefix("evt_").unwrap_or(text).parse().ok().filter(|number| *number >= 0);
    number.ok_or("an id is evt_ and a number")
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, sources: &ArgMatches) -> Result<(), Failure> {
        let Self { forward_to, form, secret, after, connection, json } = self;
        if secret.as_ref().is_some_and(|secret| signature::webhook([&*secret.0], "", 0, b"").is_empty()) {
            return Err(Failure::usage("--secret: a secret is whsec_ and Base64"));
        }
        let wait = connection.wait();
        let client = connection.client(sources)?;
        let mut ask = GetEvents { after, ..GetEvents::default() };
        let mut list = client.call(&ask).map_err(failure)?;
        say_what_comes(&list);
        ask.wait = Some(wait);
        let show = Show { client: &client, forward_to, form, secret, json };
        loop {
            list.events.iter().try_for_each(|event| show.event(event))?;
            ask.after = Some(list.last);
            list = next(&client, &ask)?;
        }
    }
}

fn failure(error: CallError) -> Failure {
    match error {
        CallError::Refused { code: 3, .. } => {
            Failure::failed(format!("{error}: does a Billhook of this version run there?"))
        }
        other => Failure::failed(other),
    }
}

fn say_what_comes(list: &EventList) {
    match &*list.asked {
        [] => say(
            "no webhook asks for events, so none will come; on the server, run `billhook webhook add --listen-only --account LOGIN`",
        ),
        asked => say(&format!("listening: {}", asked.join(", "))),
    }
}

/// The next events. A server that does not answer is asked until it does.
fn next(client: &Client, ask: &GetEvents) -> Result<EventList, Failure> {
    let (mut is_told, at_once) = (false, GetEvents { wait: None, ..ask.clone() });
    loop {
        let error = match client.call(if is_told { &at_once } else { ask }) {
            Ok(list) if is_told => {
                say("the server answers again");
                return Ok(list);
            }
            Ok(list) => return Ok(list),
            Err(error) => error,
        };
        match error {
            CallError::Host { .. }
            | CallError::Connect { .. }
            | CallError::Timeout { .. }
            | CallError::Broken { .. }
            | CallError::NotJson { .. }
            | CallError::Refused { code: 8 | 9, .. } => {}
            other => return Err(failure(other)),
        }
        if !is_told {
            say(&format!("{error}; this goes on once it answers"));
            is_told = true;
        }
        thread::sleep(RETRY);
    }
}

/// How events are shown, and where they go.
struct Show<'a> {
    client: &'a Client,
    forward_to: Option<String>,
    form: bool,
    secret: Option<Secret>,
    json: bool,
}

/// An event as `--json` prints it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    event: &'a EventInfo,
    /// Of the form; none: there is no form.
    hash_is_right: Option<bool>,
    /// What the receiver answered.
    status: Option<u16>,
    /// Why it did not.
    problem: Option<String>,
}

impl Show<'_> {
    fn event(&self, info: &EventInfo) -> Result<(), Failure> {
        let form = Some(info.form.as_bytes()).filter(|form| !form.is_empty());
        let is_right =
            |form| Event::parse(&info.event).is_some_and(|event| event.verify(form, self.client.key()));
        let hash_is_right = form.map(is_right);
        let (status, problem) = match self.forward_to.as_ref().map(|url| self.forward(info, url)) {
            None => (None, None),
            Some(Ok(status)) => (Some(status), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        let mut out = stdout();
        if self.json {
            return json_line(&mut out, &Shown { event: info, hash_is_right, status, problem });
        }
        let data = serde_json::from_str::<Value>(&info.json).unwrap_or_default();
        let mut line =
            format!("{}  {}  {}", Timestamp::from_second(info.at).unwrap_or_default(), info.id, info.event);
        if info.order != 0 {
            let email = data.pointer("/data/email").and_then(Value::as_str).unwrap_or("-");
            line = format!("{line}  order {}  {email}", info.order);
        }
        line.push_str(match hash_is_right {
            None => "",
            Some(true) => "  its hash is right",
            Some(false) => "  ITS HASH IS WRONG: the key was another one then",
        });
        writeln!(out, "{}", for_terminal(&line))?;
        match (status, problem) {
            (Some(status), _) => writeln!(out, "    the receiver answered {status}")?,
            (_, Some(problem)) => writeln!(out, "    not forwarded: {}", for_terminal(&problem))?,
            (None, None) => {}
        }
        Ok(out.flush()?)
    }

    /// Posts an event once. Returns the answer's status, or why there is none.
    fn forward(&self, info: &EventInfo, url: &str) -> Result<u16, String> {
        let EventInfo { id, form, json, .. } = info;
        let (body, headers) = if self.form {
            (form, event::form_headers(id, now(), form.as_bytes(), self.client.key()))
        } else {
            let secrets = self.secret.iter().map(|secret| &*secret.0);
            (json, event::json_headers(id, now(), json.as_bytes(), secrets))
        };
        if body.is_empty() {
            return Err(
                "the event has no form; it is made where a --listen-only webhook asks for it".to_owned()
            );
        }
        self.client.post(url, &headers, body.as_bytes()).map_err(|error| error.to_string())
    }
}

//! `billhook tag`: the tags of contacts.

use billhook_store::contacts;
use clap::Subcommand;
use serde_json::json;

use super::resource::Report;
use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::output::{counted, print, say_if_none},
};

/// List the tags of contacts
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook tag list --account shop
  billhook contact list --tag vip --account shop")]
pub(crate) enum Action {
    /// List the tags, each with how many contacts have it
    #[command(after_help = "\
Example:
  billhook tag list --account shop")]
    List(Report),
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self::List(report) = self;
        let tags = report.open(everywhere)?.read(|tx, account| Ok(contacts::all_tags(tx, account.id)?))?;
        say_if_none(tags.is_empty(), report.json, "tag");
        tags.iter().try_for_each(|(tag, count)| {
            let line = format!("{tag}  {}", counted(*count, "contact"));
            print(report.json, &json!({"tag": tag, "contacts": count}), &line)
        })
    }
}

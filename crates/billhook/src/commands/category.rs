//! `billhook category`: the categories of the catalogue.

use billhook_store::categories::{self, Category};
use billhook_wire::Name;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    terminal::output::{tell_if_none, told},
};

/// Add and list the categories of the catalogue
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook category add Books --account shop
  billhook product set book parent_id=1 --account shop")]
pub(crate) enum Action {
    Add(Add),
    List(List),
}

/// Add a category
///
/// Its number is what a product's parent_id names.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
#[command(after_help = "\
Example:
  billhook category add Books --account shop")]
pub(crate) struct Add {
    /// The title
    #[arg(value_name = "TITLE", value_parser = Name::new)]
    title: Name,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List the categories
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook category list --account shop")]
pub(crate) struct List {
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON, a category a line
    #[arg(long)]
    json: bool,
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add(Add { title, account, json }) => {
                let named = title.clone();
                let id = account
                    .open(everywhere)?
                    .write(move |tx, account| Ok(categories::add(tx, account.id, named.as_str())?))?;
                let category = Category { id, title: title.as_str().to_owned() };
                told(json, &shape(&category), &format!("category {id} added: {title}"))
            }
            Self::List(List { account, json }) => {
                let categories =
                    account.open(everywhere)?.read(|tx, account| Ok(categories::list(tx, account.id)?))?;
                tell_if_none(categories.is_empty(), json, "categories");
                categories.iter().try_for_each(|category| {
                    told(json, &shape(category), &format!("{:>6}  {}", category.id, category.title))
                })
            }
        }
    }
}

/// A category in reports.
fn shape(category: &Category) -> Value {
    json!({"id": category.id, "title": category.title})
}

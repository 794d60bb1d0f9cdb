//! `billhook category`: the categories of the catalogue.

use billhook_store::{
    Tx,
    accounts::{Account, audit::Action as Done},
    products::categories::{self, Category},
};
use billhook_wire::Name;
use clap::Subcommand;
use serde_json::{Value, json};

use super::resource::{Report, Resource, unknown};
use crate::{failure::Failure, options::everywhere::Everywhere};

/// Add, list, rename and remove the categories of the catalogue
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook category add Books --account shop
  billhook product set book parent_id=1 --account shop")]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
pub(crate) enum Action {
    /// Add a category
    ///
    /// Prints its number, which a product's parent_id refers to.
    #[command(after_help = "\
Example:
  billhook category add Books --account shop")]
    Add {
        /// The title
        #[arg(value_name = "TITLE", value_parser = Name::new)]
        title: Name,
        #[command(flatten)]
        report: Report,
    },
    /// List the categories
    #[command(after_help = "\
Example:
  billhook category list --account shop")]
    List(Report),
    /// Give a category another title
    #[command(after_help = "\
Example:
  billhook category set 1 'Books and maps' --account shop")]
    Set {
        /// The number
        #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        /// The title
        #[arg(value_name = "TITLE", value_parser = Name::new)]
        title: Name,
        #[command(flatten)]
        report: Report,
    },
    /// Remove a category; its products then have none
    #[command(after_help = "\
Example:
  billhook category remove 1 --account shop")]
    Remove {
        /// The number
        #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        #[command(flatten)]
        report: Report,
    },
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { title, report } => {
                report.change(everywhere, ("added", Done::CategoryAdded), move |tx, account| {
                    let id = categories::add(tx, account.id, title.as_str())?;
                    Ok(Category { id, title: title.as_str().to_owned() })
                })
            }
            Self::List(report) => report.list::<Category>(everywhere),
            Self::Set { id, title, report } => {
                report.change(everywhere, ("changed", Done::CategoryChanged), move |tx, account| {
                    let category = Category { title: title.as_str().to_owned(), ..found(tx, account, id)? };
                    categories::put(tx, account.id, &category)?;
                    Ok(category)
                })
            }
            Self::Remove { id, report } => {
                report.change(everywhere, ("removed", Done::CategoryRemoved), move |tx, account| {
                    let category = found(tx, account, id)?;
                    categories::remove(tx, account.id, id)?;
                    Ok(category)
                })
            }
        }
    }
}

fn found(tx: &mut Tx<'_>, account: &Account, id: i64) -> Result<Category, Failure> {
    categories::find(tx, account.id, id)?.ok_or_else(|| unknown(Category::NAME, id, account, []))
}

impl Resource for Category {
    const NAME: &'static str = "category";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        Ok(categories::list(tx, account.id)?)
    }

    fn number(&self) -> i64 {
        self.id
    }

    fn name(&self) -> &str {
        &self.title
    }

    fn json(&self) -> Value {
        json!({"id": self.id, "title": self.title})
    }
}

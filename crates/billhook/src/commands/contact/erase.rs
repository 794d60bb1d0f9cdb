//! `billhook contact erase`: takes a person out of an account's data.

use billhook_store::{
    accounts::audit::{self, Action as Done},
    contacts::erasure::{self, Erased},
};
use billhook_wire::Email;
use clap::Args;
use serde_json::json;

use crate::{
    commands::resource::Report,
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::{counted, print},
};

/// Erase a person from contacts, orders, events and the audit list
///
/// Orders stay with their products and sums, but without a name, an e-mail or an address. Of the e-mail only a keyed
/// hash is kept, so that no import adds the person again. Running servers forget the calls that they remember. Backups
/// and earlier copies of the store still have the person, until they are removed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook contact erase anna@example.com --yes --account shop")]
pub(crate) struct Erase {
    /// The e-mail, in any letter case
    #[arg(value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    /// It can't be undone: agree to it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    report: Report,
}

impl Erase {
    pub(super) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { email, yes, report } = self;
        if !yes {
            return Err(Failure::usage("what is erased can't be brought back: --yes agrees to it"));
        }
        let drawn = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let erased = report.open(everywhere)?.write(move |tx, account| {
            let erased = erasure::erase(tx, account.id, &email, &drawn, now())?;
            // The entry names nobody.
            audit::add_command(tx, account.id, Done::ContactErased, "", now())?;
            Ok(erased)
        })?;
        let Erased { was_contact, orders } = erased;
        let contact = if was_contact { "the contact" } else { "no contact" };
        let line =
            format!("erased: {contact} and what {} said of the person", counted(orders as u64, "order"));
        print(report.json, &json!({"contact": was_contact, "orders": orders}), &line)
    }
}

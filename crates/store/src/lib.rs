//! Billhook's data, and every query over it: accounts, orders, products, contacts, and the outbox.
//!
//! [`Store`] runs transactions, and [`Location`] says where the store is. The functions in [`accounts`],
//! [`products`], [`orders`], [`marks`] and so on run inside a transaction. They are synchronous functions
//! over a [`Tx`] with static SQL for every engine; each SQL text is beside the only function that runs it.
//! What differs between engines (connections, tables, tuning, backup) is in the private module `engine`.
//! There is no HTTP here.
//!
//! Every key begins with the account, times are unix seconds, money is integer kopecks, flags are integers.
//! Look-up keys are folded here, not by the engine.

pub mod accounts;
mod check;
pub mod contacts;
pub mod copy;
mod engine;
mod error;
mod folder;
mod holdings;
pub mod list_pages;
mod location;
pub mod managers;
pub mod marks;
pub mod orders;
pub mod outbox;
mod partial;
pub mod partners;
pub mod products;
mod random;
mod store;
mod table;
mod tx;

use folder::DataFolder;

pub use accounts::AccountId;
pub use check::Finding;
pub use engine::{Salvage, SchemaVersion};
pub use error::{Error, Kind};

pub use folder::ServingLock;
pub use holdings::Holdings;
pub use location::{CONNECTIONS, Location};
pub use partial::{PartialFile, end_unfinished};
pub use store::{BackupReport, Extent, Progress, RestoreReport, Store, check_backup, restore, salvage_log};
pub use tx::{Arg, Row, Sql, Tx};

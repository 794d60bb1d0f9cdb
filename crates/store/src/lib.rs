//! Billhook's data, and every query over it: accounts, products, orders.
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
pub mod audit;
pub mod categories;
mod check;
pub mod contact_changes;
pub mod contact_files;
pub mod contact_lists;
pub mod contact_search;
pub mod contact_tags;
pub mod contacts;
pub mod copy;
pub mod coupons;
pub mod customers;
pub mod deliveries;
pub mod endpoints;
mod engine;
pub mod erasure;
mod error;
pub mod events;
mod folder;
pub mod groups;
mod holdings;
pub mod idempotency;
pub mod income;
pub mod list_pages;
mod location;
pub mod managers;
pub mod marks;
pub mod order_changes;
mod order_facts;
pub mod order_info;
mod order_keys;
pub mod order_lists;
pub mod order_record;
pub mod order_search;
mod order_texts;
pub mod orders;
mod partial;
pub mod partners;
pub mod payments;
pub mod people;
pub mod pincodes;
pub mod product_settings;
mod product_versions;
pub mod products;
pub mod queues;
mod random;
pub mod reports;
pub mod same_order;
mod search_word;
pub mod settings;
mod statement_text;
#[cfg(test)]
mod statements;
mod store;
pub mod subscriptions;
mod table;
mod tables;
mod text_fields;
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

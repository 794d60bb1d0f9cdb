//! What Billhook keeps, and every query over it: accounts, products, orders.
//!
//! [`Store`] runs transactions; the functions in [`accounts`], [`products`], [`orders`] and [`marks`] are what happens in
//! them: plain synchronous functions over a [`Tx`], with static SQL that every engine accepts, each text beside the only
//! function that runs it. What differs between engines (connections, tables, tuning, backup) is inside the private module
//! `engine`; nothing outside it knows which one is at work. There is no HTTP here.
//!
//! Every key begins with the account, times are unix seconds, money is integer kopecks, flags are integers, and keys for
//! look-ups are folded here, not by the engine.

pub mod accounts;
mod check;
mod engine;
mod error;
mod folder;
pub mod marks;
pub mod orders;
pub mod products;
pub mod settings;
mod store;
mod tx;
mod versions;

pub use accounts::AccountId;
pub use check::Finding;
pub use error::{Error, Kind};
pub use folder::{DataFolder, ServingLock};
pub use store::{BackupReport, Progress, RestoreReport, Store, restore};
pub use tx::{Arg, Row, Sql, Tx};

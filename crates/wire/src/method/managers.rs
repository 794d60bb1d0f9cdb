//! `getpersonalmanagers` (section 9.8).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method};
use crate::Code;

/// The managers (section 9.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetPersonalManagers {}

impl Method for GetPersonalManagers {
    const NAME: &'static str = "getpersonalmanagers";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = Vec<ManagerInfo>;
}

/// A manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ManagerInfo {
    /// The manager's number.
    pub id: i64,
    /// The same number again.
    pub manager_id: i64,
    /// The manager's name.
    pub manager_name: String,
}

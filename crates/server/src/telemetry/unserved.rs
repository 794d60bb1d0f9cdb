//! Calls of methods that Billhook doesn't have: the operator who leads clients over is told which they want.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::gate::accounts::{Served, WhichKey};

/// A name that was told is told again after this.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// The longest name that is told.
const NAME_LETTERS_MAX: usize = 40;
/// So many names are told a minute: whoever has a key can make up more.
const NAMES_MAX: usize = 100;

/// What was told lately.
#[derive(Debug, Default)]
pub(crate) struct Unserved {
    told: Mutex<HashMap<String, Instant>>,
}

impl Unserved {
    /// Tells of a call whose credential was right.
    pub(crate) fn tell(&self, account: &Served, path: &str, request_id: &str) {
        let method = shown(account, path);
        if self.is_due(method, Instant::now()) {
            let account = account.login.as_str();
            tracing::info!(request = request_id, account, method, "a method was called that is not served");
        }
    }

    fn is_due(&self, method: &str, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        let is_due = told.len() < NAMES_MAX && !told.contains_key(&method.to_ascii_lowercase());
        if is_due {
            told.insert(method.to_ascii_lowercase(), now);
        }
        is_due
    }
}

/// The method's name, if it can be one, else `?`: a path may hold anything, a key too.
fn shown<'a>(account: &Served, path: &'a str) -> &'a str {
    let name = path.strip_prefix("/api/").unwrap_or_default();
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_name =
        (1..=NAME_LETTERS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    let is_key = |which| account.key(which).reveal().eq_ignore_ascii_case(name);
    if is_name && !is_key(WhichKey::Current) && !is_key(WhichKey::Old) { name } else { "?" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_once_a_minute() {
        let unserved = Unserved::default();
        let start = Instant::now();
        let is_due = |name: &str, seconds| unserved.is_due(name, start + Duration::from_secs(seconds));
        assert!(is_due("AddLeadToGroup", 0) && is_due("?", 0));
        assert!(!is_due("addleadtogroup", 59) && !is_due("?", 59));
        assert!(is_due("AddLeadToGroup", 60));
        let told = (0..1000).filter(|number| is_due(&format!("Made{number}Up"), 61)).count();
        assert_eq!(told, NAMES_MAX - 1);
        assert!(is_due("Other", 200));
    }
}

//! The accounts in memory: found by host, kept up to date from the store.
//!
//! A request finds its account without reading the store. So it is refused or signed properly even while the
//! store can't be reached. [`Directory::refresh`] loads changes from the store several times a second.

use std::{
    collections::HashMap,
    net::IpAddr,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use billhook_store::{
    AccountId, Error, Kind, Store,
    accounts::{self, Account, Newest, Sum},
};
use billhook_wire::{Code, Key, Login};

use crate::{
    Options, StartError,
    failure::Failure,
    gate::{
        host::{self, Host},
        limiter::Limiter,
    },
    http::{answer::MAX_BYTES_OF_ONE, memory::Budget},
    telemetry::calls::{Calls, Ring},
};

/// Another node's changes to an account take effect here after at most this time. If the accounts in memory
/// are older, calls are not answered from them.
const AGE_MAX: Duration = Duration::from_secs(1);
/// How long a request waits for newer accounts, and how often it checks.
const FRESH_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// An account with its limits in this process.
#[derive(Debug)]
pub(crate) struct Served {
    account: Account,
    /// The rate limit of each address, if the account has one.
    limiter: Option<Arc<Limiter>>,
    /// The account's share of the memory for answers that clients have not read yet.
    pub(crate) answers: Arc<Budget>,
    /// Its last calls.
    pub(crate) calls: Arc<Ring>,
}

/// All accounts, by each of their hosts.
#[derive(Debug)]
pub(crate) struct Directory {
    domains: Vec<String>,
    default_account: Option<Login>,
    refused_key: Option<Key>,
    /// Whether other processes may change the accounts in the store.
    is_shared: bool,
    pub(crate) calls: Arc<Calls>,
    known: ArcSwap<Snapshot>,
    began: Instant,
    /// The accounts in memory are at least as new as this many milliseconds after `began`.
    as_of_ms: AtomicU64,
    is_cut_off: AtomicBool,
}

#[derive(Debug, Clone, Default)]
struct Snapshot {
    newest: Newest,
    by_id: HashMap<AccountId, Arc<Served>>,
    by_login: HashMap<Box<str>, Arc<Served>>,
    by_domain: HashMap<Box<str>, Arc<Served>>,
    /// The store's default account.
    default_account: Option<AccountId>,
}

impl Served {
    /// Whether a caller may call: the account, the caller's address and its rate are looked at.
    pub(crate) fn admit(&self, caller: IpAddr) -> Result<(), Failure> {
        if self.disabled {
            return Err(Code::DISABLED.into());
        }
        let allowed = &self.settings.allow_ips;
        if !allowed.is_empty() && !allowed.iter().any(|net| net.contains(&caller)) {
            return Err(Failure::ip_denied(caller));
        }
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.count(caller).map_err(|retry_after| Failure::TooOften { retry_after })
    }
}

impl Deref for Served {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}

impl Snapshot {
    fn sum(&self) -> Sum {
        self.by_id.values().map(|served| &served.account).collect()
    }
}

impl Directory {
    /// An empty directory. Accounts with the key that the options refuse are answered as disabled.
    pub(crate) fn new(options: &Options, is_shared: bool) -> Result<Self, StartError> {
        Ok(Self {
            domains: host::names(&options.domains)?,
            default_account: options.default_account.clone(),
            refused_key: options.refused_key.clone(),
            is_shared,
            calls: Calls::new(),
            known: ArcSwap::default(),
            began: Instant::now(),
            as_of_ms: AtomicU64::new(0),
            is_cut_off: AtomicBool::new(false),
        })
    }

    /// Loads the changes from the store. After an error the accounts stay as they were.
    pub(crate) fn refresh(&self, store: &Store) -> Result<(), Error> {
        let as_of = self.now_ms();
        let refreshed = self.take_changes(store);
        self.is_cut_off.store(refreshed.is_err(), Ordering::Relaxed);
        if refreshed.is_ok() {
            self.as_of_ms.store(as_of, Ordering::Relaxed);
        }
        refreshed
    }

    fn take_changes(&self, store: &Store) -> Result<(), Error> {
        let known = self.known.load();
        if store.read_one(accounts::newest)? == known.newest {
            return Ok(());
        }
        let since = known.newest.version;
        let (newest, changed, sum) = store.read(|tx| {
            Ok::<_, Error>((accounts::newest(tx)?, accounts::changed_since(tx, since)?.0, accounts::sum(tx)?))
        })?;
        let mut after = self.with(Snapshot::clone(&known), &known, changed, newest);
        if after.sum() != sum {
            tracing::warn!(
                "the accounts in memory come from another history: the database was restored, or lost its last \
                 commits; all accounts are read again"
            );
            let (newest, all) =
                store.read(|tx| Ok::<_, Error>((accounts::newest(tx)?, accounts::list(tx)?)))?;
            after = self.with(Snapshot::default(), &known, all, newest);
        }
        self.known.store(Arc::new(after));
        Ok(())
    }

    /// The accounts whose old key has expired at `now` (unix seconds).
    pub(crate) fn with_ended_keys(&self, now: i64) -> Vec<AccountId> {
        let known = self.known.load();
        let is_ended = |served: &&Arc<Served>| served.old_key.as_ref().is_some_and(|old| old.until <= now);
        known.by_id.values().filter(is_ended).map(|served| served.id).collect()
    }

    /// Whether the accounts in memory are too old to use.
    pub(crate) fn is_stale(&self) -> bool {
        let age_ms = self.now_ms().saturating_sub(self.as_of_ms.load(Ordering::Relaxed));
        self.is_shared && Duration::from_millis(age_ms) > AGE_MAX
    }

    /// Waits until the accounts are new enough: a busy machine may be late. Fails at once if the store can't
    /// be read.
    pub(crate) async fn fresh(&self) -> Result<(), Failure> {
        let asked = Instant::now();
        while self.is_stale() {
            if self.is_cut_off.load(Ordering::Relaxed) || asked.elapsed() > FRESH_TIMEOUT {
                let text = "store: the accounts could not be read for more than a second: a key may have been changed";
                return Err(Failure::Broken(Error::new(Kind::Unreachable, text)));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn refuses(&self, account: &Account) -> bool {
        account.all_keys().any(|key| self.refused_key.as_ref() == Some(key))
    }

    /// These accounts in what is `known`, or in the place of the same; limits and calls are kept from `before`.
    fn with(
        &self,
        mut known: Snapshot,
        before: &Snapshot,
        changed: Vec<Account>,
        newest: Newest,
    ) -> Snapshot {
        known.newest = newest;
        // Remove all old names before adding new ones: a domain may have moved between these accounts.
        for account in &changed {
            if let Some(old) = known.by_id.get(&account.id) {
                known.by_login.remove(old.login.as_str());
                for domain in &old.domains {
                    known.by_domain.remove(domain.as_str());
                }
            }
        }
        for mut account in changed {
            if self.refuses(&account) {
                account.disabled = true;
                tracing::warn!(
                    account = account.login.as_str(),
                    "its key is a public one, so it is not served here; `billhook account rotate-key` gives it another"
                );
            }
            let before = before.by_id.get(&account.id);
            let answers =
                before.map_or_else(|| Budget::new(MAX_BYTES_OF_ONE), |before| before.answers.clone());
            let calls = before.map_or_else(|| Ring::new(&self.calls), |before| before.calls.clone());
            let limiter = match before.and_then(|before| before.limiter.clone()) {
                Some(limiter) if limiter.per_minute() == account.settings.rate => Some(limiter),
                _ => Limiter::new(account.settings.rate).map(Arc::new),
            };
            let served = Arc::new(Served { account, limiter, answers, calls });
            known.by_login.insert(served.login.as_str().into(), served.clone());
            for domain in &served.domains {
                known.by_domain.insert(domain.as_str().into(), served.clone());
            }
            if served.is_default {
                known.default_account = Some(served.id);
            } else if known.default_account == Some(served.id) {
                known.default_account = None;
            }
            known.by_id.insert(served.id, served);
        }
        known
    }

    /// The account of a host. `None` is a request without a host (decision 49).
    pub(crate) fn find(&self, host: Option<&Host<'_>>) -> Option<Arc<Served>> {
        let known = self.known.load();
        let Some(Host::Name(name)) = host else { return self.default_of(&known) };
        if let Some(label) = self.label_of(name) {
            return known.by_login.get(label).cloned();
        }
        match known.by_domain.get(name.as_ref()) {
            Some(bound) => Some(bound.clone()),
            None if self.is_own(name) => self.default_of(&known),
            None => None,
        }
    }

    /// Whether a certificate may be made for this name: an account's host, our domain, or `localhost`.
    pub(crate) fn leads_somewhere(&self, name: &str) -> bool {
        let known = self.known.load();
        self.is_own(name)
            || known.by_domain.contains_key(name)
            || self.label_of(name).is_some_and(|label| known.by_login.contains_key(label))
    }

    /// Whether the named default account does not exist.
    pub(crate) fn lacks_default(&self) -> bool {
        self.default_account.is_some() && self.find(None).is_none()
    }

    pub(crate) fn by_id(&self, id: AccountId) -> Option<Arc<Served>> {
        self.known.load().by_id.get(&id).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<AccountId> {
        self.known.load().by_id.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.known.load().by_id.len()
    }

    /// Makes the limits forget callers whose allowance is full again.
    pub(crate) fn forget_rested_callers(&self) {
        let known = self.known.load();
        known.by_id.values().filter_map(|served| served.limiter.as_deref()).for_each(Limiter::forget_rested);
    }

    /// Makes the accounts forget their calls up to this time, unix microseconds.
    pub(crate) fn forget_calls_until(&self, time: i64) {
        self.known.load().by_id.values().for_each(|served| served.calls.forget_until(time));
    }

    /// Makes room in the memory for the accounts' calls.
    pub(crate) fn forget_calls(&self) {
        let known = self.known.load();
        self.calls.forget(known.by_id.values().map(|served| &*served.calls));
    }

    /// LABEL in `LABEL.DOMAIN`, for one of our domains and a label without dots.
    fn label_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (label, domain) = name.split_once('.')?;
        (!self.is_own(name) && self.domains.iter().any(|own| own == domain)).then_some(label)
    }

    /// Whether a host name is one of our domains or below one, and so not bound to an account.
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.is_own(name) || self.label_of(name).is_some()
    }

    fn is_own(&self, name: &str) -> bool {
        name == "localhost" || self.domains.iter().any(|own| own == name)
    }

    /// The default account from the options, else the store's.
    fn default_of(&self, known: &Snapshot) -> Option<Arc<Served>> {
        match &self.default_account {
            Some(login) => known.by_login.get(login.as_str()).cloned(),
            None => known.by_id.get(&known.default_account?).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use billhook_store::accounts::settings::Settings;

    use super::*;

    fn account(id: i64, login: &str, domains: &[&str]) -> Account {
        Account {
            id: AccountId(id),
            login: Login::parse(login).unwrap(),
            key: Key::parse(&format!("key-of-{login}")).unwrap(),
            old_key: None,
            disabled: false,
            is_default: id == 1,
            created: 0,
            domains: domains.iter().map(ToString::to_string).collect(),
            settings: Settings::default(),
            version: id,
            token: 0,
        }
    }

    fn directory(default_account: Option<&str>, accounts: Vec<Account>) -> Directory {
        let options = Options {
            domains: vec!["localhost".to_owned(), "justclick.ru".to_owned()],
            default_account: default_account.map(|login| Login::parse(login).unwrap()),
            ..Options::default()
        };
        let directory = Directory::new(&options, false).unwrap();
        take_over(&directory, accounts);
        directory
    }

    fn take_over(directory: &Directory, changed: Vec<Account>) {
        let known = directory.known.load();
        let after = directory.with(Snapshot::clone(&known), &known, changed, Newest::default());
        directory.known.store(Arc::new(after));
    }

    fn found(directory: &Directory, host: &str) -> Option<String> {
        directory.find(host::parse(host).unwrap().as_ref()).map(|served| served.login.to_string())
    }

    #[test]
    fn hosts_lead_to_accounts() {
        let two = directory(None, vec![account(1, "anna", &["shop.example.com"]), account(2, "boris", &[])]);
        for (host, login) in [
            ("anna.localhost", Some("anna")),
            ("ANNA.JustClick.ru.:8080", Some("anna")),
            ("boris.justclick.ru", Some("boris")),
            ("shop.example.com", Some("anna")),
            ("nobody.localhost", None),
            ("a.anna.localhost", None),
            ("example.com", None),
            ("localhost", Some("anna")),
            ("justclick.ru", Some("anna")),
            ("127.0.0.1", Some("anna")),
            ("", Some("anna")),
        ] {
            assert_eq!(found(&two, host).as_deref(), login, "{host}");
        }
    }

    #[test]
    fn the_default_account() {
        let hosts = ["localhost", "justclick.ru:80", "127.0.0.1:8080", "[::1]", ""];
        let only = directory(None, vec![account(1, "anna", &[])]);
        let named = directory(Some("boris"), vec![account(1, "anna", &[]), account(2, "boris", &[])]);
        let missing = directory(Some("clara"), vec![account(1, "anna", &[])]);
        for host in hosts {
            assert_eq!(found(&only, host).as_deref(), Some("anna"), "{host}");
            assert_eq!(found(&named, host).as_deref(), Some("boris"), "{host}");
            assert_eq!(found(&missing, host), None, "{host}");
        }
        assert!(missing.lacks_default() && !named.lacks_default() && !only.lacks_default());
        assert_eq!(found(&only, "other.example.com"), None);
        // A new account takes no name from the first. Later changes apply, in whatever order they are read.
        take_over(&only, vec![account(2, "boris", &[])]);
        assert_eq!(found(&only, "127.0.0.1").as_deref(), Some("anna"));
        let marked = |id, login, is_default| Account { is_default, ..account(id, login, &[]) };
        take_over(&only, vec![marked(2, "boris", true), marked(1, "anna", false)]);
        assert_eq!(found(&only, "127.0.0.1").as_deref(), Some("boris"));
        take_over(&only, vec![marked(2, "boris", false)]);
        assert_eq!(found(&only, "127.0.0.1"), None);
    }

    #[test]
    fn a_bound_domain_takes_no_login_away_from_its_account() {
        let both = directory(
            None,
            vec![
                account(1, "anna", &["boris.localhost", "clara.localhost", "a.b.localhost"]),
                account(2, "boris", &[]),
            ],
        );
        assert_eq!(found(&both, "boris.localhost").as_deref(), Some("boris"));
        assert_eq!(found(&both, "clara.localhost"), None);
        assert_eq!(found(&both, "a.b.localhost").as_deref(), Some("anna"));
    }

    #[test]
    fn only_what_changed_is_replaced() {
        let directory =
            directory(None, vec![account(1, "anna", &["x.example"]), account(2, "boris", &["y.example"])]);
        let mut anna = account(1, "anna", &["y.example"]);
        anna.disabled = true;
        // Boris gave y.example to Anna, so both accounts have changed.
        take_over(&directory, vec![anna, account(2, "boris", &[])]);
        assert_eq!(found(&directory, "x.example"), None);
        assert_eq!(found(&directory, "y.example").as_deref(), Some("anna"));
        assert!(directory.find(host::parse("anna.localhost").unwrap().as_ref()).unwrap().disabled);
        let before = directory.find(host::parse("boris.localhost").unwrap().as_ref()).unwrap();
        assert!(before.domains.is_empty());
        take_over(&directory, vec![account(1, "anna", &[])]);
        let after = directory.find(host::parse("boris.localhost").unwrap().as_ref()).unwrap();
        assert!(Arc::ptr_eq(&before, &after));
        assert_eq!(directory.len(), 2);
    }

    #[test]
    fn a_limit_outlives_a_change_of_something_else() {
        let limited = |rate, disabled| {
            let mut account = account(1, "anna", &[]);
            account.settings.rate = rate;
            account.disabled = disabled;
            vec![account]
        };
        let directory = directory(None, limited(1, false));
        let caller = "192.0.2.1".parse().unwrap();
        let count = |directory: &Directory| {
            directory.find(None).unwrap().limiter.as_ref().unwrap().count(caller).is_ok()
        };
        assert!(count(&directory));
        take_over(&directory, limited(1, true));
        assert!(!count(&directory), "the allowance was used up before the change");
        take_over(&directory, limited(5, true));
        assert!(count(&directory));
        take_over(&directory, limited(0, true));
        assert!(directory.find(None).unwrap().limiter.is_none());
    }

    #[test]
    fn certificates_are_made_for_names_that_lead_somewhere() {
        let directory = directory(None, vec![account(1, "anna", &["shop.example.com"])]);
        for name in ["anna.localhost", "anna.justclick.ru", "localhost", "justclick.ru", "shop.example.com"] {
            assert!(directory.leads_somewhere(name), "{name}");
        }
        for name in ["nobody.localhost", "example.com", "a.anna.localhost", ""] {
            assert!(!directory.leads_somewhere(name), "{name}");
        }
    }
}

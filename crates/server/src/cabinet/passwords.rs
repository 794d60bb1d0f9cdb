//! Passwords: their hashes are made and checked on a few threads, which leave the rest of the machine to the API.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use billhook_store::accounts::people::{Person, Secret};
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// A password has at least so many characters, and at most so many bytes.
const CHARS_MIN: usize = 10;
const BYTES_MAX: usize = 1024;
/// As many are worked on at once; each takes 19 MiB of memory.
const AT_ONCE: usize = 2;
/// Checked where there is no such person, so that the answer takes as long: the hash of nobody's password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$ejVjLWp2mCwQzsgzFyLQ0ClB2jQ7Q2RiV3NlVnLzAAA";

/// Whether a password may be chosen.
pub(crate) fn is_long_enough(password: &str) -> bool {
    password.chars().count() >= CHARS_MIN && password.len() <= BYTES_MAX
}

/// Whose password the form has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The one of a name, which a stranger gives.
    Named(String),
    /// The viewer's own.
    Own,
    /// Nobody's.
    None,
}

/// What came of checking a password.
pub(crate) struct Checked {
    /// Whose it is; none: there is no such person.
    pub(crate) person: Option<Person>,
    /// Whether it fits, or none was asked for.
    pub(crate) is_right: bool,
    /// The hash of the new one, if one was given that may be chosen.
    pub(crate) new: Option<Secret>,
}

/// The threads that work on passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    permits: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Semaphore::new(AT_ONCE) }
    }
}

impl Passwords {
    /// Whether a password is the one of this hash; never where there is no hash.
    pub(crate) async fn is_right(&self, password: String, hash: Secret) -> Result<bool, Failure> {
        self.run(move || {
            let is_set = !hash.0.is_empty();
            let text = if is_set { hash.0.as_str() } else { NOBODYS };
            let parsed =
                PasswordHash::new(text).map_err(|_| Failure::Fault("a password's hash can't be read"))?;
            let fits = password.len() <= BYTES_MAX
                && Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(fits && is_set)
        })
        .await
    }

    /// A password's hash.
    pub(crate) async fn hash(&self, password: String) -> Result<Secret, Failure> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| Secret(hash.to_string()))
                .map_err(|_| Failure::Fault("a password can't be hashed"))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let gone = |_| Failure::Fault("the threads for passwords have ended");
        let _permit = self.permits.acquire().await.map_err(gone)?;
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(Failure::Fault("work on a password panicked")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_alone() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(passwords.is_right("correct horse".to_owned(), hash.clone()).await.unwrap());
        assert!(!passwords.is_right("correct horsf".to_owned(), hash).await.unwrap());
        assert!(!passwords.is_right(String::new(), Secret::default()).await.unwrap());
    }
}

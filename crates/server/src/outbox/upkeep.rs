//! What is done for the outbox once in a while: it is counted, and what is old is forgotten.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use billhook_store::{
    AccountId, Error, Tx,
    outbox::{
        deliveries::{self, PENDING_MAX, State as Waiting},
        queues,
    },
};
use tokio::time::sleep;

use super::transaction::{read, write};
use crate::{clock::unix_now, state::State};

const INTERVAL: Duration = Duration::from_mins(1);
/// How many intervals are between two rounds of forgetting.
const ROUNDS_PER_FORGETTING: u64 = 60;
/// An account that had too many deliveries waiting gets new ones again below this many.
const PENDING_AGAIN: u64 = PENDING_MAX / 10 * 9;

/// Goes on until it is stopped.
pub(super) async fn run(state: Arc<State>) {
    let mut full = BTreeSet::new();
    // At first, and after a failure, it is not known who is noted as having too much.
    let (mut is_well, mut is_known) = (true, false);
    for round in 0_u64.. {
        let done = async {
            count(&state, &mut full, !is_known).await?;
            if round % ROUNDS_PER_FORGETTING == 1 { forget(&state).await } else { Ok(()) }
        };
        let done = done.await;
        if let Err(error) = &done
            && is_well
        {
            tracing::warn!(%error, "what waits in the outbox could not be counted; trying again");
        }
        is_well = done.is_ok();
        is_known = is_well;
        sleep(INTERVAL).await;
    }
}

/// What waits for an account.
struct Counted {
    account: AccountId,
    pending: u64,
    /// When the oldest happened, unix seconds.
    oldest: i64,
    is_full: bool,
}

/// Counts what waits, and notes who has too much of it. `full` are the accounts that had; with `asks_all` it is not known.
async fn count(state: &State, full: &mut BTreeSet<AccountId>, asks_all: bool) -> Result<(), Error> {
    let asked: BTreeSet<_> =
        if asks_all { state.directory.ids().into_iter().collect() } else { full.clone() };
    let counted = read(&state.store, move |tx| counted(tx, asked)).await?;
    let oldest = counted.iter().filter(|of| of.pending > 0).map(|of| of.oldest).min();
    let depth: u64 = counted.iter().map(|of| of.pending).sum();
    let age = oldest.map_or(0, |oldest| (unix_now() - oldest).max(0));
    state.metrics.outbox_depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
    state.metrics.outbox_oldest_seconds.set(age);
    full.clear();
    for Counted { account, pending, is_full, .. } in counted {
        let will_be_full = if is_full { pending >= PENDING_AGAIN } else { pending >= PENDING_MAX };
        if will_be_full {
            full.insert(account);
        }
        if will_be_full == is_full {
            continue;
        }
        write(&state.store, account, move |tx| deliveries::set_full(tx, account, will_be_full)).await?;
        let account = account.0;
        if will_be_full {
            tracing::error!(account, pending, "too many deliveries wait: nobody is told of new events");
        } else {
            tracing::info!(account, pending, "fewer deliveries wait: receivers are told of new events again");
        }
    }
    Ok(())
}

/// The counts of these accounts, and of all that have something waiting.
fn counted(tx: &mut Tx<'_>, mut accounts: BTreeSet<AccountId>) -> Result<Vec<Counted>, Error> {
    accounts.extend(waiting(tx)?);
    let mut all = Vec::new();
    for account in accounts {
        let (pending, oldest) = deliveries::count(tx, account, Waiting::Pending)?;
        all.push(Counted { account, pending, oldest, is_full: deliveries::is_full(tx, account)? });
    }
    Ok(all)
}

/// The accounts that have something waiting.
fn waiting(tx: &mut Tx<'_>) -> Result<Vec<AccountId>, Error> {
    let mut accounts = Vec::new();
    let mut last = AccountId(i64::MIN);
    while let Some(found) = queues::next_account(tx, last)? {
        last = found.queue.account;
        accounts.push(last);
    }
    Ok(accounts)
}

/// How many deliveries wait in all.
pub(super) fn pending(tx: &mut Tx<'_>) -> Result<u64, Error> {
    waiting(tx)?
        .into_iter()
        .try_fold(0, |sum, account| Ok(sum + deliveries::count(tx, account, Waiting::Pending)?.0))
}

/// Forgets what was settled long ago.
async fn forget(state: &State) -> Result<(), Error> {
    for account in state.directory.ids() {
        let now = unix_now();
        while write(&state.store, account, move |tx| deliveries::forget_some(tx, account, now)).await? > 0 {}
    }
    Ok(())
}

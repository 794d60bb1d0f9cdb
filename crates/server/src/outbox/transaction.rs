//! Transactions of the sender. None of them holds up its thread.

use billhook_store::{AccountId, Error, Kind, Store, Tx};
use tokio::{sync::oneshot, task};

pub(super) async fn read<T: Send + 'static>(
    store: &Store,
    body: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let store = store.clone();
    task::spawn_blocking(move || store.read(body)).await.unwrap_or_else(|_| Err(dropped()))
}

pub(super) async fn write<T: Send + 'static>(
    store: &Store,
    account: AccountId,
    body: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (send, written) = oneshot::channel();
    // Nobody waits any more if the sender has ended.
    store.write_then(Some(account), body, move |result| drop(send.send(result)));
    written.await.unwrap_or_else(|_| Err(dropped()))
}

fn dropped() -> Error {
    Error::new(Kind::Statement, "the store dropped a transaction of the outbox")
}

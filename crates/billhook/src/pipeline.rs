//! Writes one transaction while the next is being prepared: what bulk commands do.

use std::{sync::mpsc, thread, time::Duration};

use billhook_store::{Error, Kind, Store, Tx};

/// How long the store is left alone between two transactions: other processes look every tenth of a second whether they may write.
const PAUSE: Duration = Duration::from_millis(15);

/// A store with one transaction on its way at most.
pub(crate) struct Pipeline<'a, T> {
    store: &'a Store,
    on_its_way: Option<mpsc::Receiver<Result<T, Error>>>,
}

impl<'a, T: Send + 'static> Pipeline<'a, T> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, on_its_way: None }
    }

    /// Waits for the transaction before, and sends the next; gives the result of the one before. After an error nothing is
    /// sent.
    pub(crate) fn write(
        &mut self,
        body: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let before = self.wait()?;
        if before.is_some() {
            thread::sleep(PAUSE);
        }
        let (send, receive) = mpsc::sync_channel(1);
        self.store.write_then(body, move |result| {
            // Nobody waits for it any more where something else has failed.
            let _ = send.send(result);
        });
        self.on_its_way = Some(receive);
        Ok(before)
    }

    /// Waits for the last transaction that was sent.
    pub(crate) fn wait(&mut self) -> Result<Option<T>, Error> {
        let Some(receive) = self.on_its_way.take() else { return Ok(None) };
        receive.recv().unwrap_or_else(|_| Err(closed())).map(Some)
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the store was closed")
}

//! Writes one transaction while the next is prepared, for bulk commands.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use billhook_store::{Error, Kind, Store, Tx};

/// The pause between two transactions. Other processes check every tenth of a second whether they may write.
const PAUSE: Duration = Duration::from_millis(15);

/// A store with at most one running transaction.
pub(crate) struct Pipeline<'a, B, T> {
    store: &'a Store,
    on_its_way: Option<OnItsWay<B, T>>,
}

struct OnItsWay<B, T> {
    /// Freed on the thread that made it: memory that another thread frees is slow to be reused.
    batch: Arc<B>,
    result: mpsc::Receiver<Result<T, Error>>,
}

impl<'a, B: Send + Sync + 'static, T: Send + 'static> Pipeline<'a, B, T> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, on_its_way: None }
    }

    /// Waits for the previous transaction, sends the next, and returns the previous result. Stops after an
    /// error.
    pub(crate) fn write(
        &mut self,
        batch: B,
        body: impl Fn(&mut Tx<'_>, &B) -> Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let before = self.on_its_way.take().map(OnItsWay::wait).transpose()?;
        if before.is_some() {
            thread::sleep(PAUSE);
        }
        let batch = Arc::new(batch);
        let (written, (send, result)) = (batch.clone(), mpsc::sync_channel(1));
        let done = move |result| {
            // After another error nobody waits for it.
            let _ = send.send(result);
        };
        self.store.write_then(None, move |tx| body(tx, &written), done);
        self.on_its_way = Some(OnItsWay { batch, result });
        Ok(before.map(|(_batch, result)| result))
    }

    pub(crate) fn wait(&mut self) -> Result<Option<T>, Error> {
        let last = self.on_its_way.take().map(OnItsWay::wait).transpose()?;
        Ok(last.map(|(_batch, result)| result))
    }
}

impl<B, T> OnItsWay<B, T> {
    fn wait(self) -> Result<(Arc<B>, T), Error> {
        let result = self.result.recv().unwrap_or_else(|_| Err(closed()))?;
        Ok((self.batch, result))
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the store was closed")
}

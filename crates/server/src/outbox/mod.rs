//! The sender: it tells receivers what the outbox holds, until they have taken it or are given up.
//!
//! It runs on a thread of its own that steps back before the threads that answer calls.

mod address;
mod attempt;
mod failing;
mod leased;
mod schedule;
mod sender;
mod slots;
mod target;
mod transaction;
mod upkeep;

use std::{sync::Arc, thread, time::Duration};

use tokio::{runtime, sync::oneshot, time::timeout};

pub use self::target::check_webhook_url;
use self::{attempt::Poster, sender::Sender};
use crate::{Options, StartError, state::State};

/// The thread's niceness.
const NICE: i32 = 10;
/// How long what was tried may take to be written at the stop.
const GRACE: Duration = Duration::from_secs(1);

/// The running sender; it stops on drop.
pub(crate) struct Outbox {
    stop: oneshot::Sender<Duration>,
    ended: oneshot::Receiver<()>,
}

/// Starts the sender.
pub(crate) fn start(state: Arc<State>, options: &Options) -> Result<Outbox, StartError> {
    let poster = Poster::new(&options.webhook_networks, options.webhook_ca.as_ref())?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let thread = thread::Builder::new().name("billhook-outbox".to_owned());
    let started = thread.spawn(move || {
        // For this thread and those that it starts. If it fails, the priority stays the same.
        let _ = rustix::process::setpriority_process(None, NICE);
        runtime.block_on(async {
            let upkeep = tokio::spawn(upkeep::run(state.clone()));
            Sender::new(state, poster).run(stopped).await;
            upkeep.abort();
        });
        // A look-up of a name can't be stopped.
        runtime.shutdown_background();
        drop(end);
    });
    started.map_err(StartError::Thread)?;
    Ok(Outbox { stop, ended })
}

impl Outbox {
    /// Begins nothing more, and waits so long for what has begun. The rest is given back.
    pub(crate) async fn stop(self, within: Duration) {
        // An error means that the thread has ended already.
        let _ = self.stop.send(within);
        let _ = timeout(within + GRACE, self.ended).await;
    }
}

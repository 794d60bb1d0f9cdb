//! How a server reacts to signals.

use billhook_server::TlsReloader;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, say};

/// Completes at the first SIGTERM or SIGINT; a second one ends the program at once. SIGHUP reloads the
/// certificate.
///
/// Signals are caught from the call on, not only from the first poll.
pub(super) fn until_stopped(reloader: Option<TlsReloader>) -> Result<impl Future<Output = ()>, Failure> {
    let catch =
        |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot catch signals: {error}")));
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let hangup = catch(SignalKind::hangup())?;
    tokio::spawn(reload_at(hangup, reloader));
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping: requests that have begun are finished first");
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            say("stopped at once, by a second signal");
            std::process::exit(1);
        });
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn reload_at(mut hangup: Signal, reloader: Option<TlsReloader>) {
    while hangup.recv().await.is_some() {
        match &reloader {
            None => tracing::info!("SIGHUP: there is no TLS certificate to read again"),
            Some(reloader) => reload(reloader.clone()).await,
        }
    }
}

/// Reads the files on a separate thread: a disk that hangs must block neither requests nor a shutdown.
async fn reload(reloader: TlsReloader) {
    match tokio::task::spawn_blocking(move || reloader.reload()).await {
        Ok(Ok(())) => tracing::info!("the TLS certificate was read again"),
        Ok(Err(error)) => tracing::error!("the old TLS certificate stays in use: {error}"),
        Err(error) => {
            tracing::error!("the old TLS certificate stays in use: reading the new one failed: {error}");
        }
    }
}

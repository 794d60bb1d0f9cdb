//! Progress of long operations: a bar on standard error, and only where that is a terminal.

use billhook_store::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that shows how far an operation is. It removes itself when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for an operation of unknown length, until [`Bar::at`] tells it. `what` is what is being done: `backing up`.
    pub(crate) fn new(what: &'static str) -> Self {
        // indicatif draws on standard error, and not at all where that is no terminal.
        let bar = ProgressBar::no_length().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// How far it is.
    pub(crate) fn at(&self, progress: Progress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

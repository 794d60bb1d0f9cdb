//! A progress bar on standard error, if that is a terminal.

use billhook_store::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// The progress of an operation. The bar disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar whose length is unknown until the first [`Bar::at`]. `what` names the operation: `backing up`.
    pub(crate) fn new(what: &'static str) -> Self {
        // indicatif draws on standard error, and only if that is a terminal.
        let bar = ProgressBar::no_length().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows the progress.
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

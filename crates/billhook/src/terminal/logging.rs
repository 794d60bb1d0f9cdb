//! The log: lines on standard error, as text or as JSON.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::options::everywhere::{LogFormat, LogLevel};

/// Starts logging; may be called once.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The libraries' debug lines hold whole requests; ours are masked.
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("billhook", level);
    let registry = tracing_subscriber::registry().with(targets);
    let started = match format {
        LogFormat::Text => registry
            .with(fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()))
            .try_init(),
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_ansi(false).with_writer(io::stderr))
            .try_init(),
    };
    debug_assert!(started.is_ok(), "logging is started once");
}

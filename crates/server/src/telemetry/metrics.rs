//! Metrics for Prometheus.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// All metrics, and their registry.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    seconds: Histogram,
    sent: Family<Tried, Counter>,
    pub(crate) connections: Gauge,
    /// Connections that were closed at once because of a limit.
    pub(crate) refused_connections: Counter,
    pub(crate) accounts: Gauge,
    /// 1 while the store can be read and written.
    pub(crate) store_ready: Gauge,
    pub(crate) outbox_depth: Gauge,
    pub(crate) outbox_oldest_seconds: Gauge,
}

/// What has become of a delivery after a try.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent {
    /// Its receiver took it.
    Delivered,
    /// It is tried again.
    TriedAgain,
    /// It is given up.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tried {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    method: &'static str,
    code: u16,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("billhook");
        let requests = Family::<Outcome, Counter>::default();
        let seconds = Histogram::new([
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ]);
        let (connections, accounts, store_ready) = (Gauge::default(), Gauge::default(), Gauge::default());
        let refused_connections = Counter::<u64, AtomicU64>::default();
        registry.register("requests", "Requests answered, by method and error_code", requests.clone());
        registry.register(
            "request_seconds",
            "Seconds from a request's head to its answer, its body's arrival included",
            seconds.clone(),
        );
        registry.register("connections", "Connections that are open", connections.clone());
        registry.register(
            "refused_connections",
            "Connections that were closed at once because a limit was reached",
            refused_connections.clone(),
        );
        registry.register("accounts", "Accounts that are served", accounts.clone());
        registry.register("store_ready", "1 while the store answers and writes, else 0", store_ready.clone());
        let sent = Family::<Tried, Counter>::default();
        registry.register("outbox_tries", "Tries to deliver an event, by result", sent.clone());
        let (outbox_depth, outbox_oldest_seconds) = (Gauge::default(), Gauge::default());
        registry.register(
            "outbox_depth",
            "Deliveries of events that wait, counted once a minute",
            outbox_depth.clone(),
        );
        registry.register(
            "outbox_oldest_seconds",
            "Age of the oldest event with a delivery that waits, looked up once a minute",
            outbox_oldest_seconds.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            sent,
            connections,
            refused_connections,
            accounts,
            store_ready,
            outbox_depth,
            outbox_oldest_seconds,
        }
    }

    /// Counts one request. `method` is a name from the table, never the caller's own text.
    pub(crate) fn count(&self, method: Option<&'static str>, code: u16, seconds: f64) {
        self.requests.get_or_create(&Outcome { method: method.unwrap_or("unknown"), code }).inc();
        self.seconds.observe(seconds);
    }

    /// Counts one try to deliver an event.
    pub(crate) fn count_sent(&self, result: Sent) {
        let result = match result {
            Sent::Delivered => "delivered",
            Sent::TriedAgain => "tried_again",
            Sent::Failed => "failed",
        };
        self.sent.get_or_create(&Tried { result }).inc();
    }

    /// All metrics in the `OpenMetrics` text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String can't fail, and all these metrics can be encoded.
        if text::encode(&mut out, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.count(Some("GetBills"), 0, 0.002);
        metrics.count(Some("GetBills"), 0, 0.002);
        metrics.count(None, 3, 0.002);
        metrics.connections.set(5);
        metrics.count_sent(Sent::TriedAgain);
        let text = metrics.text();
        for line in [
            "billhook_requests_total{method=\"GetBills\",code=\"0\"} 2\n",
            "billhook_requests_total{method=\"unknown\",code=\"3\"} 1\n",
            "billhook_request_seconds_count 3\n",
            "billhook_connections 5\n",
            "billhook_refused_connections_total 0\n",
            "billhook_outbox_tries_total{result=\"tried_again\"} 1\n",
            "billhook_outbox_depth 0\n",
            "billhook_outbox_oldest_seconds 0\n",
            "# EOF\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

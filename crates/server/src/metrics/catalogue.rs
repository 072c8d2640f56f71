//! The metrics that there are.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sort {
    /// Only grows.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution over these buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) sort: Sort,
    pub(crate) description: &'static str,
}

/// From half a millisecond, about a local round trip, to the longest time that an attempt may have.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0,
];

const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// All of them, in the order of `docs/metrics.md`.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "fanfare_events_accepted_total",
        sort: Sort::Counter,
        description: "Events that were acknowledged.",
    },
    Metric {
        name: "fanfare_filter_evaluations_total",
        sort: Sort::Counter,
        description: "Evaluations of endpoints' filters, by outcome: matched, unmatched, error, or refused for want of room.",
    },
    Metric {
        name: "fanfare_deliveries_total",
        sort: Sort::Counter,
        description: "Deliveries that ended, by outcome.",
    },
    Metric {
        name: "fanfare_attempts_total",
        sort: Sort::Counter,
        description: "Attempts that ended, by outcome: succeeded, unsuccessful_status, or the kind of error.",
    },
    Metric {
        name: "fanfare_attempts_in_flight",
        sort: Sort::Gauge,
        description: "Attempts under way.",
    },
    Metric {
        name: "fanfare_deliveries_waiting",
        sort: Sort::Gauge,
        description: "Deliveries in the store that wait, measured every 15 seconds; counted up to 10,000.",
    },
    Metric {
        name: "fanfare_deliveries_waiting_estimated",
        sort: Sort::Gauge,
        description: "1 while the number of deliveries that wait is not counted but estimated, or more than it says.",
    },
    Metric {
        name: "fanfare_oldest_waiting_seconds",
        sort: Sort::Gauge,
        description: "Age of the oldest delivery in the store that waits, measured every 15 seconds.",
    },
    Metric {
        name: "fanfare_jobs_running",
        sort: Sort::Gauge,
        description: "Jobs that run, measured every 15 seconds.",
    },
    Metric {
        name: "fanfare_first_attempt_delay_seconds",
        sort: Sort::Histogram(SECONDS),
        description: "Time from an event's acceptance to the first attempt of each of its deliveries.",
    },
    Metric {
        name: "fanfare_attempt_duration_seconds",
        sort: Sort::Histogram(SECONDS),
        description: "Time that attempts took, the answer's body included.",
    },
    Metric {
        name: "fanfare_batch_events",
        sort: Sort::Histogram(BATCHES),
        description: "Events in each request that brought a batch, retries too.",
    },
    Metric {
        name: "fanfare_lanes_without_slot",
        sort: Sort::Gauge,
        description: "Endpoints whose deliveries wait since requests_in_all are under way, measured with each scan.",
    },
    Metric {
        name: "fanfare_breakers_open",
        sort: Sort::Gauge,
        description: "Endpoints whose breaker is open or probing.",
    },
    Metric {
        name: "fanfare_breaker_openings_total",
        sort: Sort::Counter,
        description: "Times that a breaker opened, by reason.",
    },
    Metric {
        name: "fanfare_endpoints_slowed_total",
        sort: Sort::Counter,
        description: "Answers whose Retry-After held an endpoint's other deliveries back.",
    },
    Metric {
        name: "fanfare_orders_held_total",
        sort: Sort::Counter,
        description: "Lines of ordered endpoints that a delivery which failed held up.",
    },
    Metric {
        name: "fanfare_endpoint_warnings_total",
        sort: Sort::Counter,
        description: "Warnings that an endpoint does nothing but fail and will be disabled.",
    },
    Metric {
        name: "fanfare_endpoints_disabled_total",
        sort: Sort::Counter,
        description: "Endpoints that the server disabled, by reason.",
    },
    Metric {
        name: "fanfare_operational_events_total",
        sort: Sort::Counter,
        description: "Operational events that were made.",
    },
    Metric {
        name: "fanfare_operational_events_lost_total",
        sort: Sort::Counter,
        description: "Operational events that were lost, since too many came at once.",
    },
    Metric {
        name: "fanfare_commit_batch_size",
        sort: Sort::Histogram(BATCHES),
        description: "Writes that shared a commit of the store.",
    },
    Metric {
        name: "fanfare_commit_seconds",
        sort: Sort::Histogram(SECONDS),
        description: "Time that commits of the store took, the sync to disk included.",
    },
    Metric {
        name: "fanfare_http_requests_total",
        sort: Sort::Counter,
        description: "Requests to the API, by method, route and status.",
    },
    Metric {
        name: "fanfare_http_connections",
        sort: Sort::Gauge,
        description: "Open connections to the API.",
    },
];

/// Tells the recorder what each metric means.
pub(super) fn describe() {
    for metric in METRICS {
        let (name, description) = (metric.name, metric.description);
        let unit = match name.ends_with("_seconds") {
            true => Unit::Seconds,
            false => Unit::Count,
        };
        match metric.sort {
            Sort::Counter => describe_counter!(name, unit, description),
            Sort::Gauge => describe_gauge!(name, unit, description),
            Sort::Histogram(_) => describe_histogram!(name, unit, description),
        }
    }
}

//! Metrics: what there is, and its rendering for Prometheus.
//!
//! Every metric of the program stands in [`catalogue`], with its buckets; the parts that count know
//! its name only. `docs/metrics.md` lists the same for operators.

use std::time::Duration;

use anyhow::Context;
use fanfare_app::port::CommitObserver;
use metrics::{Histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub(crate) mod catalogue;

use catalogue::{METRICS, Sort};

/// Begins to count. Once in a process.
///
/// # Errors
/// When something counts already.
pub(crate) fn start() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Sort::Histogram(buckets) = metric.sort {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                .context("the buckets of a metric")?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|cause| anyhow::anyhow!("metrics can't be started: {cause}"))?;
    catalogue::describe();
    Ok(handle)
}

/// Counts the store's commits.
pub(crate) struct CommitMetrics {
    batch: Histogram,
    seconds: Histogram,
}

impl CommitMetrics {
    pub(crate) fn new() -> Self {
        Self {
            batch: histogram!("fanfare_commit_batch_size"),
            seconds: histogram!("fanfare_commit_seconds"),
        }
    }
}

impl CommitObserver for CommitMetrics {
    fn committed(&self, jobs: usize, took: Duration) {
        self.batch.record(jobs as f64);
        self.seconds.record(took);
    }
}

//! What publishes: as fast as answers come, or at a fixed rate whatever the answers do.

pub(crate) mod closed;
pub(crate) mod open;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use http::StatusCode;
use tokio::{runtime::Builder, task::LocalSet};

use crate::{
    client::{Answer, Target},
    clock,
    histogram::Latencies,
    ledger::Ledger,
    payload::Payload,
};

/// What every load needs to know.
#[derive(Clone)]
pub(crate) struct Publication {
    /// Taken in turn, so that the load spreads over tenants.
    pub(crate) targets: Arc<[Target]>,
    pub(crate) payload: Arc<Payload>,
    /// The status that acknowledges.
    pub(crate) acknowledges: StatusCode,
    pub(crate) ledger: Arc<Ledger>,
}

/// How long a load runs.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    /// Measured for a time, after another.
    Time {
        warm_up: Duration,
        measured: Duration,
    },
    /// Until the ledger is full; all of it is measured.
    Capacity,
}

impl Length {
    /// Tells the ledger what is measured from now on, and says when to stop.
    fn begin(self, ledger: &Ledger) -> u64 {
        let now = clock::now();
        let (from, until) = match self {
            Self::Time { warm_up, measured } => {
                let from = now + clock::span(warm_up);
                (from, from + clock::span(measured))
            }
            Self::Capacity => (now, u64::MAX),
        };
        ledger.measure(from, until);
        until
    }
}

/// What the publishing side saw.
pub(crate) struct Published {
    /// From the request, or the moment it should have been sent, to the acknowledgement.
    pub(crate) acknowledged: Latencies,
    /// How late requests were sent, at a fixed rate: the bench's own inexactness, and what queued
    /// because every connection waited for an answer.
    pub(crate) lag: Latencies,
    pub(crate) refused: u64,
    pub(crate) first_refusal: Option<String>,
}

impl Published {
    fn new() -> Self {
        Self {
            acknowledged: Latencies::new(),
            lag: Latencies::new(),
            refused: 0,
            first_refusal: None,
        }
    }

    fn add(&mut self, other: Self) {
        self.acknowledged.add(&other.acknowledged);
        self.lag.add(&other.lag);
        self.refused += other.refused;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
    }

    fn refuse(&mut self, answer: &Answer) {
        self.refused += 1;
        self.first_refusal.get_or_insert_with(|| {
            let text = String::from_utf8_lossy(&answer.body);
            format!(
                "{} {}",
                answer.status,
                text.chars().take(300).collect::<String>()
            )
        });
    }
}

/// Runs this to its end with connections driven beside it.
fn on_this_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

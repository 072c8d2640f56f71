//! Retention by age: payloads, attempts, whole events.
//!
//! Each pass goes in small steps, so that publishing and sending never wait long for one. What still
//! waits is never taken: events with a waiting delivery are left out, whatever their age.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fanfare_domain::time::Timestamp;

use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::deliveries::Expired;
use crate::port::log::{Old, Position};

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Payloads of events.
    pub payloads: Duration,
    /// Attempts, with what was answered.
    pub attempts: Duration,
    /// Events, deliveries, tallies, and jobs that ended.
    pub events: Duration,
}

/// What a pass took; what went with a whole day is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Payloads of events that are kept otherwise.
    pub payloads: usize,
    /// Rows of attempts.
    pub attempts: usize,
    /// Rows of deliveries.
    pub deliveries: usize,
    /// Events.
    pub events: usize,
}

/// Rows of one step.
const STEP: usize = 500;
/// A breath between two steps, so that other work gets the writer.
const BREATH: Duration = Duration::from_millis(20);

impl Fanfare {
    /// Takes everything that is past its time.
    ///
    /// # Errors
    /// When the store fails; what was taken before stays taken.
    pub async fn retain(&self, retention: &Retention) -> Result<Taken, StoreError> {
        let now = self.ports.clock.now();
        let mut taken = Taken {
            attempts: self
                .drop_expired(Expired::Attempts(now.before(retention.attempts)))
                .await?,
            ..Taken::default()
        };
        taken.payloads = self.drop_data_past(now).await?;
        let payloads_before = now.before(retention.payloads);
        if retention.payloads < retention.events
            && !self
                .ports
                .log
                .drop_days(Old::Payloads, payloads_before)
                .await?
        {
            let from = self.payloads_dropped_to.load(Ordering::Relaxed);
            let (dropped, to) = self.drop_old(payloads_before, from, Old::Payloads).await?;
            self.payloads_dropped_to.store(to, Ordering::Relaxed);
            taken.payloads += dropped;
        }
        taken.deliveries = self
            .drop_expired(Expired::Deliveries(now.before(retention.events)))
            .await?;
        self.drop_expired(Expired::Tallies(now.before(retention.events)))
            .await?;
        let before = now.before(retention.events);
        while self.ports.deliveries.drop_jobs(before, STEP).await? == STEP {
            tokio::time::sleep(BREATH).await;
        }
        if !self.ports.log.drop_days(Old::Events, before).await? {
            taken.events = self.drop_old(before, 0, Old::Events).await?.0;
        }
        while self.ports.log.drop_expired_keys(now, STEP).await? == STEP {
            tokio::time::sleep(BREATH).await;
        }
        Ok(taken)
    }

    async fn drop_expired(&self, expired: Expired) -> Result<usize, StoreError> {
        let mut sum = 0;
        loop {
            let dropped = self.ports.deliveries.drop_expired(expired, STEP).await?;
            sum += dropped;
            if dropped < STEP {
                return Ok(sum);
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Takes the payloads of events whose own time for them is over. Those that something still waits for
    /// keep theirs until it has ended.
    async fn drop_data_past(&self, now: Timestamp) -> Result<usize, StoreError> {
        let materialised = self.ports.deliveries.materialised().await?;
        let mut sum = 0;
        loop {
            let past = self.ports.log.data_past(now, STEP).await?;
            let seen = past.len();
            let ids: Vec<_> = past.iter().map(|(_, id)| *id).collect();
            let waiting = self.ports.deliveries.waiting_events(&ids).await?;
            let free = past
                .into_iter()
                .filter(|(position, id)| *position <= materialised && !waiting.contains(id));
            let positions: Vec<_> = free.map(|(position, _)| position).collect();
            let dropped = positions.len();
            sum += dropped;
            if dropped > 0 {
                self.ports.log.drop_payloads(positions).await?;
            }
            // What is left of a full step waits; it is looked at again by the next pass.
            if seen < STEP || dropped == 0 {
                return Ok(sum);
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Takes from events after a position; answers how many, and up to where nothing is left to take.
    async fn drop_old(
        &self,
        before: Timestamp,
        from: Position,
        what: Old,
    ) -> Result<(usize, Position), StoreError> {
        let (mut after, mut sum) = (from, 0);
        let mut first_left: Option<Position> = None;
        // What has no rows yet may still be on its way in memory.
        let materialised = self.ports.deliveries.materialised().await?;
        loop {
            let old = self.ports.log.accepted_before(before, after, STEP).await?;
            let Some((last, _)) = old.last() else { break };
            after = *last;
            let seen = old.len();
            let ids: Vec<_> = old.iter().map(|(_, id)| *id).collect();
            let waiting = self.ports.deliveries.waiting_events(&ids).await?;
            let (free, left): (Vec<_>, Vec<_>) = old
                .into_iter()
                .partition(|(position, id)| *position <= materialised && !waiting.contains(id));
            first_left = first_left.or(left.first().map(|(position, _)| *position));
            let positions: Vec<_> = free.into_iter().map(|(position, _)| position).collect();
            sum += positions.len();
            if !positions.is_empty() {
                match what {
                    Old::Payloads => self.ports.log.drop_payloads(positions).await?,
                    Old::Events => self.ports.log.drop_events(positions).await?,
                }
            }
            if seen < STEP {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok((sum, first_left.map_or(after, |position| position - 1)))
    }
}

//! What a refill does with what is due for a lane and goes in batches.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::port::StoreError;
use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::BatchId;
use fanfare_domain::time::Timestamp;

use super::{again, bounds, gather};
use crate::engine::Shared;
use crate::engine::job::Job;
use crate::engine::lane::Lane;
use crate::engine::refill::push;

/// How long to wait before it is read again, where a row was held or had just ended.
const HELD: Duration = Duration::from_millis(100);

/// What is due and goes in batches.
#[derive(Debug, Default)]
pub(in crate::engine) struct Batches {
    batching: Option<Batching>,
    /// Whether the endpoint's format has batches.
    can: bool,
    /// Those that were bound before.
    bound: Vec<BatchId>,
    /// What waits to be put together, the longest due first.
    waiting: Vec<Delivery>,
}

impl Batches {
    /// None yet, of this endpoint.
    pub(in crate::engine) fn of(target: Option<&Target>) -> Self {
        Self {
            batching: target.and_then(Target::batching).copied(),
            can: target.is_some_and(|target| target.format.batches().is_some()),
            ..Self::default()
        }
    }

    /// The most deliveries of one.
    pub(in crate::engine) fn most(&self) -> usize {
        self.batching
            .as_ref()
            .map_or(0, |batching| bounds(batching).0)
    }

    /// How many of these, which may join, are a batch now; or else when they are one.
    pub(in crate::engine) fn ready(
        &self,
        waiting: &[Delivery],
        closed: bool,
        now: Timestamp,
    ) -> Result<usize, Timestamp> {
        match &self.batching {
            Some(batching) => gather::ready(batching, waiting, closed, now),
            None => Ok(waiting.len()),
        }
    }

    /// Whether a delivery goes in a batch. One that has expired is ended by itself.
    pub(in crate::engine) fn wants(&self, delivery: &Delivery, now: Timestamp) -> bool {
        let joins = self.batching.is_some() && delivery.may_join_a_batch();
        self.can && (joins || delivery.batch.is_some()) && !delivery.expired(now)
    }

    /// Takes one that does.
    pub(in crate::engine) fn take(&mut self, delivery: Delivery) {
        match delivery.batch.map(|place| place.batch()) {
            None => self.waiting.push(delivery),
            Some(batch) if self.bound.contains(&batch) => {}
            Some(batch) => self.bound.push(batch),
        }
    }

    /// Whether there are some that were bound before.
    pub(in crate::engine) fn are_due(&self) -> bool {
        !self.bound.is_empty()
    }

    /// Brings batches of up to so many deliveries, but one at least unless that is none, into the lane.
    pub(in crate::engine) async fn bring_in(
        self,
        shared: &Arc<Shared>,
        lane: &Arc<Lane>,
        mut wanted: usize,
        now: Timestamp,
    ) -> Result<Brought, StoreError> {
        let mut brought = Brought::default();
        for batch in self.bound {
            if wanted == 0 {
                brought.read_at(now);
                break;
            }
            match again::read(shared, lane, batch).await? {
                Some(job) => wanted -= brought.push(shared, lane, job).min(wanted),
                None => brought.read_at(now.after(HELD)),
            }
        }
        let Some(batching) = &self.batching else {
            return Ok(brought);
        };
        let mut waiting = self.waiting.as_slice();
        while !waiting.is_empty() {
            if wanted == 0 {
                brought.read_at(now);
                break;
            }
            let count = match gather::ready(batching, waiting, false, now) {
                Ok(count) => count,
                Err(at) => {
                    brought.read_at(at);
                    break;
                }
            };
            let (group, rest) = waiting.split_at(count);
            match gather::bind(shared, lane, group).await? {
                Some(job) => {
                    let taken = brought.push(shared, lane, job);
                    wanted -= taken.min(wanted);
                    if taken < count {
                        brought.read_at(now);
                    }
                }
                None => brought.read_at(now.after(HELD)),
            }
            waiting = rest;
        }
        lane.gathers_only(waiting.len());
        Ok(brought)
    }
}

/// What became of batches that are due.
#[derive(Debug, Default)]
pub(in crate::engine) struct Brought {
    /// When the store is to be read again.
    pub(in crate::engine) next: Option<Timestamp>,
    /// Whether one was brought in.
    pub(in crate::engine) any: bool,
}

impl Brought {
    fn read_at(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }

    /// Puts a batch into the lane; answers how many deliveries it has.
    fn push(&mut self, shared: &Arc<Shared>, lane: &Arc<Lane>, job: Job) -> usize {
        let count = job.each().count();
        self.any = true;
        push(shared, lane, job);
        count
    }
}

//! Steps that discard what waits.
//!
//! Deliveries are taken out of the engine's memory first and ended then, so that nothing is sent of one
//! after its end. What is under way when the job comes to it is left, and so is what has no row yet
//! because it was just accepted. So the job goes through its set again, until a pass began with all rows
//! there and found nothing under way; by then what was left has ended, or waits and is taken.
//!
//! What another node attempts is in that one's memory. It is wished there that it ends, in the same two
//! steps, and the job counts it when it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::job::{Job, JobState, Pass, Verdict, Work};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::runner::{Plan, Step};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::deliveries::{Settled, Settlement};
use crate::port::jobs::Walk;
use crate::port::wishes::Wished;

/// How long it waits between two passes: attempts end meanwhile, and rows are written.
const BETWEEN_PASSES: Duration = Duration::from_secs(1);

impl Fanfare {
    /// Discards the next deliveries of a job.
    pub(super) async fn cancel(&self, mut job: Job, most: usize) -> Result<Step, StoreError> {
        let filter = match &job.work {
            Work::Cancel { filter } | Work::Retry { filter } => filter.clone(),
            Work::Recover { .. } => return Ok(Step::Commit(Box::new(Plan::of(job)))),
        };
        let mut pass = match (job.pass, job.cursor) {
            (Some(pass), Some(_)) => pass,
            (pass, _) => self.next_pass(pass).await?,
        };
        let walk = Walk {
            environment: job.environment.clone(),
            tenant: job.tenant.clone(),
            filter,
            made_before: job.created_at,
            after: job.cursor,
            limit: most,
        };
        let walked = self.ports.deliveries.walk(&walk).await?;
        let withheld = self.ports.dispatch.withhold(&walked.deliveries);
        // Asked once they are held: what is held here does not become another node's.
        let ids: Vec<_> = walked.deliveries.iter().map(|row| row.id).collect();
        let others = self.ports.deliveries.wish_ended(job.id, &ids).await?;
        let found = walked.deliveries.len();
        let mut held = walked.deliveries;
        held.retain(|row| withheld.holds(row.id) && !others.contains(&row.id));
        pass.last &= held.len() == found;
        // Some may have ended between the walk and the hold, and would be counted though another ended them.
        let held = self.still_waiting(&held).await?;
        let now = self.ports.clock.now();
        let mut settlements = Vec::with_capacity(held.len());
        for delivery in held {
            job.progress.count(Verdict::Take);
            settlements.push(cancelled(delivery, now));
        }
        // After the walk, or what ended in between would be in neither.
        let elsewhere = self.ports.deliveries.ended_elsewhere(job.id).await?;
        for _ in elsewhere.iter().filter(|ended| ended.cancelled) {
            job.progress.count(Verdict::Take);
        }
        // They are answered so many at a time, and there may be more to count.
        pass.last &= elsewhere.is_empty();
        // What another node had, and this one has now, is wished still; it is counted with its end here.
        let mut counted: Vec<_> = elsewhere.into_iter().map(|ended| ended.id).collect();
        counted.extend(settlements.iter().map(|each| each.delivery.id));
        job.updated_at = now;
        job.pass = Some(pass);
        let mut pause = Duration::ZERO;
        match walked.next {
            Some(next) => job.cursor = Some(next),
            None if pass.last => job.end(JobState::Completed, None, now),
            None => {
                job.cursor = None;
                pause = BETWEEN_PASSES;
            }
        }
        Ok(Step::Commit(Box::new(Plan {
            job,
            settlements,
            withheld: Some(withheld),
            counted,
            pause,
        })))
    }

    /// Those of these that wait, as they stand now.
    async fn still_waiting(&self, deliveries: &[Delivery]) -> Result<Vec<Delivery>, StoreError> {
        let mut by_scope: BTreeMap<&Scope, Vec<DeliveryId>> = BTreeMap::new();
        for delivery in deliveries {
            by_scope
                .entry(&delivery.scope)
                .or_default()
                .push(delivery.id);
        }
        let mut waiting = Vec::with_capacity(deliveries.len());
        for (scope, ids) in by_scope {
            let mut rows = self.ports.deliveries.some_deliveries(scope, &ids).await?;
            let rows = ids.iter().filter_map(|id| rows.remove(id));
            waiting.extend(rows.filter(|row| !row.state.ended()));
        }
        Ok(waiting)
    }

    /// How a pass begins.
    async fn next_pass(&self, before: Option<Pass>) -> Result<Pass, StoreError> {
        let log_end = match before {
            Some(pass) => pass.log_end,
            None => self.ports.log.end().await?,
        };
        let last = self.ports.deliveries.have_all_rows(log_end).await?;
        Ok(Pass { log_end, last })
    }

    /// Grants what other nodes wish of this one: extra attempts, and that deliveries end.
    ///
    /// # Errors
    /// When the store fails; what was wished to end still is.
    pub async fn grant_wishes(&self) -> Result<(), StoreError> {
        loop {
            let wished = self.extra_as_wished().await?;
            if wished.is_empty() {
                return Ok(());
            }
            // Held first, and looked at again then: what is held here does not become another node's, and
            // what did before is not in the second answer.
            let withheld = self.ports.dispatch.withhold(&wished);
            let mut to_end = self.extra_as_wished().await?;
            to_end.retain(|delivery| withheld.holds(delivery.id));
            let now = self.ports.clock.now();
            let ends: Vec<_> = to_end.into_iter().map(|row| cancelled(row, now)).collect();
            if ends.is_empty() {
                // Under way: wished still when that has ended.
                return Ok(());
            }
            let settled = self.ports.deliveries.settle(Arc::new(ends), None).await?;
            let recorded = settled.iter().filter(|each| **each == Settled::Recorded);
            withheld.ended(recorded.count());
        }
    }

    /// Lets extra attempts be made; answers what else is wished.
    async fn extra_as_wished(&self) -> Result<Vec<Delivery>, StoreError> {
        let Wished { extra, to_end } = self.ports.deliveries.wished().await?;
        for delivery in extra {
            self.ports.dispatch.extra(delivery);
        }
        Ok(to_end)
    }
}

fn cancelled(delivery: Delivery, at: Timestamp) -> Settlement {
    let reason = DiscardedReason::Cancelled;
    let state = DeliveryState::Discarded { at, reason };
    Settlement {
        delivery: Delivery { state, ..delivery },
        attempt: None,
    }
}

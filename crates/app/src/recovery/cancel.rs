//! Steps that discard what waits.
//!
//! Deliveries are taken out of the engine's memory first and ended then, so that nothing is sent of one
//! after its end. What is under way when the job comes to it is left, and so is what has no row yet
//! because it was just accepted. So the job goes through its set again, until a pass began with all rows
//! there and found nothing under way; by then what was left has ended, or waits and is taken.

use std::time::Duration;

use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::job::{Job, JobState, Pass, Verdict, Work};

use super::runner::{Plan, Step};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::deliveries::Settlement;
use crate::port::jobs::Walk;

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
        let now = self.ports.clock.now();
        let mut settlements = Vec::with_capacity(walked.deliveries.len());
        for delivery in walked.deliveries {
            if !withheld.holds(delivery.id) {
                pass.last = false;
                continue;
            }
            job.progress.count(Verdict::Take);
            let state = DeliveryState::Discarded {
                at: now,
                reason: DiscardedReason::Cancelled,
            };
            settlements.push(Settlement {
                delivery: Delivery { state, ..delivery },
                attempt: None,
            });
        }
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
            pause,
        })))
    }

    /// How a pass begins.
    async fn next_pass(&self, before: Option<Pass>) -> Result<Pass, StoreError> {
        let log_end = match before {
            Some(pass) => pass.log_end,
            None => self.ports.log.end().await?,
        };
        let materialised = self.ports.deliveries.materialised().await?;
        Ok(Pass {
            log_end,
            last: materialised >= log_end,
        })
    }
}

//! Steps that repeat deliveries.

use std::collections::{BTreeMap, HashMap, HashSet};

use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::{DeliveryId, EventId};
use fanfare_domain::job::{Filter, Job, JobState, Verdict, Work};
use fanfare_domain::name::Scope;

use super::runner::{Plan, Step};
use crate::fanfare::Fanfare;
use crate::fault::{Fault, planted};
use crate::port::StoreError;
use crate::port::deliveries::Settlement;
use crate::port::jobs::Walk;

/// What is known of deliveries besides their rows.
#[derive(Default)]
struct Known {
    /// The newest repetition of each.
    repeats: HashMap<DeliveryId, Delivery>,
    /// Events whose payload is kept.
    with_payload: HashSet<EventId>,
}

impl Fanfare {
    /// Repeats the next deliveries of a job.
    pub(super) async fn repeat(&self, mut job: Job, most: usize) -> Result<Step, StoreError> {
        let filter = match &job.work {
            Work::Retry { filter } | Work::Cancel { filter } => filter.clone(),
            Work::Recover {
                endpoint,
                since,
                until,
                ..
            } => Filter {
                states: vec![StateName::Failed],
                endpoint: Some(*endpoint),
                since: Some(*since),
                until: *until,
                ..Filter::default()
            },
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
        let known = self.known_of(&walked.deliveries).await?;
        let now = self.ports.clock.now();
        // Never before the job, however the clock was set: what it makes is not in its set.
        let at = now.max(job.created_at);
        let mut settlements = Vec::with_capacity(walked.deliveries.len());
        for delivery in walked.deliveries {
            let verdict = self.judge(&delivery, &known);
            job.progress.count(verdict);
            if verdict == Verdict::Take {
                let id = DeliveryId::for_replay(at, self.ports.random.bits());
                settlements.push(Settlement {
                    delivery: delivery.replay(id, at),
                    attempt: None,
                });
            }
        }
        job.updated_at = now;
        match walked.next {
            _ if planted(Fault::ForgetJobsPlace)
                && !settlements.is_empty()
                && job.progress.taken < 20 => {}
            Some(next) => job.cursor = Some(next),
            None => job.end(JobState::Completed, None, now),
        }
        Ok(Step::Commit(Box::new(Plan {
            settlements,
            ..Plan::of(job)
        })))
    }

    fn judge(&self, delivery: &Delivery, known: &Known) -> Verdict {
        let takes = self
            .directory
            .target(delivery.endpoint)
            .is_some_and(|target| target.endpoint.enabled());
        let newer = known.repeats.get(&delivery.id);
        let repeated = newer.is_some_and(|repeat| repeat.id != delivery.id);
        let repeated = repeated && !planted(Fault::ForgetJobsPlace);
        if takes && !repeated && known.with_payload.contains(&delivery.event) {
            Verdict::Take
        } else {
            Verdict::Skip
        }
    }

    async fn known_of(&self, deliveries: &[Delivery]) -> Result<Known, StoreError> {
        let mut by_scope: BTreeMap<&Scope, Vec<&Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            by_scope.entry(&delivery.scope).or_default().push(delivery);
        }
        let mut known = Known::default();
        for (scope, deliveries) in by_scope {
            let pairs = deliveries.iter().map(|each| (each.event, each.endpoint));
            let pairs: Vec<_> = pairs.collect();
            let repeats = self.ports.deliveries.repeats(scope, &pairs).await?;
            for delivery in deliveries {
                let repeat = repeats.get(&(delivery.event, delivery.endpoint));
                known
                    .repeats
                    .extend(repeat.map(|repeat| (delivery.id, repeat.clone())));
            }
            let events: Vec<_> = pairs.iter().map(|(event, _)| *event).collect();
            let with_payload = self.ports.log.with_payload(scope, &events).await?;
            known.with_payload.extend(with_payload);
        }
        Ok(known)
    }
}

//! Steps that bring an endpoint the events that it has no delivery of.

use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::job::{Job, JobState, Missing, Verdict, Work};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::runner::{Plan, Step};
use crate::fanfare::Fanfare;
use crate::filter::TooManyWait;
use crate::port::StoreError;
use crate::port::deliveries::Settlement;
use crate::port::log::{Event, EventWalk};

/// Events read at a time. Payloads are at most 256 KiB unless told, so that a read holds some 16 MiB.
pub(super) const READ: usize = 64;

/// How long an event may take from its time to its place in the log. Younger ones are looked at when
/// they are older, so that none comes in behind the job.
const SLACK: Duration = Duration::from_secs(10);

/// How long a step waits when too many events wait for their filters.
const FILTERS_BUSY: Duration = Duration::from_secs(1);

/// What is brought, and where.
pub(super) struct Wanted<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) what: Missing,
    /// What was made from then on is not in the set.
    pub(super) made_before: Timestamp,
    pub(super) now: Timestamp,
}

/// What an endpoint has of an event.
pub(super) struct Standing {
    /// The newest delivery that has a row.
    newest: Option<Delivery>,
    /// Whether it is among the event's targets.
    targeted: bool,
}

impl Fanfare {
    /// Brings an endpoint the next events.
    pub(super) async fn bring_missed(&self, mut job: Job, most: usize) -> Result<Step, StoreError> {
        let now = self.ports.clock.now();
        let (
            Work::Recover {
                endpoint,
                what,
                since,
                until,
            },
            Some(tenant),
        ) = (&job.work, job.tenant.clone())
        else {
            job.end(JobState::Completed, None, now);
            return Ok(Step::Commit(Box::new(Plan::of(job))));
        };
        let Some(target) = self.directory.target(*endpoint) else {
            // It was there a moment ago; the next turn says what became of it.
            return Ok(Step::Wait(Duration::ZERO));
        };
        let scope = Scope {
            environment: job.environment.clone(),
            tenant,
        };
        let end = until.unwrap_or(job.created_at).min(job.created_at);
        let reach = end.min(now.before(SLACK));
        let walk = EventWalk {
            scope: scope.clone(),
            since: *since,
            until: reach,
            after: job.cursor.map(DeliveryId::event),
            limit: READ,
        };
        let events = self.ports.log.events_from(&walk).await?;
        if events.is_empty() && reach < end {
            return Ok(Step::Wait(end.after(SLACK).since(now)));
        }
        let wanted = Wanted {
            endpoint: &target.endpoint,
            what: *what,
            made_before: job.created_at,
            now,
        };
        let standings = self.standings(&scope, *endpoint, &events).await?;
        let at = now.max(job.created_at);
        let mut settlements = Vec::new();
        let mut looked_at = 0;
        for (event, standing) in events.iter().zip(standings) {
            let mut verdict = wanted.judge(event, &standing);
            // Last, since it takes a thread's time; an event that it had before passed then.
            if verdict == Some(Verdict::Take)
                && standing.newest.is_none()
                && target.filter.is_some()
            {
                match self.asks_for(&target, event).await {
                    Ok(true) => {}
                    Ok(false) => verdict = None,
                    Err(TooManyWait) if looked_at == 0 => return Ok(Step::Wait(FILTERS_BUSY)),
                    // What was looked at so far is a step of its own.
                    Err(TooManyWait) => break,
                }
            }
            looked_at += 1;
            job.cursor = Some(event.id.delivery(0));
            let Some(verdict) = verdict else {
                continue;
            };
            job.progress.count(verdict);
            if verdict == Verdict::Take {
                let id = DeliveryId::for_replay(at, self.ports.random.bits());
                let delivery = match standing.newest {
                    Some(newest) => newest.replay(id, at),
                    None => first_of(event, wanted.endpoint.id, id, at),
                };
                settlements.push(Settlement {
                    delivery,
                    attempt: None,
                });
                if settlements.len() == most {
                    break;
                }
            }
        }
        job.updated_at = now;
        if looked_at == events.len() && events.len() < READ && reach == end {
            job.end(JobState::Completed, None, now);
        }
        Ok(Step::Commit(Box::new(Plan {
            settlements,
            ..Plan::of(job)
        })))
    }

    /// What the endpoint has of each event.
    pub(super) async fn standings(
        &self,
        scope: &Scope,
        endpoint: EndpointId,
        events: &[Arc<Event>],
    ) -> Result<Vec<Standing>, StoreError> {
        let first = |event: &Event| {
            let mut deliveries = event.deliveries();
            deliveries.find(|(_, target)| *target == endpoint)
        };
        let firsts: Vec<_> = events.iter().map(|event| first(event)).collect();
        let ids: Vec<_> = firsts.iter().flatten().map(|(id, _)| *id).collect();
        let pairs: Vec<_> = events.iter().map(|event| (event.id, endpoint)).collect();
        let mut rows = self.ports.deliveries.some_deliveries(scope, &ids).await?;
        let mut repeats = self.ports.deliveries.repeats(scope, &pairs).await?;
        let standings = pairs.iter().zip(firsts).map(|(pair, first)| {
            let row = first.and_then(|(id, _)| rows.remove(&id));
            Standing {
                newest: repeats.remove(pair).or(row),
                targeted: first.is_some(),
            }
        });
        Ok(standings.collect())
    }
}

impl Wanted<'_> {
    /// What follows for an event; none where the endpoint has nothing to do with it.
    pub(super) fn judge(&self, event: &Event, standing: &Standing) -> Option<Verdict> {
        let verdict = match &standing.newest {
            Some(newest) if newest.created_at >= self.made_before => Verdict::Skip,
            Some(newest) => self.what.judge(&newest.state),
            // On its way for the first moment.
            None if standing.targeted => Verdict::LeaveAlone,
            None => {
                let subcategory = event.subcategory.as_deref();
                let asks =
                    self.endpoint
                        .wants(event.event_type.as_str(), subcategory, &event.attributes);
                if !asks {
                    return None;
                }
                let expired = event.expires_at.is_some_and(|end| end <= self.now);
                if expired && self.what == Missing::Missed {
                    Verdict::Skip
                } else {
                    Verdict::Take
                }
            }
        };
        let lost = verdict == Verdict::Take && event.payload_gone();
        Some(if lost { Verdict::Skip } else { verdict })
    }
}

/// The delivery of an event that the endpoint has none of.
fn first_of(event: &Event, endpoint: EndpointId, id: DeliveryId, now: Timestamp) -> Delivery {
    Delivery {
        id,
        scope: event.scope.clone(),
        event: event.id,
        event_type: event.event_type.clone(),
        endpoint,
        state: DeliveryState::Waiting {
            due_at: event.due_from().max(now),
        },
        attempts: 0,
        extra_attempts: 0,
        replay_of: None,
        created_at: now,
        first_attempt_at: None,
        last_status: None,
        last_error: None,
        expires_at: event.expires_at.filter(|end| *end > now),
        turn: None,
        batch: None,
    }
}

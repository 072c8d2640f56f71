//! What an endpoint missed, told when it is enabled again.

use fanfare_domain::delivery::{DeliveryState, DiscardedReason, StateName};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::job::{Filter, Missing, Verdict};
use fanfare_domain::time::Timestamp;

use super::missed::{READ, Wanted};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::jobs::Walk;
use crate::port::log::EventWalk;

/// The most reads of a count: a thousand events, some ten milliseconds unless they are large.
const READS: usize = 16;

/// What an endpoint missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// From when on: what a recovery of what was missed is to begin with.
    pub since: Timestamp,
    /// How many deliveries it missed, as far as they were counted.
    pub count: usize,
    /// Whether there are events that were not looked at.
    pub more: bool,
}

impl Fanfare {
    /// Counts what an endpoint missed from a time on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn missed(&self, endpoint: &Endpoint, since: Timestamp) -> Result<Offer, StoreError> {
        let now = self.ports.clock.now();
        let wanted = Wanted {
            endpoint,
            what: Missing::Missed,
            made_before: now,
            now,
        };
        let mut walk = EventWalk {
            scope: endpoint.scope.clone(),
            since,
            until: now,
            after: None,
            limit: READ,
        };
        let mut offer = Offer {
            since,
            count: 0,
            more: true,
        };
        for _ in 0..READS {
            let events = self.ports.log.events_from(&walk).await?;
            let standings = self
                .standings(&endpoint.scope, endpoint.id, &events)
                .await?;
            let verdicts = events.iter().zip(&standings);
            let verdicts = verdicts.map(|(event, standing)| wanted.judge(event, standing));
            let takes = verdicts.filter(|verdict| *verdict == Some(Verdict::Take));
            offer.count += takes.count();
            walk.after = events.last().map(|event| event.id).or(walk.after);
            if events.len() < READ {
                offer.more = false;
                break;
            }
        }
        Ok(offer)
    }

    /// From when on an endpoint missed what it did while it was disabled: what waited for it then was
    /// discarded, and may have been published before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn missed_since(
        &self,
        endpoint: &Endpoint,
        disabled: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let mut walk = Walk {
            environment: endpoint.scope.environment.clone(),
            tenant: Some(endpoint.scope.tenant.clone()),
            filter: Filter {
                states: vec![StateName::Discarded],
                endpoint: Some(endpoint.id),
                ..Filter::default()
            },
            made_before: disabled,
            after: None,
            limit: READ,
        };
        for _ in 0..READS {
            let walked = self.ports.deliveries.walk(&walk).await?;
            let discarded = walked.deliveries.iter().find(|row| {
                matches!(
                    row.state,
                    DeliveryState::Discarded {
                        at,
                        reason: DiscardedReason::EndpointDisabled,
                    } if at >= disabled
                )
            });
            if let Some(oldest) = discarded {
                return Ok(oldest.created_at);
            }
            match walked.next {
                Some(next) => walk.after = Some(next),
                None => break,
            }
        }
        Ok(disabled)
    }
}

//! Sending an event to an endpoint that may never have been meant by it, and forgetting what was sent.

use std::sync::Arc;

use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Timings, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use crate::deliveries::Retried;
use crate::error::UseCaseError;
use crate::fanfare::Fanfare;
use crate::port::deliveries::{DeliveryQuery, Settlement};
use crate::port::log::Event;

/// The bytes that stand for an answer that was expunged.
const EXPUNGED: &[u8] = b"EXPUNGED";
/// The most deliveries of one event to one endpoint that are looked at: its first, and replays.
const MOST: usize = 1_000;

impl Fanfare {
    /// The deliveries of an event, newest first; only those to an endpoint, if one is named.
    ///
    /// # Errors
    /// When the store fails, or the tenant has no such event.
    pub async fn deliveries_to(
        &self,
        event: &Event,
        endpoint: Option<EndpointId>,
    ) -> Result<Vec<Delivery>, UseCaseError> {
        let query = DeliveryQuery {
            scope: event.scope.clone(),
            event: None,
            endpoint,
            state: None,
            event_type: None,
            last_error: None,
            last_status: None,
            since: None,
            until: None,
            before: None,
            limit: MOST,
        };
        self.deliveries_of_event(event, query).await
    }

    /// Sends an event to an endpoint, whatever that asks for: the newest delivery is tried again, or one
    /// is made. Where the endpoint is disabled, a failed delivery is recorded that says so.
    ///
    /// # Errors
    /// When the event's payload is gone, its time has not come, or the store fails.
    pub async fn send_to(&self, event: &Event, endpoint: &Endpoint) -> Result<(), UseCaseError> {
        let now = self.ports.clock.now();
        if !endpoint.enabled() {
            return self.record_disabled(event, endpoint, now).await;
        }
        let known = self.deliveries_to(event, Some(endpoint.id)).await?;
        if let Some(newest) = known.first() {
            let retried = self.retry(&event.scope, &newest.id.to_string()).await?;
            return match retried {
                Retried::Extra(_) | Retried::Replay(_) => Ok(()),
            };
        }
        self.keep(self.asked_for(event, endpoint, now), None)
            .await?;
        if let Some(target) = self.directory.target(endpoint.id) {
            target.count_waiting();
        }
        self.ports.dispatch.due(endpoint.id, now);
        Ok(())
    }

    /// A delivery that somebody asked for. It repeats itself, by which it is known as none of the event's
    /// own.
    fn asked_for(&self, event: &Event, endpoint: &Endpoint, now: Timestamp) -> Delivery {
        let id = DeliveryId::for_replay(now, self.ports.random.bits());
        Delivery {
            id,
            scope: event.scope.clone(),
            event: event.id,
            event_type: event.event_type.clone(),
            endpoint: endpoint.id,
            state: DeliveryState::Waiting { due_at: now },
            attempts: 0,
            extra_attempts: 0,
            replay_of: Some(id),
            created_at: now,
            expires_at: None,
            first_attempt_at: None,
            last_status: None,
            last_error: None,
            turn: None,
            batch: None,
        }
    }

    async fn record_disabled(
        &self,
        event: &Event,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<(), UseCaseError> {
        let delivery = Delivery {
            state: DeliveryState::Failed {
                at: now,
                reason: FailedReason::Exhausted,
            },
            attempts: 1,
            first_attempt_at: Some(now),
            last_error: Some(ErrorKind::Request),
            ..self.asked_for(event, endpoint, now)
        };
        let attempt = Attempt {
            id: delivery.id.attempt(1),
            started_at: now,
            trigger: Trigger::Manual,
            url: endpoint.url.clone(),
            address: None,
            http_version: None,
            timings: Timings::default(),
            status: None,
            error: Some(AttemptError {
                kind: ErrorKind::Request,
                detail: "the endpoint is disabled; enable it first".to_owned(),
            }),
            request_headers: Default::default(),
            response_headers: Default::default(),
            response_body: Vec::new(),
            response_truncated: false,
        };
        self.keep(delivery, Some(attempt)).await
    }

    async fn keep(&self, delivery: Delivery, attempt: Option<Attempt>) -> Result<(), UseCaseError> {
        let settlement = Settlement {
            delivery,
            attempt: attempt.map(Box::new),
        };
        let settlements = Arc::new(vec![settlement]);
        self.ports.deliveries.settle(settlements, None).await?;
        Ok(())
    }

    /// Forgets an event's payload now. What waits to be delivered of it is discarded when its turn comes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expunge_payload(&self, event: &Event) -> Result<(), UseCaseError> {
        let places = self.ports.log.positions(&event.scope, &[event.id]).await?;
        let places = places.into_iter().map(|(_, position)| position).collect();
        Ok(self.ports.log.drop_payloads(places).await?)
    }

    /// Forgets what an attempt was answered.
    ///
    /// # Errors
    /// When there is no such attempt.
    pub async fn expunge_response(
        &self,
        scope: &Scope,
        attempt: &Attempt,
    ) -> Result<(), UseCaseError> {
        let deliveries = &self.ports.deliveries;
        let replaced = deliveries.replace_response(scope, attempt.id, EXPUNGED.to_vec());
        if replaced.await? {
            Ok(())
        } else {
            Err(UseCaseError::not_found("attempt", attempt.id))
        }
    }
}

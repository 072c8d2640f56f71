//! Looking up events and deliveries, and repeating deliveries.

use std::sync::Arc;

use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use crate::error::{Conflict, UseCaseError};
use crate::fanfare::Fanfare;
use crate::fault::{Fault, planted};
use crate::port::Found;
use crate::port::deliveries::{DeliveryQuery, Settlement, Tally};
use crate::port::log::{Event, EventQuery, EventRef};

mod order;

/// What was asked for when a delivery is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It still waits: an extra attempt is made, its schedule stands.
    Extra(Delivery),
    /// It had ended: this new delivery repeats it.
    Replay(Delivery),
}

/// A delivery that has no row yet: accepted, and on its way in memory.
fn on_its_way(event: &Event, id: DeliveryId, endpoint: EndpointId) -> Delivery {
    Delivery {
        id,
        scope: event.scope.clone(),
        event: event.id,
        event_type: event.event_type.clone(),
        endpoint,
        state: DeliveryState::Waiting {
            due_at: event.due_from(),
        },
        attempts: 0,
        extra_attempts: 0,
        replay_of: None,
        created_at: event.created_at,
        expires_at: event.expires_at,
        first_attempt_at: None,
        last_status: None,
        last_error: None,
        turn: None,
        batch: None,
    }
}

fn event_ref(text: &str) -> EventRef {
    EventId::parse(text).map_or_else(|_| EventRef::Uid(text.to_owned()), EventRef::Id)
}

impl Fanfare {
    /// One event of a tenant, by its generated id or the caller's own.
    ///
    /// # Errors
    /// When the tenant has no such event.
    pub async fn event(&self, scope: &Scope, id: &str) -> Result<Arc<Event>, UseCaseError> {
        self.scope_exists(scope)?;
        let event = self.ports.log.event(scope, &event_ref(id)).await?;
        event.ok_or_else(|| UseCaseError::not_found("event", id))
    }

    /// Events of a tenant, newest first.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, UseCaseError> {
        self.scope_exists(&query.scope)?;
        Ok(self.ports.log.events(query).await?)
    }

    /// The same, for as long as a page may take.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn search_events(
        &self,
        query: &EventQuery,
    ) -> Result<Found<Arc<Event>, EventId>, UseCaseError> {
        self.scope_exists(&query.scope)?;
        Ok(self.ports.log.search(query).await?)
    }

    /// Deliveries of a tenant, newest first. One that is on its way for the first moment may be
    /// missing here until its row is written, within about a second.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, UseCaseError> {
        self.scope_exists(&query.scope)?;
        Ok(self.ports.deliveries.deliveries(query).await?)
    }

    /// The same, for as long as a page may take.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn search_deliveries(
        &self,
        query: &DeliveryQuery,
    ) -> Result<Found<Delivery, DeliveryId>, UseCaseError> {
        self.scope_exists(&query.scope)?;
        Ok(self.ports.deliveries.search(query).await?)
    }

    /// Deliveries of one event, newest first, those without a row included.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn deliveries_of_event(
        &self,
        event: &Event,
        mut query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, UseCaseError> {
        query.event = Some(event.id);
        let mut found = self.ports.deliveries.deliveries(&query).await?;
        let pending = query
            .state
            .is_none_or(|state| state == fanfare_domain::delivery::StateName::Waiting);
        if pending {
            // With a full page, what lies below its last row belongs to the next page.
            let floor = (found.len() == query.limit)
                .then(|| found.last().map(|last| last.id))
                .flatten();
            let in_page = |id: DeliveryId| {
                query.before.is_none_or(|before| id < before)
                    && floor.is_none_or(|floor| id > floor)
            };
            let wanted: Vec<_> = event
                .deliveries()
                .filter(|(id, endpoint)| {
                    in_page(*id) && query.endpoint.is_none_or(|only| only == *endpoint)
                })
                .collect();
            let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
            let rows = self.ports.deliveries.existing(&event.scope, &ids).await?;
            found.extend(
                wanted
                    .into_iter()
                    .filter(|(id, _)| !rows.contains(id))
                    .map(|(id, endpoint)| on_its_way(event, id, endpoint)),
            );
            found.sort_unstable_by_key(|delivery| std::cmp::Reverse(delivery.id));
            found.truncate(query.limit);
        }
        Ok(found)
    }

    /// One delivery of a tenant.
    ///
    /// # Errors
    /// When the tenant has no such delivery.
    pub async fn delivery(&self, scope: &Scope, id: &str) -> Result<Delivery, UseCaseError> {
        self.scope_exists(scope)?;
        let unknown = || UseCaseError::not_found("delivery", id);
        let key = DeliveryId::parse(id).map_err(|_| unknown())?;
        if let Some(delivery) = self.ports.deliveries.delivery(scope, key).await? {
            return Ok(delivery);
        }
        let place = key.place().ok_or_else(unknown)?;
        let event = self
            .ports
            .log
            .event(scope, &EventRef::Id(key.event()))
            .await?
            .ok_or_else(unknown)?;
        let endpoint = event.targets.get(usize::from(place)).ok_or_else(unknown)?;
        Ok(on_its_way(&event, key, *endpoint))
    }

    /// Up to `limit` attempts of a delivery behind one of a number, oldest first.
    ///
    /// # Errors
    /// When the tenant has no such delivery.
    pub async fn attempts(
        &self,
        scope: &Scope,
        id: &str,
        after: u16,
        limit: usize,
    ) -> Result<Vec<Attempt>, UseCaseError> {
        let delivery = self.delivery(scope, id).await?;
        let after = delivery.id.attempt(after);
        let store = &self.ports.deliveries;
        Ok(store.attempts(scope, after, limit).await?)
    }

    /// What happened at an endpoint, minute by minute.
    ///
    /// # Errors
    /// When the tenant has no such endpoint.
    pub async fn endpoint_tallies(
        &self,
        scope: &Scope,
        endpoint: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, UseCaseError> {
        let endpoint = self.endpoint(scope, endpoint).await?;
        Ok(self.ports.deliveries.tallies(endpoint.id, from, to).await?)
    }

    /// Tries a delivery again: an extra attempt where it waits, a replay where it ended.
    ///
    /// # Errors
    /// When the tenant has no such delivery, its endpoint is gone or disabled, or its event's payload is
    /// not kept any more.
    pub async fn retry(&self, scope: &Scope, id: &str) -> Result<Retried, UseCaseError> {
        let delivery = self.delivery(scope, id).await?;
        let state = |text: &str| UseCaseError::from(Conflict::State(text.to_owned()));
        let target = self
            .directory
            .target(delivery.endpoint)
            .ok_or_else(|| state("the delivery's endpoint was deleted"))?;
        if !target.endpoint.enabled() {
            return Err(state(
                "the delivery's endpoint is disabled; enable it first",
            ));
        }
        let event = self
            .ports
            .log
            .event(scope, &EventRef::Id(delivery.event))
            .await?;
        let now = self.ports.clock.now();
        if !delivery.state.ended() {
            let due_from = event.as_ref().map(|event| event.due_from());
            if let Some(due_from) = due_from.filter(|due_from| *due_from > now) {
                return Err(state(&format!(
                    "the event's \"deliver_at\" is {due_from}; nothing of it is sent before"
                )));
            }
            self.is_first_in_order(&delivery, &target, event.as_deref())
                .await?;
            if !self.ports.deliveries.wish_extra(&delivery).await? {
                self.ports.dispatch.extra(delivery.clone());
            }
            return Ok(Retried::Extra(delivery));
        }
        if event.is_none_or(|event| event.payload_gone()) {
            return Err(state("the event's payload is not kept any more"));
        }
        let id = DeliveryId::for_replay(now, self.ports.random.bits());
        let replay = delivery.replay(id, now);
        let settlement = Settlement {
            delivery: replay.clone(),
            attempt: None,
        };
        self.ports
            .deliveries
            .settle(Arc::new(vec![settlement]), None)
            .await?;
        if planted(Fault::TwinReplay) {
            let delivery = Delivery {
                id: DeliveryId::for_replay(now, self.ports.random.bits()),
                ..replay.clone()
            };
            let twin = vec![Settlement {
                delivery,
                attempt: None,
            }];
            self.ports.deliveries.settle(Arc::new(twin), None).await?;
        }
        target.count_waiting();
        self.ports.dispatch.due(replay.endpoint, now);
        Ok(Retried::Replay(replay))
    }
}

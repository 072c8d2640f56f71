//! Things to put into a store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_app::port::Log;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, Appended, Event, Position};
use fanfare_domain::attempt::{Attempt, Headers, Timings, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::event::Attributes;
use fanfare_domain::id::{EndpointId, EventId, JobId};
use fanfare_domain::job::{Filter, Job, Work};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::time::Timestamp;

/// So many hours after the start of a day.
pub(crate) fn hour(number: u64) -> Timestamp {
    Timestamp::from_seconds(20_717 * 86_400).after(Duration::from_secs(3_600 * number))
}

pub(crate) fn scope() -> Scope {
    Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse("acme").unwrap(),
    }
}

pub(crate) fn endpoint() -> EndpointId {
    EndpointId::new(hour(0), 1)
}

/// An event that is accepted then, to one endpoint.
pub(crate) fn event(at: Timestamp, number: u64) -> Event {
    Event {
        id: EventId::new(at, number),
        scope: scope(),
        uid: None,
        event_type: EventTypeName::parse("invoice.paid").unwrap(),
        subcategory: None,
        attributes: Attributes::default(),
        ordering_key: None,
        created_at: at,
        deliver_at: None,
        expires_at: None,
        data_until: None,
        data: Bytes::from_static(b"{}"),
        targets: vec![endpoint()],
    }
}

pub(crate) fn append(event: Event) -> Append {
    Append {
        content: event.uid.as_ref().map(|_| [1; 16]),
        event: Arc::new(event),
        idempotency: None,
        in_turn: Vec::new(),
    }
}

/// The same with the caller's id.
pub(crate) fn with_uid(at: Timestamp, number: u64, uid: &str) -> Append {
    append(Event {
        uid: Some(uid.to_owned()),
        ..event(at, number)
    })
}

/// Appends one event; answers its position.
pub(crate) async fn appended(log: &dyn Log, event: Event) -> Position {
    match log.append(vec![append(event)]).await.unwrap()[..] {
        [Appended::At(position)] => position,
        ref other => panic!("not appended: {other:?}"),
    }
}

/// The event's delivery, as it is when it was just made.
pub(crate) fn delivery(event: &Event) -> Delivery {
    Delivery {
        id: event.id.delivery(0),
        scope: event.scope.clone(),
        event: event.id,
        event_type: event.event_type.clone(),
        endpoint: endpoint(),
        state: DeliveryState::Waiting {
            due_at: event.created_at,
        },
        attempts: 0,
        extra_attempts: 0,
        replay_of: None,
        created_at: event.created_at,
        expires_at: None,
        first_attempt_at: None,
        last_status: None,
        last_error: None,
        turn: None,
        batch: None,
    }
}

/// It stands like that after one more attempt, which began then.
pub(crate) fn attempted(delivery: Delivery, state: DeliveryState, at: Timestamp) -> Settlement {
    let delivery = Delivery {
        state,
        attempts: delivery.attempts + 1,
        first_attempt_at: Some(at),
        last_status: Some(204),
        ..delivery
    };
    let attempt = Attempt {
        id: delivery.id.attempt(delivery.attempts),
        started_at: at,
        trigger: Trigger::Scheduled,
        url: "https://example.com/hook".to_owned(),
        address: None,
        http_version: None,
        timings: Timings::default(),
        status: Some(204),
        error: None,
        request_headers: Headers::default(),
        response_headers: Headers::default(),
        response_body: Vec::new(),
        response_truncated: false,
    };
    Settlement {
        delivery,
        attempt: Some(Box::new(attempt)),
    }
}

/// Its end without an attempt, by a job that cancels.
pub(crate) fn cancelled(delivery: Delivery, at: Timestamp) -> Settlement {
    let reason = DiscardedReason::Cancelled;
    let state = DeliveryState::Discarded { at, reason };
    Settlement {
        delivery: Delivery { state, ..delivery },
        attempt: None,
    }
}

/// A job, made then, that cancels all that waits for the tenant.
pub(crate) fn cancelling_job(at: Timestamp) -> Job {
    let Scope {
        environment,
        tenant,
    } = scope();
    let work = Work::Cancel {
        filter: Filter::default(),
    };
    Job::new(JobId::new(at, 1), environment, Some(tenant), work, 100, at)
}

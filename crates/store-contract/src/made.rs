//! Things to put into a store. Numbers make them differ, and say their age: a higher one is later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_app::port::configuration::{DocumentKey, Kind};
use fanfare_app::port::deliveries::{DeliveryQuery, Settlement};
use fanfare_app::port::log::{Append, Event, EventQuery, Idempotency};
use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Timings, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::event::Attributes;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::order::{Strand, Turn};
use fanfare_domain::time::Timestamp;

/// The time of number 0: the start of a minute.
pub(crate) const START: i64 = 1_789_999_980;

/// So many seconds after the start, and an odd number of microseconds.
pub(crate) fn time(number: u64) -> Timestamp {
    Timestamp::from_seconds(START)
        .after(Duration::from_secs(number))
        .after(Duration::from_micros(17))
}

pub(crate) fn scope(tenant: &str) -> Scope {
    Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse(tenant).unwrap(),
    }
}

pub(crate) fn endpoint(number: u64) -> EndpointId {
    EndpointId::new(time(0), number)
}

pub(crate) fn event_type(name: &str) -> EventTypeName {
    EventTypeName::parse(name).unwrap()
}

pub(crate) fn event_id(number: u64) -> EventId {
    EventId::new(time(number), number)
}

/// An event of tenant `a` to endpoints 1 and 2.
pub(crate) fn event(number: u64) -> Event {
    Event {
        id: event_id(number),
        scope: scope("a"),
        uid: None,
        event_type: event_type("invoice.paid"),
        subcategory: None,
        attributes: Attributes::default(),
        ordering_key: None,
        created_at: time(number),
        deliver_at: None,
        expires_at: None,
        data_until: None,
        data: Bytes::from(format!("{{\"number\":{number}}}")),
        targets: vec![endpoint(1), endpoint(2)],
    }
}

/// An event that has everything that an event can have.
pub(crate) fn full_event(number: u64) -> Event {
    let attributes = BTreeMap::from([("entity".to_owned(), vec!["x".to_owned(), "ÿ".to_owned()])]);
    Event {
        uid: Some(format!("caller:{number}")),
        subcategory: Some("late".to_owned()),
        ordering_key: Some("order/ÿ".to_owned()),
        attributes: Attributes::new(attributes).unwrap(),
        deliver_at: Some(time(number + 50)),
        expires_at: Some(time(number + 60)),
        data_until: Some(time(number + 70)),
        ..event(number)
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

/// An event with the caller's id, and what it says.
pub(crate) fn with_uid(number: u64, uid: &str, content: u8) -> Append {
    Append {
        content: Some([content; 16]),
        ..append(Event {
            uid: Some(uid.to_owned()),
            ..event(number)
        })
    }
}

/// An event whose request had an idempotency key, which expires at a number's time.
pub(crate) fn with_key(number: u64, key: u8, content: u8, expires: u64) -> Append {
    Append {
        idempotency: Some(Idempotency {
            digest: [key; 32],
            content: [content; 16],
            expires_at: time(expires),
        }),
        ..append(event(number))
    }
}

/// The delivery of an event to its target at a place, as it is when it was just made.
pub(crate) fn delivery(event: &Event, place: u16) -> Delivery {
    Delivery {
        id: event.id.delivery(place),
        scope: event.scope.clone(),
        event: event.id,
        event_type: event.event_type.clone(),
        endpoint: event.targets[usize::from(place)],
        state: DeliveryState::Waiting {
            due_at: event.created_at,
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

/// The delivery with a turn: at a position, of a strand.
pub(crate) fn in_turn(delivery: &Delivery, position: i64, strand: Option<Strand>) -> Delivery {
    Delivery {
        turn: Some(Turn {
            position,
            strand,
            holds: false,
        }),
        ..delivery.clone()
    }
}

/// The delivery failed, and it holds its strand.
pub(crate) fn holding(delivery: &Delivery, at: u64) -> Delivery {
    let mut failed = failed(delivery, at);
    if let Some(turn) = &mut failed.turn {
        turn.holds = true;
    }
    failed
}

/// A replay, made at a number's time; it stands as the old one does.
pub(crate) fn replay(of: &Delivery, number: u64) -> Delivery {
    Delivery {
        id: DeliveryId::for_replay(time(number), of.id.bits() as u64 ^ 0xABCD_0000_0000),
        replay_of: Some(of.id),
        turn: None,
        batch: None,
        created_at: time(number),
        expires_at: None,
        ..of.clone()
    }
}

pub(crate) fn waiting(delivery: &Delivery, due: u64) -> Delivery {
    Delivery {
        state: DeliveryState::Waiting { due_at: time(due) },
        ..delivery.clone()
    }
}

pub(crate) fn delivered(delivery: &Delivery, at: u64) -> Delivery {
    Delivery {
        state: DeliveryState::Delivered { at: time(at) },
        attempts: delivery.attempts + 1,
        first_attempt_at: Some(delivery.first_attempt_at.unwrap_or(time(at))),
        last_status: Some(204),
        last_error: None,
        ..delivery.clone()
    }
}

pub(crate) fn failed(delivery: &Delivery, at: u64) -> Delivery {
    Delivery {
        state: DeliveryState::Failed {
            at: time(at),
            reason: FailedReason::Exhausted,
        },
        attempts: delivery.attempts + 1,
        first_attempt_at: Some(delivery.first_attempt_at.unwrap_or(time(at))),
        last_status: None,
        last_error: Some(ErrorKind::Timeout),
        ..delivery.clone()
    }
}

/// The delivery's last attempt, begun at a number's time; it took 250 ms.
pub(crate) fn attempt(delivery: &Delivery, number: u64) -> Attempt {
    Attempt {
        id: delivery.id.attempt(delivery.attempts),
        started_at: time(number),
        trigger: Trigger::Scheduled,
        url: "https://example.com/hook".to_owned(),
        address: "[2001:4860::7]:443".parse().ok(),
        http_version: Some("HTTP/2".to_owned()),
        timings: Timings {
            lookup: Some(Duration::from_micros(77)),
            connect: None,
            tls: Some(Duration::from_micros(0)),
            first_byte: Some(Duration::from_micros(249_999)),
            total: Duration::from_millis(250),
        },
        status: delivery.last_status,
        error: delivery.last_error.map(|kind| AttemptError {
            kind,
            detail: "no answer".to_owned(),
        }),
        request_headers: [("webhook-id", "\"quoted\" ÿ")].into_iter().collect(),
        response_headers: [("a", "1"), ("a", "2")].into_iter().collect(),
        response_body: vec![0, 159, 146, 150],
        response_truncated: true,
    }
}

/// What happened, without an attempt.
pub(crate) fn settlement(delivery: Delivery) -> Settlement {
    Settlement {
        delivery,
        attempt: None,
    }
}

/// What happened by an attempt that began at a number's time.
pub(crate) fn attempted(delivery: Delivery, number: u64) -> Settlement {
    Settlement {
        attempt: Some(Box::new(attempt(&delivery, number))),
        delivery,
    }
}

pub(crate) fn deliveries_of(tenant: &str) -> DeliveryQuery {
    DeliveryQuery {
        scope: scope(tenant),
        event: None,
        endpoint: None,
        state: None,
        event_type: None,
        last_error: None,
        last_status: None,
        since: None,
        until: None,
        before: None,
        limit: 1_000,
    }
}

pub(crate) fn events_of(tenant: &str) -> EventQuery {
    EventQuery {
        scope: scope(tenant),
        event_type: None,
        since: None,
        until: None,
        before: None,
        limit: 1_000,
    }
}

pub(crate) fn key(kind: Kind, environment: &str, tenant: &str, id: &str) -> DocumentKey {
    DocumentKey {
        kind,
        environment: environment.to_owned(),
        tenant: tenant.to_owned(),
        id: id.to_owned(),
    }
}

//! Breakers of other nodes: told to them, and heard of them, where several share a store.
//!
//! What is heard is a hint, and no verdict: an endpoint may be out of reach for one node only. So one attempt
//! finds out, and what it comes to is this node's own.

use std::sync::Arc;

use fanfare_app::directory::Target;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_domain::breaker::OpenReason;
use fanfare_domain::id::EndpointId;

use super::{Known, Patient, Shared};

/// Tells the others, of an endpoint that several nodes serve.
pub(super) fn tell(shared: &Shared, target: &Target, news: BreakerNews) {
    if !target.endpoint.served_by_one() {
        let coordination = &shared.parts.coordination;
        coordination.tell_breaker(target.endpoint.id, news);
    }
}

/// Another node's breaker opened or closed.
pub(in crate::engine) fn hear(shared: &Arc<Shared>, endpoint: EndpointId, news: BreakerNews) {
    let target = shared.parts.directory.target(endpoint);
    let has_breaker = |target: &Arc<Target>| {
        target.endpoint.enabled()
            && target.policy.breaker.is_some()
            && !target.endpoint.served_by_one()
    };
    let Some(target) = target.filter(has_breaker) else {
        return;
    };
    let known = match news {
        BreakerNews::Opened => opened(shared, endpoint),
        BreakerNews::Closed => closed(shared, &target),
    };
    let Some(known) = known else {
        return;
    };
    // Whoever makes a lane looks into the book with the lanes locked.
    if let Some(lane) = shared.lanes.find(endpoint) {
        lane.know(known);
        shared.timer.set(shared.parts.clock.now(), endpoint);
    }
}

/// What the lane has to know of it now; none where nothing changed.
fn opened(shared: &Shared, endpoint: EndpointId) -> Option<Known> {
    let now = shared.parts.clock.now();
    let mut book = shared.health.by_endpoint.lock();
    let patient = book.entry(endpoint).or_default();
    if !patient.breaker.opened_elsewhere(now) {
        return None;
    }
    shared.meters.breaker_opened(OpenReason::OpenElsewhere);
    Some(patient.known())
}

fn closed(shared: &Shared, target: &Target) -> Option<Known> {
    let now = shared.parts.clock.now();
    let mut book = shared.health.by_endpoint.lock();
    let patient = book.get_mut(&target.endpoint.id)?;
    if patient.breaker.closed_elsewhere(now).is_some() {
        shared.meters.breaker_closed();
    }
    if Patient::is_well(patient, target, now) {
        book.remove(&target.endpoint.id);
        return Some(Known::default());
    }
    Some(patient.known())
}

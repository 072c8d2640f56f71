//! Order: how an ordered lane gets its deliveries.
//!
//! A delivery that stands in an order takes the way through the store: it gets its row when it is handed
//! on, with its turn, and its lane reads the rows of each strand in order ([`read`]). So what waits in
//! memory, what waits for its retry and what a run before left are one line, and there is nothing to put
//! together. What [`super::lines`] holds is a window of it.
//!
//! A change of an endpoint's ordering gives what waits new turns ([`place`]); nothing of its lines is
//! sent meanwhile. What is under way at the change is not waited for, and what was bound to a batch before
//! stands outside the new order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};

use fanfare_app::port::log::Position;
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use super::Shared;
use super::lines::{InLine, Lines};
use super::refill;
use super::tracker::Lingering;

pub(super) mod place;
pub(super) mod read;

/// Lanes in which a delivery waits until every lower position was handed on.
#[derive(Debug, Default)]
pub(super) struct GapWaiters {
    any: AtomicBool,
    lanes: Mutex<BTreeSet<EndpointId>>,
}

impl GapWaiters {
    fn add(&self, endpoint: EndpointId) {
        self.lanes.lock().insert(endpoint);
        self.any.store(true, atomic::Ordering::SeqCst);
    }

    fn take(&self) -> BTreeSet<EndpointId> {
        if !self.any.load(atomic::Ordering::SeqCst) {
            return BTreeSet::new();
        }
        let mut lanes = self.lanes.lock();
        self.any.store(false, atomic::Ordering::SeqCst);
        std::mem::take(&mut lanes)
    }
}

/// More positions may have been handed on: wakes the lanes that wait for that. Costs one load where none
/// does.
pub(super) fn gap_moved(shared: &Arc<Shared>) {
    let endpoints = shared.gap_waiters.take();
    if endpoints.is_empty() {
        return;
    }
    let now = shared.parts.clock.now();
    for endpoint in endpoints {
        if let Some(lane) = shared.lanes.find(endpoint) {
            lane.lines_if_any(|lines| lines.gap_moved(now));
            shared.timer.set(now, endpoint);
        }
    }
}

/// An event's delivery to an ordered endpoint is about to be handed on. Noted before the tracker knows of
/// the position, so that no lane takes what follows before this one has its row. Answers whether it was
/// not known before.
pub(super) fn expect(shared: &Shared, endpoint: EndpointId, at: InLine) -> bool {
    let lane = shared.lanes.get(endpoint, &shared.health);
    lane.lines(|lines| lines.expect(at))
}

/// A delivery leaves its lane's memory for a row, in the order that its endpoint wants now, if in any.
pub(super) fn expect_again(shared: &Shared, endpoint: EndpointId, delivery: &Lingering) {
    let target = shared.parts.directory.target(endpoint);
    let at = target.and_then(|target| target.in_line(delivery.shipment.event(), delivery.position));
    if let Some((strand, position)) = at {
        expect(shared, endpoint, InLine { strand, position });
    }
}

/// A delivery that was expected has its row, which is due then.
pub(super) fn came(
    shared: &Arc<Shared>,
    endpoint: EndpointId,
    position: Position,
    row: Option<(InLine, Timestamp)>,
) {
    let Some(lane) = shared.lanes.find(endpoint) else {
        return;
    };
    lane.came(position);
    if let Some((at, due_at)) = row {
        lane.lines(|lines| lines.look(at.strand, due_at));
        shared.timer.set(due_at, endpoint);
    }
}

/// A delivery that was just accepted has its row, as where nodes share the store: its endpoint's owner looks at
/// its strand.
pub(super) fn has_row(shared: &Arc<Shared>, endpoint: EndpointId, at: InLine) {
    if shared.parts.coordination.owns(endpoint).is_some() {
        look(shared, endpoint, at.strand);
    }
}

/// What became of a delivery in a line is committed.
pub(super) fn settled(
    shared: &Arc<Shared>,
    endpoint: EndpointId,
    at: InLine,
    state: fanfare_domain::delivery::DeliveryState,
) {
    let lane = shared.lanes.get(endpoint, &shared.health);
    let now = shared.parts.clock.now();
    lane.settled(at, state, now);
    wake(shared, endpoint);
}

/// A strand may go on.
pub(super) fn look(shared: &Arc<Shared>, endpoint: EndpointId, strand: Strand) {
    let lane = shared.lanes.get(endpoint, &shared.health);
    let now = shared.parts.clock.now();
    lane.lines(|lines| lines.look(strand, now));
    wake(shared, endpoint);
}

/// Goes through all strands of an endpoint that the store knows.
pub(super) fn patrol(shared: &Arc<Shared>, endpoint: EndpointId) {
    let lane = shared.lanes.get(endpoint, &shared.health);
    lane.lines(Lines::begin_patrol);
    wake(shared, endpoint);
}

/// Something waits for an endpoint, in some order or in none.
pub(super) fn find(shared: &Arc<Shared>, endpoint: EndpointId) {
    shared.schedule(endpoint, shared.parts.clock.now());
    let target = shared.parts.directory.target(endpoint);
    if target.is_some_and(|target| target.endpoint.ordering != Ordering::Unordered) {
        patrol(shared, endpoint);
    }
}

/// Reads now, or when there is something to be read.
fn wake(shared: &Arc<Shared>, endpoint: EndpointId) {
    let Some(lane) = shared.lanes.find(endpoint) else {
        return;
    };
    let now = shared.parts.clock.now();
    match lane.next_read() {
        Some(at) if at > now => shared.timer.set(at, endpoint),
        Some(_) => refill::kick(shared, &lane),
        None => {}
    }
}

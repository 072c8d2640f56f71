//! From the commit into the lanes.

use std::sync::Arc;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::Ordering;

use super::Shared;
use super::job::{Job, Origin, Shipment};
use super::lane::Pushed;
use super::lines::InLine;
use super::order;
use super::tracker::{Lingering, Places};
use super::worker;

/// Takes an event with all its targets.
pub(super) fn hand_on(
    shared: &Arc<Shared>,
    event: Arc<Event>,
    position: Position,
    targets: &[Option<Arc<Target>>],
) {
    shared.meters.accepted.increment(1);
    for target in targets.iter().flatten() {
        target.count_waiting();
    }
    let mut places = Places::first(event.targets.len());
    if shared.parts.log.keeps_turns() {
        // What stands in an order has its row already, by these very targets.
        for (place, target) in (0u16..).zip(targets) {
            if let Some(target) = target
                && let Some((strand, position)) = target.in_line(&event, position)
            {
                places.remove(place);
                order::has_row(shared, target.endpoint.id, InLine { strand, position });
            }
        }
    }
    place(shared, event, position, targets, places);
}

/// Takes some of an event's deliveries: into their lanes where there is room, else into the store.
pub(super) fn place(
    shared: &Arc<Shared>,
    event: Arc<Event>,
    position: Position,
    targets: &[Option<Arc<Target>>],
    places: Places,
) {
    if !places.is_empty() && !shared.has_room() {
        // Past the bound the event stays in the log, and is read back when there is room.
        shared.tracker.lock().leave_in_log(position, places);
        shared.budget.want_room();
        return;
    }
    let now = shared.parts.clock.now();
    let mut ordered = targets.iter().flatten();
    let ordered = ordered.any(|target| target.endpoint.ordering != Ordering::Unordered);
    let expected = if ordered {
        expect(shared, &event, position, targets, &places)
    } else {
        Vec::new()
    };
    let shipment = Shipment::new(event, &shared.budget);
    let opened = {
        let mut tracker = shared.tracker.lock();
        tracker.open(position, &shipment, places.clone(), now)
    };
    order::gap_moved(shared);
    if !opened {
        for (endpoint, known_now) in expected {
            if known_now {
                order::came(shared, endpoint, position, None);
            }
        }
        return;
    }
    // Until then the store keeps it.
    let later =
        shipment.event().deliver_at.is_some_and(|at| at > now) && !planted(Fault::IgnoreDeliverAt);
    let mut parked = false;
    for place in places.iter() {
        let Some(endpoint) = shipment.event().targets.get(usize::from(place)) else {
            continue;
        };
        let target = targets.get(usize::from(place)).and_then(Option::as_ref);
        // The first wait is nothing in most policies; another one is the store's to keep.
        let waits = target.is_some_and(|target| {
            target
                .policy_of(&shipment.event().event_type)
                .schedule
                .wait(1)
                .is_some_and(|wait| !wait.is_zero())
        });
        let job = Job {
            shipment: Arc::clone(&shipment),
            origin: Origin::Fresh { position, place },
            extra: false,
            batch: None,
        };
        // What stands in an order, or goes in batches, takes the way through the store.
        let batched = target.is_some_and(|target| target.batching().is_some());
        let in_line = ordered
            && target.is_some_and(|target| target.in_line(shipment.event(), position).is_some());
        // Another node's to send: the store takes it there.
        let elsewhere = target.is_some_and(|target| target.endpoint.served_by_one())
            && shared.parts.coordination.owns(*endpoint).is_none();
        if later || waits || in_line || batched || elsewhere || !offer(shared, *endpoint, job) {
            shared.parked.add(Lingering {
                position,
                place,
                shipment: Arc::clone(&shipment),
            });
            parked = true;
        }
    }
    if parked {
        shared.told_parked.notify_one();
    }
}

/// Notes which of an event's deliveries stand in an order; answers for each whether that is new.
fn expect(
    shared: &Shared,
    event: &Event,
    position: Position,
    targets: &[Option<Arc<Target>>],
    places: &Places,
) -> Vec<(EndpointId, bool)> {
    let mut expected = Vec::new();
    for place in places.iter() {
        let target = targets.get(usize::from(place)).and_then(Option::as_ref);
        if let Some(target) = target
            && let Some((strand, position)) = target.in_line(event, position)
        {
            let at = InLine { strand, position };
            let endpoint = target.endpoint.id;
            expected.push((endpoint, order::expect(shared, endpoint, at)));
        }
    }
    expected
}

/// Offers a job to its lane; false when there is no room.
pub(super) fn offer(shared: &Arc<Shared>, endpoint: EndpointId, job: Job) -> bool {
    let options = &shared.parts.options;
    let lane = shared.lanes.get(endpoint, &shared.health);
    match lane.push(job, options.lane_queue, shared.start_limit(), shared) {
        Pushed::Queued => true,
        Pushed::StartWorker => {
            worker::start(shared, lane, None);
            true
        }
        Pushed::Full => false,
    }
}

//! From the commit into the lanes.

use std::sync::Arc;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::id::EndpointId;

use super::Shared;
use super::job::{Job, Origin, Shipment};
use super::lane::Pushed;
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
    let places = Places::first(event.targets.len());
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
        return;
    }
    let now = shared.parts.clock.now();
    let shipment = Shipment::new(event, &shared.budget);
    if !shared
        .tracker
        .lock()
        .open(position, &shipment, places.clone(), now)
    {
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
        };
        if later || waits || !offer(shared, *endpoint, job) {
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

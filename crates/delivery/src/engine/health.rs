//! How endpoints have answered lately: their breakers, what their `Retry-After` asks for, and since
//! when they do nothing but fail.
//!
//! Kept only for endpoints that gave trouble, so it is as large as their number, and an endpoint
//! without any costs its lane one look at a flag. It is apart from the lanes, since those are swept
//! when nothing waits.
//!
//! A restart forgets the breakers; since when an endpoint fails is saved in its document once that has
//! lasted for a while ([`failing`]). One that is known to fail begins with a probe.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::coordination::BreakerNews;
use fanfare_app::port::dispatch::Health;
use fanfare_app::port::random::unit;
use fanfare_domain::breaker::{Breaker, BreakerState, Change, Ended, Opened, Passage};
use fanfare_domain::endpoint::Failing;
use fanfare_domain::id::EndpointId;
use fanfare_domain::policy::AttemptResult;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use super::Shared;
use super::lane::Lane;

pub(super) mod elsewhere;
mod failing;

pub(super) use failing::disable_endpoint;

/// The health of the endpoints that gave trouble.
#[derive(Debug, Default)]
pub(super) struct HealthBook {
    by_endpoint: Mutex<HashMap<EndpointId, Patient>>,
}

/// An endpoint that gave trouble.
#[derive(Debug, Default)]
struct Patient {
    breaker: Breaker,
    slowed_until: Option<Timestamp>,
    /// When the first attempt failed after which none arrived.
    failing_since: Option<Timestamp>,
    /// Warnings that its owner was given since then.
    warnings: u8,
    /// What its document says, and whether that is being changed.
    saved: Option<Failing>,
    saving: bool,
    /// Whether it is being disabled.
    disabling: bool,
    /// How many requests at a time its last lane had come to.
    limit: Option<usize>,
}

/// What a lane knows of its endpoint's health without looking into the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether it is in the book.
    pub(super) troubled: bool,
    /// Whether its last attempt failed.
    pub(super) failing: bool,
    /// How many requests at a time its last lane had come to, where it had one.
    pub(super) limit: Option<usize>,
}

impl Patient {
    fn known(&self) -> Known {
        Known {
            troubled: true,
            failing: self.failing_since.is_some(),
            limit: self.limit,
        }
    }

    fn passage(&self, now: Timestamp) -> Passage {
        let slowed_until = self.slowed_until.filter(|until| *until > now);
        let slowed_until = slowed_until.filter(|_| !planted(Fault::IgnoreSlowing));
        match (self.breaker.passage(now), slowed_until) {
            (Passage::Shut(Some(until)), _) => Passage::Shut(Some(until).max(slowed_until)),
            (Passage::Free | Passage::Probe, Some(until)) => Passage::Shut(Some(until)),
            (passage, _) => passage,
        }
    }

    fn is_well(&self, target: &Target, now: Timestamp) -> bool {
        let rested = match &target.policy.breaker {
            Some(rules) => self.breaker.is_at_rest(rules, now),
            None => true,
        };
        rested
            && self.failing_since.is_none()
            && self.slowed_until.is_none_or(|until| until <= now)
            && self.saved.is_none()
            && !self.saving
    }
}

impl HealthBook {
    /// What a lane has to know of its endpoint.
    pub(super) fn known(&self, endpoint: EndpointId) -> Known {
        let book = self.by_endpoint.lock();
        book.get(&endpoint)
            .map_or_else(Known::default, Patient::known)
    }

    /// An endpoint's lane is let go of, having come to so many requests at a time; 0: it made none.
    pub(super) fn note_limit(&self, endpoint: EndpointId, limit: usize) {
        if let Some(patient) = self.by_endpoint.lock().get_mut(&endpoint)
            && limit > 0
        {
            patient.limit = Some(limit);
        }
    }

    /// Whether an attempt may begin now.
    pub(super) fn passage(&self, endpoint: EndpointId, now: Timestamp) -> Passage {
        let book = self.by_endpoint.lock();
        book.get(&endpoint)
            .map_or(Passage::Free, |patient| patient.passage(now))
    }

    /// The probe of an endpoint begins.
    pub(super) fn begin_probe(&self, endpoint: EndpointId) {
        if let Some(patient) = self.by_endpoint.lock().get_mut(&endpoint) {
            patient.breaker.begin_probe();
        }
    }

    /// Whether an endpoint's breaker is open or probing, so that what waits for it may wait too long.
    pub(super) fn is_open(&self, endpoint: EndpointId) -> bool {
        let book = self.by_endpoint.lock();
        book.get(&endpoint)
            .is_some_and(|patient| !patient.breaker.is_closed())
    }

    /// How an endpoint has answered lately.
    pub(super) fn of(&self, endpoint: EndpointId, now: Timestamp) -> Health {
        let book = self.by_endpoint.lock();
        book.get(&endpoint)
            .map_or_else(Health::default, |patient| Health {
                breaker: patient.breaker.state(),
                failing_since: patient.failing_since,
                slowed_until: patient.slowed_until.filter(|until| *until > now),
            })
    }
}

/// What an attempt means for its lane.
#[derive(Debug, Default)]
struct Consequence {
    change: Option<Change>,
    slowed_until: Option<Timestamp>,
    well: bool,
}

/// Learns from an attempt.
pub(super) fn learn(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    target: &Target,
    result: &AttemptResult,
    ended: &Ended,
) {
    if ended.succeeded && !lane.is_troubled() {
        return;
    }
    let has_breaker = target.policy.breaker.is_some();
    let chance = has_breaker.then(|| unit(shared.parts.random.bits()));
    let chance = chance.unwrap_or_default();
    let consequence = {
        let mut book = shared.health.by_endpoint.lock();
        if !book.contains_key(&lane.endpoint) && (ended.succeeded || !is_wanted(shared, lane)) {
            // It was forgotten meanwhile, or there is nobody to remember.
            lane.know(Known::default());
            return;
        }
        let patient = book.entry(lane.endpoint).or_default();
        let consequence = patient.learn(target, result, ended, chance);
        failing::learn(shared, patient, target, ended);
        if consequence.well {
            book.remove(&lane.endpoint);
            lane.know(Known::default());
        } else {
            lane.know(patient.known());
        }
        consequence
    };
    if let Some(until) = consequence.slowed_until {
        shared.meters.slowed.increment(1);
        hold(shared, lane, until);
    }
    if let Some(change) = consequence.change {
        follow(shared, lane, target, change);
    }
}

/// Whether the endpoint is there and enabled. Asked with the book locked: a change that comes after is
/// told of after.
fn is_wanted(shared: &Shared, lane: &Lane) -> bool {
    let target = shared.parts.directory.target(lane.endpoint);
    target.is_some_and(|target| target.endpoint.enabled())
}

impl Patient {
    fn learn(
        &mut self,
        target: &Target,
        result: &AttemptResult,
        ended: &Ended,
        chance: f64,
    ) -> Consequence {
        let slowed_until = target.policy.slowed_until(result);
        self.slowed_until = self.slowed_until.max(slowed_until);
        let change = match &target.policy.breaker {
            Some(rules) => self.breaker.learn(rules, ended, chance),
            None => None,
        };
        if ended.succeeded {
            self.slowed_until = self.slowed_until.filter(|until| *until > ended.at);
            self.failing_since = None;
        } else {
            self.failing_since.get_or_insert(ended.at);
        }
        Consequence {
            change,
            slowed_until,
            well: ended.succeeded && self.is_well(target, ended.at),
        }
    }
}

/// What follows from a change of a breaker for its lane, the log and the metrics.
fn follow(shared: &Arc<Shared>, lane: &Arc<Lane>, target: &Target, change: Change) {
    let (endpoint, tenant) = (lane.endpoint, &target.endpoint.scope.tenant);
    match change {
        Change::Opened(Opened { reason, .. }) => {
            lane.restart_limit();
            shared.meters.breaker_opened(reason);
            tracing::warn!(%endpoint, %tenant, reason = reason.as_str(), "breaker opened: deliveries wait");
            hold_until_probe(shared, lane);
            elsewhere::tell(shared, target, BreakerNews::Opened);
        }
        Change::ProbeFailed(_) => hold_until_probe(shared, lane),
        Change::Closed(opened) => {
            shared.meters.breaker_closed();
            let open_for = ended_after(shared, &opened);
            tracing::info!(%endpoint, %tenant, open_for, "breaker closed: deliveries go on");
            elsewhere::tell(shared, target, BreakerNews::Closed);
        }
    }
}

fn ended_after(shared: &Shared, opened: &Opened) -> String {
    let span = shared.parts.clock.now().since(opened.since);
    fanfare_domain::policy::format_duration(span)
}

fn hold_until_probe(shared: &Arc<Shared>, lane: &Arc<Lane>) {
    let health = shared.health.of(lane.endpoint, shared.parts.clock.now());
    if let BreakerState::Open { next_probe_at, .. } = health.breaker {
        hold(shared, lane, next_probe_at);
    }
}

/// Nothing of a lane may begin before `until`: what is in memory goes to the store, and the lane is
/// woken then.
fn hold(shared: &Arc<Shared>, lane: &Arc<Lane>, until: Timestamp) {
    if lane.has_queued() {
        shared.parked.add_lane(lane.endpoint);
        shared.told_parked.notify_one();
    }
    shared.timer.set(until, lane.endpoint);
}

/// An endpoint was changed, disabled or deleted, or is new to this process.
pub(super) fn changed(shared: &Arc<Shared>, endpoint: EndpointId) {
    let target = shared.parts.directory.target(endpoint);
    let now = shared.parts.clock.now();
    let mut book = shared.health.by_endpoint.lock();
    let Some(target) = target.filter(|target| target.endpoint.enabled()) else {
        if book
            .remove(&endpoint)
            .is_some_and(|patient| !patient.breaker.is_closed())
        {
            shared.meters.breaker_closed();
        }
        return;
    };
    let document = target.endpoint.failing;
    let Some(patient) = book.get_mut(&endpoint) else {
        if let Some(failing) = document {
            let opens = target.policy.breaker.is_some();
            if opens {
                shared
                    .meters
                    .breaker_opened(fanfare_domain::breaker::OpenReason::FailingBefore);
            }
            let patient = Patient {
                breaker: if opens {
                    Breaker::failing_before(now)
                } else {
                    Breaker::default()
                },
                failing_since: Some(failing.since),
                warnings: failing.warnings,
                saved: Some(failing),
                ..Patient::default()
            };
            let known = patient.known();
            book.insert(endpoint, patient);
            // Whoever makes a lane looks into the book with the lanes locked.
            drop(book);
            if let Some(lane) = shared.lanes.find(endpoint) {
                lane.know(known);
            }
        }
        return;
    };
    if !patient.saving && patient.saved.is_some() && document.is_none() {
        // Somebody did something about it.
        patient.saved = None;
        patient.failing_since = None;
        patient.warnings = 0;
    }
    if target.policy.breaker.is_none() && !patient.breaker.is_closed() {
        patient.breaker = Breaker::default();
        shared.meters.breaker_closed();
        shared.timer.set(now, endpoint);
    }
    if let BreakerState::Open { opened, .. } = patient.breaker.state()
        && target.endpoint.updated_at > opened.since
    {
        // It may take what comes now.
        patient.breaker.probe_now(now);
        shared.timer.set(now, endpoint);
    }
}

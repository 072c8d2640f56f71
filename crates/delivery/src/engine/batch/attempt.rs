//! An attempt of a batch: one request, and what follows from it for each of its deliveries.

use std::sync::Arc;

use fanfare_app::attempt::{AttemptStart, record, sent};
use fanfare_app::fault::{Fault, planted};
use fanfare_app::format::BatchFormat;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::random::unit;
use fanfare_domain::attempt::Trigger;
use fanfare_domain::id::BatchId;

use crate::engine::Shared;
use crate::engine::conclude::{Answered, Manner, decide, learn};
use crate::engine::lane::{Lane, Turn};
use crate::engine::settle::Outcome;
use crate::engine::worker::{give_back, send};

/// Sends a batch.
pub(in crate::engine) async fn attempt(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    turn: Turn,
    (batch, format): (BatchId, &dyn BatchFormat),
) -> Outcome {
    let Turn {
        job,
        target,
        now,
        slot,
        probe,
        ..
    } = turn;
    let first = job.is_first();
    let lead = job.shipment.event();
    let waited = first.then(|| now.since(lead.due_from()));
    shared.meters.attempt_begins(waited);
    let batch = if planted(Fault::RenameBatch) && !first {
        BatchId::from_bits(batch.bits() ^ (1 << 40))
    } else {
        batch
    };
    let parcels = job.parcels();
    shared.meters.batch_events.record(parcels.len() as f64);
    let prepared = format.prepare_batch(batch, &parcels, &target, now);
    let headers = sent(&prepared.headers);
    let exchange = send(shared, &target, prepared, target.policy.timeout).await;
    give_back(shared, slot);
    let manner = Manner {
        began: now,
        extra: false,
        probe,
    };
    let answered = Answered::of(&exchange, now);
    // The same for all, so that they are due again together.
    let chance = unit(shared.parts.random.bits());
    let mut settled = Vec::with_capacity(parcels.len());
    for member in job.apart() {
        let mut delivery = member.delivery(lane.endpoint);
        delivery.attempts = delivery.attempts.saturating_add(1);
        let start = AttemptStart {
            id: delivery.id.attempt(delivery.attempts),
            at: now,
            trigger: Trigger::Scheduled,
            headers: headers.clone(),
        };
        decide(&target, &mut delivery, &answered, manner, chance);
        let settlement = Settlement {
            delivery,
            attempt: Some(Box::new(record(start, &target, exchange.clone()))),
        };
        settled.push((member.origin, settlement));
    }
    learn(shared, lane, &target, &answered, manner);
    Outcome::together(shared, settled).await
}

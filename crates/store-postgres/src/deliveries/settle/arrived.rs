//! Deliveries that arrived at their first attempt, which nearly all do: recorded by one call, without being looked
//! up before. That none of them is there already is what their keys say.

use std::collections::HashSet;

use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::Position;
use fanfare_app::stored::attempt as stored;
use fanfare_app::stored::tally::Sums;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::DeliveryId;
use tokio_postgres::types::Type;

use crate::bits::{Bits, Sparse};
use crate::failure::Failure;
use crate::scopes::Numbers;
use crate::session::Session;

/// One that arrived.
#[derive(Clone, Copy)]
pub(super) struct Arrived<'a> {
    delivery: &'a Delivery,
    attempt: &'a Attempt,
    /// When.
    at: i64,
}

impl<'a> Arrived<'a> {
    /// A settlement as one, if it is: of a delivery that is nothing but its event at its endpoint.
    pub(super) fn of(settlement: &'a Settlement) -> Option<Self> {
        let delivery = &settlement.delivery;
        let attempt = settlement.attempt.as_deref()?;
        let DeliveryState::Delivered { at } = delivery.state else {
            return None;
        };
        let plain = delivery.attempts == 1
            && delivery.extra_attempts == 0
            && delivery.event == delivery.id.event()
            && delivery.replay_of.is_none()
            && delivery.turn.is_none()
            && delivery.batch.is_none()
            && delivery.expires_at.is_none()
            && delivery.first_attempt_at == Some(attempt.started_at)
            && delivery.last_status == attempt.status
            && delivery.last_error.is_none()
            && attempt.error.is_none();
        plain.then(|| Self {
            delivery,
            attempt,
            at: at.micros(),
        })
    }

    /// Adds it to what its endpoint's tallies get.
    pub(super) fn count(&self, sums: &mut Sums) {
        sums.attempt(self.delivery, self.attempt);
        sums.end(self.delivery.endpoint, &self.delivery.state, 1);
    }
}

/// Records them; answers those that have a row among what waits, and then nothing is recorded. Fails by a key
/// where one of them is recorded already, see [`Failure::twice`]. `sums` are those of these deliveries alone.
pub(super) async fn record(
    session: &Session,
    node: i64,
    arrived: &[Arrived<'_>],
    numbers: &Numbers,
    sums: &mut Sums,
    materialised: Option<Position>,
) -> Result<HashSet<DeliveryId>, Failure> {
    if arrived.is_empty() {
        return Ok(HashSet::new());
    }
    let each = || arrived.iter().map(|each| each.delivery);
    let attempts = || arrived.iter().map(|each| each.attempt);
    let ids: Vec<Bits> = each().map(|each| Bits(each.id.to_bytes())).collect();
    let scopes: Vec<i64> = each().map(|each| numbers.of(&each.scope)).collect();
    let endpoints: Vec<Bits> = each().map(|each| Bits(each.endpoint.to_bytes())).collect();
    let ends: Vec<i64> = arrived.iter().map(|each| each.at).collect();
    let created: Vec<i64> = each().map(|each| each.created_at.micros()).collect();
    let types: Vec<&str> = each().map(|each| each.event_type.as_str()).collect();
    let attempt_ids: Vec<Bits> = attempts().map(|each| Bits(each.id.to_bytes())).collect();
    let started: Vec<i64> = attempts().map(|each| each.started_at.micros()).collect();
    let statuses: Sparse<i32> = attempts().map(|each| each.status.map(i32::from)).collect();
    let rests: Result<Vec<String>, _> = attempts().map(stored::rest_to_text).collect();
    let rests = rests.map_err(StoreError::unavailable)?;
    let bodies: Sparse<&[u8]> = attempts()
        .map(|each| Some(&*each.response_body).filter(|body| !body.is_empty()))
        .collect();
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (mut tallied, mut minutes, mut succeeded) = (Vec::new(), Vec::new(), Vec::new());
    let (mut delivered, mut durations) = (Vec::new(), Vec::new());
    for (endpoint, tally) in sums.take() {
        tallied.push(Bits(endpoint.to_bytes()));
        minutes.push(tally.minute);
        succeeded.push(count(tally.succeeded));
        delivered.push(count(tally.delivered));
        durations.push(count(tally.duration_ms));
    }
    let row = session
        .row(
            "SELECT fanfare.record_arrived($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                $15, $16, $17, $18)",
            &[
                (&node, Type::INT8),
                (&ids, Type::UUID_ARRAY),
                (&scopes, Type::INT8_ARRAY),
                (&endpoints, Type::UUID_ARRAY),
                (&ends, Type::INT8_ARRAY),
                (&created, Type::INT8_ARRAY),
                (&types, Type::TEXT_ARRAY),
                (&attempt_ids, Type::UUID_ARRAY),
                (&started, Type::INT8_ARRAY),
                (&statuses, Type::INT4_ARRAY),
                (&rests, Type::TEXT_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
                (&tallied, Type::UUID_ARRAY),
                (&minutes, Type::INT8_ARRAY),
                (&succeeded, Type::INT8_ARRAY),
                (&delivered, Type::INT8_ARRAY),
                (&durations, Type::INT8_ARRAY),
                (&materialised, Type::INT8),
            ],
        )
        .await?;
    let open: Vec<Bits> = row.map_or(Ok(Vec::new()), |row| row.try_get(0))?;
    Ok(open
        .into_iter()
        .map(|id| DeliveryId::from_bytes(id.0))
        .collect())
}

//! A row is made for a delivery that waits for its first attempt, and changes with a recorded attempt, or
//! because what waits is discarded or has waited past its total time.

use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Place, Story, Tale};

pub(super) const RULE: Rule = Rule {
    says: "a row changes for a reason",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (id, tale) in &story.deliveries {
        for (place, row) in &tale.rows {
            let attempted = matches!(
                place.checked_sub(1).map(|before| &story.history.facts[before].1),
                Some(Fact::Committed(Change::Attempt(attempt))) if attempt.id.delivery() == *id
            );
            let reason = match row.state {
                _ if attempted => true,
                // The store did it and could not say so: it was told again.
                _ if tale
                    .row_before(*place)
                    .is_some_and(|before| same(before, row)) =>
                {
                    true
                }
                DeliveryState::Discarded { .. } => true,
                // Its turn came after its total time, or it waited too long behind an open breaker.
                DeliveryState::Failed { at, reason } => {
                    reason == FailedReason::Exhausted && too_late(story, tale, *place, at)
                }
                DeliveryState::Waiting { due_at } => {
                    let known = story.endpoints.get(&tale.endpoint);
                    let first = known.map(|known| tale.first_due(&known.policy));
                    row.attempts == 0
                        && tale.row_before(*place).is_none()
                        && (first == Some(due_at) || gone(story, tale, row))
                }
                DeliveryState::Delivered { .. } => false,
            };
            if !reason {
                let how = format!("{id} became {:?} without an attempt", row.state);
                broken.push((Some(*place), how));
            }
        }
    }
    broken
}

/// Whether two rows say the same of a delivery, its turn aside, which another order changes, and its batch,
/// which it may have got in between.
fn same(before: &Delivery, row: &Delivery) -> bool {
    let row = Delivery {
        turn: before.turn,
        batch: before.batch,
        ..row.clone()
    };
    *before == row
}

/// Whether the endpoint may have been deleted when the row was made: its policy was not known then.
fn gone(story: &Story<'_>, tale: &Tale<'_>, row: &Delivery) -> bool {
    let from = tale
        .expires_at
        .map_or(tale.due_from, |end| tale.due_from.min(end));
    matches!(row.state, DeliveryState::Waiting { due_at } if due_at == from)
        && story.was_closed_before(tale.endpoint, story.history.facts.len())
}

/// Whether the time in which a delivery may be attempted was over.
fn too_late(story: &Story<'_>, tale: &Tale<'_>, place: Place, at: Timestamp) -> bool {
    let Some(known) = story.endpoints.get(&tale.endpoint) else {
        return false;
    };
    let row = tale.row_before(place);
    let first = row.and_then(|row| row.first_attempt_at);
    let due = tale.due_before(place, &known.policy).unwrap_or(at);
    let total = known.policy.total_time;
    let over = first
        .zip(total)
        .is_some_and(|(first, total)| at > first.after(total));
    let behind_a_breaker = known.policy.breaker.is_some();
    over || behind_a_breaker && known.policy.is_out_of_patience(first, due, at)
}

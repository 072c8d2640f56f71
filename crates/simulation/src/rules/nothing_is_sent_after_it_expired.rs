//! No attempt of a delivery begins once its time is over; and it is discarded for that not before.

use fanfare_domain::delivery::{DeliveryState, DiscardedReason};

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent after it expired",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for request in &story.messages {
        let over = |id| {
            let tale = &story.deliveries[id];
            tale.expires_at.is_some_and(|end| end <= request.at)
        };
        if !request.of.is_empty() && request.of.iter().all(over) {
            broken.push((
                Some(request.place),
                format!("{} had expired", request.of[0]),
            ));
        }
    }
    for (id, tale) in &story.deliveries {
        for (place, row) in &tale.rows {
            let DeliveryState::Discarded {
                at,
                reason: DiscardedReason::Expired,
            } = row.state
            else {
                continue;
            };
            if tale.expires_at.is_none_or(|end| at < end) {
                broken.push((Some(*place), format!("{id} had not expired")));
            }
        }
    }
    broken
}

//! Where a delivery fails for good at an endpoint that holds then, nothing that stands after it is sent
//! until somebody skips it or a replay of it arrives.

use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::order::OnFailure;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::lines::Lines;
use crate::story::{Place, Story};

pub(super) const RULE: Rule = Rule {
    says: "a held order stands still",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let lines = Lines::of(story);
    let mut broken = Vec::new();
    for request in &story.messages {
        let [id] = request.of.as_slice() else {
            continue;
        };
        for before in lines.before(*id, request.place) {
            if let Some(failed) = failed(story, before, request.place)
                && lines.on_failure(before) == Some(OnFailure::Hold)
                && !lifted(story, before, failed, request.place)
            {
                let how = format!("{id} was sent while {before} held its order up");
                broken.push((Some(request.place), how));
            }
        }
    }
    broken
}

/// Where a delivery failed, if it had as it stood before a place.
fn failed(story: &Story<'_>, id: DeliveryId, now: Place) -> Option<Place> {
    let tale = &story.deliveries[&id];
    let has_failed = |row: &Delivery| matches!(row.state, DeliveryState::Failed { .. });
    tale.row_before(now).filter(|row| has_failed(row))?;
    let rows = tale.all_rows().filter(|(_, row)| has_failed(row));
    rows.map(|(place, _)| place).min()
}

/// Whether a hold was lifted between two places.
fn lifted(story: &Story<'_>, id: DeliveryId, from: Place, to: Place) -> bool {
    let mut facts = story.history.facts[from..to].iter();
    if facts.any(|(_, fact)| matches!(fact, Fact::Skipping(skipped) if *skipped == id)) {
        return true;
    }
    let held = &story.deliveries[&id];
    story.deliveries.values().any(|tale| {
        let replays = !tale.first && tale.event == held.event && tale.endpoint == held.endpoint;
        let row = tale.row_before(to).filter(|_| replays);
        row.is_some_and(|row| matches!(row.state, DeliveryState::Delivered { .. }))
    })
}

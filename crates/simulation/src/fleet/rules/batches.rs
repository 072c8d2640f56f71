//! What holds of batches: each keeps its members and its id, whichever node sends it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fanfare_domain::id::{BatchId, DeliveryId};

use super::Broken;
use super::story::{Request, Story};
use crate::fleet::Fact;

/// The batches that were bound before, and what is of which.
#[derive(Default)]
struct Bound {
    members: BTreeMap<BatchId, Vec<DeliveryId>>,
    batch_of: HashMap<DeliveryId, BatchId>,
}

/// What is in a batch goes in it, with all others of it that have not come to their ends, and by itself only
/// where somebody asked for it.
pub(super) fn they_keep_their_members(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut bound = Bound::default();
    let mut asked = BTreeSet::new();
    let mut number = 0;
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        match fact {
            Fact::Asked(_, delivery) => {
                asked.insert(*delivery);
            }
            Fact::Bound(members) => {
                for (delivery, at) in members {
                    let batch = at.batch();
                    bound.members.entry(batch).or_default().push(*delivery);
                    if let Some(other) = bound.batch_of.insert(*delivery, batch) {
                        broken.push((Some(place), format!("{delivery} is of {other} and {batch}")));
                    }
                }
            }
            Fact::Sent { .. } => {
                let request = &story.requests[number];
                let how = match request.batch {
                    Some(batch) => in_batch(story, &bound, batch, request),
                    None => alone(story, &bound, &asked, request),
                };
                broken.extend(how.map(|how| (Some(place), how)));
                number += 1;
            }
            _ => {}
        }
    }
    broken
}

fn in_batch(story: &Story<'_>, bound: &Bound, batch: BatchId, request: &Request) -> Option<String> {
    let node = request.node;
    let Some(members) = bound.members.get(&batch) else {
        return Some(format!("node {node} sends {batch}, which was never bound"));
    };
    let mut sent = request.deliveries.iter().peekable();
    for member in members {
        let goes = sent.next_if(|id| *id == member).is_some();
        let end = story.ends.get(member);
        let ended = end.is_some_and(|(at, _)| *at < request.place);
        // Its end may be on its way to the store.
        if !goes && !ended && goes_on(story, *member, request.place) {
            return Some(format!("node {node} leaves {member} out of {batch}"));
        }
    }
    let stranger = sent.next()?;
    Some(format!(
        "{stranger} is none of {batch}, or out of its order"
    ))
}

fn alone(
    story: &Story<'_>,
    bound: &Bound,
    asked: &BTreeSet<DeliveryId>,
    request: &Request,
) -> Option<String> {
    let [id] = request.deliveries.as_slice() else {
        return None;
    };
    let batch = bound.batch_of.get(id)?;
    let may = asked.contains(id) || story.was_repeated(*id, request.place);
    (!may).then(|| format!("node {} sends {id} of {batch} by itself", request.node))
}

/// Whether a delivery was sent after a place.
fn goes_on(story: &Story<'_>, delivery: DeliveryId, place: usize) -> bool {
    let requests = story.requests_of.get(&delivery).into_iter().flatten();
    requests
        .map(|at| &story.requests[*at])
        .any(|request| request.place > place)
}

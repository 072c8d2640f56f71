//! Which deliveries stand in an order, and in which.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fanfare_app::port::log::Position;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::{OnFailure, Ordering, Strand};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;

use super::{Place, Story};
use crate::chronicle::Fact;

/// What was published within this time of a change of an endpoint's ordering is not judged: it may have
/// been on its way.
const CHANGING: Duration = Duration::from_secs(10);

/// The orders of a run.
pub(crate) struct Lines {
    of: HashMap<DeliveryId, (Line, Position, OnFailure)>,
    lines: BTreeMap<Line, BTreeMap<Position, DeliveryId>>,
    /// Where the ordering of an endpoint was changed.
    changes: BTreeMap<EndpointId, Vec<Place>>,
}

/// A strand of an endpoint, since a change of its ordering.
type Line = (EndpointId, Place, Strand);

impl Lines {
    /// Finds them out.
    #[must_use]
    pub(crate) fn of(story: &Story<'_>) -> Self {
        let mut found = Self {
            of: HashMap::new(),
            lines: BTreeMap::new(),
            changes: BTreeMap::new(),
        };
        for (id, known) in &story.endpoints {
            let places = known.orders.iter().map(|(place, _, _)| *place);
            found.changes.insert(*id, places.collect());
        }
        // A change whose owner was told of a failure is not known to the engine before the next start or change.
        let mut started = 0;
        let mut told: BTreeMap<EndpointId, Place> = BTreeMap::new();
        for (place, (_, fact)) in story.history.facts.iter().enumerate() {
            match fact {
                Fact::Start => started = place,
                Fact::Changed(id) => {
                    told.insert(*id, place);
                }
                _ => {}
            }
            let Fact::Committed(Change::Event(position, event)) = fact else {
                continue;
            };
            for (id, endpoint) in event.deliveries() {
                let Some(known) = story.endpoints.get(&endpoint) else {
                    continue;
                };
                let mut orders = known.orders.iter().rev();
                let Some((since, ordering, on_failure)) =
                    orders.find(|(since, _, _)| *since < place)
                else {
                    continue;
                };
                let changed: Timestamp = story.at(*since);
                let first = known.orders.first().map(|first| first.0) == Some(*since);
                let known = told.get(&endpoint).copied().unwrap_or(0).max(started);
                let settled = first || known > *since && event.created_at > changed.after(CHANGING);
                let turn = event.turn(*position, *ordering);
                if *ordering != Ordering::Unordered
                    && settled
                    && let Some(strand) = turn.and_then(|turn| turn.strand)
                {
                    let line = (endpoint, *since, strand);
                    found.of.insert(id, (line, *position, *on_failure));
                    let line = found.lines.entry(line).or_default();
                    line.insert(*position, id);
                }
            }
        }
        found
    }

    /// What stands before a delivery in its order; nothing where the ordering was changed since it was
    /// published and before a place.
    pub(crate) fn before(
        &self,
        id: DeliveryId,
        now: Place,
    ) -> impl Iterator<Item = DeliveryId> + '_ {
        let known = self.of.get(&id).filter(|((endpoint, since, _), _, _)| {
            let mut changes = self.changes[endpoint].iter();
            !changes.any(|change| since < change && *change < now)
        });
        let before = known.map(|(line, position, _)| self.lines[line].range(..position));
        before.into_iter().flatten().map(|(_, id)| *id)
    }

    /// What becomes of a delivery's order when it fails.
    #[must_use]
    pub(crate) fn on_failure(&self, id: DeliveryId) -> Option<OnFailure> {
        self.of.get(&id).map(|(_, _, on_failure)| *on_failure)
    }
}

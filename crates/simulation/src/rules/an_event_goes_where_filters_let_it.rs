//! An event goes to the endpoints whose filter lets it through, and to no others; nor does a recovery bring one
//! that the filter refuses. A filter that fails lets nothing through.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fanfare_app::port::configuration::{Changed, Kind};
use fanfare_app::port::log::Event;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{EndpointId, EventId};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::setting::FILTERS;
use crate::story::{Story, changes};

pub(super) const RULE: Rule = Rule {
    says: "an event goes where filters let it",
    check,
};

/// A step of a recovery takes so long at most, from the look at the filter to its commit.
const STEP: Duration = Duration::from_secs(10);

/// The forms of an endpoint, in their order, and until when each may have counted.
#[derive(Default)]
struct Forms {
    forms: Vec<(Endpoint, Option<Timestamp>)>,
    /// Whether it was deleted.
    gone: bool,
}

impl Forms {
    /// The use cases know the last one from now on.
    fn known(&mut self, now: Timestamp) {
        if let Some((_, before)) = self.forms.split_last_mut() {
            for (_, until) in before {
                until.get_or_insert(now);
            }
        }
    }

    /// Those that may have counted at some time from then on.
    fn since(&self, from: Timestamp) -> impl Iterator<Item = &Endpoint> {
        let forms = self.forms.iter();
        let counted = forms.filter(move |(_, until)| until.is_none_or(|until| from <= until));
        counted.map(|(form, _)| form)
    }
}

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut all: BTreeMap<EndpointId, Forms> = BTreeMap::new();
    let mut settled: BTreeMap<EndpointId, Timestamp> = BTreeMap::new();
    let mut events: HashMap<EventId, &Event> = HashMap::new();
    for (place, (now, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Start => {
                for (id, forms) in &mut all {
                    forms.known(*now);
                    settled.insert(*id, *now);
                }
            }
            Fact::Changed(id) => {
                all.entry(*id).or_default().known(*now);
                settled.insert(*id, *now);
            }
            Fact::Closing(id) | Fact::Opening(id) => {
                settled.remove(id);
            }
            Fact::Committed(Change::Document(changed)) => {
                if let Some(id) = changes(changed) {
                    settled.remove(&id);
                    if let Some(form) = endpoint(changed) {
                        all.entry(id).or_default().forms.push((form, None));
                    } else if let Some(forms) = all.get_mut(&id) {
                        forms.gone = true;
                    }
                }
            }
            Fact::Committed(Change::Event(_, event)) => {
                events.insert(event.id, event);
                for (id, forms) in &all {
                    let goes = event.targets.contains(id);
                    let mut forms = forms.since(event.created_at);
                    if goes && !forms.any(|form| lets_through(form, event)) {
                        broken.push((Some(place), format!("{} goes to {id}", event.id)));
                    }
                    let last = all[id].forms.last().map(|(form, _)| form);
                    let last = last.filter(|last| last.enabled() && last.scope == event.scope);
                    let last = last.filter(|_| !all[id].gone);
                    let since = settled.get(id);
                    let plain = since.is_some_and(|since| *since < event.created_at);
                    if !goes && plain && last.is_some_and(|last| lets_through(last, event)) {
                        broken.push((Some(place), format!("{} does not go to {id}", event.id)));
                    }
                }
            }
            Fact::Committed(Change::Row(row)) if row.replay_of.is_none() => {
                let tale = &story.deliveries[&row.id];
                let made = tale.rows.first().is_some_and(|(first, _)| *first == place);
                let Some(event) = events.get(&row.event).filter(|_| made && !tale.first) else {
                    continue;
                };
                let mut forms = all[&row.endpoint].since(now.before(STEP));
                if !forms.any(|form| lets_through(form, event)) {
                    broken.push((Some(place), format!("{} is brought to it", event.id)));
                }
            }
            _ => {}
        }
    }
    broken
}

fn endpoint(changed: &Changed) -> Option<Endpoint> {
    match changed {
        Changed::Put(document) if document.key.kind == Kind::Endpoint => {
            serde_json::from_str(&document.body).ok()
        }
        _ => None,
    }
}

fn lets_through(endpoint: &Endpoint, event: &Event) -> bool {
    let Some(text) = &endpoint.filter else {
        return true;
    };
    let mut filters = FILTERS.iter();
    filters.any(|filter| filter.text == text && (filter.lets_through)(event))
}

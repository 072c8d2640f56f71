//! The events that there are, and what may be asked of each.

use fanfare_app::directory::Directory;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_domain::event_type::Subcategory;
use fanfare_domain::name::{EventTypeName, Scope};
use serde_json::{Map, Value};

/// The original's events: the name, what people call it, whether a subcategory must be named.
const ORIGINAL: [(&str, &str, bool); 6] = [
    ("note.created", "Note Created", false),
    ("segment.created", "Segment Created", false),
    ("segment.trend.alert", "Segment Alert", true),
    ("metric.alert", "Metric Alert", true),
    ("recording.event.custom", "Custom Event", true),
    ("nativemobile.event.crash", "Native Mobile Crash", false),
];

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: EventTypeName,
    pub(super) display_name: String,
    /// An example of its data, unless the catalogue has another.
    pub(super) sample: Option<Value>,
    /// Whether it has subcategories, whatever the catalogue lists.
    subcategories: bool,
}

/// The events that there are.
#[derive(Debug)]
pub(super) struct Events(Vec<Known>);

impl Events {
    /// The original's, or those that an operator has in their place. One of the original's names keeps
    /// its rule on subcategories.
    pub(super) fn new(given: Option<&[(String, String)]>) -> Result<Self, String> {
        let mut samples: Map<String, Value> =
            serde_json::from_str(include_str!("samples.json")).unwrap_or_default();
        let mut known = |name: &str, display_name: &str| {
            let original = ORIGINAL.iter().find(|(other, ..)| *other == name);
            Ok(Known {
                name: EventTypeName::parse(name)
                    .map_err(|cause| format!("events: the name {name:?} {cause}"))?,
                display_name: display_name.to_owned(),
                sample: samples.remove(name),
                subcategories: original.is_some_and(|(.., subcategories)| *subcategories),
            })
        };
        let all: Result<_, String> = match given {
            Some(given) => given.iter().map(|(name, text)| known(name, text)).collect(),
            None => ORIGINAL
                .iter()
                .map(|(name, text, _)| known(name, text))
                .collect(),
        };
        Ok(Self(all?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.iter()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|known| known.name.as_str())
    }

    pub(super) fn find(&self, name: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.name.as_str() == name)
    }

    /// What must be in the catalogue.
    pub(super) fn catalogue(&self) -> Vec<EventTypeDraft> {
        let draft = |known: &Known| EventTypeDraft {
            name: Some(known.name.to_string()),
            description: Some(known.display_name.clone()),
            example: known.sample.clone(),
            ..EventTypeDraft::default()
        };
        self.0.iter().map(draft).collect()
    }
}

impl Known {
    /// The subcategories that the catalogue lists; none where no catalogue is kept.
    pub(super) fn listed(&self, directory: &Directory, scope: &Scope) -> Vec<Subcategory> {
        let known = directory.route(scope, self.name.as_str()).event_type;
        known.map_or_else(Vec::new, |known| known.event_type.subcategories.clone())
    }

    /// Whether a subcategory must be named, given those that are listed.
    pub(super) fn has_subcategories(&self, listed: &[Subcategory]) -> bool {
        self.subcategories || !listed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_originals_events_has_a_sample() {
        let catalogue = Events::new(None).unwrap().catalogue();
        assert_eq!(catalogue.len(), 6);
        assert!(catalogue.iter().all(|draft| draft.example.is_some()));
    }

    #[test]
    fn names_that_can_not_be_event_types_are_refused() {
        let given = [("a b".to_owned(), String::new())];
        assert!(Events::new(Some(&given)).unwrap_err().contains("a b"));
    }
}

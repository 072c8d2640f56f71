//! Event types.

use fanfare_domain::event_type::{EventType, Subcategory};
use fanfare_domain::fault::Fault;
use fanfare_domain::name::{EnvironmentId, EventTypeName};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::time::Timestamp;
use serde_json::Value;

use crate::directory::KnownType;
use crate::environments::check_text;
use crate::error::{Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::configuration::Revision;
use crate::repository::{PageOf, Stored, in_environment, still};

/// The most subcategories of a type.
pub const MAX_SUBCATEGORIES: usize = 1_000;
/// The most bytes of a subcategory's value or display name.
pub const MAX_SUBCATEGORY: usize = 512;
/// The most bytes of a type's example.
pub const MAX_EXAMPLE: usize = 64 * 1024;

/// What an event type is made from.
#[derive(Clone, Debug, Default)]
pub struct EventTypeDraft {
    /// Its name.
    pub name: Option<String>,
    /// What people should know about it.
    pub description: Option<String>,
    /// The JSON Schema of its data.
    pub schema: Option<Value>,
    /// An example of its data.
    pub example: Option<Value>,
    /// Its subcategories.
    pub subcategories: Option<Vec<Subcategory>>,
    /// How its deliveries differ from the usual policy. What disables endpoints is theirs to say, and
    /// nothing of a type.
    pub policy: Option<PolicyPatch>,
    /// From when on it is retired.
    pub retired_at: Option<Timestamp>,
    /// When what it replaces was last changed, where it was made from that: one that was changed since
    /// is left alone.
    pub unchanged_since: Option<Timestamp>,
}

impl EventTypeDraft {
    fn check(
        &self,
        environment: &EnvironmentId,
        now: Timestamp,
        mut faults: Faults,
    ) -> Result<EventType, UseCaseError> {
        let name = match self.name.as_deref().map(EventTypeName::parse) {
            Some(Ok(name)) => Some(name),
            Some(Err(cause)) => {
                faults.add("#/name", cause);
                None
            }
            None => {
                faults.add("#/name", "is required");
                None
            }
        };
        check_text(
            &mut faults,
            "#/description",
            self.description.as_deref().unwrap_or_default(),
        );
        if self
            .example
            .as_ref()
            .is_some_and(|example| example.to_string().len() > MAX_EXAMPLE)
        {
            faults.add(
                "#/example",
                format!("must be at most {MAX_EXAMPLE} bytes long as JSON"),
            );
        }
        check_subcategories(
            self.subcategories.as_deref().unwrap_or_default(),
            &mut faults,
        );
        let policy = self.policy.clone().unwrap_or_default();
        for cause in policy.faults() {
            faults.add(format!("#/delivery_policy/{}", cause.member), cause.detail);
        }
        let event_type = EventType {
            environment: environment.clone(),
            // Never used when the name is wrong: the faults refuse below.
            name: match name.map_or_else(|| EventTypeName::parse("invalid"), Ok) {
                Ok(name) => name,
                Err(_) => return Err(UseCaseError::Invalid(Vec::new())),
            },
            description: self.description.clone().unwrap_or_default(),
            schema: self.schema.clone(),
            example: self.example.clone(),
            subcategories: self.subcategories.clone().unwrap_or_default(),
            policy,
            retired_at: self.retired_at,
            external: Default::default(),
            created_at: now,
            updated_at: now,
        };
        if let Err(cause) = KnownType::new(event_type.clone()) {
            faults.add("#/schema", cause);
        }
        faults.refuse_if_any()?;
        Ok(event_type)
    }
}

fn check_subcategories(list: &[Subcategory], faults: &mut Faults) {
    if list.len() > MAX_SUBCATEGORIES {
        faults.add(
            "#/subcategories",
            format!("must have at most {MAX_SUBCATEGORIES} entries"),
        );
    }
    let mut seen = std::collections::HashSet::new();
    for (place, each) in list.iter().enumerate() {
        let at = format!("#/subcategories/{place}");
        if !(1..=MAX_SUBCATEGORY).contains(&each.value.len())
            || each.display_name.len() > MAX_SUBCATEGORY
        {
            faults.add(
                format!("{at}/value"),
                format!("must be 1 to {MAX_SUBCATEGORY} bytes long"),
            );
        }
        if !seen.insert(&each.value) {
            faults.add(format!("{at}/value"), "must not be given twice");
        }
    }
}

impl Fanfare {
    /// Makes an event type.
    ///
    /// # Errors
    /// When the draft is wrong or the name taken.
    pub async fn create_event_type(
        &self,
        environment: &EnvironmentId,
        draft: EventTypeDraft,
        found: Vec<Fault>,
    ) -> Result<EventType, UseCaseError> {
        let event_type = draft.check(environment, self.ports.clock.now(), Faults::new(found))?;
        self.insert(&event_type).await?;
        Ok(event_type)
    }

    /// One event type.
    ///
    /// # Errors
    /// When there is none.
    pub async fn event_type(
        &self,
        environment: &EnvironmentId,
        name: &str,
    ) -> Result<EventType, UseCaseError> {
        Ok(self
            .fetch::<EventType>(environment.as_str(), "", name)
            .await?
            .noun)
    }

    /// Event types, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn event_types(
        &self,
        environment: &EnvironmentId,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<EventType>>, UseCaseError> {
        self.fetch_page(environment.as_str(), Some(""), page).await
    }

    /// Replaces what is said about an event type; its name stays.
    ///
    /// # Errors
    /// When there is none, or the draft is wrong.
    pub async fn replace_event_type(
        &self,
        environment: &EnvironmentId,
        name: &str,
        draft: EventTypeDraft,
        found: Vec<Fault>,
    ) -> Result<EventType, UseCaseError> {
        let mut faults = Faults::new(found);
        if draft.name.as_deref().is_some_and(|given| given != name) {
            faults.add("#/name", "can't be changed");
        }
        let draft = EventTypeDraft {
            name: Some(name.to_owned()),
            ..draft
        };
        let fresh = draft.check(environment, self.ports.clock.now(), faults)?;
        let change = |old: &mut EventType| {
            still(draft.unchanged_since, old.updated_at, "event type")?;
            *old = EventType {
                created_at: old.created_at,
                external: std::mem::take(&mut old.external),
                ..fresh.clone()
            };
            Ok(())
        };
        Ok(self
            .modify(in_environment(environment, name), change)
            .await?
            .noun)
    }

    /// Removes an event type from the catalogue. Endpoints that name it keep their entry.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_event_type(
        &self,
        environment: &EnvironmentId,
        name: &str,
    ) -> Result<(), UseCaseError> {
        self.remove::<EventType>(in_environment(environment, name), Vec::new())
            .await
    }
}

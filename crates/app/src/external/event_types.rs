//! Event types with what a dialect keeps of them.

use fanfare_domain::event_type::EventType;
use fanfare_domain::name::EnvironmentId;
use serde_json::Value;

use crate::directory::{KnownType, SchemaRefused};
use crate::error::UseCaseError;
use crate::fanfare::Fanfare;
use crate::repository::in_environment;

/// Checks a JSON Schema as those of event types are.
///
/// # Errors
/// When it can't be used.
pub fn check_schema(schema: &Value) -> Result<(), SchemaRefused> {
    KnownType::check_schema(schema)
}

impl Fanfare {
    /// Stores an event type that a dialect made and checked.
    ///
    /// # Errors
    /// [`crate::Conflict::Exists`] when its name is taken.
    pub async fn create_external_event_type(
        &self,
        event_type: EventType,
    ) -> Result<EventType, UseCaseError> {
        self.insert(&event_type).await?;
        Ok(event_type)
    }

    /// Changes an event type.
    ///
    /// # Errors
    /// What `change` says, and when there is none.
    pub async fn change_external_event_type(
        &self,
        environment: &EnvironmentId,
        name: &str,
        mut change: impl FnMut(&mut EventType) -> Result<(), UseCaseError> + Send,
    ) -> Result<EventType, UseCaseError> {
        let now = self.ports.clock.now();
        let change = |event_type: &mut EventType| {
            change(event_type)?;
            event_type.updated_at = now;
            Ok(())
        };
        Ok(self
            .modify(in_environment(environment, name), change)
            .await?
            .noun)
    }

    /// Event types in the order of their names, after one.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn event_types_by_name(
        &self,
        environment: &EnvironmentId,
        after: Option<&str>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<EventType>, UseCaseError> {
        self.fetch_by_id(environment, after, descending, limit)
            .await
    }
}

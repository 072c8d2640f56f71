//! An event type with its schema compiled.

use std::fmt;

use fanfare_domain::event_type::EventType;
use fanfare_domain::fault::Fault;
use serde_json::Value;

mod expansion;

/// An event type as publishing needs it.
pub struct KnownType {
    /// The type.
    pub event_type: EventType,
    schema: Option<jsonschema::Validator>,
}

/// Why a schema can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefused {
    /// Longer than [`KnownType::MAX_SCHEMA`].
    #[error("must be at most {} bytes long as JSON", KnownType::MAX_SCHEMA)]
    TooLarge,
    /// It refers to another document.
    #[error("has the reference {0:?}; only references inside the schema (\"#…\") are followed")]
    Outside(String),
    /// It refers to itself without looking deeper into the data, or to so much that checking would
    /// take too long.
    #[error(
        "applies too many schemas to one place of the data, or itself to the same place without end"
    )]
    TooComplex,
    /// It is no JSON Schema.
    #[error("is no usable JSON Schema: {0}")]
    Invalid(String),
}

impl KnownType {
    /// The most bytes of a schema.
    pub const MAX_SCHEMA: usize = 64 * 1024;
    /// The most faults of data that are told at once.
    const MAX_FAULTS: usize = 20;

    /// Compiles the type's schema.
    ///
    /// # Errors
    /// When the schema can't be used.
    pub fn new(event_type: EventType) -> Result<Self, SchemaRefused> {
        let schema = event_type.schema.as_ref().map(compile).transpose()?;
        Ok(Self { event_type, schema })
    }

    /// The type without its schema, for one that was stored but can't be compiled any more.
    #[must_use]
    pub fn without_schema(event_type: EventType) -> Self {
        Self {
            event_type,
            schema: None,
        }
    }

    /// Whether a schema could be an event type's.
    pub(crate) fn check_schema(schema: &Value) -> Result<(), SchemaRefused> {
        compile(schema).map(drop)
    }

    /// Whether data must satisfy a schema.
    #[must_use]
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// What is wrong with data by the schema, places below `#/data`.
    #[must_use]
    pub fn check(&self, data: &Value) -> Vec<Fault> {
        let Some(schema) = &self.schema else {
            return Vec::new();
        };
        let told = |error: jsonschema::ValidationError<'_>| Fault {
            pointer: format!("#/data{}", error.instance_path()),
            detail: format!(
                "does not satisfy the event type's schema: {}",
                shortened(&error.masked().to_string())
            ),
        };
        schema
            .iter_errors(data)
            .take(Self::MAX_FAULTS)
            .map(told)
            .collect()
    }
}

impl fmt::Debug for KnownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownType")
            .field("name", &self.event_type.name)
            .finish_non_exhaustive()
    }
}

fn compile(schema: &Value) -> Result<jsonschema::Validator, SchemaRefused> {
    if schema.to_string().len() > KnownType::MAX_SCHEMA {
        return Err(SchemaRefused::TooLarge);
    }
    expansion::check(schema)?;
    jsonschema::options()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .map_err(|error| {
            let place = error.instance_path().to_string();
            let cause = shortened(&error.to_string());
            SchemaRefused::Invalid(match place.as_str() {
                "" => cause,
                place => format!("at {place}, {cause}"),
            })
        })
}

/// Schemas and data can be long; a message needs only their beginning.
fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

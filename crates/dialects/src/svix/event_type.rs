//! Event types.

use fanfare_app::UseCaseError;
use fanfare_app::external::event_types::check_schema;
use fanfare_domain::event_type::EventType;
use fanfare_domain::name::{EnvironmentId, EventTypeName};
use fanfare_domain::time::Timestamp;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::failure::Failure;
use super::fields::{Fields, Given, not_null, required};
use super::rules::{check_list, check_plain, check_text};
use super::who::Who;

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod read;
pub(super) mod upsert;

/// Under these names a type's further data has what only this contract shows.
const DEPRECATED: &str = "deprecated";
const SCHEMAS: &str = "schemas";
const FLAGS: &str = "featureFlags";
const GROUP: &str = "groupName";

/// The most bytes of all schemas of a type together.
const MOST_SCHEMAS: usize = 256 * 1_024;
const MOST_FLAGS: usize = 100;

/// What a body says of an event type but for its name.
#[derive(Clone, Debug)]
pub(super) struct EventTypeIn {
    description: String,
    archived: bool,
    deprecated: bool,
    schemas: Option<Map<String, Value>>,
    flags: Vec<String>,
    group: Option<String>,
}

impl EventTypeIn {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Failure> {
        let description = fields.text("description")?;
        let given = Self {
            description: required("description", description)?,
            archived: not_null("archived", fields.truth("archived")?)?.unwrap_or_default(),
            deprecated: not_null("deprecated", fields.truth("deprecated")?)?.unwrap_or_default(),
            schemas: schemas_in(fields)?.value(),
            flags: flags_in(fields)?.flatten().unwrap_or_default(),
            group: fields.text("groupName")?.value(),
        };
        check_text(fields, "description", &given.description);
        Ok(given)
    }

    pub(super) fn put(self, event_type: &mut EventType, now: Timestamp) {
        event_type.description = self.description;
        set_archived(event_type, self.archived, now);
        set(event_type, DEPRECATED, json!(self.deprecated));
        set(event_type, SCHEMAS, json!(self.schemas));
        set(event_type, FLAGS, json!(self.flags));
        set(event_type, GROUP, json!(self.group));
    }
}

fn schemas_in(fields: &mut Fields) -> Result<Given<Map<String, Value>>, Failure> {
    let given = fields.object("schemas")?;
    if let Given::Value(schemas) = &given {
        let refused = |message: String| Failure::decode(&["body", "schemas"], message);
        if Value::from(schemas.clone()).to_string().len() > MOST_SCHEMAS {
            return Err(refused(format!(
                "must be at most {MOST_SCHEMAS} bytes long as JSON"
            )));
        }
        for (version, schema) in schemas {
            if version.parse::<u32>().is_err() {
                return Err(refused("must be under numbers such as \"1\"".to_owned()));
            }
            check_schema(schema).map_err(|cause| refused(format!("{version}: {cause}")))?;
        }
    }
    Ok(given)
}

/// Feature flags, one or several; none: absent.
fn flags_in(fields: &mut Fields) -> Result<Option<Option<Vec<String>>>, Failure> {
    let one = fields.text("featureFlag")?.change();
    let several = fields.texts("featureFlags")?.change();
    let flags = several.or_else(|| one.map(|flag| flag.map(|flag| vec![flag])));
    let some = flags.as_ref().and_then(Option::as_deref);
    check_list(
        fields,
        "feature_flag",
        some.filter(|flags| !flags.is_empty()),
        MOST_FLAGS,
    );
    Ok(flags)
}

fn set(event_type: &mut EventType, name: &str, value: Value) {
    event_type.external.insert(name.to_owned(), value);
}

fn set_archived(event_type: &mut EventType, archived: bool, now: Timestamp) {
    event_type.retired_at = match (archived, event_type.retired_at) {
        (false, _) => None,
        (true, Some(at)) if at <= now => Some(at),
        (true, _) => Some(now),
    };
}

fn flags(event_type: &EventType) -> Vec<&str> {
    let list = event_type.external.get(FLAGS).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The schemas by version; that of the native API where this contract has none.
pub(super) fn schemas(event_type: &EventType) -> Option<Map<String, Value>> {
    let own = event_type.external.get(SCHEMAS).and_then(Value::as_object);
    let native = || {
        let schema = event_type.schema.clone()?;
        Some(Map::from_iter([("1".to_owned(), schema)]))
    };
    own.cloned().or_else(native)
}

/// Whether a caller sees an event type: organisations all, portal users those without a flag or with one
/// of theirs.
fn visible(who: &Who, event_type: &EventType) -> bool {
    let flags = flags(event_type);
    let theirs = |flag: &&str| who.flags.iter().any(|own| own == flag);
    who.application.is_none() || flags.is_empty() || flags.iter().any(theirs)
}

/// How an event type is shown.
fn shown(event_type: &EventType, now: Timestamp, with_schemas: bool) -> Value {
    let flags = flags(event_type);
    let data = |name: &str| event_type.external.get(name).cloned();
    json!({
        "name": event_type.name.as_str(),
        "description": event_type.description,
        "archived": event_type.retired(now),
        "deprecated": data(DEPRECATED).unwrap_or(json!(false)),
        "schemas": schemas(event_type).filter(|_| with_schemas),
        "featureFlag": flags.first(),
        "featureFlags": flags,
        "groupName": data(GROUP),
        "createdAt": event_type.created_at.to_string(),
        "updatedAt": event_type.updated_at.to_string(),
    })
}

/// A type of this name, still to be filled.
pub(super) fn fresh(
    environment: &EnvironmentId,
    name: &str,
    now: Timestamp,
) -> Result<EventType, Failure> {
    Ok(EventType {
        environment: environment.clone(),
        name: EventTypeName::parse(name).map_err(|_| Failure::not_found())?,
        description: String::new(),
        schema: None,
        example: None,
        subcategories: Vec::new(),
        policy: Default::default(),
        retired_at: None,
        external: Map::new(),
        created_at: now,
        updated_at: now,
    })
}

/// The name of the path, checked as one in a body is.
fn named(call: &Call) -> Result<&str, Failure> {
    let name = call.parameter(0);
    let mut fields = Fields::default();
    check_plain(&mut fields, "name", name);
    fields.finish().map(|()| name)
}

/// A name that is used.
fn exists(name: &str) -> Failure {
    Failure::Told(
        StatusCode::CONFLICT,
        "event_type_exists",
        format!("there is an event type {name}"),
    )
}

fn is_missing(cause: &UseCaseError) -> bool {
    matches!(cause, UseCaseError::NotFound { .. })
}

//! Event types: the names in an environment's catalogue.

use fanfare_app::event_types::EventTypeDraft;
use fanfare_domain::event_type::{EventType, Subcategory};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use self::policy::TypePolicyForm;
use crate::body::input;
use crate::time::Time;

pub(crate) mod change;
pub(crate) mod create;
mod policy;
pub(crate) mod read;

/// A kind within an event type.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Subcategory)]
pub(crate) struct SubcategoryForm {
    /// What events carry and endpoints ask for, 1 to 512 bytes.
    #[schema(min_length = 1, max_length = 512, example = "eu")]
    value: String,
    /// What people call it, at most 512 bytes; never matched.
    #[schema(max_length = 512, example = "Europe")]
    display_name: String,
}

impl From<Subcategory> for SubcategoryForm {
    fn from(each: Subcategory) -> Self {
        Self {
            value: each.value,
            display_name: each.display_name,
        }
    }
}

impl From<SubcategoryForm> for Subcategory {
    fn from(each: SubcategoryForm) -> Self {
        Self {
            value: each.value,
            display_name: each.display_name,
        }
    }
}

/// What an event type is made from.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventTypeInput)]
pub(crate) struct EventTypeInput {
    /// Its name, 1 to 256 characters of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`. Can't be changed.
    #[schema(
        required,
        nullable = false,
        pattern = "^[A-Za-z0-9._-]{1,256}$",
        example = "invoice.paid"
    )]
    name: Option<String>,
    /// What people should know about it, at most 1024 bytes.
    #[schema(max_length = 1024, example = "An invoice was paid in full.")]
    description: Option<String>,
    /// A JSON Schema that published data must satisfy, at most 64 KiB. References inside the schema
    /// (`#…`) are followed, others are refused; regular expressions have no look-around and no
    /// back-references.
    #[schema(value_type = Option<Value>, example = json!({"type": "object", "required": ["amount"]}))]
    schema: Option<Value>,
    /// An example of its data, for people and for test events; at most 64 KiB.
    #[schema(value_type = Option<Value>, example = json!({"amount": 100}))]
    example: Option<Value>,
    /// The kinds within the type, at most 1000.
    #[schema(max_items = 1000)]
    subcategories: Option<Vec<SubcategoryForm>>,
    /// How its deliveries differ from the usual policy. What an endpoint says in its own policy goes
    /// before it, member by member.
    delivery_policy: Option<TypePolicyForm>,
    /// From when on it can't be published any more.
    retired_at: Option<Time>,
}

input!(EventTypeInput);

impl From<EventTypeInput> for EventTypeDraft {
    fn from(given: EventTypeInput) -> Self {
        Self {
            name: given.name,
            description: given.description,
            schema: given.schema,
            example: given.example,
            subcategories: given
                .subcategories
                .map(|list| list.into_iter().map(Subcategory::from).collect()),
            policy: given.delivery_policy.map(Into::into),
            retired_at: given.retired_at.map(|time| time.0),
            unchanged_since: None,
        }
    }
}

impl From<&EventType> for EventTypeInput {
    fn from(event_type: &EventType) -> Self {
        let list = event_type.subcategories.iter().cloned();
        Self {
            name: Some(event_type.name.to_string()),
            description: Some(event_type.description.clone()),
            schema: event_type.schema.clone(),
            example: event_type.example.clone(),
            subcategories: Some(list.map(SubcategoryForm::from).collect()),
            delivery_policy: Some(event_type.policy.clone().into()),
            retired_at: event_type.retired_at.map(Time),
        }
    }
}

/// A name in the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventType)]
pub(crate) struct EventTypeView {
    /// Its name.
    #[schema(example = "invoice.paid")]
    name: String,
    /// What people should know about it.
    description: String,
    /// The JSON Schema that published data must satisfy; null: any data.
    #[schema(required, value_type = Option<Value>)]
    schema: Option<Value>,
    /// An example of its data.
    #[schema(required, value_type = Option<Value>)]
    example: Option<Value>,
    /// The kinds within the type.
    subcategories: Vec<SubcategoryForm>,
    /// How its deliveries differ from the usual policy.
    delivery_policy: TypePolicyForm,
    /// From when on it can't be published any more.
    #[schema(required)]
    retired_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<EventType> for EventTypeView {
    fn from(event_type: EventType) -> Self {
        let list = event_type.subcategories.into_iter();
        Self {
            name: event_type.name.to_string(),
            description: event_type.description,
            schema: event_type.schema,
            example: event_type.example,
            subcategories: list.map(SubcategoryForm::from).collect(),
            delivery_policy: event_type.policy.into(),
            retired_at: event_type.retired_at.map(Time),
            created_at: event_type.created_at.into(),
            updated_at: event_type.updated_at.into(),
        }
    }
}

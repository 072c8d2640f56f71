//! What the generator can't be told of members: examples of any JSON, and bounds of maps.

use serde_json::json;
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

/// Maps, and the most members that they have.
const MAPS: [(&str, &str, usize); 7] = [
    ("TenantInput", "metadata", 50),
    ("EndpointInput", "metadata", 50),
    ("EndpointInput", "headers", 32),
    ("EndpointInput", "attributes", 32),
    ("EventInput", "attributes", 32),
    ("BatchEventInput", "attributes", 32),
    ("MatchInput", "attributes", 32),
];

/// Says it.
pub(super) fn describe(document: &mut OpenApi) {
    for (form, name, most) in MAPS {
        member(document, form, name, |map| map.max_properties = Some(most));
    }
    let data = json!({"invoice": "in_42", "amount": 100});
    for form in ["EventInput", "BatchEventInput", "MatchInput"] {
        member(document, form, "data", |each| {
            each.example = Some(data.clone());
        });
    }
    for form in ["EventTypeInput", "EventType"] {
        member(document, form, "example", |each| {
            each.example = Some(data.clone());
        });
        member(document, form, "schema", |each| {
            let types = vec![Type::Object, Type::Boolean, Type::Null];
            each.schema_type = SchemaType::Array(types);
            each.example = Some(json!({
                "type": "object",
                "required": ["amount"],
                "properties": {"amount": {"type": "integer"}},
            }));
        });
    }
}

fn member(document: &mut OpenApi, form: &str, name: &str, say: impl FnOnce(&mut Object)) {
    if let Some(components) = &mut document.components
        && let Some(RefOr::T(Schema::Object(form))) = components.schemas.get_mut(form)
        && let Some(RefOr::T(Schema::Object(member))) = form.properties.get_mut(name)
    {
        say(member);
    }
}

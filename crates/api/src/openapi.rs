//! The OpenAPI document.
//!
//! Operations and forms describe themselves; here is what is the same for all of them: who may call,
//! what every refusal looks like, and the patch forms, which follow from the forms that they patch.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder,
};

mod members;
mod optional;
mod pages;
mod patch;
mod refusal;

/// What the document says of the API as a whole.
const DESCRIPTION: &str = "\
Fanfare sends webhooks: a published event reaches every endpoint that asked for it, signed, retried \
until it arrives, and every attempt can be looked up afterwards.

All bodies are JSON. Times are RFC 3339 in UTC with milliseconds. A field that is not known is refused. \
Refusals are problem documents (RFC 9457) that name all that is wrong with a request at once, and a \
refused request changes nothing. Only what is no HTTP, or has too long a head, is answered by an empty \
400, 414 or 431.

Lists come in pages: `limit` says how many entries, and `next_cursor` of one page is the `cursor` of the \
next.";

/// The name of the way to authenticate.
const KEY: &str = "key";

const TAGS: [(&str, &str); 8] = [
    ("Events", "What is published."),
    (
        "Deliveries",
        "Events on their way to endpoints, and the attempts to deliver them.",
    ),
    (
        "Endpoints",
        "The URLs of a tenant that events are delivered to.",
    ),
    (
        "Jobs",
        "Many deliveries repeated or cancelled at once, and what endpoints missed.",
    ),
    ("Tenants", "The customers of the product that publishes."),
    ("Event types", "The names in an environment's catalogue."),
    ("Keys", "Who may call the API, and for what."),
    (
        "Environments",
        "Worlds of their own: production, staging, another product.",
    ),
];

/// The OpenAPI document of the native API. The same for every start, so that it can be committed.
#[must_use]
pub fn openapi() -> OpenApi {
    crate::routes::documented().1
}

/// The document before it has operations.
pub(crate) fn head() -> OpenApi {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Fanfare")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license))
        .build();
    let tags = TAGS.map(|(name, description)| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    });
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key, as `Authorization: Bearer KEY`."))
        .build();
    let mut components = Components::new();
    components.add_security_scheme(KEY, SecurityScheme::Http(scheme));
    let server = ServerBuilder::new()
        .url("/")
        .description(Some("This server."))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .servers(Some([server]))
        .components(Some(components))
        .build()
}

/// Adds what is the same for all operations.
pub(crate) fn complete(document: &mut OpenApi) {
    pages::refer(document);
    optional::take_null_out(document);
    members::describe(document);
    patch::add_forms(document);
    for operation in operations(document) {
        refusal::add(operation);
    }
    refusal::add_schemas(document);
}

/// All operations.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|path| {
        [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.delete,
            &mut path.patch,
        ]
        .into_iter()
        .flatten()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_operation_says_what_it_is_and_how_it_is_refused() {
        let mut document = openapi();
        let mut ids = HashSet::new();
        let mut count = 0;
        for operation in operations(&mut document) {
            count += 1;
            let id = operation.operation_id.clone().unwrap_or_default();
            assert!(ids.insert(id.clone()) && !id.is_empty(), "{id}");
            assert!(operation.summary.is_some(), "{id}");
            let tags = operation.tags.clone().unwrap_or_default();
            assert!(TAGS.iter().any(|(name, _)| tags == [*name]), "{id}");
            assert!(operation.security.is_some(), "{id}");
            for status in ["401", "403", "404", "500", "503"] {
                assert!(
                    operation.responses.responses.contains_key(status),
                    "{id} {status}"
                );
            }
        }
        assert_eq!(count, 52);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
        let mut waiting = vec![&document];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(entries) => waiting.extend(entries),
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        let place = reference.trim_start_matches('#');
                        assert!(document.pointer(place).is_some(), "{reference}");
                    }
                    waiting.extend(members.values());
                }
                _ => {}
            }
        }
    }
    #[test]
    fn what_the_generator_can_not_say_is_said() {
        let document = serde_json::to_value(openapi()).unwrap();
        let schemas = &document["components"]["schemas"];
        let member = |form: &str, name: &str| schemas[form]["properties"][name].clone();
        for form in ["EventInput", "BatchEventInput", "MatchInput"] {
            assert!(member(form, "data")["example"].is_object(), "{form}");
            assert_eq!(member(form, "attributes")["maxProperties"], 32, "{form}");
        }
        for form in ["EventTypeInput", "EventTypePatch", "EventType"] {
            let types = serde_json::json!(["object", "boolean", "null"]);
            assert_eq!(member(form, "schema")["type"], types, "{form}");
            assert!(member(form, "example")["example"].is_object(), "{form}");
        }
        for form in ["EndpointInput", "EndpointPatch", "EndpointReplacement"] {
            assert_eq!(member(form, "metadata")["maxProperties"], 50, "{form}");
            assert_eq!(member(form, "headers")["maxProperties"], 32, "{form}");
            assert_eq!(member(form, "attributes")["maxProperties"], 32, "{form}");
            let secret = member(form, "secret");
            assert_eq!(secret.is_null(), form != "EndpointInput", "{form}");
        }
        assert_eq!(schemas["EndpointReplacement"]["required"][0], "url");
        assert_eq!(member("TenantInput", "metadata")["maxProperties"], 50);
        // A body that may be left out is not one that may be null.
        let path = "/v1/tenants/{tenant}/endpoints/{endpoint}/test";
        let body = &document["paths"][path]["post"]["requestBody"];
        let form = &body["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(form, "#/components/schemas/EndpointTest");
        assert_ne!(body["required"], true);
    }
}

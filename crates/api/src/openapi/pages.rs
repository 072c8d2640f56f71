//! Pages of lists: `TenantPage` with entries that are references.
//!
//! The generator names them `Page_Tenant` and repeats the entry's whole schema in each, which makes
//! generated clients have every type twice.

use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{OpenApi, Ref, RefOr};

const GENERATED: &str = "Page_";

fn renamed(name: &str) -> Option<(String, &str)> {
    let entry = name.strip_prefix(GENERATED)?;
    Some((format!("{entry}Page"), entry))
}

/// Gives the pages their names and references.
pub(super) fn refer(document: &mut OpenApi) {
    for operation in super::operations(document) {
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else {
                continue;
            };
            for content in response.content.values_mut() {
                if let RefOr::T(content) = content
                    && let Some(RefOr::Ref(reference)) = &mut content.schema
                    && let Some((_, name)) = reference.ref_location.rsplit_once('/')
                    && let Some((page, _)) = renamed(name)
                {
                    *reference = Ref::from_schema_name(page);
                }
            }
        }
    }
    let Some(components) = &mut document.components else {
        return;
    };
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for name in names {
        if let Some((page, entry)) = renamed(&name)
            && let Some(mut schema) = components.schemas.remove(&name)
        {
            if let Some(inlined) = refer_to(&mut schema, entry) {
                components
                    .schemas
                    .entry(entry.to_owned())
                    .or_insert(inlined);
            }
            components.schemas.insert(page, schema);
        }
    }
}

/// Puts a reference in the place of the entries' schema, which is answered.
fn refer_to(page: &mut RefOr<Schema>, entry: &str) -> Option<RefOr<Schema>> {
    let RefOr::T(Schema::Object(page)) = page else {
        return None;
    };
    let Some(RefOr::T(Schema::Array(data))) = page.properties.get_mut("data") else {
        return None;
    };
    let reference = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(entry).into()));
    match std::mem::replace(&mut data.items, reference) {
        ArrayItems::RefOrSchema(inlined) => Some(*inlined),
        ArrayItems::False => None,
    }
}

//! Forms of merge patches: as the forms that they patch, with nothing required.

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, Ref, RefOr};

/// Gives each patch a form of its own, `TenantPatch` for `TenantInput`.
pub(super) fn add_forms(document: &mut OpenApi) {
    let mut forms = Vec::new();
    for path in document.paths.paths.values_mut() {
        let Some(operation) = &mut path.patch else {
            continue;
        };
        let Some(RefOr::T(body)) = &mut operation.request_body else {
            continue;
        };
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content
                && let Some(RefOr::Ref(reference)) = &mut content.schema
                && let Some((_, name)) = reference.ref_location.rsplit_once('/')
            {
                let patch = format!("{}Patch", name.trim_end_matches("Input"));
                forms.push((name.to_owned(), patch.clone()));
                *reference = Ref::from_schema_name(patch);
            }
        }
    }
    let Some(components) = &mut document.components else {
        return;
    };
    for (name, patch) in forms {
        if let Some(RefOr::T(Schema::Object(form))) = components.schemas.get(&name).cloned() {
            let mut form = form;
            form.required.clear();
            form.description = Some(format!(
                "What to change, as a merge patch (RFC 7396): members of `{name}`. What is left out stays."
            ));
            components
                .schemas
                .insert(patch, RefOr::T(Schema::Object(form)));
        }
    }
}

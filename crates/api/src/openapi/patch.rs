//! Forms of changes, which follow from the forms that things are made from.
//!
//! `TenantPatch` is `TenantInput` with nothing required. Neither it nor a replacement has what only a
//! new thing can be given: `EndpointReplacement` is `EndpointInput` without its secret.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, Ref, RefOr};

/// Members that are given where a thing is made, and changed in another way later.
const ONLY_WHEN_MADE: [(&str, &str); 1] = [("EndpointInput", "secret")];

/// What a form of changes ends with, in place of this.
const INPUT: &str = "Input";

/// Gives each change a form of its own, where it needs one.
pub(super) fn add_forms(document: &mut OpenApi) {
    let (mut patched, mut replaced) = (Vec::new(), Vec::new());
    for path in document.paths.paths.values_mut() {
        patched.extend(path.patch.as_mut().and_then(|patch| refer(patch, "Patch")));
        if let Some(put) = &mut path.put
            && let Some(form) = form_of(put).map(|form| form.ref_location.clone())
            && only_when_made(&form).next().is_some()
        {
            replaced.extend(refer(put, "Replacement"));
        }
    }
    for (made_from, name) in patched {
        derive(document, &made_from, name, |form| {
            form.required.clear();
            form.description = Some(format!(
                "What to change, as a merge patch (RFC 7396): members of `{made_from}`. What is left out \
                 stays."
            ));
        });
    }
    for (made_from, name) in replaced {
        derive(document, &made_from, name, |form| {
            form.description = Some(format!(
                "What it becomes: as `{made_from}`, without what only a new one can be given."
            ));
        });
    }
}

fn only_when_made(form: &str) -> impl Iterator<Item = &'static str> {
    let named = ONLY_WHEN_MADE.iter();
    named.filter_map(move |(name, member)| form.ends_with(name).then_some(*member))
}

/// The reference to the form of a body.
fn form_of(operation: &mut Operation) -> Option<&mut Ref> {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return None;
    };
    body.content.values_mut().find_map(|content| match content {
        RefOr::T(content) => match &mut content.schema {
            Some(RefOr::Ref(reference)) => Some(reference),
            _ => None,
        },
        RefOr::Ref(_) => None,
    })
}

/// Refers to a form of changes; answers the name of the form that it had, and the new one.
fn refer(operation: &mut Operation, ending: &str) -> Option<(String, String)> {
    let reference = form_of(operation)?;
    let (_, name) = reference.ref_location.rsplit_once('/')?;
    let made_from = name.to_owned();
    // A form that serves changes only is one already.
    let name = format!("{}{ending}", made_from.strip_suffix(INPUT)?);
    *reference = Ref::from_schema_name(&name);
    Some((made_from, name))
}

/// Adds a form of changes.
fn derive(document: &mut OpenApi, made_from: &str, name: String, change: impl Fn(&mut Object)) {
    if let Some(components) = &mut document.components
        && let Some(RefOr::T(Schema::Object(form))) = components.schemas.get(made_from)
    {
        let mut form = form.clone();
        for member in only_when_made(made_from) {
            form.properties.remove(member);
        }
        change(&mut form);
        components
            .schemas
            .insert(name, RefOr::T(Schema::Object(form)));
    }
}

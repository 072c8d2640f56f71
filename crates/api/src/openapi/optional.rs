//! Bodies that may be left out.
//!
//! The generator takes them for bodies that may be `null`, which is something else.

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

/// Says that such a body is its form, or is not there.
pub(super) fn take_null_out(document: &mut OpenApi) {
    for operation in super::operations(document) {
        let Some(RefOr::T(body)) = &mut operation.request_body else {
            continue;
        };
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content
                && let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
                && let Some(form @ RefOr::Ref(_)) = either
                    .items
                    .iter()
                    .find(|item| matches!(item, RefOr::Ref(_)))
            {
                content.schema = Some(form.clone());
            }
        }
    }
}

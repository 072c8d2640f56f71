//! Paths and methods that the native API does not have.

use axum::response::IntoResponse;
use http::{Method, Uri};

use crate::problem::{Kind, Problem};

/// Cut: a path may be long, and is quoted only so that a typing error shows.
const SHOWN: usize = 200;

/// Answers for a path that is not there.
pub(crate) async fn no_such_path(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(SHOWN).collect();
    Problem::new(
        Kind::NotFound,
        format!("there is nothing at {path:?}; /docs lists what there is"),
    )
}

/// Answers for a method that a path has not, with a problem document; the router adds `Allow`.
pub async fn no_such_method(method: Method) -> impl IntoResponse {
    let method: String = method.as_str().chars().take(SHOWN).collect();
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not possible here; the header Allow names what is"),
    )
}

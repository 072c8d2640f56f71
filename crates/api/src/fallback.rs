//! Paths and methods that the native API does not have.

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

/// Answers for a method that a path has not; the router adds `Allow`.
pub(crate) async fn no_such_method(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(SHOWN).collect();
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not possible here; the header Allow names what is"),
    )
}

//! From what a use case refuses to what the caller is told.

use std::error::Error;

use fanfare_app::UseCaseError;
use fanfare_app::caller::Forbidden;
use fanfare_app::port::StoreError;

use crate::problem::{Kind, Problem};

impl From<UseCaseError> for Problem {
    fn from(error: UseCaseError) -> Self {
        match error {
            UseCaseError::Invalid(faults) => Self::body(faults),
            UseCaseError::NotFound { .. } => Self::new(Kind::NotFound, error.to_string()),
            UseCaseError::Conflict(conflict) => Self::new(Kind::Conflict, conflict.to_string()),
            UseCaseError::Limit(exceeded) => Self::quota(exceeded),
            UseCaseError::Filters(cause) => {
                tracing::warn!(error = %cause, "request refused for now");
                Self::new(
                    Kind::Unavailable,
                    format!("{cause}; repeat the request later"),
                )
            }
            UseCaseError::Store(cause) => Self::from(cause),
        }
    }
}

impl From<StoreError> for Problem {
    /// What is inside stays inside: the cause goes to the log, once and here.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Corrupt { .. } => {
                tracing::error!(error.chain = chain(&error), "request failed");
                Self::new(
                    Kind::Internal,
                    "the server could not read its own data; its log says more",
                )
            }
            StoreError::Unavailable(_) | StoreError::Busy | StoreError::Closed => {
                tracing::warn!(error.chain = chain(&error), "request refused for now");
                Self::new(
                    Kind::Unavailable,
                    "the store can't do this now; repeat the request later",
                )
            }
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(why: Forbidden) -> Self {
        Self::new(Kind::Forbidden, why.to_string())
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

//! Why a request is refused, in the original's words.

use fanfare_app::UseCaseError;
use fanfare_app::port::StoreError;

use crate::body::BodyRefused;
use crate::door::Denied;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// What is wrong with it, all of it.
    Messages(Vec<String>),
    /// No token that counts.
    Unauthorized,
    /// A token that may not.
    Forbidden,
    /// The application has no such webhook.
    Webhook,
    /// There is no such operation.
    Route,
    /// The body is larger than the bound.
    TooLarge,
    /// Too many calls.
    TooMany,
    /// A fault of the server's.
    Internal,
    /// Not now.
    Unavailable,
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::Unauthorized,
            Denied::Forbidden => Self::Forbidden,
            Denied::TooMany { .. } => Self::TooMany,
        }
    }
}

impl From<BodyRefused> for Failure {
    fn from(refused: BodyRefused) -> Self {
        match refused {
            BodyRefused::TooLarge => Self::TooLarge,
            BodyRefused::Broken => Self::Messages(vec!["request aborted".to_owned()]),
        }
    }
}

impl From<UseCaseError> for Failure {
    fn from(cause: UseCaseError) -> Self {
        match cause {
            UseCaseError::NotFound { .. } => Self::Webhook,
            UseCaseError::Limit(why) => Self::Messages(vec![why.detail]),
            UseCaseError::Conflict(_) | UseCaseError::Filters(_) => Self::Unavailable,
            UseCaseError::Store(cause @ StoreError::Corrupt { .. }) => {
                internal(&cause);
                Self::Internal
            }
            UseCaseError::Store(cause) => {
                let error: &dyn std::error::Error = &cause;
                tracing::warn!(dialect = super::NAME, error, "the store did not answer");
                Self::Unavailable
            }
            UseCaseError::Invalid(_) => {
                internal(&cause);
                Self::Internal
            }
        }
    }
}

fn internal(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(dialect = super::NAME, error, "a request could not be done");
}

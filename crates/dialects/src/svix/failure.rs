//! Why a request is refused, in the original's form.

use fanfare_app::UseCaseError;
use fanfare_app::port::StoreError;
use http::StatusCode;
use serde_json::{Value, json};

use crate::body::BodyRefused;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// A status with a code and what people should know.
    Told(StatusCode, &'static str, String),
    /// What is wrong with the request's parts, all of it: 422.
    Invalid(Vec<Entry>),
    /// The path is there, with these methods.
    Method(String),
    /// A fault of the server's: 500.
    Internal,
    /// Not now: 503.
    Unavailable,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    loc: Vec<String>,
    message: String,
    kind: &'static str,
}

/// A value of another type than the schema's.
const DECODE: &str = "value_error.jsondecode";
/// A value that breaks a rule.
const RULE: &str = "value_error";

/// What stands behind the name of a value that breaks the rule of its own type.
pub(super) const ALL: &str = "__all__";

impl Entry {
    pub(super) fn new(loc: &[&str], message: impl Into<String>, kind: &'static str) -> Self {
        Self {
            loc: loc.iter().map(|part| (*part).to_owned()).collect(),
            message: message.into(),
            kind,
        }
    }

    /// A rule that a value breaks.
    pub(super) fn rule(loc: &[&str], message: impl Into<String>) -> Self {
        Self::new(loc, message, RULE)
    }

    fn value(&self) -> Value {
        json!({"loc": self.loc, "msg": self.message, "type": self.kind})
    }
}

impl Failure {
    pub(super) fn not_found() -> Self {
        let detail = "there is no such thing here".to_owned();
        Self::Told(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) fn unauthenticated() -> Self {
        let detail = "the token is missing, or counts no more or not here".to_owned();
        Self::Told(StatusCode::UNAUTHORIZED, "authentication_failed", detail)
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        // With the blank, as in the original.
        Self::Told(
            StatusCode::FORBIDDEN,
            "insufficient access",
            detail.to_owned(),
        )
    }

    pub(super) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Told(StatusCode::BAD_REQUEST, code, detail.into())
    }

    /// A query that can't be understood.
    pub(super) fn query(name: &str, expected: &str) -> Self {
        Self::bad("generic_error", format!("{name} must be {expected}"))
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::Told(StatusCode::CONFLICT, "conflict", detail.into())
    }

    /// One rule that a value breaks.
    pub(super) fn rule(loc: &[&str], message: impl Into<String>) -> Self {
        Self::Invalid(vec![Entry::rule(loc, message)])
    }

    /// A body, or a value of it, of another type than it must have.
    pub(super) fn decode(loc: &[&str], message: impl Into<String>) -> Self {
        Self::Invalid(vec![Entry::new(loc, message, DECODE)])
    }

    /// Status and body.
    pub(super) fn answer(&self) -> (StatusCode, Value) {
        let told = |status, code: &str, detail: &str| {
            let body = json!({"code": code, "detail": detail});
            (status, body)
        };
        match self {
            Self::Told(status, code, detail) => told(*status, code, detail),
            Self::Invalid(entries) => {
                let entries: Vec<Value> = entries.iter().map(Entry::value).collect();
                let body = json!({ "detail": entries });
                (StatusCode::UNPROCESSABLE_ENTITY, body)
            }
            Self::Method(allowed) => told(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                &format!("this path takes {allowed}"),
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, json!({})),
            Self::Unavailable => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the server can't do this now; repeat the request",
            ),
        }
    }
}

impl From<BodyRefused> for Failure {
    fn from(refused: BodyRefused) -> Self {
        match refused {
            BodyRefused::TooLarge => Self::Told(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                "the body must be at most 2 MiB long".to_owned(),
            ),
            BodyRefused::Broken => Self::decode(&["body", "", ""], "the body broke off"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(cause: StoreError) -> Self {
        UseCaseError::from(cause).into()
    }
}

impl From<UseCaseError> for Failure {
    fn from(cause: UseCaseError) -> Self {
        match cause {
            UseCaseError::NotFound { .. } => Self::not_found(),
            UseCaseError::Conflict(why) => Self::conflict(why.to_string()),
            UseCaseError::Limit(why) => match why.quota {
                fanfare_domain::quota::Quota::WaitingDeliveries => Self::Unavailable,
                _ => Self::bad("limit_reached", why.detail),
            },
            UseCaseError::Filters(_) => Self::Unavailable,
            UseCaseError::Store(cause @ StoreError::Corrupt { .. }) => {
                let error: &dyn std::error::Error = &cause;
                tracing::error!(dialect = super::NAME, error, "a request could not be done");
                Self::Internal
            }
            UseCaseError::Store(cause) => {
                let error: &dyn std::error::Error = &cause;
                tracing::warn!(dialect = super::NAME, error, "the store did not answer");
                Self::Unavailable
            }
            UseCaseError::Invalid(faults) => {
                let entry = |fault: fanfare_domain::fault::Fault| {
                    let place = fault.pointer.trim_start_matches(['#', '/']).to_owned();
                    Entry::rule(&["body", &place], fault.detail)
                };
                Self::Invalid(faults.into_iter().map(entry).collect())
            }
        }
    }
}

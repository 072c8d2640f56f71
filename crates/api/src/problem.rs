//! Refusals, as problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use fanfare_app::Exceeded;
use fanfare_domain::fault::Fault;
use fanfare_domain::quota::Quota;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

/// Kinds of refusal. Each has one status and one name that programs can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body is no JSON.
    MalformedBody,
    /// The query is wrong.
    InvalidQuery,
    /// A header is wrong.
    InvalidHeader,
    /// No key that counts.
    Unauthorized,
    /// The key may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body took too long.
    Timeout,
    /// Something stands in the way.
    Conflict,
    /// A quota is used up.
    QuotaReached,
    /// The body is too large.
    BodyTooLarge,
    /// The body is of another type.
    UnsupportedMediaType,
    /// The body is JSON, but not what is asked for.
    InvalidBody,
    /// The server's own fault.
    Internal,
    /// Not now.
    Unavailable,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedBody => (
                StatusCode::BAD_REQUEST,
                "urn:fanfare:problem:malformed-body",
                "The body is not JSON",
            ),
            Self::InvalidQuery => (
                StatusCode::BAD_REQUEST,
                "urn:fanfare:problem:invalid-query",
                "The query is wrong",
            ),
            Self::InvalidHeader => (
                StatusCode::BAD_REQUEST,
                "urn:fanfare:problem:invalid-header",
                "A header is wrong",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "urn:fanfare:problem:unauthorized",
                "A valid key is needed",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "urn:fanfare:problem:forbidden",
                "The key may not do this",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "urn:fanfare:problem:not-found",
                "There is no such thing",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "urn:fanfare:problem:method-not-allowed",
                "The path has no such method",
            ),
            Self::Timeout => (
                StatusCode::REQUEST_TIMEOUT,
                "urn:fanfare:problem:timeout",
                "The body took too long",
            ),
            Self::Conflict => (
                StatusCode::CONFLICT,
                "urn:fanfare:problem:conflict",
                "Something stands in the way",
            ),
            Self::QuotaReached => (
                StatusCode::TOO_MANY_REQUESTS,
                "urn:fanfare:problem:quota-reached",
                "A quota is used up",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:fanfare:problem:body-too-large",
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:fanfare:problem:unsupported-media-type",
                "The body must be JSON",
            ),
            Self::InvalidBody => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:fanfare:problem:invalid-body",
                "The body is not what is asked for",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "urn:fanfare:problem:internal",
                "The server failed",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:fanfare:problem:unavailable",
                "The server can't do this now",
            ),
        }
    }
}

/// One thing that is wrong with a request: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemFault)]
pub(crate) struct ProblemFault {
    /// The place in the body, as a JSON pointer in its URI fragment form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "#/url")]
    pub(crate) pointer: Option<String>,
    /// The query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "limit")]
    pub(crate) parameter: Option<String>,
    /// The header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Idempotency-Key")]
    pub(crate) header: Option<String>,
    /// What is wrong and what would be right.
    #[schema(example = "is required")]
    pub(crate) detail: String,
}

impl From<Fault> for ProblemFault {
    fn from(fault: Fault) -> Self {
        Self {
            pointer: Some(fault.pointer),
            parameter: None,
            header: None,
            detail: fault.detail,
        }
    }
}

impl ProblemFault {
    /// A fault of a query parameter.
    pub(crate) fn parameter(name: &str, detail: impl ToString) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.to_owned()),
            header: None,
            detail: detail.to_string(),
        }
    }
}

/// Why a request was refused, as RFC 9457 has it. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView {
    /// The kind of problem; does not change between versions.
    #[schema(value_type = String, example = "urn:fanfare:problem:invalid-body")]
    pub(crate) r#type: &'static str,
    /// The kind in words.
    #[schema(value_type = String, example = "The body is not what is asked for")]
    pub(crate) title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub(crate) status: u16,
    /// What to change.
    #[schema(example = "url is required")]
    pub(crate) detail: String,
    /// All that is wrong with the request, where there is more to say than `detail` does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: Vec<ProblemFault>,
    /// The quota that is used up, with the status 429: `endpoints` or `waiting_deliveries` of the tenant,
    /// `publishes` of the key, or open `jobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "publishes")]
    pub(crate) quota: Option<&'static str>,
    /// After how many seconds to try again, with a quota; as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 1)]
    pub(crate) retry_after: Option<u64>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<ProblemFault>,
    /// The quota that is used up, and after how many seconds to try again.
    quota: Option<(Quota, u64)>,
}

impl Problem {
    /// A refusal of a kind, with what to change.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            quota: None,
        }
    }

    /// A refusal for a quota that is used up.
    pub(crate) fn quota(exceeded: Exceeded) -> Self {
        // Rounded up: who comes then is not refused again for the rest of a second.
        let seconds = exceeded.retry_after.as_millis().div_ceil(1_000).max(1);
        Self {
            quota: Some((exceeded.quota, u64::try_from(seconds).unwrap_or(u64::MAX))),
            ..Self::new(Kind::QuotaReached, exceeded.detail)
        }
    }

    /// A refusal for these faults.
    pub(crate) fn faults(kind: Kind, errors: Vec<ProblemFault>) -> Self {
        let detail = match errors.as_slice() {
            [] => "the request is wrong".to_owned(),
            [only] => {
                let place = [&only.pointer, &only.parameter, &only.header];
                let place = place.into_iter().flatten().next();
                format!("{}: {}", place.map_or("#", String::as_str), only.detail)
            }
            several => format!("the request has {} faults, see errors", several.len()),
        };
        Self {
            kind,
            detail,
            errors,
            quota: None,
        }
    }

    /// A refusal for the faults of a body.
    pub(crate) fn body(faults: Vec<Fault>) -> Self {
        Self::faults(
            Kind::InvalidBody,
            faults.into_iter().map(ProblemFault::from).collect(),
        )
    }

    /// A refusal for a header.
    pub(crate) fn header(name: &str, detail: &str) -> Self {
        let fault = ProblemFault {
            pointer: None,
            parameter: None,
            header: Some(name.to_owned()),
            detail: detail.to_owned(),
        };
        Self::faults(Kind::InvalidHeader, vec![fault])
    }

    /// The same refusal of an entry of a list: its faults' places put below `parent`.
    pub(crate) fn below(mut self, parent: &str) -> Self {
        for error in &mut self.errors {
            if let Some(pointer) = &mut error.pointer {
                *pointer = format!("{parent}{}", pointer.trim_start_matches('#'));
            }
        }
        if self.errors.is_empty() {
            self
        } else {
            Self::faults(self.kind, self.errors)
        }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.parts().0
    }

    /// The document.
    pub(crate) fn view(self) -> ProblemView {
        let (status, r#type, title) = self.kind.parts();
        ProblemView {
            r#type,
            title,
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors,
            quota: self.quota.map(|(quota, _)| quota.as_str()),
            retry_after: self.quota.map(|(_, seconds)| seconds),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = self.kind;
        let quota = self.quota;
        let status = self.status();
        let mut response = (status, axum::Json(self.view())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match kind {
            Kind::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // A full disk or a locked file is not over at once, but mostly soon.
            Kind::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        if let Some((_, seconds)) = quota {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

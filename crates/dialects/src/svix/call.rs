//! A call of an operation, and its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use fanfare_app::Fanfare;
use fanfare_app::port::log::{Event, EventRef};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::environment::Tenant;
use fanfare_domain::id::{EndpointId, EventId};
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::time::Timestamp;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::desk::Desk;
use super::failure::Failure;
use super::query::Query;
use super::who::Who;
use super::{NAME, ids};

/// A call of an operation.
pub(super) struct Call {
    pub(super) desk: Arc<Desk>,
    /// Who calls; for operations that anybody may call, none.
    pub(super) who: Option<Who>,
    /// What stood in the path for each `{}`, in order.
    pub(super) parameters: Vec<String>,
    pub(super) query: Query,
    /// Path and query, as they came.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a call is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// JSON; none: no body.
    pub(super) body: Option<Bytes>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            body: Some(Bytes::from(body.to_string())),
        }
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn created(body: &Value) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    pub(super) fn accepted(body: &Value) -> Self {
        Self::json(StatusCode::ACCEPTED, body)
    }

    pub(super) fn nothing() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
        }
    }

    pub(super) fn response(self) -> Response {
        let mut response = match self.body {
            None => Response::new(Body::empty()),
            Some(body) => {
                let mut response = Response::new(Body::from(body));
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                response
            }
        };
        *response.status_mut() = self.status;
        response
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let (status, body) = failure.answer();
        Self::json(status, &body)
    }
}

impl Call {
    pub(super) fn fanfare(&self) -> &Arc<Fanfare> {
        &self.desk.door.fanfare
    }

    pub(super) fn now(&self) -> Timestamp {
        self.fanfare().ports().clock.now()
    }

    /// The caller, of operations that need one.
    pub(super) fn who(&self) -> Result<&Who, Failure> {
        self.who.as_ref().ok_or_else(Failure::unauthenticated)
    }

    pub(super) fn environment(&self) -> Result<&EnvironmentId, Failure> {
        Ok(&self.who()?.environment)
    }

    /// The path's n-th parameter, counted from 0.
    pub(super) fn parameter(&self, place: usize) -> &str {
        self.parameters.get(place).map_or("", String::as_str)
    }

    /// The application of the path, by its id or uid, as one of the caller's. Reads no store.
    pub(super) fn scope(&self) -> Result<Scope, Failure> {
        self.application_named(self.parameter(0))
    }

    /// The same of a text from elsewhere.
    pub(super) fn application_named(&self, text: &str) -> Result<Scope, Failure> {
        let who = self.who()?;
        let directory = self.fanfare().directory();
        let by_id = || {
            let scope = Scope {
                environment: who.environment.clone(),
                tenant: TenantId::parse(text).ok()?,
            };
            directory.has_tenant(&scope).then_some(scope)
        };
        let by_uid = || {
            let tenant = directory.tenant_by_external(&who.environment, text)?;
            Some(Scope {
                environment: who.environment.clone(),
                tenant,
            })
        };
        let scope = by_id().or_else(by_uid).ok_or_else(Failure::not_found)?;
        match &who.application {
            Some(own) if *own != scope.tenant => Err(Failure::not_found()),
            _ => Ok(scope),
        }
    }

    pub(super) async fn tenant(&self, scope: &Scope) -> Result<Tenant, Failure> {
        let fanfare = self.fanfare();
        let tenant = fanfare.tenant(&scope.environment, scope.tenant.as_str());
        Ok(tenant.await?)
    }

    /// The endpoint that a text names, by its id or uid.
    pub(super) async fn endpoint_named(
        &self,
        scope: &Scope,
        text: &str,
    ) -> Result<Endpoint, Failure> {
        let fanfare = self.fanfare();
        match ids::bits(ids::ENDPOINT, text) {
            Some(bits) => {
                let id = EndpointId::from_bits(bits).to_string();
                let endpoint = fanfare.endpoint(scope, &id).await?;
                let ours = endpoint.dialect.as_deref() == Some(NAME);
                ours.then_some(endpoint).ok_or_else(Failure::not_found)
            }
            None => Ok(fanfare.external(scope, NAME, text).await?.noun),
        }
    }

    /// The application and the endpoint of a path that has both, first.
    pub(super) async fn endpoint(&self) -> Result<Endpoint, Failure> {
        let scope = self.scope()?;
        self.endpoint_named(&scope, self.parameter(1)).await
    }

    /// The message that a text names, by its id or the caller's `eventId`.
    pub(super) async fn message_named(
        &self,
        scope: &Scope,
        text: &str,
    ) -> Result<Arc<Event>, Failure> {
        let named = match ids::bits(ids::MESSAGE, text) {
            Some(bits) => EventRef::Id(EventId::from_bits(bits)),
            None => EventRef::Uid(text.to_owned()),
        };
        let event = self.fanfare().ports().log.event(scope, &named).await?;
        event.ok_or_else(Failure::not_found)
    }

    /// The message of a path that has an application and it, first.
    pub(super) async fn message(&self) -> Result<Arc<Event>, Failure> {
        let scope = self.scope()?;
        self.message_named(&scope, self.parameter(1)).await
    }
}

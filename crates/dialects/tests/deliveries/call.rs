//! Calls of a dialect's API, without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fanfare_app::Fanfare;
use fanfare_app::keys::KeyDraft;
use fanfare_app::publish::EventDraft;
use fanfare_app::tenants::TenantDraft;
use fanfare_dialects::{Dialect, DialectSettings, Door};
use fanfare_domain::key::Role;
use fanfare_domain::name::EnvironmentId;
use fanfare_testkit::builders::acme;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

/// The API of a dialect, with a key that manages the tenant `acme`.
#[derive(Clone)]
pub(crate) struct Api {
    router: Router,
    pub(crate) key: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// A dialect with such settings.
pub(crate) fn dialect(name: &str, settings: &DialectSettings) -> Box<dyn Dialect> {
    fanfare_dialects::make(name, settings).unwrap().unwrap()
}

impl Api {
    /// Makes the environment, the tenant, the catalogue and a key.
    pub(crate) async fn furnish(
        fanfare: &Arc<Fanfare>,
        dialect: &dyn Dialect,
        rate: Option<u32>,
    ) -> Self {
        let home = EnvironmentId::default_environment();
        fanfare.refresh().await.unwrap();
        fanfare.ensure_default_environment().await.unwrap();
        let catalogue = dialect.catalogue();
        fanfare.ensure_event_types(&home, catalogue).await.unwrap();
        let tenant = TenantDraft {
            id: Some("acme".to_owned()),
            name: Some("Acme".to_owned()),
            ..TenantDraft::default()
        };
        let made = fanfare.create_tenant(&home, tenant, Vec::new()).await;
        made.unwrap();
        let key = Self::key(fanfare).await;
        let door = Door::new(Arc::clone(fanfare), home, rate, 256 * 1024);
        Self {
            router: dialect.routes(door),
            key,
        }
    }

    /// One more key.
    pub(crate) async fn key(fanfare: &Fanfare) -> String {
        let draft = KeyDraft {
            feature_flags: Vec::new(),
            publish_rate: None,
            name: Some("manager".to_owned()),
            role: Some(Role::Manager),
            tenant: Some("acme".to_owned()),
            expires_at: None,
        };
        let home = EnvironmentId::default_environment();
        let made = fanfare.create_key(&home, draft, Vec::new()).await;
        made.unwrap().text
    }

    /// Calls with the key in each place where a dialect looks for one.
    pub(crate) async fn call(&self, line: &str, body: impl Into<Bytes>) -> Reply {
        self.call_as(&self.key, line, body).await
    }

    /// Calls with another key.
    pub(crate) async fn call_as(&self, key: &str, line: &str, body: impl Into<Bytes>) -> Reply {
        let (method, target) = line.split_once(' ').unwrap();
        let authorization = match target.split('/').nth(1) {
            // The key as it is, as FullStory has it, and as the password of nobody, as Collect has it.
            Some("webhooks") => format!("Basic {key}"),
            Some("v1") => format!("Basic {}", STANDARD.encode(format!(":{key}"))),
            _ => format!("Bearer {key}"),
        };
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("authorization", authorization)
            .header("x-api-key", key)
            .body(Body::from(body.into()))
            .unwrap();
        let answer = self.router.clone().call(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Calls and asserts the status.
    #[track_caller]
    pub(crate) fn well(&self, status: u16, line: &str, body: &str) -> impl Future<Output = Value> {
        let (api, line, body) = (self.clone(), line.to_owned(), body.to_owned());
        async move {
            let reply = api.call(&line, body).await;
            assert_eq!(reply.status, status, "{line}: {reply:?}");
            if reply.text.is_empty() {
                Value::Null
            } else {
                reply.json()
            }
        }
    }
}

/// Publishes an event of `acme`, with one attribute or none.
pub(crate) async fn publish(
    fanfare: &Fanfare,
    event_type: &str,
    data: &str,
    attribute: Option<(&str, &str)>,
) {
    let attributes = attribute.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    let draft = EventDraft {
        event_type: Some(event_type.to_owned()),
        data: Some(Bytes::from(data.to_owned())),
        attributes: attributes.into_iter().collect(),
        ..EventDraft::default()
    };
    fanfare.publish(acme(), draft, None).await.unwrap();
}

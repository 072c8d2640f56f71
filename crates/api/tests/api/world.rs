//! A server without a socket: the router over a store in a folder of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use fanfare_api::{ApiOptions, router};
use fanfare_app::directory::{Directory, Target};
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::port::log::{Event, Position};
use fanfare_app::port::sender::{Exchange, OutboundRequest, Response as Received};
use fanfare_app::port::{Clock, Dispatch, Random, Sender};
use fanfare_app::{Fanfare, Limits, Ports};
use fanfare_domain::attempt::Timings;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;
use fanfare_store_sqlite::{Options, SqliteStore};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower_service::Service;

/// The administrator's key.
pub(crate) const ROOT: &str = "root-key-of-the-tests";

/// Nothing is delivered here: work waits in the store.
struct NoEngine;

impl Dispatch for NoEngine {
    fn hand_on(&self, _: Arc<Event>, _: Position, _: Vec<Option<Arc<Target>>>) {}
    fn due(&self, _: EndpointId, _: Timestamp) {}
    fn extra(&self, _: Delivery) {}
    fn changed(&self, _: EndpointId) {}
}

/// Every receiver says 200.
struct NoNetwork;

#[async_trait]
impl Sender for NoNetwork {
    async fn send(&self, _: OutboundRequest) -> Exchange {
        Exchange {
            address: "192.0.2.7:443".parse().ok(),
            timings: Timings::default(),
            response: Some(Received {
                status: 200,
                version: "HTTP/1.1",
                headers: HeaderMap::new(),
                body: b"ok".to_vec(),
                truncated: false,
            }),
            error: None,
        }
    }
}

/// A millisecond passes with each look at it.
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        let passed = self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_millis(1_790_000_000_000 + passed as i64)
    }
}

impl Random for Counting {
    fn bits(&self) -> u64 {
        self.0
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn secret(&self, bytes: &mut [u8; 32]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.bits().to_be_bytes());
        }
    }
}

/// An answer, read whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The pointers, parameters or headers of a problem's faults, sorted.
    pub(crate) fn faults(&self) -> Vec<String> {
        let document = self.json();
        let errors = document["errors"].as_array().cloned().unwrap_or_default();
        let place = |error: &Value| {
            let names = ["pointer", "parameter", "header"];
            let place = names.iter().find_map(|name| error[name].as_str());
            place.unwrap_or_default().to_owned()
        };
        let mut places: Vec<String> = errors.iter().map(place).collect();
        places.sort();
        places
    }

    /// Checks that it is a problem document of this status, and answers it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        let document = self.json();
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(document["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(document[member].is_string(), "{document}");
        }
        document
    }

    /// Checks the status, and answers the body.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }
}

/// The server.
pub(crate) struct World {
    router: Router,
    pub(crate) fanfare: Arc<Fanfare>,
    store: Option<SqliteStore>,
    _folder: TempDir,
}

impl World {
    /// One with nothing in it but the environment `default`.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fanfare.db");
        let store = SqliteStore::open(&path, &Options::default()).unwrap();
        let ports = Ports {
            configuration: store.configuration(),
            log: store.log(),
            deliveries: store.deliveries(),
            dispatch: Arc::new(NoEngine),
            sender: Arc::new(NoNetwork),
            clock: Arc::new(Counting(AtomicU64::new(0))),
            random: Arc::new(Counting(AtomicU64::new(1))),
        };
        let directory = Arc::new(Directory::new(Formats::new(
            Arc::new(NativeFormat::new(DeliveryPolicy::native())),
            Vec::new(),
        )));
        let fanfare = Arc::new(Fanfare::new(
            ports,
            directory,
            Limits::default(),
            Some(ROOT),
        ));
        fanfare.refresh().await.unwrap();
        fanfare.ensure_default_environment().await.unwrap();
        // Short: bodies are there at once, except where their absence is the test.
        let options = ApiOptions {
            body_time: Duration::from_millis(50),
            ..ApiOptions::default()
        };
        Self {
            router: router(Arc::clone(&fanfare), options),
            fanfare,
            store: Some(store),
            _folder: folder,
        }
    }

    /// Closes the store below the running server.
    pub(crate) async fn close_store(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().await;
        }
    }

    /// One with the tenants `acme` and `other`, the type `invoice.paid`, and an endpoint of `acme` that
    /// takes everything.
    pub(crate) async fn furnished() -> Self {
        let world = Self::empty().await;
        for id in ["acme", "other"] {
            let tenant = serde_json::json!({"id": id, "name": id});
            world.post("/v1/tenants", tenant).await.ok(201);
        }
        let event_type = serde_json::json!({
            "name": "invoice.paid",
            "subcategories": [{"value": "eu", "display_name": "Europe"}],
        });
        world.post("/v1/event-types", event_type).await.ok(201);
        world.endpoint().await;
        world
    }

    /// Makes an endpoint of `acme`; answers its path.
    pub(crate) async fn endpoint(&self) -> String {
        let url = serde_json::json!({"url": "https://example.com/hook"});
        let made = self.post("/v1/tenants/acme/endpoints", url).await;
        made.ok(201);
        made.headers["location"].to_str().unwrap().to_owned()
    }

    /// Makes a key; answers its text.
    pub(crate) async fn key(&self, role: &str, tenant: Option<&str>) -> String {
        let key = serde_json::json!({"name": role, "role": role, "tenant": tenant});
        let made = self.post("/v1/keys", key).await.ok(201);
        made["key"].as_str().unwrap().to_owned()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// Sends a request with a key and headers; a body is sent as JSON.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(bytes) => {
                request = request.header("content-type", "application/json");
                Body::from(bytes.to_vec())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// As the administrator.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, ROOT, &[], None).await
    }

    /// As the administrator.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.write("POST", path, body).await
    }

    /// As the administrator.
    pub(crate) async fn write(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = body.to_string();
        self.call(method, path, ROOT, &[], Some(body.as_bytes()))
            .await
    }

    /// As the administrator.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, ROOT, &[], None).await
    }

    /// Everything that the API shows of the configuration and of `acme`'s events, to see whether anything
    /// changed.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in [
            "/v1/environments",
            "/v1/keys",
            "/v1/tenants",
            "/v1/event-types",
            "/v1/tenants/acme/endpoints",
            "/v1/tenants/acme/events",
            "/v1/tenants/other/events",
        ] {
            all.push(self.get(&format!("{path}?limit=250")).await.ok(200));
        }
        all
    }
}

//! As much of the native API as the bench's loads need, believed unseen but for an event's JSON.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::{
    sender::{Sender, now},
    store::Write,
};

#[derive(Clone)]
struct Api {
    sender: Sender,
    /// The URLs of each tenant's endpoints.
    urls: Arc<RwLock<HashMap<String, Arc<[String]>>>>,
    last: Arc<AtomicI64>,
}

pub(crate) fn router(sender: Sender) -> Router {
    let made = || async { (StatusCode::CREATED, "{}") };
    Router::new()
        .route("/health/ready", get(|| async { "ready\n" }))
        .route("/v1/event-types", post(made))
        .route("/v1/tenants", post(made))
        .route("/v1/tenants/{tenant}/endpoints", post(add_endpoint))
        .route("/v1/tenants/{tenant}/events", post(publish))
        .with_state(Api {
            sender,
            urls: Arc::default(),
            last: Arc::default(),
        })
}

type Answer = (StatusCode, String);

#[derive(Deserialize)]
struct Endpoint {
    url: String,
}

async fn add_endpoint(State(api): State<Api>, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let endpoint: Endpoint = match serde_json::from_slice(&body) {
        Ok(endpoint) => endpoint,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()),
    };
    let mut urls = api.urls.write();
    let known = urls.entry(tenant).or_default();
    *known = known.iter().cloned().chain([endpoint.url]).collect();
    (
        StatusCode::CREATED,
        format!(r#"{{"id":"ep_{}"}}"#, known.len()),
    )
}

#[derive(Deserialize)]
struct Event<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

async fn publish(State(api): State<Api>, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let given: Event<'_> = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()),
    };
    let (event, time) = (api.last.fetch_add(1, Ordering::Relaxed), now());
    let (name, data) = (given.r#type, given.data.get());
    let body = format!(r#"{{"type":"{name}","timestamp":{time},"data":{data}}}"#);
    let body = Bytes::from(body);
    let urls = api.urls.read().get(&tenant).cloned().unwrap_or_default();
    let (done, committed) = oneshot::channel();
    let append = Write::Append {
        event,
        tenant,
        time,
        body: body.clone(),
        urls: urls.clone(),
        done,
    };
    api.sender.store.send(append).expect("the store runs");
    committed.await.expect("the store runs");
    for place in 0..urls.len() {
        let sender = api.sender.clone();
        tokio::spawn(sender.deliver(event, body.clone(), urls.clone(), place));
    }
    let answer = format!(r#"{{"id":"msg_{event:016x}","timestamp":{time}}}"#);
    (StatusCode::ACCEPTED, answer)
}

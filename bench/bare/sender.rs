//! Signs and posts, over kept connections, and hands outcomes to the store.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use ring::hmac::{Context, HMAC_SHA256, Key};

use crate::store::Write;

/// Connections kept to one host: more than there ever are under way.
const KEPT: usize = 100_000;

/// Posts events.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) store: SyncSender<Write>,
    client: Client<HttpConnector, Full<Bytes>>,
    key: Arc<Key>,
}

impl Sender {
    pub(crate) fn new(store: SyncSender<Write>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            store,
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(KEPT)
                .build(connector),
            key: Arc::new(Key::new(HMAC_SHA256, &[7; 24])),
        }
    }

    /// Makes one attempt and hands its outcome to the store, which the publisher does not wait for.
    pub(crate) async fn deliver(self, event: i64, body: Bytes, urls: Arc<[String]>, place: usize) {
        let began = now();
        let (status, answer) = match self.signed(event, began, body, &urls[place]) {
            Some(request) => self.post(request).await,
            None => (0, Bytes::new()),
        };
        let micros = now() - began;
        let settle = Write::Settle {
            event,
            place,
            status,
            answer,
            micros,
        };
        self.store.send(settle).expect("the store runs");
    }

    fn signed(
        &self,
        event: i64,
        time: i64,
        body: Bytes,
        url: &str,
    ) -> Option<Request<Full<Bytes>>> {
        let id = format!("msg_{event:016x}");
        let time = (time / 1_000_000).to_string();
        let mut context = Context::with_key(&self.key);
        for part in [id.as_bytes(), b".", time.as_bytes(), b".", &body] {
            context.update(part);
        }
        let signature = format!("v1,{}", STANDARD.encode(context.sign()));
        Request::post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", time)
            .header("webhook-signature", signature)
            .body(Full::new(body))
            .ok()
    }

    async fn post(&self, request: Request<Full<Bytes>>) -> (u16, Bytes) {
        let Ok(answer) = self.client.request(request).await else {
            return (0, Bytes::new());
        };
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await;
        (status, body.map(|body| body.to_bytes()).unwrap_or_default())
    }
}

/// Microseconds of Unix time.
#[expect(
    clippy::disallowed_methods,
    reason = "it shows what the machine can do, so it takes the machine's time"
)]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i64)
}

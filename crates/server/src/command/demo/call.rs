//! Calls of the API: as `curl` commands to read, and as requests to make.

use std::time::Duration;

use anyhow::{Context, bail};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::super::{print, shell};

/// No answer of the steps is larger.
const LARGEST_ANSWER: usize = 1 << 20;

/// One call.
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<String>,
    /// Stands for `{stamp}` in the body when the call is made; a shell makes its own.
    stamp: Option<String>,
}

impl Call {
    pub(super) fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            stamp: None,
        }
    }

    /// A call with a JSON text, whose members come in the order that a person would give them.
    pub(super) fn post(path: &str, body: impl Into<String>) -> Self {
        Self {
            method: Method::POST,
            path: path.to_owned(),
            body: Some(body.into()),
            stamp: None,
        }
    }

    pub(super) fn stamped(mut self, stamp: &str) -> Self {
        self.stamp = Some(stamp.to_owned());
        self
    }

    fn as_curl(&self, base: &str, key: &str) -> String {
        let mut parts = vec![
            format!("curl -sS {base}{}", self.path),
            format!("-H 'Authorization: Bearer {key}'"),
        ];
        if let Some(body) = &self.body {
            let body = shell::quoted(body).replace("{stamp}", "'$(date +%s)-$$'");
            parts.push("-H 'Content-Type: application/json'".to_owned());
            parts.push(format!("-d {body}"));
        }
        parts.join(" \\\n  ")
    }

    fn sent_body(&self) -> String {
        let body = self.body.clone().unwrap_or_default();
        match &self.stamp {
            Some(stamp) => body.replace("{stamp}", stamp),
            None => body,
        }
    }
}

/// The API of the server that the demo started.
pub(super) struct Api {
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    base: String,
    key: String,
}

impl Api {
    pub(super) fn new(base: &str, key: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Prints a call, makes it, and prints what was answered.
    pub(super) async fn show(&self, title: &str, call: &Call) -> anyhow::Result<Value> {
        print(format_args!(
            "\n# {title}\n{}",
            call.as_curl(&self.base, &self.key)
        ))?;
        let (status, text) = self.make(call).await?;
        print(&text)?;
        if !status.is_success() {
            bail!("the step was answered with {status}");
        }
        serde_json::from_str(&text).context("the answer is not JSON")
    }

    /// The first delivery of a list, once it was delivered.
    pub(super) async fn until_delivered(&self, path: &str) -> anyhow::Result<String> {
        loop {
            let (_, text) = self.make(&Call::get(path)).await?;
            let answer: Value = serde_json::from_str(&text).context("the answer is not JSON")?;
            let first = &answer["data"][0];
            if let (Some("delivered"), Some(id)) = (first["state"].as_str(), first["id"].as_str()) {
                return Ok(id.to_owned());
            }
            // What arrived is recorded a moment later, with others.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn make(&self, call: &Call) -> anyhow::Result<(StatusCode, String)> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base, call.path))
            .header("authorization", format!("Bearer {}", self.key));
        if call.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(call.sent_body()))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER);
        let body = body
            .collect()
            .await
            .map_err(|cause| anyhow::anyhow!("the answer can't be read: {cause}"))?;
        Ok((
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        ))
    }
}

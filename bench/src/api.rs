//! The calls of the native API that set a scenario up, one after the other.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};

use crate::client::{Answer, Connection, Target};

/// The event type that every scenario publishes.
pub(crate) const EVENT_TYPE: &str = "bench.event";

/// A blocking client: a scenario sets up before it measures.
pub(crate) struct Api {
    runtime: Runtime,
    tasks: LocalSet,
    address: SocketAddr,
    key: String,
}

impl Api {
    pub(crate) fn connect(address: SocketAddr, key: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            runtime,
            tasks: LocalSet::new(),
            address,
            key: key.to_owned(),
        })
    }

    fn send(&self, target: &Target, body: Bytes) -> Result<Answer> {
        self.tasks.block_on(&self.runtime, async {
            Connection::open(self.address)
                .await?
                .send(target, body)
                .await
        })
    }

    pub(crate) fn is_ready(&self) -> bool {
        Target::get(self.address, "/health/ready", None)
            .and_then(|target| self.send(&target, Bytes::new()))
            .is_ok_and(|answer| answer.status == 200)
    }

    fn create(&self, path: &str, body: &Value) -> Result<Value> {
        self.post(path, body, 201)
    }

    fn post(&self, path: &str, body: &Value, wanted: u16) -> Result<Value> {
        let target = Target::post(self.address, path, Some(&self.key))?;
        let answer = self.send(&target, body.to_string().into())?;
        if answer.status != wanted {
            let text = String::from_utf8_lossy(&answer.body);
            bail!(
                "POST {path} {body} was answered with {}: {text}",
                answer.status
            );
        }
        serde_json::from_slice(&answer.body)
            .with_context(|| format!("the answer of POST {path} is not JSON"))
    }

    /// Any call; answers its status and its JSON, null where there is none.
    pub(crate) fn call(&self, method: Method, path: &str, body: &Value) -> Result<(u16, Value)> {
        let target = Target::with(method, self.address, path, Some(&self.key))?;
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        let answer = self.send(&target, body)?;
        let json = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok((answer.status.as_u16(), json))
    }

    pub(crate) fn create_event_type(&self) -> Result<()> {
        self.create_event_type_named(EVENT_TYPE)
    }

    pub(crate) fn create_event_type_named(&self, name: &str) -> Result<()> {
        self.create("/v1/event-types", &json!({ "name": name }))?;
        Ok(())
    }

    /// Publishes an event that belongs to no load; answers what is said of it.
    pub(crate) fn publish(&self, tenant: &str) -> Result<Value> {
        let path = format!("/v1/tenants/{tenant}/events");
        self.post(&path, &json!({ "type": EVENT_TYPE, "data": {} }), 202)
    }

    pub(crate) fn create_tenant(&self, id: &str) -> Result<()> {
        self.create("/v1/tenants", &json!({ "id": id, "name": id }))?;
        Ok(())
    }

    pub(crate) fn create_endpoint(&self, tenant: &str, url: &str) -> Result<()> {
        self.create_endpoint_of(tenant, &json!({ "url": url }))?;
        Ok(())
    }

    /// An endpoint with all that this says; answers its path in the API.
    pub(crate) fn create_endpoint_of(&self, tenant: &str, endpoint: &Value) -> Result<String> {
        let path = format!("/v1/tenants/{tenant}/endpoints");
        let made = self.create(&path, endpoint)?;
        let id = made["id"].as_str().context("an endpoint has an id")?;
        Ok(format!("{path}/{id}"))
    }

    /// The sum of the metrics with this name, or none where there is no such metric.
    pub(crate) fn metric(&self, name: &str) -> Result<Option<f64>> {
        let target = Target::get(self.address, "/metrics", Some(&self.key))?;
        let answer = self.send(&target, Bytes::new())?;
        let text = String::from_utf8_lossy(&answer.body);
        let values: Vec<f64> = text
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                rest.starts_with(['{', ' '])
                    .then(|| rest.rsplit(' ').next()?.parse().ok())?
            })
            .collect();
        Ok((!values.is_empty()).then(|| values.iter().sum()))
    }
}

/// Where events of this tenant are published.
pub(crate) fn publish_target(address: SocketAddr, key: &str, tenant: &str) -> Result<Target> {
    Target::post(address, &format!("/v1/tenants/{tenant}/events"), Some(key))
}

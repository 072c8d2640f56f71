//! The soak's endpoints: what their receivers do, and what their owners change.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use fanfare_testkit::{
    receiver::{Answer, Receiver},
    seeded::Seeded,
};
use http::Method;
use serde_json::{Value, json};

use crate::{api::EVENT_TYPE, server::Server};

/// Endpoints that stay enabled: everything must arrive there.
pub(super) const STEADY: usize = 6;
/// The first of them are never ill.
const HEALTHY: usize = 2;
const TENANT: &str = "soak";
/// Something new happens at about one in so many seconds.
const SELDOM: u64 = 4;

/// What befell the endpoints.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// Times that a receiver's health changed.
    pub(super) moods: u64,
    /// Changes of endpoints that their owners made.
    pub(super) edits: u64,
    /// Secrets that were rotated.
    pub(super) rotations: u64,
    /// Endpoints that were disabled, enabled, deleted or made beside the steady ones.
    pub(super) comings_and_goings: u64,
}

pub(super) struct Endpoints {
    chance: Seeded,
    steady: Vec<String>,
    /// One beside them that comes and goes; what it gets is not in the account.
    passing: Option<String>,
    changes: Changes,
}

impl Endpoints {
    /// Makes the event type, the tenant and the steady endpoints.
    pub(super) fn make(server: &Server, receiver: &Receiver, chance: Seeded) -> Result<Self> {
        let api = server.api()?;
        api.create_event_type()?;
        api.create_tenant(TENANT)?;
        let mut endpoints = Self {
            chance,
            steady: Vec::new(),
            passing: None,
            changes: Changes::default(),
        };
        for number in 0..STEADY {
            let url = receiver.url(&format!("/e/{number}"));
            let body = json!({"url": url, "delivery_policy": patience()});
            let id = call(server, Method::POST, "", &body)?;
            endpoints.steady.push(id.context("no id")?);
        }
        Ok(endpoints)
    }

    pub(super) fn figures(&self) -> Changes {
        self.changes
    }

    /// Every so often a receiver's health changes, or an owner changes something. The server may have
    /// been killed a moment ago: what fails then is tried another time.
    pub(super) fn befall(&mut self, server: &Server, receiver: &Receiver) {
        if self.chance.below(SELDOM) == 0 {
            let number = HEALTHY + self.chance.below((STEADY - HEALTHY) as u64) as usize;
            receiver.answer(&format!("/e/{number}"), mood(&self.chance));
            self.changes.moods += 1;
        }
        if self.chance.below(SELDOM) == 0 {
            let _ = self.change(server, receiver);
        }
    }

    fn change(&mut self, server: &Server, receiver: &Receiver) -> Result<()> {
        let one = &self.steady[self.chance.below(STEADY as u64) as usize];
        match self.chance.below(4) {
            0 => {
                let text = format!("note {}", self.chance.next());
                let body = json!({"description": text, "headers": {"x-note": text}});
                call(server, Method::PATCH, &format!("/{one}"), &body)?;
                self.changes.edits += 1;
            }
            1 => {
                let path = format!("/{one}/secrets/rotate");
                call(server, Method::POST, &path, &json!({}))?;
                self.changes.rotations += 1;
            }
            _ => self.come_or_go(server, receiver)?,
        }
        Ok(())
    }

    fn come_or_go(&mut self, server: &Server, receiver: &Receiver) -> Result<()> {
        match self.passing.clone() {
            None => {
                let body = json!({"url": receiver.url("/passing")});
                self.passing = call(server, Method::POST, "", &body)?;
            }
            Some(id) if self.chance.below(3) == 0 => {
                call(server, Method::DELETE, &format!("/{id}"), &Value::Null)?;
                self.passing = None;
            }
            Some(id) => {
                let body = json!({"enabled": self.chance.chance(0.5)});
                call(server, Method::PATCH, &format!("/{id}"), &body)?;
            }
        }
        self.changes.comings_and_goings += 1;
        Ok(())
    }

    /// Every receiver takes everything from now on.
    pub(super) fn calm(&self, receiver: &Receiver) {
        for number in 0..STEADY {
            receiver.answer(&format!("/e/{number}"), Answer::ok());
        }
    }
}

/// A policy that outlasts every illness of a receiver.
fn patience() -> Value {
    let mut waits = vec!["0s", "1s", "2s"];
    waits.resize(50, "5s");
    json!({"waits": waits, "timeout": "5s"})
}

fn mood(chance: &Seeded) -> Answer {
    match chance.below(12) {
        0..4 => Answer::ok(),
        4 => Answer::ok().after(Duration::from_millis(20 + chance.below(400))),
        5 => Answer::status(500),
        6 => Answer::retry_after(503, 2),
        7 => Answer::hang_before_head(),
        8 => Answer::reset_before_head(),
        9 => Answer::close_at_once(),
        10 => Answer::hang_in_body(),
        _ => Answer::endless_body(),
    }
}

/// A call about the tenant's endpoints; answers the id where there is one.
fn call(server: &Server, method: Method, path: &str, body: &Value) -> Result<Option<String>> {
    let path = format!("/v1/tenants/{TENANT}/endpoints{path}");
    let (status, answer) = server.api()?.call(method, &path, body)?;
    if !(200..300).contains(&status) {
        bail!("{path} was answered with {status}: {answer}");
    }
    Ok(answer["id"].as_str().map(str::to_owned))
}

/// Where the soak's events are published, and what an event of this id says.
pub(super) fn event(id: &str) -> (String, String) {
    let data = "x".repeat(400);
    let body = json!({"type": EVENT_TYPE, "id": id, "data": {"text": data}});
    (format!("/v1/tenants/{TENANT}/events"), body.to_string())
}

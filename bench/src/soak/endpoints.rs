//! The soak's endpoints: what their receivers do, and what their owners change.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use fanfare_testkit::{
    receiver::{Answer, Receiver},
    seeded::Seeded,
};
use http::Method;
use serde_json::{Value, json};

use crate::{api::Api, server::Server};

use super::steady::{self, HEALTHY, SELDOM_TYPE, STEADY};

pub(super) const TENANT: &str = "soak";
/// A receiver's health changes at about one in so many seconds.
const MOODS: u64 = 2;
/// The same of changes that owners make.
const CHANGES: u64 = 4;

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
    /// Makes the event types, the tenant and the steady endpoints.
    pub(super) fn make(server: &Server, receiver: &Receiver, chance: Seeded) -> Result<Self> {
        let api = server.api()?;
        api.create_event_type()?;
        api.create_event_type_named(SELDOM_TYPE)?;
        api.create_tenant(TENANT)?;
        let mut endpoints = Self {
            chance,
            steady: Vec::new(),
            passing: None,
            changes: Changes::default(),
        };
        for (number, steady) in STEADY.iter().enumerate() {
            let body = steady.body(&receiver.url(&path(number)));
            let id = call(&api, Method::POST, &of_tenant(""), &body)?;
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
        if self.chance.below(MOODS) == 0 {
            let ill = STEADY.len() - HEALTHY;
            let number = HEALTHY + self.chance.below(ill as u64) as usize;
            receiver.answer(&path(number), mood(&self.chance));
            self.changes.moods += 1;
        }
        if self.chance.below(CHANGES) == 0 {
            let _ = self.change(server, receiver);
        }
    }

    fn change(&mut self, server: &Server, receiver: &Receiver) -> Result<()> {
        let api = server.api()?;
        let one = self.chance.pick(&self.steady).clone();
        match self.chance.below(4) {
            0 => {
                let text = format!("note {}", self.chance.next());
                let body = json!({"description": text, "headers": {"x-note": text}});
                call(&api, Method::PATCH, &of_tenant(&one), &body)?;
                self.changes.edits += 1;
            }
            1 => {
                let path = of_tenant(&format!("{one}/secrets/rotate"));
                call(&api, Method::POST, &path, &json!({}))?;
                self.changes.rotations += 1;
            }
            _ => self.come_or_go(&api, receiver)?,
        }
        Ok(())
    }

    fn come_or_go(&mut self, api: &Api, receiver: &Receiver) -> Result<()> {
        match self.passing.clone() {
            None => {
                let body = json!({"url": receiver.url("/passing")});
                self.passing = call(api, Method::POST, &of_tenant(""), &body)?;
            }
            Some(id) if self.chance.below(3) == 0 => {
                call(api, Method::DELETE, &of_tenant(&id), &Value::Null)?;
                self.passing = None;
            }
            Some(id) => {
                let body = json!({"enabled": self.chance.chance(0.5)});
                call(api, Method::PATCH, &of_tenant(&id), &body)?;
            }
        }
        self.changes.comings_and_goings += 1;
        Ok(())
    }

    /// Every receiver takes everything from now on.
    pub(super) fn calm(&self, receiver: &Receiver) {
        for number in 0..STEADY.len() {
            receiver.answer(&path(number), Answer::ok());
        }
    }
}

/// Where a steady endpoint lies: its number is the last part.
fn path(number: usize) -> String {
    format!("/e/{number}")
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

/// The API's path of the tenant's endpoints, or of what is below.
fn of_tenant(below: &str) -> String {
    let path = format!("/v1/tenants/{TENANT}/endpoints/{below}");
    path.trim_end_matches('/').to_owned()
}

/// A call; answers the id where there is one.
fn call(api: &Api, method: Method, path: &str, body: &Value) -> Result<Option<String>> {
    let (status, answer) = api.call(method, path, body)?;
    if !(200..300).contains(&status) {
        bail!("{path} was answered with {status}: {answer}");
    }
    Ok(answer["id"].as_str().map(str::to_owned))
}

/// Where the soak's events are published, and what one says.
pub(super) fn event(number: u64, id: &str) -> (String, String) {
    let body = steady::event(number, id);
    (format!("/v1/tenants/{TENANT}/events"), body.to_string())
}

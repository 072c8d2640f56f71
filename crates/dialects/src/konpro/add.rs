//! `POST endpoint.add`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::External;
use fanfare_domain::name::Scope;

use super::desk::Desk;
use super::endpoint::Shown;
use super::failure::Failure;
use super::{NAME, fields, format};
use crate::signing::hex;

pub(super) async fn run(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    desk.answer(add(&desk, request).await)
}

async fn add(desk: &Desk, request: Request) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers())?;
    let body = desk.object(request.into_body()).await?;
    let fanfare = &desk.door.fanfare;
    let url = fields::url(&body, fanfare)?.ok_or(Failure::Absent("url"))?;
    let event_types = fields::events(&body)?.flatten();
    let attributes = fields::entity(&body)?;
    desk.has_room(&scope)?;
    desk.ask(&url).await?;
    let external = External {
        id: format!("webhook_{}", hex(&fanfare.chance()[..6])),
        data: serde_json::Map::new(),
    };
    let mut endpoint = fanfare.external_endpoint(&scope, NAME, external, url);
    endpoint.event_types = event_types;
    endpoint.attributes = attributes;
    let secret = format::secret(&fanfare.chance());
    endpoint.secrets = vec![fanfare.secret_from_now(secret)];
    let endpoint = desk.door.create(endpoint).await?;
    Ok(Shown::of(&endpoint))
}

impl Desk {
    /// Told before the URL is asked; decided when the endpoint is stored.
    fn has_room(&self, scope: &Scope) -> Result<(), Failure> {
        let most = self.door.fanfare.limits().endpoints_per_tenant;
        if self.door.fanfare.directory().endpoint_count(scope).0 < most {
            return Ok(());
        }
        Err(Failure::Full(format!(
            "There are {most} webhook endpoints, the most that are possible"
        )))
    }
}

//! `POST /webhooks`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::External;

use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::webhook::Shown;
use super::{NAME, fields, id};

pub(super) async fn run(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    answer(add(&desk, request).await)
}

async fn add(desk: &Desk, request: Request) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers())?;
    let body = desk.object(request.into_body()).await?;
    let body = body.ok_or_else(|| Failure::invalid("The body must be a JSON object"))?;
    let url = desk.target_url(&body)?;
    let url = url.ok_or_else(|| Failure::invalid("targetUrl is required"))?;
    let types = desk.types(&body)?;
    let campaign = fields::campaign(&body)?;
    let token = fields::secret_token(&body)?;
    let fanfare = &desk.door.fanfare;
    let external = External {
        id: id::fresh(|| fanfare.chance()),
        data: serde_json::Map::new(),
    };
    let mut endpoint = fanfare.external_endpoint(&scope, NAME, external, url);
    endpoint.event_types = types.flatten();
    let campaign = campaign.flatten();
    endpoint.attributes = fields::with_campaign(&endpoint.attributes, campaign.as_deref())?;
    let token = token.flatten().map(|text| fanfare.secret_from_now(text));
    endpoint.secrets = token.into_iter().collect();
    let endpoint = desk.door.create(endpoint).await?;
    Ok(desk.shown(&endpoint))
}

//! `POST /endpoints`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::External;

use super::answer::answer;
use super::desk::Desk;
use super::endpoint::{Shown, id_of};
use super::failure::Failure;
use super::{NAME, fields};

pub(super) async fn run(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    answer(create(&desk, request).await)
}

async fn create(desk: &Desk, request: Request) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers(), "create endpoint")?;
    let body = desk.object(request.into_body()).await?;
    let url = desk.url(&body)?.ok_or_else(|| Failure::required("url"))?;
    let event_types = desk.event_types(&body, &scope)?;
    let secret = fields::secret(&body)?;
    let fanfare = &desk.door.fanfare;
    let external = External {
        id: id_of(&url),
        data: serde_json::Map::new(),
    };
    let mut endpoint = fanfare.external_endpoint(&scope, NAME, external, url);
    // Without any, nothing is delivered.
    endpoint.event_types = Some(event_types.unwrap_or_default());
    let secret = secret.map(|text| fanfare.secret_from_now(text));
    endpoint.secrets = secret.into_iter().collect();
    let endpoint = desk.door.create(endpoint).await?;
    Ok(Shown::of(&endpoint, &desk.events))
}

//! `GET webhooks/logs`: what was sent to facility webhooks within the last 14 days.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use fanfare_domain::name::Scope;
use http::HeaderMap;

use super::desk::Room;
use super::failure::Failure;
use super::webhook::belongs;
use super::{NAME, answer};

mod asked;
mod entry;
mod walk;

use asked::Asked;
use entry::Entry;
use walk::Walk;

pub(super) async fn run(
    State(room): State<Room>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer::shown(search(&room, query.as_deref(), &headers).await)
}

async fn search(
    room: &Room,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Vec<Entry>, Failure> {
    let Room { desk, group } = room;
    let scope: Scope = desk.enter(headers)?;
    let fanfare = &desk.door.fanfare;
    let now = fanfare.ports().clock.now();
    let asked = Asked::read(query.unwrap_or_default(), group, now)?;
    let endpoints = fanfare.externals(&scope, NAME).await?;
    let endpoints: Vec<_> = endpoints
        .into_iter()
        .filter(|endpoint| belongs(endpoint, group))
        .collect();
    let walk = Walk::new(fanfare, &scope, &asked, &endpoints);
    let found = walk.run().await?;
    entry::entries(fanfare, &scope, found, &endpoints).await
}

//! `GET webhooks/{group}`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use super::desk::Room;
use super::failure::Failure;
use super::webhook::{Shown, belongs};
use super::{NAME, answer};

pub(super) async fn run(State(room): State<Room>, headers: HeaderMap) -> Response {
    answer::shown(list(&room, &headers).await)
}

/// All of them, in the order of their creation.
async fn list(room: &Room, headers: &HeaderMap) -> Result<Vec<Shown>, Failure> {
    let Room { desk, group } = room;
    let scope = desk.enter(headers)?;
    let fanfare = &desk.door.fanfare;
    let endpoints = fanfare.externals(&scope, NAME).await?;
    let now = fanfare.ports().clock.now();
    let of_group = endpoints
        .iter()
        .rev()
        .filter(|endpoint| belongs(endpoint, group));
    Ok(of_group
        .map(|endpoint| Shown::of(endpoint, group, now))
        .collect())
}

//! `GET /webhooks`, which the original's pages do not have; the paging is that of its contacts.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use fanfare_domain::endpoint::Endpoint;
use http::HeaderMap;

use super::NAME;
use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::webhook::Shown;

/// The webhooks of a page unless told, and the most.
const USUAL: usize = 50;
const MOST: usize = 100;

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(list(&desk, query.as_deref(), &headers).await)
}

async fn list(
    desk: &Desk,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Vec<Shown>, Failure> {
    let scope = desk.enter(headers)?;
    let (mut offset, mut limit) = (0, USUAL);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "offset" => offset = number("offset", &value)?,
            "limit" => limit = number("limit", &value)?.min(MOST),
            _ => {}
        }
    }
    let mut all = desk.door.fanfare.externals(&scope, NAME).await?;
    all.sort_by_key(|endpoint: &Endpoint| (endpoint.created_at, endpoint.id));
    let page = all.iter().skip(offset).take(limit);
    Ok(page.map(|endpoint| desk.shown(endpoint)).collect())
}

fn number(name: &str, text: &str) -> Result<usize, Failure> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::invalid(format!(
            "{name} must be a number that is not negative"
        )));
    }
    // Digits that make no number make one past every list.
    Ok(text.parse().unwrap_or(usize::MAX))
}

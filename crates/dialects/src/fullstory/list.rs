//! `GET /endpoints`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use fanfare_domain::endpoint::Endpoint;
use http::HeaderMap;
use serde::Serialize;

use super::NAME;
use super::answer::answer;
use super::desk::Desk;
use super::endpoint::Shown;
use super::failure::Failure;
use super::page::{Page, token, wrong_token};

/// The most endpoints of a page.
const MOST: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    endpoints: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_pagination_token: Option<String>,
}

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(list(&desk, query.as_deref(), &headers).await)
}

/// Where an endpoint stands in the list: when it was made, as far as that is shown, then its id.
fn place(endpoint: &Endpoint) -> (i64, &str) {
    let external = endpoint.external.as_ref();
    let id = external.map_or("", |external| external.id.as_str());
    (endpoint.created_at.millis(), id)
}

async fn list(desk: &Desk, query: Option<&str>, headers: &HeaderMap) -> Result<List, Failure> {
    let scope = desk.enter(headers, "list endpoints")?;
    let page = Page::read(query, MOST)?;
    let after = match &page.after {
        None => None,
        Some(after) => {
            let (created, id) = after.split_once(' ').ok_or_else(wrong_token)?;
            let created: i64 = created.parse().map_err(|_| wrong_token())?;
            Some((created, id))
        }
    };
    let mut all = desk.door.fanfare.externals(&scope, NAME).await?;
    all.sort_by(|one, other| place(one).cmp(&place(other)));
    all.retain(|endpoint| after.is_none_or(|after| place(endpoint) > after));
    let more = all.len() > page.limit;
    all.truncate(page.limit);
    let last = all.last().filter(|_| more).map(place);
    Ok(List {
        next_pagination_token: last.map(|(created, id)| token(&format!("{created} {id}"))),
        endpoints: all
            .iter()
            .map(|endpoint| Shown::of(endpoint, &desk.events))
            .collect(),
    })
}

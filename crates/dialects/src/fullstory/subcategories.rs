//! `GET /event-types/{event_name}/subcategories`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use fanfare_domain::event_type::Subcategory;
use http::HeaderMap;
use serde::Serialize;

use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::page::{Page, token, wrong_token};

/// The most subcategories of a page.
const MOST: usize = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    subcategory_defs: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_pagination_token: Option<String>,
}

/// A subcategory; the original's pages spell the name of the display name in two ways.
#[derive(Serialize)]
struct Shown {
    subcategory: String,
    #[serde(rename = "displayName")]
    camel: String,
    #[serde(rename = "display_name")]
    snake: String,
}

impl From<&Subcategory> for Shown {
    fn from(each: &Subcategory) -> Self {
        Self {
            subcategory: each.value.clone(),
            camel: each.display_name.clone(),
            snake: each.display_name.clone(),
        }
    }
}

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(list(&desk, name, query.as_deref(), &headers))
}

fn list(
    desk: &Desk,
    name: Result<Path<String>, PathRejection>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<List, Failure> {
    let scope = desk.enter(headers, "list event subcategories")?;
    let Path(name) = name.map_err(|_| Failure::NotFound)?;
    let known = desk.events.find(&name).ok_or(Failure::NotFound)?;
    let page = Page::read(query, MOST)?;
    let begin: usize = match &page.after {
        None => 0,
        Some(after) => after.parse().map_err(|_| wrong_token())?,
    };
    let listed = known.listed(desk.door.fanfare.directory(), &scope);
    let end = begin.saturating_add(page.limit);
    let shown = listed.iter().skip(begin).take(page.limit);
    Ok(List {
        subcategory_defs: shown.map(Shown::from).collect(),
        next_pagination_token: (end < listed.len()).then(|| token(&end.to_string())),
    })
}

//! Finding the deliveries that a page of the log shows.
//!
//! Lists of deliveries come newest first and go on after a delivery, so what is passed over has to be
//! read. Both `offset` and the rows that are read for one search are bounded: past
//! [`MOST_ROWS`], a search answers with what it found, and narrower dates find the rest.

use std::collections::HashSet;
use std::time::Duration;

use fanfare_app::Fanfare;
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::asked::Asked;
use crate::nursa::failure::Failure;
use crate::nursa::webhook::FACILITY;

/// Rows that are read at a time; where facilities are asked for, so many events with their payloads.
const STEP: usize = 100;
/// Rows that are read for one search.
const MOST_ROWS: usize = 50_000;
/// The shortest span of time that is looked at, when the oldest are asked for first.
const SHORTEST: Duration = Duration::from_millis(1);

/// A search on its way.
pub(super) struct Walk<'a> {
    fanfare: &'a Fanfare,
    scope: &'a Scope,
    asked: &'a Asked,
    endpoints: HashSet<EndpointId>,
    rows: usize,
    passed_over: usize,
    found: Vec<Delivery>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        fanfare: &'a Fanfare,
        scope: &'a Scope,
        asked: &'a Asked,
        endpoints: &[Endpoint],
    ) -> Self {
        Self {
            fanfare,
            scope,
            asked,
            endpoints: endpoints.iter().map(|endpoint| endpoint.id).collect(),
            rows: 0,
            passed_over: 0,
            found: Vec::new(),
        }
    }

    /// The deliveries of the page, in its order.
    pub(super) async fn run(mut self) -> Result<Vec<Delivery>, Failure> {
        if self.asked.limit > 0 && !self.endpoints.is_empty() {
            if self.asked.ascending {
                self.oldest_first().await?;
            } else {
                let (since, until) = (self.asked.since, self.asked.until);
                let mut before = None;
                while self.wants_more() {
                    let page = self.page(since, until, before).await?;
                    before = page.last().map(|last| last.id);
                    let last = page.len() < STEP;
                    self.take(page).await?;
                    if last {
                        break;
                    }
                }
            }
        }
        Ok(self.found)
    }

    /// Looks at one span of time after the other. A span that holds more than a page is made shorter,
    /// and the next one longer again. Spans end with a millisecond: within one, lists follow the ids,
    /// so it has to be seen whole.
    async fn oldest_first(&mut self) -> Result<(), Failure> {
        let (mut from, end) = (self.asked.since, self.asked.until);
        let mut span = end.since(from);
        while from < end && self.wants_more() {
            let to = Timestamp::from_millis(from.after(span).millis()).min(end);
            let mut rows = self.page(from, to, None).await?;
            if rows.len() == STEP {
                if span > SHORTEST {
                    span = (span / 4).max(SHORTEST);
                    continue;
                }
                self.rest_of(from, to, &mut rows).await?;
            }
            rows.reverse();
            self.take(rows).await?;
            from = to;
            span *= 2;
        }
        Ok(())
    }

    /// What a span holds besides its first page.
    async fn rest_of(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        rows: &mut Vec<Delivery>,
    ) -> Result<(), Failure> {
        while self.rows < MOST_ROWS {
            let before = rows.last().map(|last| last.id);
            let page = self.page(from, to, before).await?;
            let last = page.len() < STEP;
            rows.extend(page);
            if last {
                break;
            }
        }
        Ok(())
    }

    fn wants_more(&self) -> bool {
        self.found.len() < self.asked.limit && self.rows < MOST_ROWS
    }

    async fn page(
        &mut self,
        since: Timestamp,
        until: Timestamp,
        before: Option<DeliveryId>,
    ) -> Result<Vec<Delivery>, Failure> {
        let mut ids = self.endpoints.iter();
        let only = ids.next().filter(|_| self.endpoints.len() == 1);
        let query = DeliveryQuery {
            scope: self.scope.clone(),
            event: None,
            endpoint: only.copied(),
            state: None,
            event_type: self.asked.event_type.clone(),
            last_error: None,
            last_status: None,
            since: Some(since),
            until: Some(until),
            before,
            limit: STEP,
        };
        let page = self.fanfare.deliveries(&query).await?;
        // At least one, so that empty spans count too.
        self.rows += page.len().max(1);
        Ok(page)
    }

    /// Passes over what the page does not show, and keeps what it does.
    async fn take(&mut self, rows: Vec<Delivery>) -> Result<(), Failure> {
        let mut rows: Vec<Delivery> = rows
            .into_iter()
            .filter(|row| row.attempts > 0 && self.endpoints.contains(&row.endpoint))
            .collect();
        if !self.asked.facilities.is_empty() {
            self.keep_facilities(&mut rows).await?;
        }
        for row in rows {
            if self.passed_over < self.asked.offset {
                self.passed_over += 1;
            } else if self.found.len() < self.asked.limit {
                self.found.push(row);
            }
        }
        Ok(())
    }

    async fn keep_facilities(&self, rows: &mut Vec<Delivery>) -> Result<(), Failure> {
        let ids: Vec<_> = rows.iter().map(|row| row.event).collect();
        let log = &self.fanfare.ports().log;
        let events = log.events_by_id(self.scope, &ids).await;
        let events = events.map_err(fanfare_app::UseCaseError::from)?;
        let wanted = |values: &[String]| {
            values
                .iter()
                .any(|value| self.asked.facilities.contains(value))
        };
        let kept: HashSet<_> = events
            .iter()
            .filter(|event| event.attributes.get(FACILITY).is_some_and(wanted))
            .map(|event| event.id)
            .collect();
        rows.retain(|row| kept.contains(&row.event));
        Ok(())
    }
}

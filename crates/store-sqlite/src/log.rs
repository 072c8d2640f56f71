//! The log part.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::error::StoreError;
use fanfare_app::port::log::{
    Append, Appended, Event, EventQuery, EventRef, EventWalk, Log, Position,
};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use crate::store::Database;

mod append;
mod read;
mod retention;
mod row;

pub(crate) use append::last_position;

pub(crate) struct SqliteLog {
    database: Database,
}

impl SqliteLog {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Log for SqliteLog {
    async fn append(&self, events: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let weight = events.iter().map(append::weight).sum();
        let writer = &self.database.writer;
        writer
            .ask(weight, move |writing| append::all(writing, &events))
            .await
    }

    async fn read_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::after(reading, position, limit))
            .await
    }

    async fn positions_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::positions_after(reading, position, limit))
            .await
    }

    async fn event(
        &self,
        scope: &Scope,
        event: &EventRef,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let (scope, event) = (scope.clone(), event.clone());
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::one(reading, &scope, &event))
            .await
    }

    async fn events_by_id(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let (scope, ids) = (scope.clone(), ids.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::by_id(reading, &scope, &ids))
            .await
    }

    async fn positions(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, Position)>, StoreError> {
        let (scope, ids) = (scope.clone(), ids.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::positions(reading, &scope, &ids))
            .await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, StoreError> {
        let query = query.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::page(reading, &query))
            .await
    }

    async fn events_from(&self, walk: &EventWalk) -> Result<Vec<Arc<Event>>, StoreError> {
        let walk = walk.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::walk(reading, &walk))
            .await
    }

    async fn with_payload(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<HashSet<EventId>, StoreError> {
        let (scope, ids) = (scope.clone(), ids.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::with_payload(reading, &scope, &ids))
            .await
    }

    async fn end(&self) -> Result<Position, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(|reading| last_position(reading.connection))
            .await
    }

    async fn accepted_before(
        &self,
        time: Timestamp,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| retention::accepted_before(reading, time, after, limit))
            .await
    }

    async fn data_past(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| retention::data_past(reading, now, limit))
            .await
    }

    async fn drop_payloads(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        let writer = &self.database.writer;
        let weight = positions.len() * retention::WEIGHT;
        writer
            .ask(weight, move |writing| {
                retention::drop_payloads(writing, &positions)
            })
            .await
    }

    async fn drop_events(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        let writer = &self.database.writer;
        let weight = positions.len() * retention::WEIGHT;
        writer
            .ask(weight, move |writing| {
                retention::drop_events(writing, &positions)
            })
            .await
    }

    async fn drop_expired_keys(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let writer = &self.database.writer;
        let weight = limit.min(retention::KEYS_AT_ONCE) * retention::WEIGHT;
        writer
            .ask(weight, move |writing| {
                retention::drop_expired_keys(writing, now, limit)
            })
            .await
    }
}

//! The log part.
//!
//! # Positions
//!
//! Each transaction takes its positions from a sequence, so no transaction waits for another. The
//! price is that a higher position can be committed, and seen, before a lower one. A reader that went
//! past the lower one would never see it. So before it takes positions, a transaction takes a shared
//! lock that names the sequence's last number at that time: it gets higher ones only. A reader looks
//! first at the sequence and then at the locks that are held: up to the least of these numbers, or up
//! to the sequence's when no lock is held, everything has ended, and what was committed is seen by
//! the statement that comes after. This is the *horizon*, see [`horizon`]. The locks end with their
//! transactions, after these can be seen, and they are nobody else's: a dump or a long report in the
//! same database holds nothing up.
//!
//! A reader that finds nothing below the horizon, but knows of higher positions, waits for those
//! transactions: an empty answer means that nothing is there, and never will be.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::Found;
use fanfare_app::port::error::StoreError;
use fanfare_app::port::log::{
    Append, Appended, Event, EventQuery, EventRef, EventWalk, Log, Old, Position,
};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use crate::address::Address;
use crate::days::{self, Table};
use crate::options::Retention;
use crate::queue::Queue;
use crate::store::{Database, Observer};

mod append;
pub(crate) mod horizon;
mod insert;
mod read;
mod retention;
mod row;
mod twins;

use append::Appending;
pub(crate) use horizon::{last_given, settled};

pub(crate) struct PostgresLog {
    database: Database,
    queue: Queue<Appending>,
}

impl PostgresLog {
    pub(crate) fn new(database: &Database, address: &Address, observer: &Observer) -> Self {
        let options = &database.options;
        let work = Appending::new(database.clone());
        let queue = Queue::start(work, options.log_writers, address, options, observer);
        Self {
            database: database.clone(),
            queue,
        }
    }

    pub(crate) async fn close(&self) {
        self.queue.close().await;
    }
}

#[async_trait]
impl Log for PostgresLog {
    fn keeps_turns(&self) -> bool {
        true
    }

    async fn append(&self, events: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let weight = events.iter().map(append::weight).sum();
        let appended = self.queue.ask(weight, events).await?;
        if self.database.places.leaves_work() {
            self.database.places.hints.work_is_left();
        }
        Ok(appended)
    }

    async fn read_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        Ok(horizon::read_after(&self.database, position, limit).await?)
    }

    async fn positions_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        Ok(horizon::positions_after(&self.database, position, limit).await?)
    }

    async fn event(
        &self,
        scope: &Scope,
        event: &EventRef,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::one(&session, &self.database.scopes, scope, event).await?)
    }

    async fn events_by_id(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::by_id(&session, &self.database.scopes, scope, ids).await?)
    }

    async fn positions(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, Position)>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::positions(&session, &self.database.scopes, scope, ids).await?)
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::page(&session, &self.database.scopes, query).await?)
    }

    async fn search(&self, query: &EventQuery) -> Result<Found<Arc<Event>, EventId>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::search(&session, &self.database.scopes, query).await?)
    }

    async fn events_from(&self, walk: &EventWalk) -> Result<Vec<Arc<Event>>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::walk(&session, &self.database.scopes, walk).await?)
    }

    async fn with_payload(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<HashSet<EventId>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::with_payload(&session, &self.database.scopes, scope, ids).await?)
    }

    async fn end(&self) -> Result<Position, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(last_given(&session).await?)
    }

    async fn drop_days(&self, what: Old, before: Timestamp) -> Result<bool, StoreError> {
        if self.database.options.retention == Retention::Rows {
            return Ok(false);
        }
        let tables: &[Table] = match what {
            Old::Payloads => &[Table::Payloads],
            Old::Events => &[Table::Events, Table::Payloads],
        };
        days::take(&self.database, tables, before).await?;
        Ok(true)
    }

    async fn accepted_before(
        &self,
        time: Timestamp,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(retention::accepted_before(&session, time, after, limit).await?)
    }

    async fn data_past(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(retention::data_past(&session, now, limit).await?)
    }

    async fn drop_payloads(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(retention::drop_payloads(&session, &positions).await?)
    }

    async fn drop_events(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(retention::drop_events(&session, &positions).await?)
    }

    async fn drop_expired_keys(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(retention::drop_expired_keys(&session, now, limit).await?)
    }
}

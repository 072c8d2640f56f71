//! The log part.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_app::port::log::{
    Append, Appended, ContentDigest, Event, EventQuery, EventRef, EventWalk, Idempotency,
    IdempotencyDigest, Position,
};
use fanfare_app::port::{Log, StoreError};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::changes::Changes;
use super::{Call, Change, MemoryStore};

/// The events.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    by_position: BTreeMap<Position, Arc<Event>>,
    by_id: BTreeMap<(Scope, EventId), Position>,
    by_uid: BTreeMap<(Scope, String), (Position, Option<ContentDigest>)>,
    keys: BTreeMap<IdempotencyDigest, (Idempotency, Position)>,
    last: Position,
    /// Of this commit, for whoever watches.
    pub(super) changes: Changes,
}

impl Events {
    fn append(&mut self, append: &Append) -> Appended {
        let event = &append.event;
        if let Some(key) = &append.idempotency
            && let Some((known, position)) = self.keys.get(&key.digest)
            && known.expires_at > event.created_at
            && let Some(first) = self.by_position.get(position)
        {
            return if known.content == key.content {
                Appended::Twin(Arc::clone(first))
            } else {
                Appended::KeyReused
            };
        }
        let uid = event.uid.clone().map(|uid| (event.scope.clone(), uid));
        if let Some(name) = &uid
            && let Some((position, content)) = self.by_uid.get(name)
            && let Some(first) = self.by_position.get(position)
        {
            return if *content == append.content {
                Appended::Twin(Arc::clone(first))
            } else {
                Appended::UidTaken
            };
        }
        self.last += 1;
        self.by_position.insert(self.last, Arc::clone(event));
        self.changes
            .push(Change::Event(self.last, Arc::clone(event)));
        self.by_id
            .insert((event.scope.clone(), event.id), self.last);
        if let Some(name) = uid {
            self.by_uid.insert(name, (self.last, append.content));
        }
        if let Some(key) = append.idempotency {
            self.keys.insert(key.digest, (key, self.last));
        }
        Appended::At(self.last)
    }

    fn after(&self, position: Position) -> impl Iterator<Item = (Position, &Arc<Event>)> {
        self.by_position
            .range(position.saturating_add(1)..)
            .map(|(position, event)| (*position, event))
    }

    fn one(&self, scope: &Scope, event: &EventRef) -> Option<Arc<Event>> {
        let position = match event {
            EventRef::Id(id) => *self.by_id.get(&(scope.clone(), *id))?,
            EventRef::Uid(uid) => self.by_uid.get(&(scope.clone(), uid.clone()))?.0,
        };
        self.by_position.get(&position).cloned()
    }

    fn page(&self, query: &EventQuery) -> Vec<Arc<Event>> {
        let wanted = |event: &Event| {
            query
                .event_type
                .as_ref()
                .is_none_or(|name| *name == event.event_type)
                && query.since.is_none_or(|since| event.created_at >= since)
                && query.until.is_none_or(|until| event.created_at < until)
                && query.before.is_none_or(|before| event.id < before)
        };
        self.by_id
            .iter()
            .rev()
            .filter(|((scope, _), _)| *scope == query.scope)
            .filter_map(|(_, position)| self.by_position.get(position))
            .filter(|event| wanted(event))
            .take(query.limit)
            .cloned()
            .collect()
    }

    fn walk(&self, walk: &EventWalk) -> Vec<Arc<Event>> {
        let after = walk.after.unwrap_or(EventId::from_bits(0));
        let from = Bound::Excluded((walk.scope.clone(), after));
        self.by_id
            .range((from, Bound::Unbounded))
            .take_while(|((scope, _), _)| *scope == walk.scope)
            .filter_map(|(_, position)| self.by_position.get(position))
            .filter(|event| (walk.since..walk.until).contains(&event.created_at))
            .take(walk.limit)
            .cloned()
            .collect()
    }

    fn drop_payload(&mut self, position: Position) {
        if let Some(event) = self.by_position.get_mut(&position) {
            Arc::make_mut(event).data = Bytes::new();
        }
    }

    fn drop_event(&mut self, position: Position) {
        if let Some(event) = self.by_position.remove(&position) {
            self.by_id.remove(&(event.scope.clone(), event.id));
            if let Some(uid) = &event.uid {
                self.by_uid.remove(&(event.scope.clone(), uid.clone()));
            }
        }
    }

    fn drop_expired_keys(&mut self, now: Timestamp, limit: usize) -> usize {
        let expired: Vec<_> = self
            .keys
            .iter()
            .filter(|(_, (key, _))| key.expires_at <= now)
            .map(|(digest, _)| *digest)
            .take(limit)
            .collect();
        for digest in &expired {
            self.keys.remove(digest);
        }
        expired.len()
    }
}

#[async_trait]
impl Log for MemoryStore {
    async fn append(&self, events: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        self.call(Call::Append, |state| {
            events.iter().map(|event| state.log.append(event)).collect()
        })
        .await
    }

    async fn read_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        self.call(Call::ReadLog, |state| {
            let found = state.log.after(position).take(limit);
            found
                .map(|(position, event)| (position, Arc::clone(event)))
                .collect()
        })
        .await
    }

    async fn positions_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        self.call(Call::ReadLog, |state| {
            let found = state.log.after(position).take(limit);
            found.map(|(position, _)| position).collect()
        })
        .await
    }

    async fn event(
        &self,
        scope: &Scope,
        event: &EventRef,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        self.call(Call::ReadLog, |state| state.log.one(scope, event))
            .await
    }

    async fn events_by_id(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        self.call(Call::ReadLog, |state| {
            ids.iter()
                .filter_map(|id| state.log.one(scope, &EventRef::Id(*id)))
                .collect()
        })
        .await
    }

    async fn positions(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, Position)>, StoreError> {
        self.call(Call::ReadLog, |state| {
            let by_id = &state.log.by_id;
            let position = |id: &EventId| Some((*id, *by_id.get(&(scope.clone(), *id))?));
            ids.iter().filter_map(position).collect()
        })
        .await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, StoreError> {
        self.call(Call::ReadLog, |state| state.log.page(query))
            .await
    }

    async fn events_from(&self, walk: &EventWalk) -> Result<Vec<Arc<Event>>, StoreError> {
        self.call(Call::ReadJobs, |state| state.log.walk(walk))
            .await
    }

    async fn with_payload(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<HashSet<EventId>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let has = |id: &&EventId| {
                let event = state.log.one(scope, &EventRef::Id(**id));
                event.is_some_and(|event| !event.payload_gone())
            };
            ids.iter().filter(has).copied().collect()
        })
        .await
    }

    async fn end(&self) -> Result<Position, StoreError> {
        self.call(Call::ReadJobs, |state| state.log.last).await
    }

    async fn accepted_before(
        &self,
        time: Timestamp,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        self.call(Call::Retain, |state| {
            let found = state.log.after(after);
            found
                .filter(|(_, event)| event.created_at < time)
                .map(|(position, event)| (position, event.id))
                .take(limit)
                .collect()
        })
        .await
    }

    async fn data_past(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        self.call(Call::Retain, |state| {
            let past = |event: &Event| event.data_until.filter(|until| *until <= now);
            let mut found: Vec<_> = state
                .log
                .after(0)
                .filter(|(_, event)| !event.payload_gone())
                .filter_map(|(position, event)| Some((past(event)?, position, event.id)))
                .collect();
            found.sort_unstable();
            found.truncate(limit);
            let places = found.into_iter().map(|(_, position, id)| (position, id));
            places.collect()
        })
        .await
    }

    async fn drop_payloads(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        self.call(Call::Retain, |state| {
            for position in positions {
                state.log.drop_payload(position);
            }
        })
        .await
    }

    async fn drop_events(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        self.call(Call::Retain, |state| {
            for position in positions {
                state.log.drop_event(position);
            }
        })
        .await
    }

    async fn drop_expired_keys(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.call(Call::Retain, |state| {
            state.log.drop_expired_keys(now, limit)
        })
        .await
    }
}

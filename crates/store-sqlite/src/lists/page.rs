//! Reading a page of a list, newest first unless told.

use std::cmp::Reverse;
use std::time::Duration;

use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{Lists, Owner};
use crate::failure::Failure;

/// Clauses on a row's columns, and their values.
#[derive(Default)]
pub(crate) struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    /// One more clause, which begins with ` AND` and has one value.
    pub(crate) fn only(&mut self, clause: &str, value: impl Into<Value>) {
        self.sql.push_str(clause);
        self.values.push(value.into());
    }

    /// From one time, and before another.
    pub(crate) fn times(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        if let Some(since) = since {
            self.only(" AND created_at >= ?", since.micros());
        }
        if let Some(until) = until {
            self.only(" AND created_at < ?", until.micros());
        }
    }

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = Value> {
        self.values.iter().cloned()
    }
}

/// The ids that can be on a page: from, and before. Both are always there, so that a statement's text
/// does not depend on them.
pub(crate) struct Range {
    pub(crate) from: Vec<u8>,
    pub(crate) before: Vec<u8>,
}

impl Range {
    /// An id begins with its time in milliseconds, so a time bounds the ids to be read; the time itself
    /// decides within the millisecond, see [`Filter::times`]. `before` is the page's cursor.
    pub(crate) fn of(
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        before: Option<[u8; 16]>,
    ) -> Self {
        let first = |time| EventId::new(time, 0).to_bytes();
        let until = until.map(|time| first(time.after(Duration::from_millis(1))));
        let end = [until, before].into_iter().flatten().min();
        Self {
            from: since.map(first).map_or_else(Vec::new, Vec::from),
            // Longer than any id, and so behind all.
            before: end.map_or_else(|| vec![0xFF; 17], Vec::from),
        }
    }
}

impl Range {
    /// Only the ids of this one that are behind `last`.
    pub(crate) fn behind(self, last: &[u8; 16]) -> Self {
        // The shortest that is behind it.
        let past = [&last[..], &[0]].concat();
        Self {
            from: self.from.max(past),
            ..self
        }
    }

    /// Only the ids of this one that are from `first` up to `last` with it.
    pub(crate) fn within(self, first: &[u8; 16], last: &[u8; 16]) -> Self {
        // The shortest that is behind it.
        let past = [&last[..], &[0]].concat();
        Self {
            from: self.from.max(first.to_vec()),
            before: self.before.min(past),
        }
    }
}

/// A page of one list.
pub(crate) struct Page {
    lists: &'static Lists,
    owner: Owner,
    range: Range,
    limit: usize,
    oldest_first: bool,
    pub(crate) filter: Filter,
}

impl Page {
    /// At most so many of the entries in a range, as far as they pass [`Page::filter`].
    pub(crate) fn of(lists: &'static Lists, owner: Owner, range: Range, limit: usize) -> Self {
        Self {
            lists,
            owner,
            range,
            limit,
            oldest_first: false,
            filter: Filter::default(),
        }
    }

    /// The same, beginning with the oldest.
    pub(crate) fn oldest_first(self) -> Self {
        Self {
            oldest_first: true,
            ..self
        }
    }

    /// The places of the page's rows, in its order. Only what is compared is read of the rows, not
    /// their data.
    pub(crate) fn places(&self, connection: &Connection) -> Result<Vec<i64>, Failure> {
        let (lists, filter, by) = (self.lists, &self.filter.sql, self.owner.by());
        let direction = if self.oldest_first { "ASC" } else { "DESC" };
        let (rows, place, list, owner) = (lists.rows, lists.place, lists.list(by), by.column());
        let listed = format!(
            "SELECT entry, place FROM {list} CROSS JOIN {rows} ON {place} = place
            WHERE owner = ? AND entry >= ? AND entry < ?{filter}
            ORDER BY entry {direction} LIMIT ?"
        );
        let mut found = self.read(connection, &listed, None)?;
        let tail = format!(
            "SELECT id, {place} FROM {rows} NOT INDEXED
            WHERE {place} > ? AND {owner} = ? AND id >= ? AND id < ?{filter}
            ORDER BY id {direction} LIMIT ?"
        );
        let reach = lists.reach(connection)?;
        found.extend(self.read(connection, &tail, Some(reach))?);
        // Each half has the first of its own, so the first of both are among them.
        if self.oldest_first {
            found.sort_unstable();
        } else {
            found.sort_unstable_by_key(|entry| Reverse(*entry));
        }
        found.dedup();
        found.truncate(self.limit);
        Ok(found.into_iter().map(|(_, place)| place).collect())
    }

    fn read(
        &self,
        connection: &Connection,
        sql: &str,
        reach: Option<i64>,
    ) -> Result<Vec<([u8; 16], i64)>, Failure> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut values: Vec<Value> = reach.map(Value::from).into_iter().collect();
        values.extend([
            match self.owner {
                Owner::Tenant(number) => number.into(),
                Owner::Endpoint(id) => Value::from(id.to_vec()),
            },
            self.range.from.clone().into(),
            self.range.before.clone().into(),
        ]);
        values.extend(self.filter.values());
        values.push(limit.into());
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_map(params_from_iter(values), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

//! One pass: the entries of some thousand rows, written in their order.

use rusqlite::Connection;

use super::{By, Lists, Owner};
use crate::failure::Failure;

/// Ordered as the lists are, one list after the other.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    by: By,
    owner: Owner,
    id: [u8; 16],
    place: i64,
}

/// What a pass has yet to write.
pub(super) struct Pass {
    to: i64,
    entries: Vec<Entry>,
    written: usize,
}

impl Pass {
    /// Reads the rows of the places after `reach`, up to `to` with it.
    pub(super) fn begin(
        connection: &Connection,
        lists: &Lists,
        reach: i64,
        to: i64,
    ) -> Result<Self, Failure> {
        let (rows, place) = (lists.rows, lists.place);
        let owners: Vec<_> = lists.by.iter().map(|by| by.column()).collect();
        let owners = owners.join(", ");
        let sql = format!(
            "SELECT {place}, id, {owners} FROM {rows} NOT INDEXED
            WHERE {place} > ?1 AND {place} <= ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query((reach, to))?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            for (at, by) in (2..).zip(lists.by) {
                entries.push(Entry {
                    by: *by,
                    owner: row.get(at)?,
                    id: row.get(1)?,
                    place: row.get(0)?,
                });
            }
        }
        entries.sort_unstable();
        Ok(Self {
            to,
            entries,
            written: 0,
        })
    }

    /// Where the lists reach once it is through.
    pub(super) fn to(&self) -> i64 {
        self.to
    }

    /// Writes the next entries, at most so many; true once all are written.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        lists: &Lists,
        most: usize,
    ) -> Result<bool, Failure> {
        let rest = &self.entries[self.written..];
        let slice = &rest[..most.min(rest.len())];
        for entries in slice.chunk_by(|one, next| one.by == next.by) {
            let list = lists.list(entries[0].by);
            // A pass that was cut short may have written some of them.
            let sql =
                format!("INSERT OR IGNORE INTO {list} (owner, entry, place) VALUES (?1, ?2, ?3)");
            let mut statement = connection.prepare_cached(&sql)?;
            for entry in entries {
                statement.execute((&entry.owner, &entry.id, entry.place))?;
            }
        }
        self.written += slice.len();
        Ok(self.written == self.entries.len())
    }
}

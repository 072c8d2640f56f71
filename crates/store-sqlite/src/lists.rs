//! Lists of a tenant's events, of a tenant's deliveries and of an endpoint's deliveries, which are
//! written later than what they list.
//!
//! # Why
//!
//! What a commit costs is mostly the number of pages that it changes: each goes as a whole into the
//! write-ahead log, and later into the file. Rows are numbered as they come, and ids begin with their
//! time, so the rows of one commit and their entries in the indexes by id share a few pages at the
//! ends of those trees. In an order by tenant or by endpoint they stand far apart: with many tenants
//! nearly every entry changes a page of its own, in each of three lists.
//!
//! So a row is written without its entries. Once some thousands have none, they get theirs in one
//! pass: it reads whose they are, sorts them, and writes the entries in this order, those of one
//! tenant together. A page then changes once for all of a tenant's entries of a pass.
//!
//! # How
//!
//! A counter says how far the lists *reach*: all rows up to this place (an event's position, a
//! delivery's number) have their entries. The rows behind it are the *tail*. The writer begins a pass
//! when the tail has [`TAIL`] rows, or [`TAIL_BYTES`], and goes on with it in the transactions of the writes that follow,
//! a slice in each, so that no commit takes long; slices grow with what the writes add, so the pass
//! ends before the tail has grown by half. Its last slice moves the reach, in the same transaction.
//! Who writes no rows moves no pass: a store without room for more can still drop what it has.
//!
//! What a pass has read is kept in memory, less than a MiB. A row that it read must not go meanwhile,
//! or it would write an entry without a row: retention tells the [`Listing`], and the pass begins
//! again.
//!
//! # After a crash, or a transaction rolled back
//!
//! The reach is where the last whole pass left it, and the entries of a part of the next one may be
//! there. That pass is begun again, over the same rows; entries that are there stay. Nothing is lost,
//! since rows and entries are durable by the same commits, and the reach moves after the last entry.
//!
//! # Reading
//!
//! A page of a list is the list's, merged with what the tail has for it, see [`Page`]. The tail is in
//! no order of owners, so all of it is looked through: some milliseconds at most, whatever the owner
//! has. The reach and both halves are read in one transaction; an entry that a pass wrote already is
//! found in both, and counts once.

use rusqlite::{Connection, OptionalExtension};

use crate::failure::Failure;

mod owner;
mod page;
mod pass;

pub(crate) use owner::{By, Owner};
pub(crate) use page::{Filter, Page, Range};

use pass::Pass;

/// So many rows behind the reach begin a pass. More of them share pages better, and take longer to
/// be looked through by each read of a list.
const TAIL: i64 = 8_192;

/// So many bytes behind it begin one too, about: the rows of the tail are read with what stands beside
/// the compared columns.
const TAIL_BYTES: usize = 8 << 20;

/// The most rows of one pass; more are behind the reach only after many commits in a row failed.
const PASS: i64 = 4 * TAIL;

/// The least entries that a commit writes when a pass is on: neighbours share pages.
const SLICE: usize = 512;

/// Rows, and the lists that they stand in.
pub(crate) struct Lists {
    /// The counter of their reach.
    counter: &'static str,
    /// The table of the rows, and the column of a row's place.
    rows: &'static str,
    place: &'static str,
    by: &'static [By],
}

pub(crate) const EVENTS: Lists = Lists {
    counter: "listed_events",
    rows: "events",
    place: "position",
    by: &[By::Tenant],
};

pub(crate) const DELIVERIES: Lists = Lists {
    counter: "listed_deliveries",
    rows: "deliveries",
    place: "seq",
    by: &[By::Tenant, By::Endpoint],
};

impl Lists {
    /// The table of a list.
    fn list(&self, by: By) -> String {
        let name = match by {
            By::Tenant => "tenant",
            By::Endpoint => "endpoint",
        };
        format!("{}_by_{name}", self.rows)
    }

    /// Up to which place all rows have their entries.
    pub(crate) fn reach(&self, connection: &Connection) -> Result<i64, Failure> {
        let reach = connection
            .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
            .query_row([self.counter], |row| row.get(0))
            .optional()?;
        Ok(reach.unwrap_or(0))
    }

    fn set_reach(&self, connection: &Connection, reach: i64) -> Result<(), Failure> {
        connection
            .prepare_cached(
                "INSERT INTO counters (name, value) VALUES (?1, ?2)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute((self.counter, reach))?;
        Ok(())
    }

    /// The counter of how far they reach, of which everything has its entries that was written by
    /// [`Lists::enter`] alone.
    pub(crate) fn counter(&self) -> &'static str {
        self.counter
    }

    /// Writes entries at once: whose, the row's id, and its place.
    pub(crate) fn enter(
        &self,
        connection: &Connection,
        mut entries: Vec<(Owner, [u8; 16], i64)>,
    ) -> Result<(), Failure> {
        entries.sort_unstable();
        for entries in entries.chunk_by(|(one, ..), (next, ..)| one.by() == next.by()) {
            let list = self.list(entries[0].0.by());
            let sql = format!("INSERT INTO {list} (owner, entry, place) VALUES (?1, ?2, ?3)");
            let mut statement = connection.prepare_cached(&sql)?;
            for (owner, id, place) in entries {
                statement.execute((owner, id, place))?;
            }
        }
        Ok(())
    }

    /// Takes the entries of a row that goes; the owners in the order of its lists.
    pub(crate) fn remove(
        &self,
        connection: &Connection,
        id: [u8; 16],
        owners: &[Owner],
    ) -> Result<(), Failure> {
        for (by, owner) in self.by.iter().zip(owners) {
            let list = self.list(*by);
            let sql = format!("DELETE FROM {list} WHERE owner = ?1 AND entry = ?2");
            connection.prepare_cached(&sql)?.execute((owner, id))?;
        }
        Ok(())
    }
}

/// What the writer remembers of the lists of one table, see [`crate::writer::State`].
#[derive(Default)]
pub(crate) struct Listing {
    reach: Option<i64>,
    /// The highest place of a row that was added.
    last: i64,
    /// Rows added by the running transaction.
    added: usize,
    /// Bytes of the rows behind the reach or the running pass, as far as they are known.
    bytes: usize,
    pass: Option<Pass>,
}

impl Listing {
    /// Hears of each new row, and about its size; places only grow.
    pub(crate) fn added(&mut self, place: i64, bytes: usize) {
        self.last = place;
        self.added += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Hears of each row that goes.
    pub(crate) fn removed(&mut self, place: i64) {
        if self.reach.is_none_or(|reach| place > reach) {
            self.pass = None;
        }
    }

    /// Moves a pass on, inside a transaction that added rows; begins one when it is time.
    pub(crate) fn go_on(&mut self, connection: &Connection, lists: &Lists) -> Result<(), Failure> {
        let added = std::mem::take(&mut self.added);
        if added == 0 {
            return Ok(());
        }
        let reach = match self.reach {
            Some(reach) => reach,
            None => *self.reach.insert(lists.reach(connection)?),
        };
        let pass = match &mut self.pass {
            Some(pass) => pass,
            None if self.last - reach < TAIL && self.bytes < TAIL_BYTES => return Ok(()),
            None => {
                self.bytes = 0;
                let to = self.last.min(reach + PASS);
                self.pass.insert(Pass::begin(connection, lists, reach, to)?)
            }
        };
        // Twice as fast as the tail grows.
        let slice = SLICE.max(2 * added * lists.by.len());
        if pass.write(connection, lists, slice)? {
            let reach = pass.to();
            lists.set_reach(connection, reach)?;
            self.reach = Some(reach);
            self.pass = None;
        }
        Ok(())
    }
}

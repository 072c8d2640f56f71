//! Moving everything of one store into another: out of an engine in a neutral form, into the other one.
//!
//! A store is [`Part`]s, a part is rows, a row is [`Value`]s in the order of the part's
//! [columns](Part::columns). Nothing here knows what they mean, and no row is understood on the way: what
//! one engine holds, the other one holds afterwards. Each engine reads its parts in whatever order is cheap
//! for it, in [chunks](Chunk) that are bounded by rows and bytes, and says by a [`Cursor`] where the next one
//! begins. The target writes a chunk and its cursor in one transaction. So a move that was cut off at any
//! moment goes on where it was ([`run`]).
//!
//! Until everything is there and was [compared](Difference), the target is marked as unfinished, and no
//! server takes it.
//!
//! Left out is what only means something where it was: numbers of tenants, nodes, in which order rows of
//! deliveries were written. So a move there and back does not give the same files, but the same answers.

use async_trait::async_trait;

use crate::port::StoreError;
use crate::port::configuration::Revision;
use crate::port::log::Position;

mod refusal;
mod run;
mod sum;
mod value;

pub use refusal::{OpenError, Refusal};
pub use run::{Difference, MoveError, Phase, Progress, run};
pub use sum::Sum;
pub use value::{Cursor, Row, Value};

/// A part of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The configuration, with what was removed and is still in the feed of changes.
    Documents,
    /// Events, with their positions, payloads and what their callers' ids stand for.
    Events,
    /// `Idempotency-Key`s whose event is kept.
    Keys,
    /// Deliveries: what waits, what holds its strand, what ended.
    Deliveries,
    /// Attempts.
    Attempts,
    /// What happened at each endpoint in each minute.
    Tallies,
    /// Jobs.
    Jobs,
}

impl Part {
    /// All, in the order in which they are moved: what names events comes after them.
    pub const ALL: [Self; 7] = [
        Self::Documents,
        Self::Events,
        Self::Keys,
        Self::Deliveries,
        Self::Attempts,
        Self::Tallies,
        Self::Jobs,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Events => "events",
            Self::Keys => "idempotency keys",
            Self::Deliveries => "deliveries",
            Self::Attempts => "attempts",
            Self::Tallies => "tallies",
            Self::Jobs => "jobs",
        }
    }

    /// Its rows' columns, in their order. Ids, digests, lists of ids and what was sent or answered are
    /// bytes; times are microseconds since the Unix epoch, but for `removed_at`, which is seconds; truths
    /// are 0 and 1; codes are those of [`crate::stored::code`]. What has a tenant begins with it.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Documents => &[
                "kind",
                "environment",
                "tenant",
                "id",
                "revision",
                "created",
                "removed_at",
                "body",
            ],
            Self::Events => &[
                "environment",
                "tenant",
                "id",
                "position",
                "created_at",
                "deliver_at",
                "expires_at",
                "data_until",
                "event_type",
                "uid",
                "content",
                "subcategory",
                "attributes",
                "ordering_key",
                "targets",
                "data",
            ],
            Self::Keys => &[
                "environment",
                "tenant",
                "event",
                "digest",
                "content",
                "expires_at",
            ],
            Self::Deliveries => &[
                "environment",
                "tenant",
                "id",
                "event",
                "endpoint",
                "replay_of",
                "batch",
                "at",
                "created_at",
                "expires_at",
                "first_attempt_at",
                "position",
                "strand",
                "state",
                "reason",
                "attempts",
                "extra_attempts",
                "last_status",
                "last_error",
                "holds",
                "event_type",
            ],
            Self::Attempts => &[
                "environment",
                "tenant",
                "id",
                "started_at",
                "status",
                "error",
                "rest",
                "response_body",
            ],
            Self::Tallies => &[
                "endpoint",
                "minute",
                "succeeded",
                "unsuccessful",
                "delivered",
                "failed",
                "discarded",
                "duration_ms",
            ],
            Self::Jobs => &[
                "id",
                "environment",
                "tenant",
                "state",
                "ended_at",
                "revision",
                "body",
            ],
        }
    }

    /// The place of a column.
    #[must_use]
    pub fn place_of(self, column: &str) -> Option<usize> {
        self.columns().iter().position(|name| *name == column)
    }

    /// Whether its rows have a tenant by a number.
    #[must_use]
    pub const fn of_tenants(self) -> bool {
        matches!(
            self,
            Self::Events | Self::Keys | Self::Deliveries | Self::Attempts
        )
    }
}

/// What a store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The configuration's revision.
    pub revision: Revision,
    /// The last position that was given to anybody.
    pub last_position: Position,
    /// The highest position up to which every delivery has its row: just before the first event that may
    /// have some without, else [`State::last_position`].
    pub materialised: Position,
}

/// How much is read, and written in one transaction. A chunk ends with the row that reaches the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most rows.
    pub rows: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rows: 1_000,
            bytes: 8 << 20,
        }
    }
}

/// Rows that follow one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// The rows; none at the end of the part.
    pub rows: Vec<Row>,
    /// Where the next chunk begins; none at the end.
    pub next: Option<Cursor>,
}

/// How far a part was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reached {
    /// Where to go on; none: from the start.
    pub cursor: Option<Cursor>,
    /// Rows that are there.
    pub rows: u64,
    /// Whether all are.
    pub done: bool,
}

/// A store that can be read as a whole. Nobody else writes it meanwhile.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it counts.
    ///
    /// # Errors
    /// When it can't be read.
    async fn state(&self) -> Result<State, StoreError>;

    /// The rows of a part after a cursor that it gave, or from the start.
    ///
    /// # Errors
    /// When it can't be read.
    async fn read(
        &self,
        part: Part,
        after: Option<&Cursor>,
        bounds: Bounds,
    ) -> Result<Chunk, StoreError>;
}

/// A store that is being filled.
#[async_trait]
pub trait Target: Source {
    /// How far a part was written.
    ///
    /// # Errors
    /// When it can't be read.
    async fn reached(&self, part: Part) -> Result<Reached, StoreError>;

    /// Writes a chunk, and how far the part is then, in one transaction. A chunk without rows ends the
    /// part.
    ///
    /// # Errors
    /// When it can't be written; nothing is, then.
    async fn write(&self, part: Part, chunk: &Chunk) -> Result<(), StoreError>;

    /// Counts from there on.
    ///
    /// # Errors
    /// When it can't be written.
    async fn set_state(&self, state: State) -> Result<(), StoreError>;

    /// Takes the mark away: from now on it is a store like any other.
    ///
    /// # Errors
    /// When it can't be written; it stays unfinished, then.
    async fn finish(&self) -> Result<(), StoreError>;
}

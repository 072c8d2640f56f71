//! One write that waits for its commit.

use fanfare_app::port::StoreError;
use fanfare_app::port::log::Position;
use fanfare_app::stored::tally::Sums;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::lists::Listing;
use crate::scopes::ScopeNumbers;

/// What the writer remembers between transactions. Forgotten when one is rolled back, and read from
/// the file again when it is needed.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) scopes: ScopeNumbers,
    /// The highest position that any event ever had.
    pub(crate) last_position: Option<Position>,
    /// The highest number that any delivery's row has.
    pub(crate) last_delivery: Option<i64>,
    pub(crate) listed_events: Listing,
    pub(crate) listed_deliveries: Listing,
    /// Tallies of the running transaction, written before it is committed.
    pub(crate) tallies: Sums,
}

/// What a write can use.
pub(crate) struct Writing<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) state: &'a mut State,
}

/// One write; its answer waits inside for the commit.
pub(crate) trait Job: Send {
    /// Writes, inside the running transaction.
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), Failure>;

    /// Answers after the commit; or, when there was none, why.
    fn answer(self: Box<Self>, refused: Option<StoreError>);

    /// When it has to be on disk.
    fn durability(&self) -> Durability;
}

/// When a write has to be on disk, where the power may fail. A killed process loses neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before it is answered.
    AtOnce,
    /// With the next write that has to be at once.
    WithTheNext,
}

/// A write that somebody waits for.
pub(super) struct Asked<T, F> {
    durability: Durability,
    work: F,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Asked<T, F> {
    pub(super) fn new(
        durability: Durability,
        work: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self {
            durability,
            work,
            outcome: None,
            reply,
        }
    }
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: FnMut(&mut Writing<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), Failure> {
        self.outcome = Some((self.work)(writing)?);
        Ok(())
    }

    fn answer(self: Box<Self>, refused: Option<StoreError>) {
        let answer = match (refused, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(error), _) => Err(error),
            (None, None) => Err(StoreError::Closed),
        };
        // Nobody may be waiting any more; what was written stays written.
        let _ = self.reply.send(answer);
    }

    fn durability(&self) -> Durability {
        self.durability
    }
}

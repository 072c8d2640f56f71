//! A move from its begin, or from where it was cut off, to its end.

use super::{Bounds, Part, Source, State, Sum, Target};
use crate::port::StoreError;

/// What a move does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Copies the rows of a part.
    Copying,
    /// Reads them on both sides, and compares.
    Comparing,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub phase: Phase,
    /// With which part.
    pub part: Part,
    /// Rows of the part that are through.
    pub rows: u64,
    /// Whether the part is through.
    pub done: bool,
}

/// Where two stores differ after a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// In how many rows a part has: of the source, and of the target.
    Rows(Part, u64, u64),
    /// In what is in the rows of a part.
    Contents(Part),
    /// In what they count.
    State,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(part, from, to) => {
                let name = part.name();
                write!(f, "the source has {from} {name}, and the target {to}")
            }
            Self::Contents(part) => {
                write!(
                    f,
                    "what is in the {} is not the same on both sides",
                    part.name()
                )
            }
            Self::State => f.write_str("the counters are not the same on both sides"),
        }
    }
}

/// Why a move did not come to its end. The source is as it was, and the target unfinished.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The source can't be read.
    #[error("the source's {what} can't be read; the same command goes on from here")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The target can't be written, or read.
    #[error("the target's {what} can't be written; the same command goes on from here")]
    Write {
        /// What was written.
        what: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The two are not the same afterwards.
    #[error(
        "{0}: the source was changed after the move had begun, or one of the two is damaged; \
        remove the unfinished target, and begin anew"
    )]
    Different(Difference),
}

const fn read(what: &'static str) -> impl Fn(StoreError) -> MoveError {
    move |source| MoveError::Read { what, source }
}

const fn write(what: &'static str) -> impl Fn(StoreError) -> MoveError {
    move |source| MoveError::Write { what, source }
}

/// Copies what is not there yet, compares everything, and finishes the target. Tells of each chunk; answers
/// how much each part has.
///
/// # Errors
/// See [`MoveError`].
pub async fn run(
    from: &dyn Source,
    to: &dyn Target,
    bounds: Bounds,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<(Part, u64)>, MoveError> {
    for part in Part::ALL {
        copy(from, to, part, bounds, tell).await?;
    }
    let state = from.state().await.map_err(read("counters"))?;
    to.set_state(state).await.map_err(write("counters"))?;
    let mut counts = Vec::with_capacity(Part::ALL.len());
    for part in Part::ALL {
        counts.push((part, compare(from, to, part, bounds, tell).await?));
    }
    same_state(from, to, state).await?;
    to.finish().await.map_err(write("mark"))?;
    Ok(counts)
}

async fn copy(
    from: &dyn Source,
    to: &dyn Target,
    part: Part,
    bounds: Bounds,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), MoveError> {
    let name = part.name();
    let mut reached = to.reached(part).await.map_err(write(name))?;
    while !reached.done {
        let chunk = from.read(part, reached.cursor.as_ref(), bounds).await;
        let chunk = chunk.map_err(read(name))?;
        to.write(part, &chunk).await.map_err(write(name))?;
        reached.rows += chunk.rows.len() as u64;
        reached.done = chunk.rows.is_empty();
        reached.cursor = chunk.next;
        tell(Progress {
            phase: Phase::Copying,
            part,
            rows: reached.rows,
            done: reached.done,
        });
    }
    Ok(())
}

/// Both sides of a part, as each reads it.
async fn compare(
    from: &dyn Source,
    to: &dyn Target,
    part: Part,
    bounds: Bounds,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<u64, MoveError> {
    let name = part.name();
    let mut compared = |rows, done| {
        tell(Progress {
            phase: Phase::Comparing,
            part,
            rows,
            done,
        });
    };
    let theirs = sum(from, part, bounds, &mut compared).await;
    let theirs = theirs.map_err(read(name))?;
    let ours = sum(to, part, bounds, &mut |_, _| ()).await;
    let ours = ours.map_err(write(name))?;
    if theirs.rows != ours.rows {
        let difference = Difference::Rows(part, theirs.rows, ours.rows);
        return Err(MoveError::Different(difference));
    }
    if theirs != ours {
        return Err(MoveError::Different(Difference::Contents(part)));
    }
    Ok(ours.rows)
}

async fn sum<S: Source + ?Sized>(
    store: &S,
    part: Part,
    bounds: Bounds,
    tell: &mut (dyn FnMut(u64, bool) + Send),
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    let mut after = None;
    loop {
        let chunk = store.read(part, after.as_ref(), bounds).await?;
        chunk.rows.iter().for_each(|row| sum.add(row));
        tell(sum.rows, chunk.rows.is_empty());
        if chunk.rows.is_empty() {
            return Ok(sum);
        }
        after = chunk.next;
    }
}

async fn same_state(from: &dyn Source, to: &dyn Target, before: State) -> Result<(), MoveError> {
    let now = from.state().await.map_err(read("counters"))?;
    let ours = to.state().await.map_err(write("counters"))?;
    if now == before && ours == before {
        Ok(())
    } else {
        Err(MoveError::Different(Difference::State))
    }
}

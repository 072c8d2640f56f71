//! Why a use case refuses.

use std::time::Duration;

use fanfare_domain::fault::Fault;
use fanfare_domain::quota::Quota;

use crate::filter::TooManyWait;
use crate::port::StoreError;

/// Why a use case did nothing.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// The input is wrong; all that is wrong with it.
    #[error("the request has {} fault(s)", .0.len())]
    Invalid(Vec<Fault>),
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {what} {id:?} here")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By what it was looked for.
        id: String,
    },
    /// It can't be done beside what is there.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A bound is reached.
    #[error(transparent)]
    Limit(Exceeded),
    /// Not now: filters have too much to do.
    #[error(transparent)]
    Filters(#[from] TooManyWait),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A quota that is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Exceeded {
    /// Which.
    pub quota: Quota,
    /// Whose, how much, and what to do.
    pub detail: String,
    /// When to come again.
    pub retry_after: Duration,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The name is taken.
    #[error("the {what} {id:?} exists already")]
    Exists {
        /// What is there.
        what: &'static str,
        /// Its name.
        id: String,
    },
    /// The caller's event id stands for other content.
    #[error(
        "the id {0:?} was used for an event with other content; choose another id, or send the same content"
    )]
    EventId(String),
    /// The idempotency key stands for another body.
    #[error("the Idempotency-Key was used for a request with another body; choose another key")]
    IdempotencyKey,
    /// Somebody else changed it meanwhile, several times.
    #[error("the {0} was changed by somebody else at the same time; read it again and repeat")]
    Changed(&'static str),
    /// Its state does not allow it.
    #[error("{0}")]
    State(String),
}

impl UseCaseError {
    /// There is no `what` with this `id`.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}

/// Collects what is wrong with an input, so that all of it can be told at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Begins with what was found before.
    #[must_use]
    pub fn new(found: Vec<Fault>) -> Self {
        Self(found)
    }

    /// Adds a fault, unless something is wrong at or below that place already.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl ToString) {
        let pointer = pointer.into();
        if !self.at_or_below(&pointer) {
            self.0.push(Fault {
                pointer,
                detail: detail.to_string(),
            });
        }
    }

    /// Whether something is wrong at or below a place.
    #[must_use]
    pub fn at_or_below(&self, pointer: &str) -> bool {
        let within = |fault: &Fault| {
            fault
                .pointer
                .strip_prefix(pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().any(within)
    }

    /// Takes over faults of a part.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    /// Refuses if anything is wrong.
    ///
    /// # Errors
    /// [`UseCaseError::Invalid`] with all faults.
    pub fn refuse_if_any(self) -> Result<(), UseCaseError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(UseCaseError::Invalid(self.0))
        }
    }
}

//! What can go wrong inside a part, before it is told to a caller.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::StoreError;
use tokio_postgres::error::SqlState;

/// PostgreSQL's trouble, or one that is put in the port's words already.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server's, or the connection's.
    Sql(tokio_postgres::Error),
    /// No answer within this time. What was asked may still be done.
    Late(Duration),
    /// Another transaction was quicker; the same again is right.
    Overtaken,
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How often a transaction that was overtaken is tried.
pub(crate) const TRIES: usize = 5;

impl Failure {
    /// Whether the same transaction may go through the next time.
    pub(crate) fn overtaken(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Sql(error) => matches!(
                error.code(),
                Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE)
            ),
            _ => false,
        }
    }

    /// Whether somebody else has written a row, or is about to, that was to be written as a new one.
    pub(crate) fn twice(&self) -> bool {
        let taken =
            |error: &tokio_postgres::Error| error.code() == Some(&SqlState::UNIQUE_VIOLATION);
        self.overtaken() || matches!(self, Self::Sql(error) if taken(error))
    }

    /// Whether there is no partition for a row, as where another node took it.
    pub(crate) fn lacks_a_partition(&self) -> bool {
        match self {
            Self::Sql(error) => error.code() == Some(&SqlState::CHECK_VIOLATION),
            _ => false,
        }
    }

    /// Whether it is the statement's own trouble, and not that of the server or the way to it.
    pub(crate) fn of_the_statement(&self) -> bool {
        match self {
            Self::Sql(error) => error
                .code()
                .is_some_and(|code| ["22", "23", "42", "XX"].contains(&&code.code()[..2])),
            Self::Late(_) | Self::Overtaken => false,
            Self::Store(error) => matches!(error, StoreError::Corrupt { .. }),
        }
    }

    /// Whether the connection should not be used again: it is gone, late, or leads to a server that
    /// takes no writes (any more).
    pub(crate) fn spoils_the_session(&self) -> bool {
        match self {
            Self::Sql(error) => match error.code() {
                None => true,
                Some(code) => {
                    *code == SqlState::READ_ONLY_SQL_TRANSACTION
                        || ["08", "57", "58"].contains(&&code.code()[..2])
                }
            },
            Self::Late(_) => true,
            Self::Overtaken | Self::Store(_) => false,
        }
    }

    /// The same trouble for several callers.
    pub(crate) fn for_each_caller(self) -> impl Fn() -> StoreError {
        let shared = Arc::new(StoreError::from(self));
        move || match &*shared {
            StoreError::Busy => StoreError::Busy,
            StoreError::Closed => StoreError::Closed,
            StoreError::Corrupt { place, .. } => {
                StoreError::corrupt(place.clone(), Shared(Arc::clone(&shared)))
            }
            StoreError::Unavailable(_) => StoreError::unavailable(Shared(Arc::clone(&shared))),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => Self::unavailable(error),
            Failure::Late(time) => {
                Self::unavailable(format!("PostgreSQL did not answer within {time:?}"))
            }
            Failure::Overtaken => {
                Self::unavailable("other transactions were quicker again and again")
            }
            Failure::Store(error) => error,
        }
    }
}

/// The source of an error that several callers get.
#[derive(Debug)]
struct Shared(Arc<StoreError>);

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::error::Error::source(&*self.0) {
            Some(source) => std::fmt::Display::fmt(source, f),
            None => std::fmt::Display::fmt(&*self.0, f),
        }
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)?.source()
    }
}

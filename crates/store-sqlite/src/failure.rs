//! What can go wrong inside a part, before it is told to a caller.

use std::sync::Arc;

use fanfare_app::port::StoreError;
use rusqlite::ErrorCode;

/// SQLite's trouble, or one that is put in the port's words already.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => in_the_ports_words(error),
            Failure::Store(error) => error,
        }
    }
}

impl Failure {
    /// Whether it is the file's trouble, and so every job's, and not that of one job's statement.
    pub(crate) fn of_the_file(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::PermissionDenied
                    | ErrorCode::FileLockingProtocolFailed
            )
        )
    }

    /// The same trouble for several callers.
    pub(crate) fn for_each_caller(self) -> impl Fn() -> StoreError {
        let (damaged, shared): (bool, Arc<dyn std::error::Error + Send + Sync>) = match self {
            Self::Sql(error) => (damaged(&error), Arc::new(error)),
            Self::Store(error) => (false, Arc::new(error)),
        };
        move || {
            let source = Shared(Arc::clone(&shared));
            if damaged {
                StoreError::corrupt("the file", source)
            } else {
                StoreError::unavailable(source)
            }
        }
    }
}

/// One error as the source of several.
#[derive(Debug)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Whether SQLite says that what is in the file makes no sense.
pub(crate) fn damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn in_the_ports_words(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => StoreError::corrupt("a row", error),
        _ if damaged(&error) => StoreError::corrupt("the file", error),
        _ => StoreError::unavailable(error),
    }
}

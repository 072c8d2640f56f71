//! Why a file may be refused.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store can't be opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later release wrote it.
    #[error(
        "{} has schema version {found}, and this release knows versions up to {known}; use the release that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The highest version that this binary knows.
        known: u32,
    },
    /// What is in it makes no sense.
    #[error("{} is damaged, or no store: {reason}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It is another program's database.
    #[error("{} is a database of another program; name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A move into it was not finished.
    #[error(
        "{} is the unfinished target of a move; run the same `fanfare move` again, or remove the file",
        path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// Another Fanfare has it open.
    #[error("{} is in use by another fanfare; stop that one first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Another program has locked it.
    #[error("{} is locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Source,
    },
    /// The process may not write it.
    #[error("{} can't be written by this process", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Source,
    },
    /// The system failed otherwise.
    #[error("{} can't be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Source,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::NotWritable {
                path,
                source: source.into(),
            },
            _ => Self::Io {
                path,
                source: source.into(),
            },
        }
    }

    pub(crate) fn sql(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                reason: source.to_string(),
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked {
                path,
                source: source.into(),
            },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::NotWritable {
                path,
                source: source.into(),
            },
            // "malformed database schema" comes as a plain error.
            Some(ErrorCode::Unknown) if source.to_string().contains("malformed") => Self::Damaged {
                path,
                reason: source.to_string(),
            },
            _ => Self::Io {
                path,
                source: source.into(),
            },
        }
    }
}

//! Copying a store that runs.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::open::{self, OpenError};

/// How long one try waits for a lock that another process holds.
const BUSY_TIME: Duration = Duration::from_secs(30);

/// Why there is no copy. No file is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no store to copy, or none that this binary can read.
    #[error("the store can't be read")]
    Source(#[source] OpenError),
    /// The copy's place is taken.
    #[error("{} exists already; name a new file", .0.display())]
    Exists(PathBuf),
    /// The copy could not be made.
    #[error("{} can't be written", path.display())]
    Write {
        /// The copy.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The copy was made and is no sound store.
    #[error("the copy is not sound: {0}; the store may be damaged")]
    Unsound(String),
}

/// Copies the store at `from`, which another process may be writing, to a new file `to`, as it is at
/// one moment: all that was acknowledged before this was called is in it.
///
/// The copy is checked, synced, and only then given its name. While it is made, the running store's
/// write-ahead log grows by what is written meanwhile. Blocks.
///
/// # Errors
/// See [`BackupError`].
pub fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    open::must_be_a_store(from).map_err(BackupError::Source)?;
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let made = make(from, to, &partial);
    if !matches!(made, Err(BackupError::Exists(_))) {
        // Renamed away when all went well.
        let _ = fs::remove_file(&partial);
    }
    made
}

fn make(from: &Path, to: &Path, partial: &Path) -> Result<(), BackupError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| BackupError::Write {
        path: to.to_owned(),
        source,
    };
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(partial)
    {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(partial.to_owned()));
        }
        Err(error) => return Err(failed(error.into())),
    }
    copy(from, partial)?;
    check(partial)?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed(error.into()))?;
    // A link, unlike a rename, fails where another file took the name meanwhile; but not every file
    // system has links.
    match fs::hard_link(partial, to) {
        Ok(()) => fs::remove_file(partial),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) => fs::rename(partial, to),
    }
    .map_err(|error| failed(error.into()))?;
    open::sync_folder(to).map_err(|error| failed(error.into()))
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| BackupError::Write {
        path: to.to_owned(),
        source: error.into(),
    };
    let unreadable = |error| BackupError::Source(OpenError::sql(from, error));
    let source = open::read_only(from).map_err(BackupError::Source)?;
    source.busy_timeout(BUSY_TIME).map_err(unreadable)?;
    let mut target = Connection::open(to).map_err(failed)?;
    // The file is synced as a whole once it is there.
    target
        .pragma_update(None, "synchronous", "OFF")
        .map_err(failed)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(failed)?;
        // All pages in one step, so in one read transaction: with several, each write of the running
        // store would begin the copy again.
        loop {
            match backup.step(-1).map_err(failed)? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => {
                    return Err(unreadable(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                        None,
                    )));
                }
            }
        }
    }
    target.close().map_err(|(_, error)| failed(error))
}

fn check(copy: &Path) -> Result<(), BackupError> {
    let unsound = |error: &dyn std::fmt::Display| BackupError::Unsound(error.to_string());
    open::must_be_a_store(copy).map_err(|error| unsound(&error))?;
    let connection = Connection::open(copy).map_err(|error| unsound(&error))?;
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| unsound(&error))?;
    if found != "ok" {
        return Err(BackupError::Unsound(found));
    }
    connection.close().map_err(|(_, error)| unsound(&error))
}

//! One process at a time: a lock on a file beside the store's.
//!
//! SQLite itself would let two processes write in turns. Each would then deliver the same events.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::open::OpenError;

/// Holds a store's lock until it is dropped; the operating system lets go of it when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// The file that is locked. It stays when the lock is gone, since removing it would be a race.
fn lock_path(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

impl Lock {
    /// Takes the lock of the store at `store`.
    pub(crate) fn take(store: &Path) -> Result<Self, OpenError> {
        let path = lock_path(store);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| OpenError::io(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: store.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::io(&path, source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it locked as long as a process that is being started beside this has
        // the file too. Where this fails, closing it is what is left.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_was_let_go_is_free_even_where_another_process_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("fanfare.db");
        let lock = Lock::take(&store).unwrap();
        // As a process has it between its fork and its exec.
        let inherited = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(&store), Err(OpenError::InUse { .. })));
        drop(lock);
        assert!(Lock::take(&store).is_ok());
        drop(inherited);
    }
}

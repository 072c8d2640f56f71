//! The contract suite, for a store in one file and for one with each part in a file of its own.

#![allow(clippy::unwrap_used, reason = "a test: an error is its failure")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_contract::{Engine, OpenStore, contract_suite};
use fanfare_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

/// How a store lies in a folder.
#[derive(Clone, Copy)]
enum Sqlite {
    OneFile,
    Parts,
}

struct Opened {
    store: SqliteStore,
    kind: Sqlite,
    folder: TempDir,
}

impl Sqlite {
    fn open(self, folder: TempDir) -> Box<dyn OpenStore> {
        let options = Options::default();
        let store = match self {
            Self::OneFile => SqliteStore::open(&folder.path().join("fanfare.db"), &options),
            Self::Parts => SqliteStore::open_parts(folder.path(), &options),
        };
        Box::new(Opened {
            store: store.unwrap(),
            kind: self,
            folder,
        })
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn fresh(&self) -> Box<dyn OpenStore> {
        self.open(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn configuration(&self) -> Arc<dyn Configuration> {
        self.store.configuration()
    }

    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn deliveries(&self) -> Arc<dyn Deliveries> {
        self.store.deliveries()
    }

    async fn restart(self: Box<Self>) -> Box<dyn OpenStore> {
        self.store.close().await;
        self.kind.open(self.folder)
    }

    async fn crash(self: Box<Self>) -> Box<dyn OpenStore> {
        // What the files hold now is what the next process would find. The index of the log is
        // shared memory, which dies with the machine and is never trusted after a crash.
        let left = tempfile::tempdir().unwrap();
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let kept = |path: &&PathBuf| {
            let ends = |end| path.to_str().unwrap().ends_with(end);
            !ends("-shm") && !ends(".lock")
        };
        for file in files.iter().filter(kept) {
            copy_into(file, left.path());
        }
        self.kind.open(left)
    }
}

fn copy_into(file: &Path, folder: &Path) {
    fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
}

mod one_file {
    use super::*;
    contract_suite!(Sqlite::OneFile);
}

mod parts {
    use super::*;
    contract_suite!(Sqlite::Parts);
}

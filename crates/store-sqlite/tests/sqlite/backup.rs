//! Backups.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_store_sqlite::{BackupError, OpenError, Options, SqliteStore, backup};
use parking_lot::Mutex;

use super::made::{append, event, events, folder};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_every_event_acknowledged_before_it_began() {
    let (folder, path) = folder();
    let store = Arc::new(SqliteStore::open(&path, &Options::default()).unwrap());
    let (acknowledged, stop) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(AtomicBool::new(false)),
    );
    let writers: Vec<_> = (0..4u64)
        .map(|writer| {
            let store = Arc::clone(&store);
            let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut number = writer;
                while !stop.load(Ordering::Relaxed) {
                    append(&store, number, 2_000).await.unwrap();
                    acknowledged.lock().push(event(number, 0).id);
                    number += 4;
                }
            })
        })
        .collect();
    for round in 0..5 {
        let wanted = (round + 1) * 100;
        while acknowledged.lock().len() < wanted {
            tokio::task::yield_now().await;
        }
        let before = acknowledged.lock().clone();
        let (from, to) = (path.clone(), folder.path().join(format!("copy{round}.db")));
        let copy = to.clone();
        tokio::task::spawn_blocking(move || backup(&from, &copy))
            .await
            .unwrap()
            .unwrap();
        let restored = SqliteStore::open(&to, &Options::default()).unwrap();
        let there: HashSet<_> = events(&restored).await.into_iter().collect();
        assert!(before.iter().all(|id| there.contains(id)));
        // And it goes on from there.
        append(&restored, 1_000_000, 10).await.unwrap();
        restored.close().await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let all = acknowledged.lock().len();
    assert_eq!(events(&store).await.len(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_stopped_store_leaves_no_other_file() {
    let (folder, path) = folder();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    append(&store, 1, 100).await.unwrap();
    store.close().await;
    let to = folder.path().join("copies");
    fs::create_dir(&to).unwrap();
    backup(&path, &to.join("copy.db")).unwrap();
    let left: Vec<_> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["copy.db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_replaces_nothing_and_needs_a_store() {
    let (folder, path) = folder();
    let to = folder.path().join("copy.db");
    let missing = backup(&path, &to);
    assert!(
        matches!(missing, Err(BackupError::Source(_))),
        "{missing:?}"
    );
    fs::write(&path, "no store").unwrap();
    let damaged = backup(&path, &to);
    assert!(matches!(
        damaged,
        Err(BackupError::Source(OpenError::Damaged { .. }))
    ));
    fs::remove_file(&path).unwrap();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    store.close().await;
    fs::write(&to, "kept").unwrap();
    assert!(matches!(backup(&path, &to), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&to).unwrap(), b"kept");
    let nowhere = backup(&path, &folder.path().join("missing/copy.db"));
    assert!(matches!(nowhere, Err(BackupError::Write { .. })));
}

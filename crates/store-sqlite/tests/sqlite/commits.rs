//! Commits: shared, bounded, and not spoiled by one another.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanfare_app::port::CommitObserver;
use fanfare_app::port::StoreError;
use fanfare_app::port::log::Appended;
use fanfare_store_sqlite::{Options, SqliteStore};
use rusqlite::Connection;

use super::made::{append, delivered, events, folder};

#[derive(Default)]
struct Counted {
    commits: AtomicUsize,
    jobs: AtomicUsize,
}

impl CommitObserver for Counted {
    fn committed(&self, jobs: usize, took: Duration) {
        assert!(took > Duration::ZERO);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.jobs.fetch_add(jobs, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_at_the_same_time_share_commits() {
    let (_folder, path) = folder();
    let store = Arc::new(SqliteStore::open(&path, &Options::default()).unwrap());
    let counted = Arc::new(Counted::default());
    store.observe(counted.clone());
    // The file is locked while they gather, so that all of them wait for the same writer.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (0..500)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&store, number, 100).await.unwrap() })
        })
        .collect();
    other.execute_batch("COMMIT").unwrap();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Appended::At(_)));
    }
    assert_eq!(counted.jobs.load(Ordering::Relaxed), 500);
    let commits = counted.commits.load(Ordering::Relaxed);
    assert!(commits < 250, "{commits} commits");
    assert_eq!(events(&store).await.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_does_not_spoil_those_that_share_its_commit() {
    let (_folder, path) = folder();
    let store = Arc::new(SqliteStore::open(&path, &Options::default()).unwrap());
    append(&store, 7, 100).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Number 7's id is taken, which no caller may bring about.
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&store, number, 100).await })
        })
        .collect();
    let settling = store.deliveries();
    let settled =
        tokio::spawn(async move { settling.settle(Arc::new(vec![delivered(3)]), Some(1)).await });
    other.execute_batch("COMMIT").unwrap();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().is_ok(), number != 7);
    }
    settled.await.unwrap().unwrap();
    assert_eq!(events(&store).await.len(), 20);
    assert_eq!(store.deliveries().materialised().await.unwrap(), 1);
    let id = delivered(3).delivery;
    let tallies = store.deliveries();
    let tallies = tallies.tallies(
        id.endpoint,
        Default::default(),
        id.created_at.after(Duration::from_secs(60)),
    );
    assert_eq!(tallies.await.unwrap()[0].delivered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_busy_and_nothing_of_it_is_done() {
    let (_folder, path) = folder();
    let options = Options {
        queue_jobs: 4,
        queue_time: Duration::from_millis(20),
        busy_time: Duration::from_secs(60),
        ..Options::default()
    };
    let store = Arc::new(SqliteStore::open(&path, &options).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (0..600)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&store, number, 100).await })
        })
        .collect();
    // Some are refused while the writer can't go on; then it goes on with the rest.
    let refused = async {
        while !calls.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, refused).await.unwrap();
    other.execute_batch("COMMIT").unwrap();
    let (mut done, mut busy) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => done += 1,
            Err(StoreError::Busy) => busy += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(busy > 0 && done > 0, "{busy} busy, {done} done");
    assert_eq!(events(&store).await.len(), done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_says_so_and_leaves_one_file() {
    let (folder, path) = folder();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    let (log, deliveries) = (store.log(), store.deliveries());
    append(&store, 1, 100).await.unwrap();
    store.close().await;
    let closed = deliveries.settle(Arc::new(vec![delivered(1)]), None).await;
    assert!(matches!(closed, Err(StoreError::Closed)));
    let closed = log.read_after(0, 1).await;
    assert!(matches!(closed, Err(StoreError::Closed)));
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["fanfare.db", "fanfare.db.lock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_finished_before_a_store_closes() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    let log = store.log();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..100 {
        let log = Arc::clone(&log);
        calls.spawn(async move {
            let append = fanfare_app::port::log::Append {
                event: Arc::new(super::made::event(number, 100)),
                idempotency: None,
                content: None,
                in_turn: Vec::new(),
            };
            log.append(vec![append]).await.is_ok()
        });
    }
    store.close().await;
    let acknowledged = calls.join_all().await.into_iter().filter(|ok| *ok).count();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    assert_eq!(events(&store).await.len(), acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_stays_bounded_beside_a_slow_reader() {
    let (_folder, path) = folder();
    let options = Options {
        checkpoint_bytes: 256 << 10,
        log_bytes: 1 << 20,
        ..Options::default()
    };
    let store = SqliteStore::open(&path, &options).unwrap();
    let log_size = || fs::metadata(path.with_extension("db-wal")).unwrap().len();
    append(&store, 0, 100).await.unwrap();
    // A reader of another process, as a backup would be, keeps the log from being reused.
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM events")
        .unwrap();
    let mut number = 1;
    while log_size() < 4 << 20 {
        append(&store, number, 64 << 10).await.unwrap();
        number += 1;
    }
    reader.execute_batch("COMMIT").unwrap();
    let mut highest = 0;
    for round in 0..200 {
        append(&store, number, 64 << 10).await.unwrap();
        number += 1;
        if round > 20 {
            highest = log_size().max(highest);
        }
    }
    assert!(highest <= 2 << 20, "{highest} bytes of log");
}

//! Full disks, locked files, unreadable rows, reads without end.

use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::log::Appended;
use fanfare_store_sqlite::{Options, SqliteStore};
use rusqlite::Connection;

use super::made::{append, event, events, folder};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_not_available_and_loses_nothing_that_was_acknowledged() {
    let (_folder, path) = folder();
    let options = Options {
        page_limit_for_test_purposes_only: Some(200),
        ..Options::default()
    };
    let store = SqliteStore::open(&path, &options).unwrap();
    let mut acknowledged = Vec::new();
    let mut number = 0;
    let failure = loop {
        match append(&store, number, 4_000).await {
            Ok(Appended::At(position)) => acknowledged.push((position, event(number, 0).id)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure:?}");
    assert!(acknowledged.len() > 100);
    for _ in 0..3 {
        let again = append(&store, number, 100_000).await;
        assert!(matches!(again, Err(StoreError::Unavailable(_))));
    }
    let ids: Vec<_> = acknowledged.iter().map(|(_, id)| *id).collect();
    assert_eq!(events(&store).await, ids);
    // As soon as there is room again, it goes on by itself.
    let old = acknowledged[..50].iter().map(|(position, _)| *position);
    store.log().drop_events(old.collect()).await.unwrap();
    let answer = append(&store, number, 4_000).await.unwrap();
    let Appended::At(position) = answer else {
        panic!("{answer:?}");
    };
    assert!(position > acknowledged.last().unwrap().0);
    assert_eq!(events(&store).await.len(), ids.len() - 50 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_not_available_until_it_is_free_again() {
    let (_folder, path) = folder();
    let options = Options {
        busy_time: Duration::from_millis(10),
        ..Options::default()
    };
    let store = SqliteStore::open(&path, &options).unwrap();
    append(&store, 1, 100).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = append(&store, 2, 100).await;
    assert!(matches!(locked, Err(StoreError::Unavailable(_))));
    assert_eq!(events(&store).await.len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    append(&store, 2, 100).await.unwrap();
    assert_eq!(events(&store).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_row_is_named() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    append(&store, 1, 100).await.unwrap();
    let other = Connection::open(&path).unwrap();
    for (column, value) in [
        ("targets", "x'00'"),
        ("attributes", "'{'"),
        ("event_type", "'a b'"),
        ("id", "x'01'"),
    ] {
        let old: rusqlite::types::Value = other
            .query_row(&format!("SELECT {column} FROM events"), [], |row| {
                row.get(0)
            })
            .unwrap();
        let broken = format!("UPDATE events SET {column} = {value}");
        other.execute(&broken, []).unwrap();
        let error = store.log().read_after(0, 10).await.unwrap_err();
        let StoreError::Corrupt { place, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(place, format!("events.{column} of row 1"));
        let mended = format!("UPDATE events SET {column} = ?1");
        other.execute(&mended, [old]).unwrap();
    }
    assert_eq!(events(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_without_end_is_given_up() {
    let (_folder, path) = folder();
    let options = Options {
        read_time: Duration::ZERO,
        readers: 1,
        ..Options::default()
    };
    let store = SqliteStore::open(&path, &options).unwrap();
    for round in 0..20 {
        for number in 0..100 {
            append(&store, round * 100 + number, 100).await.unwrap();
        }
    }
    let late = store.log().read_after(0, 1_000_000).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    // The reader is free again, and a short read is done before anybody looks at the time.
    let short = store.log().read_after(0, 1).await.unwrap();
    assert_eq!(short.len(), 1);
}

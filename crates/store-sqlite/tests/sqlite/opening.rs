//! Opening files that are no stores, or not ours to open.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fanfare_store_sqlite::{Migrated, OpenError, Options, SCHEMA_VERSION, SqliteStore, migrate};
use rusqlite::Connection;

use super::made::{append, events, folder};

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, &Options::default())
}

/// Every file of a folder with its bytes, but for the lock's and the shared memory's.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.to_str().unwrap();
            !name.ends_with(".lock") && !name.ends_with("-shm")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

async fn store_at(path: &Path) {
    let store = open(path).unwrap();
    for number in 0..50 {
        append(&store, number, 1_000).await.unwrap();
    }
    store.close().await;
}

fn refused(path: &Path) -> OpenError {
    let folder = path.parent().unwrap();
    let before = bytes(folder);
    let error = match open(path) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    };
    assert!(bytes(folder) == before, "changed while refused: {error}");
    error
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    store_at(&path).await;
    let sound = fs::read(&path).unwrap();
    let damages: [(&str, Vec<u8>); 6] = [
        ("no database", b"not a database, but long enough".repeat(9)),
        ("one byte", vec![b'S']),
        ("cut short", sound[..sound.len() / 2].to_vec()),
        ("cut in its header", sound[..50].to_vec()),
        ("another beginning", [b"x".as_slice(), &sound[1..]].concat()),
        (
            "a schema of noise",
            [&sound[..100], &vec![0xA5; 8_092], &sound[8_192..]].concat(),
        ),
    ];
    for (name, damaged) in damages {
        fs::write(&path, damaged).unwrap();
        let error = refused(&path);
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{name}: {error:?}"
        );
    }
    fs::write(&path, sound).unwrap();
    assert_eq!(events(&open(&path).unwrap()).await.len(), 50);
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    store_at(&path).await;
    let raise = Connection::open(&path).unwrap();
    let next = SCHEMA_VERSION + 1;
    raise.pragma_update(None, "user_version", next).unwrap();
    // While it is open, the new version stands in the write-ahead log only, as after a crash.
    let (_other, copy) = folder_with_copy(&path);
    raise.close().unwrap();
    for path in [path, copy] {
        let error = refused(&path);
        let OpenError::Newer { found, known, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((found, known), (next, SCHEMA_VERSION));
    }
}

fn folder_with_copy(path: &Path) -> (tempfile::TempDir, std::path::PathBuf) {
    let (other, copy) = folder();
    fs::copy(path, &copy).unwrap();
    let log = path.with_extension("db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    fs::copy(log, copy.with_extension("db-wal")).unwrap();
    (other, copy)
}

#[tokio::test]
async fn a_crash_while_the_log_was_copied_is_no_damage() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    for number in 0..50 {
        append(&store, number, 1_000).await.unwrap();
    }
    let (_other, copy) = folder_with_copy(&path);
    store.close().await;
    // The first page was copied, which says how long the file is to be; the others were not.
    let mut crashed = fs::read(&copy).unwrap();
    let copied = fs::read(&path).unwrap();
    assert!(crashed.len() < copied.len());
    crashed[..8_192].copy_from_slice(&copied[..8_192]);
    fs::write(&copy, &crashed).unwrap();
    let store = open(&copy).unwrap();
    assert_eq!(events(&store).await.len(), 50);
    store.close().await;
    // Without the log, it is damage.
    fs::write(&copy, &crashed).unwrap();
    assert!(matches!(refused(&copy), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_crash_while_the_first_page_was_written_is_no_damage() {
    let (_folder, path) = folder();
    // SQLite's journal: its mark, then, after records and chance, how many pages there were before.
    let mut journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".to_vec();
    for number in [0u32, 7, 0, 512, 8_192] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    let mut settings_of_noise = b"SQLite format 3\0\x20\0\x02\x02\0\x40\x20\x20".to_vec();
    settings_of_noise.resize(8_192, 7);
    for half in [vec![0; 8_192], settings_of_noise, vec![1; 3]] {
        fs::write(&path, half).unwrap();
        fs::write(path.with_extension("db-journal"), &journal).unwrap();
        let store = open(&path).unwrap();
        append(&store, 1, 100).await.unwrap();
        assert_eq!(events(&store).await.len(), 1);
        store.close().await;
        let made = Connection::open(&path).unwrap();
        let vacuum = made.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0));
        assert_eq!(vacuum.unwrap(), 0);
        made.close().unwrap();
        fs::remove_file(&path).unwrap();
    }
    // Any other journal makes no sense of what has none.
    journal[19] = 1;
    fs::write(&path, vec![0; 8_192]).unwrap();
    fs::write(path.with_extension("db-journal"), &journal).unwrap();
    assert!(matches!(refused(&path), OpenError::Damaged { .. }));
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (a)").unwrap();
    other.close().unwrap();
    assert!(matches!(refused(&path), OpenError::Foreign { .. }));
}

#[tokio::test]
async fn a_store_is_opened_by_one_process_at_a_time() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    append(&store, 1, 100).await.unwrap();
    assert!(matches!(refused(&path), OpenError::InUse { .. }));
    assert!(matches!(migrate(&path), Err(OpenError::InUse { .. })));
    append(&store, 2, 100).await.unwrap();
    store.close().await;
    assert_eq!(events(&open(&path).unwrap()).await.len(), 2);
}

#[test]
fn what_is_no_file_is_refused() {
    let (folder, _) = folder();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("fanfare.db")).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}

#[tokio::test]
async fn migrating_makes_a_store_and_says_from_where_to_where() {
    let (_folder, path) = folder();
    let path = path.with_file_name("new").join("fanfare.db");
    let to = SCHEMA_VERSION;
    assert_eq!(migrate(&path).unwrap(), Migrated { from: 0, to });
    assert_eq!(migrate(&path).unwrap(), Migrated { from: to, to });
    let store = open(&path).unwrap();
    append(&store, 1, 100).await.unwrap();
    assert_eq!(events(&store).await.len(), 1);
}

#[tokio::test]
async fn a_store_opens_again_after_a_crash_in_its_first_moments() {
    // Before the first commit, SQLite has made nothing, or one page that says nothing yet.
    for prepared in ["", "PRAGMA journal_mode = WAL"] {
        let (_folder, path) = folder();
        let first = Connection::open(&path).unwrap();
        first.query_row(prepared, [], |_| Ok(())).ok();
        let (_other, copy) = folder();
        fs::copy(&path, &copy).unwrap();
        let store = open(&copy).unwrap();
        append(&store, 1, 100).await.unwrap();
        assert_eq!(events(&store).await.len(), 1);
    }
}

/// A store as the first release made it: an event with one delivery that waits, and one that arrived; the first
/// attempt of each, and a late one.
fn first_version(path: &Path) {
    let old = Connection::open(path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_first.sql"))
        .unwrap();
    old.execute_batch(
        "INSERT INTO scopes VALUES (1, 'default', 'acme');
        INSERT INTO events VALUES (1, 1, x'01990000000000000000000100000000', 1790000000000000,
            'invoice.paid', NULL, NULL, NULL, NULL,
            x'0000000000000000000000000000000100000000000000000000000000000002', x'7b7d');
        INSERT INTO deliveries VALUES (1, 1, x'01990000000000000000000100010000', NULL,
            x'00000000000000000000000000000001', 'invoice.paid', 0, NULL, 1790000300000000, 1, 0,
            NULL, 1790000000000000, 1790000000000000, 500, NULL);
        INSERT INTO deliveries VALUES (2, 1, x'01990000000000000000000100020000', NULL,
            x'00000000000000000000000000000002', 'invoice.paid', 1, NULL, 1790000000100000, 1, 0,
            NULL, 1790000000000000, 1790000000000000, 204, NULL);
        INSERT INTO attempts VALUES (x'01990000000000000000000100010001', 1, 1790000000000000, 500,
            NULL, '[1,\"scheduled\",\"https://a.example/\",null,\"HTTP/1.1\",[null,null,null,7,9],null,'
            || '[[\"webhook-timestamp\",\"1790000000\"]],[[\"content-length\",\"4\"]],false]', x'6f6f7073');
        INSERT INTO attempts VALUES (x'01990000000000000000000100021a2b', 1, 1790000100000000, 204,
            NULL, '[1,\"manual\",\"https://b.example/\",null,\"HTTP/1.1\",[null,null,null,7,9],null,[],[],false]',
            NULL);
        INSERT INTO attempts VALUES (x'01990000000000000000000100020001', 1, 1790000000000000, 503,
            NULL, '[1,\"scheduled\",\"https://b.example/\",null,\"HTTP/1.1\",[null,null,null,7,9],null,[],[],false]',
            NULL);",
    )
    .unwrap();
    // "FNFR" in the file's header.
    old.pragma_update(None, "application_id", 0x464E_4652)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    old.close().unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_version_opens_and_goes_on() {
    let (_folder, path) = folder();
    first_version(&path);
    let to = SCHEMA_VERSION;
    let store = open(&path).unwrap();
    assert_eq!(events(&store).await.len(), 1);
    let deliveries = store.deliveries();
    let endpoint = fanfare_domain::id::EndpointId::from_bits(1);
    let later = fanfare_domain::time::Timestamp::from_seconds(1_790_001_000);
    let due = deliveries.due(endpoint, later, 10).await.unwrap();
    let waiting = &due.deliveries[0];
    assert_eq!(
        (due.deliveries.len(), waiting.attempts, waiting.turn),
        (1, 1, None)
    );
    let attempts = deliveries.attempts(&waiting.scope, waiting.id.attempt(0), 10);
    let attempts = attempts.await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].id, waiting.id.attempt(1));
    assert_eq!(attempts[0].response_body, b"oops");
    let sent: Vec<_> = attempts[0].request_headers.iter().collect();
    assert_eq!(sent, [("webhook-timestamp", "1790000000")]);
    let arrived = waiting.event.delivery(1);
    let attempts = deliveries.attempts(&waiting.scope, arrived.attempt(0), 10);
    let attempts = attempts.await.unwrap();
    let each = attempts.iter().map(|each| (each.id.number(), each.status));
    assert_eq!(
        each.collect::<Vec<_>>(),
        [(1, Some(503)), (0x1a2b, Some(204))]
    );
    append(&store, 7, 100).await.unwrap();
    assert_eq!(events(&store).await.len(), 2);
    store.close().await;
    assert_eq!(migrate(&path).unwrap(), Migrated { from: to, to });
}

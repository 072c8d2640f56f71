//! What a move refuses, and what it says.

use fanfare_testkit::postgres::Cluster;
use rusqlite::Connection;

use super::{complaint, file, must_have_moved, on, setup};
use crate::harness::World;

fn must_say(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{said:?} does not say {word:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_in_use_are_refused_and_nodes_that_died_are_not() {
    let (here, there) = (setup(), Cluster::shared().database(None));
    let path = here.folder().join("fanfare.db");
    let mut embedded = here.start().await;
    let said = complaint(&file(&path), &there.address());
    must_say(
        &said,
        &["fanfare.db is in use by another fanfare; stop that one first"],
    );
    embedded.terminate().await;

    let mut node = on(&there).start().await;
    World::make(node.api()).await;
    let back = node.folder().join("back.db");
    let said = complaint(&there.address(), &file(&back));
    must_say(&said, &["is in use by node 1 (", "stop that first"]);
    assert!(!back.exists());
    let said = complaint(&file(&path), &there.address());
    must_say(&said, &["is in use by node 1 ("]);

    node.kill().await;
    must_have_moved(&there.address(), &file(&back));
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_hold_something_are_refused() {
    let there = Cluster::shared().database(None);
    let mut node = on(&there).start().await;
    World::make(node.api()).await;
    node.terminate().await;
    let mut embedded = setup().start().await;
    World::make(embedded.api()).await;
    embedded.terminate().await;
    let path = embedded.folder().join("fanfare.db");
    for (from, to) in [
        (file(&path), there.address()),
        (there.address(), file(&path)),
    ] {
        let said = complaint(&from, &to);
        must_say(
            &said,
            &[
                "is not empty: it holds documents",
                "a move goes into an empty one",
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unfinished_target_of_another_move_is_refused() {
    let mut first = setup().start().await;
    World::make(first.api()).await;
    first.terminate().await;
    let mut second = setup().start().await;
    second.terminate().await;
    let path = first.folder().join("fanfare.db");
    let other = second.folder().join("fanfare.db");
    let there = Cluster::shared().database(None);
    must_have_moved(&file(&path), &there.address());
    there.run(&format!(
        "CREATE TABLE fanfare.moving (part text PRIMARY KEY, cursor text, rows bigint, done boolean);
        INSERT INTO fanfare.moving VALUES ('origin', 'sqlite:{}', 0, false)",
        path.display()
    ));
    let said = complaint(&file(&other), &there.address());
    must_say(
        &said,
        &[
            "is the unfinished target of a move from sqlite:",
            "begin anew",
        ],
    );
    let said = complaint(&there.address(), &file(&second.folder().join("back.db")));
    must_say(&said, &["is itself the unfinished target of a move"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_schema_versions_are_refused() {
    let mut embedded = setup().start().await;
    embedded.terminate().await;
    let path = embedded.folder().join("fanfare.db");
    let there = Cluster::shared().database(None);
    let mut node = on(&there).start().await;
    node.terminate().await;
    there.run("INSERT INTO fanfare.schema_versions (version, oldest_user) VALUES (99, 1)");
    let words = ["has schema version 99, and this release moves version"];
    must_say(&complaint(&file(&path), &there.address()), &words);
    must_say(
        &complaint(&there.address(), &file(&embedded.folder().join("back.db"))),
        &words,
    );

    let older = Connection::open(&path).unwrap();
    older.pragma_update(None, "user_version", 1).unwrap();
    older.close().unwrap();
    let empty = Cluster::shared().database(None);
    let words = [
        "has schema version 1, and this release moves version",
        "fanfare migrate",
    ];
    must_say(&complaint(&file(&path), &empty.address()), &words);
    must_say(
        &complaint(&empty.address(), &file(&path)),
        &["there is no store"],
    );
    let full = Cluster::shared().database(None);
    on(&full).start().await.terminate().await;
    must_say(&complaint(&full.address(), &file(&path)), &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_a_kind_are_refused_and_no_password_is_told() {
    let said = complaint("sqlite:/nowhere/a.db", "sqlite:/nowhere/a.db");
    must_say(&said, &["both embedded stores", "fanfare backup"]);
    let address = "postgres://me:hunter2@127.0.0.1:1/fanfare";
    let said = complaint(address, address);
    must_say(&said, &["both in PostgreSQL", "pg_dump"]);
    for (from, to) in [
        (address, "sqlite:/tmp/nowhere.db"),
        ("postgres://me:hunter2@/", "sqlite:/tmp/nowhere.db"),
        ("posgres://me:hunter2@127.0.0.1/f", "sqlite:/tmp/nowhere.db"),
    ] {
        let said = complaint(from, to);
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("postgres://"), "{said}");
    }
    let said = complaint("sqlite:/nowhere/a.db", "postgres://me@127.0.0.1:1/fanfare");
    must_say(
        &said,
        &["/nowhere/a.db can't be opened", "there is no store"],
    );
}

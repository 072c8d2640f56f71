//! A full disk, a disk that fails, a locked file: publishers are told, nothing acknowledged is lost,
//! and the server goes on by itself when the cause is gone.

use std::collections::HashMap;
use std::process::Command;

use fanfare_testkit::receiver::Receiver;
use http::StatusCode;
use rusqlite::Connection;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Api, Reply, Server, Setup, World};

const PUBLISHERS: usize = 8;

/// How often events may be published until the trouble begins, or is over, before the test fails.
const TRIES: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    // Files can't grow past a limit, which stands for the disk's size. Without the trap, the system
    // would end the process.
    let program = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let setup = Setup::new().under(program.map(str::to_owned).to_vec());
    let limit = |server: &Server, bytes: &str| {
        let process = server.process_id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(limited.is_ok_and(|status| status.success()));
    };
    survives(
        setup.start().await,
        |server| {
            let log = std::fs::metadata(server.folder().join("fanfare.db-wal")).unwrap();
            limit(server, &(log.len() + 100_000).to_string());
        },
        |server| limit(server, "unlimited"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_space_left() {
    survives(
        failing("pwrite64:error=ENOSPC:when=400..420").await,
        |_| (),
        |_| (),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_to_sync() {
    survives(failing("fsync:error=EIO:when=40..60").await, |_| (), |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file() {
    let server = Setup::new().start().await;
    let other = Connection::open(server.folder().join("fanfare.db")).unwrap();
    survives(
        server,
        |_| other.execute_batch("BEGIN EXCLUSIVE").unwrap(),
        |_| other.execute_batch("ROLLBACK").unwrap(),
    )
    .await;
}

/// A server some of whose calls fail, counted by thread, so that it is the store's writer's.
async fn failing(calls: &str) -> Server {
    let inject = format!("inject={calls}");
    let name = calls.split(':').next().unwrap();
    let trace = format!("trace={name}");
    let words = [
        "strace",
        "-D",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    Setup::new()
        .under(words.map(str::to_owned).to_vec())
        .start()
        .await
}

/// Publishes before, while and after the store is in trouble. Trouble without a begin and an end comes
/// and goes by itself.
async fn survives(server: Server, begin: impl FnOnce(&Server), end: impl FnOnce(&Server)) {
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let mut ids = (0..).map(|number| format!("own-{number}"));
    let mut answers = HashMap::new();
    answers.extend(publish(&world.api, &mut ids).await);

    begin(&server);
    let refused = until(
        &world.api,
        &mut ids,
        &mut answers,
        StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.json()["status"], 503, "{}", refused.text());
    // What only reads goes on.
    let known = world.api.get("/v1/tenants/acme/events/own-0").await;
    assert_eq!(known.expect(200)["id"], "own-0");
    world.api.get("/health/live").await.expect_text(200);

    end(&server);
    until(&world.api, &mut ids, &mut answers, StatusCode::ACCEPTED).await;

    // What was refused can be published again under the same id.
    for (id, answer) in &mut answers {
        if answer.status != StatusCode::ACCEPTED {
            *answer = publish_one(&world.api, id).await;
        }
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        world.delivery(id, "delivered").await;
    }
    let mut arrived = HashMap::new();
    for arrival in receiver.arrivals() {
        *arrived
            .entry(arrival.header("webhook-id").unwrap().to_owned())
            .or_insert(0) += 1;
    }
    let twice: Vec<_> = arrived.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(arrived.len(), answers.len());
}

/// Publishes until something is answered so, and answers that.
async fn until(
    api: &Api,
    ids: &mut impl Iterator<Item = String>,
    answers: &mut HashMap<String, Reply>,
    status: StatusCode,
) -> Reply {
    for _ in 0..TRIES {
        let more = publish(api, ids).await;
        let mut given = more.iter().map(|(_, answer)| answer);
        let wanted = given.find(|answer| answer.status == status).cloned();
        answers.extend(more);
        if let Some(wanted) = wanted {
            return wanted;
        }
    }
    panic!("nothing is answered {status}");
}

/// Publishes several events at the same time.
async fn publish(api: &Api, ids: &mut impl Iterator<Item = String>) -> Vec<(String, Reply)> {
    let mut publishers = JoinSet::new();
    for id in ids.take(PUBLISHERS) {
        let api = api.clone();
        publishers.spawn(async move {
            let answer = publish_one(&api, &id).await;
            (id, answer)
        });
    }
    publishers.join_all().await
}

async fn publish_one(api: &Api, id: &str) -> Reply {
    let event = json!({"id": id, "type": "invoice.paid", "data": {"padding": "x".repeat(2_000)}});
    let answer = api.post("/v1/tenants/acme/events", event).await;
    let known = [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE];
    assert!(known.contains(&answer.status), "{}", answer.text());
    answer
}

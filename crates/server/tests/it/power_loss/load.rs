//! A loaded server, traced.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fanfare_testkit::receiver::{Answer, Receiver};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::trace::Trace;
use super::tracer::Tracer;
use crate::harness::{Api, Server, Setup, World};

/// What a traced server did, and what its publishers know.
pub(super) struct Recorded {
    pub(super) trace: Trace,
    /// What those events say that were acknowledged, as far as their publishers were told.
    pub(super) data: HashMap<String, Value>,
    /// The tracer's output, to be kept when it shows a mistake.
    pub(super) output: Vec<u8>,
    /// The store's folder at that time, which the output names.
    pub(super) folder: PathBuf,
}

/// How many endpoints take each event.
pub(super) const TARGETS: usize = 3;

const PUBLISHERS: u64 = 8;

/// Runs a server twice on one store: it is stopped the first time, and killed the second, while
/// `events` are published in all.
pub(super) async fn record(receiver: &Receiver, events: u64, synchronous: bool) -> Recorded {
    let setup = Setup::new()
        .set("FANFARE_WORKER_THREADS", "2")
        // So small that there are many copies of the log into the file.
        .set("FANFARE_CHECKPOINT_BYTES_FOR_TEST_PURPOSES_ONLY", "262144")
        .set(
            "FANFARE_SYNCHRONOUS_OFF_FOR_TEST_PURPOSES_ONLY",
            if synchronous { "false" } else { "true" },
        );
    // A folder of its own, so that nothing but the store is in it.
    let folder = setup.folder().join("store");
    std::fs::create_dir(&folder).unwrap();
    let tracer = Tracer::new(setup.folder());
    let store = format!("sqlite:{}", folder.join("fanfare.db").display());
    let setup = setup.set("FANFARE_STORE", &store).under(tracer.command());
    let first = tracer.listen();
    let mut server = setup.start().await;

    let world = World::make(server.api()).await;
    receiver.answer("/fails", Answer::status(500));
    world.endpoint(&receiver.url("/one"), json!({})).await;
    world.endpoint(&receiver.url("/two"), json!({})).await;
    let policy = json!({"delivery_policy": {"waits": ["0s", "50ms", "1h"]}});
    world.endpoint(&receiver.url("/fails"), policy).await;

    let mut data = publish(&server, 0, events / 2).await;
    server.terminate().await;
    let mut output = first.await.unwrap();
    let second = tracer.listen();
    server.restart().await;
    // The kill comes while the last quarter of the events is on its way.
    let killed = events * 3 / 4;
    data.extend(publish(&server, events / 2, killed).await);
    let publishing = publish(&server, killed, events);
    let api = server.api();
    let (more, ()) = tokio::join!(publishing, async {
        let _ = api
            .try_send(Method::GET, "/v1/tenants/tenant-0", None)
            .await;
        server.kill_at_once();
    });
    data.extend(more);
    server.wait().await;
    output.extend(second.await.unwrap());

    Recorded {
        trace: Trace::read(&output, &folder),
        data,
        output,
        folder,
    }
}

/// Publishes events with these numbers, singly and in batches, and makes a tenant now and then, until
/// done or until the server is gone. Answers what was acknowledged.
async fn publish(server: &Server, from: u64, to: u64) -> HashMap<String, Value> {
    let next = Arc::new(AtomicU64::new(from));
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (api, next) = (server.api(), Arc::clone(&next));
        publishers.spawn(async move {
            let mut data = HashMap::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= to || turn(&api, publisher, number, &mut data).await.is_none() {
                    return data;
                }
            }
        });
    }
    let data = publishers.join_all().await;
    data.into_iter().flatten().collect()
}

/// None when the server is gone.
async fn turn(
    api: &Api,
    publisher: u64,
    number: u64,
    data: &mut HashMap<String, Value>,
) -> Option<()> {
    if number.is_multiple_of(20) {
        let tenant = json!({"id": format!("tenant-{number}"), "name": "Another"});
        let made = api.try_post("/v1/tenants", tenant).await.ok()?;
        made.expect(201);
    }
    let said = |part| json!({"number": number, "part": part, "padding": "x".repeat(200)});
    if publisher == 0 {
        let parts: Vec<_> = (0..3).map(said).collect();
        let events: Vec<_> = parts
            .iter()
            .map(|data| json!({"tenant": "acme", "type": "invoice.paid", "data": data}))
            .collect();
        let answer = api
            .try_post("/v1/events/batch", json!({"events": events}))
            .await;
        let outcomes = answer.ok()?.expect(200);
        let outcomes = outcomes["data"].as_array().unwrap();
        for (outcome, said) in outcomes.iter().zip(parts) {
            let id = outcome["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{outcome}"));
            data.insert(id.to_owned(), said);
        }
    } else {
        let event = json!({"type": "invoice.paid", "data": said(0)});
        let answer = api.try_post("/v1/tenants/acme/events", event).await;
        let event = answer.ok()?.expect(202);
        data.insert(event["id"].as_str().unwrap().to_owned(), said(0));
    }
    Some(())
}

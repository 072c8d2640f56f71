//! A backup of a server under load.

use std::sync::{Arc, Mutex};

use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Reply, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_has_what_was_acknowledged_before_it_and_goes_on_delivering() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.answer("/away", Answer::status(503));
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/here"), json!({})).await;
    let patiently = json!({"delivery_policy": {"waits": vec!["200ms"; 50]}});
    world.endpoint(&receiver.url("/away"), patiently).await;

    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let mut publishers = JoinSet::new();
    for _ in 0..4 {
        let (world, acknowledged) = (World::at(server.api()), Arc::clone(&acknowledged));
        publishers.spawn(async move {
            loop {
                let event = world.publish(json!({"padding": "x".repeat(1_000)})).await;
                acknowledged.lock().unwrap().push(event);
            }
        });
    }
    let count = || acknowledged.lock().unwrap().len();
    while count() < 300 {
        tokio::task::yield_now().await;
    }
    let restored = Setup::new();
    let copy = restored.folder().join("fanfare.db");
    let before = acknowledged.lock().unwrap().clone();
    let made = tokio::task::block_in_place(|| server.run(&["backup", copy.to_str().unwrap()]));
    assert!(made.status.success(), "{made:?}");
    let meanwhile = count() - before.len();
    assert!(
        meanwhile > 0,
        "nothing was published while the copy was made"
    );
    publishers.shutdown().await;
    drop(server);

    receiver.answer("/away", Answer::ok());
    let server = restored.start().await;
    for event in &before {
        let path = format!("/v1/tenants/acme/events/{event}/deliveries");
        let delivered = |answer: &Reply| {
            let answer = answer.json();
            let deliveries = answer["data"].as_array().unwrap();
            deliveries.len() == 2 && deliveries.iter().all(|one| one["state"] == "delivered")
        };
        server.api().until(&path, delivered).await;
    }
}

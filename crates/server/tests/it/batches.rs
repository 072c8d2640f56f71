//! Batches, over the real binary.

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Arrival, Receiver};
use serde_json::{Value, json};

use crate::harness::{Setup, World};

/// The ids and the data of the events in a request.
fn events(arrival: &Arrival) -> Vec<(String, Value)> {
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    let members = body.as_array().unwrap().iter();
    members
        .map(|member| {
            assert_eq!(member["type"], "invoice.paid");
            assert!(member["timestamp"].is_string());
            let id = member["id"].as_str().unwrap().to_owned();
            (id, member["data"].clone())
        })
        .collect()
}

/// Publishes so many events in one commit; answers their ids with their data.
async fn publish(world: &World, count: u64) -> Vec<(String, Value)> {
    let data: Vec<_> = (0..count)
        .map(|number| json!({"number": number, "text": "Grüße", "amount": 1.50}))
        .collect();
    let event = |data: &Value| json!({"tenant": "acme", "type": "invoice.paid", "data": data});
    let events: Vec<_> = data.iter().map(event).collect();
    let batch = json!({ "events": events });
    let answer = world.api.post("/v1/events/batch", batch).await.expect(200);
    let results = answer["data"].as_array().unwrap().iter();
    results
        .map(|result| result["id"].as_str().unwrap().to_owned())
        .zip(data)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_message_to_the_official_library() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    let batching = json!({"ordering": "strict", "batch": {"max_events": 10, "max_wait": "300ms"}});
    let endpoint = world.endpoint(&receiver.url("/hook"), batching).await;
    let published = publish(&world, 25).await;
    let arrivals = receiver.wait_for(3).await;
    let secret = world.secret(&endpoint).await["secret"].clone();
    let webhook = standardwebhooks::Webhook::new(secret.as_str().unwrap()).unwrap();
    for arrival in &arrivals {
        webhook.verify(&arrival.body, &arrival.headers).unwrap();
        let mut changed = arrival.body.to_vec();
        let at = changed
            .windows(3)
            .position(|three| three == b"1.5")
            .unwrap();
        changed[at] = b'2';
        webhook.verify(&changed, &arrival.headers).unwrap_err();
    }
    let brought: Vec<_> = arrivals.iter().map(events).collect();
    assert_eq!(
        brought.iter().map(Vec::len).collect::<Vec<_>>(),
        [10, 10, 5]
    );
    assert_eq!(brought.concat(), published);
    // Each delivery shows the batch that it went in.
    for (arrival, brought) in arrivals.iter().zip(brought) {
        for (id, _) in brought {
            let delivery = world.delivery(&id, "delivered").await;
            assert_eq!(delivery["batch_id"], arrival.header("webhook-id").unwrap());
            assert_eq!(delivery["attempts"], 1);
        }
    }
}

async fn killed_between_attempts(setup: Setup) {
    let mut server = setup.start().await;
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::status(500));
    let world = World::make(server.api()).await;
    let batching = json!({
        "batch": {"max_events": 20, "max_wait": "100ms"},
        "delivery_policy": {"waits": ["0s", "2s", "2s", "2s"], "breaker": {"enabled": false}},
    });
    world.endpoint(&receiver.url("/hook"), batching).await;
    let published = publish(&world, 40).await;
    receiver.wait_for(2).await;

    server.kill().await;
    receiver.answer("/hook", Answer::ok());
    server.restart().await;

    let world = World::at(server.api());
    for (id, _) in &published {
        world.delivery(id, "delivered").await;
    }
    let arrivals = receiver.arrivals();
    let mut batches = std::collections::BTreeMap::<_, Vec<_>>::new();
    for arrival in &arrivals {
        let id = arrival.header("webhook-id").unwrap().to_owned();
        batches.entry(id).or_default().push(events(arrival));
    }
    assert_eq!(batches.len(), 2, "{:?}", batches.keys());
    for (id, requests) in &batches {
        assert!(id.starts_with("bat_") && requests.len() >= 2, "{id}");
        assert!(requests.iter().all(|request| *request == requests[0]));
        assert_eq!(requests[0].len(), 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_comes_again_as_it_was_after_a_kill() {
    killed_between_attempts(Setup::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_comes_again_as_it_was_after_a_kill_with_the_store_in_postgresql() {
    let database = Cluster::shared().database(None);
    let setup = Setup::new().set("FANFARE_STORE", &database.address());
    killed_between_attempts(setup).await;
}

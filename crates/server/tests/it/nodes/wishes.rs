//! What is asked of one node and concerns what another one has.

use std::collections::HashMap;

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use super::{node, until_it_knows_all};
use crate::harness::{Api, Reply, Server, World};

/// The first attempt at once, and the second long after every test.
fn once_and_much_later() -> Value {
    json!({"delivery_policy": {"waits": ["0s", "1h"]}})
}

/// Waits until an event's only delivery has had so many attempts; answers it.
async fn attempted(api: &Api, event: &str, count: u64) -> Value {
    let path = format!("/v1/tenants/acme/events/{event}/deliveries");
    let attempted = |answer: &Reply| answer.json()["data"][0]["attempts"] == count;
    let answer = api.until(&path, attempted).await;
    answer.json()["data"][0].clone()
}

fn rows(answer: &Reply) -> Vec<Value> {
    answer.json()["data"].as_array().unwrap().clone()
}

async fn retry(api: &Api, delivery: &Value) {
    let id = delivery["id"].as_str().unwrap();
    let path = format!("/v1/tenants/acme/deliveries/{id}/retry");
    api.post(&path, json!({})).await.expect(202);
}

/// Waits until a node says that so many deliveries arrived through it.
async fn until_it_delivered(server: &Server, count: u64) {
    let wanted = format!("fanfare_deliveries_total{{outcome=\"delivered\"}} {count}\n");
    let api = server.api_with(None);
    let says = |answer: &Reply| answer.text().contains(&wanted);
    api.until("/metrics", says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extra_attempt_is_made_by_the_node_that_has_the_delivery_whichever_is_asked() {
    let database = Cluster::shared().database(None);
    let accepting = node(&database, "all").await;
    let asked = node(&database, "all").await;
    let only_api = node(&database, "api").await;
    let receiver = Receiver::start().await;
    let world = World::make(accepting.server.api()).await;
    let policy = once_and_much_later();
    world.endpoint(&receiver.url("/hook"), policy).await;
    for (number, other) in (1..).zip([&asked, &only_api]) {
        until_it_knows_all(&world, &other.server).await;
        receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
        let event = world.publish(json!({})).await;
        let delivery = attempted(&world.api, &event, 1).await;
        retry(&other.server.api(), &delivery).await;
        let delivery = world.delivery(&event, "delivered").await;
        assert_eq!(delivery["attempts"], 2);
        until_it_delivered(&accepting.server, number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extra_attempt_of_an_ordered_delivery_is_made_by_the_owner_whichever_is_asked() {
    let database = Cluster::shared().database(None);
    let nodes = [node(&database, "all").await, node(&database, "all").await];
    let receiver = Receiver::start().await;
    let world = World::make(nodes[0].server.api()).await;
    let mut strict = once_and_much_later();
    strict["ordering"] = json!("strict");
    world.endpoint(&receiver.url("/hook"), strict).await;
    until_it_knows_all(&world, &nodes[1].server).await;
    // One of them is not the owner.
    for asked in &nodes {
        receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
        let event = world.publish(json!({})).await;
        let delivery = attempted(&world.api, &event, 1).await;
        retry(&asked.server.api(), &delivery).await;
        let delivery = world.delivery(&event, "delivered").await;
        assert_eq!(delivery["attempts"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_of_a_delivery_after_it_was_cancelled_whichever_node_has_it() {
    const EVENTS: usize = 40;
    let database = Cluster::shared().database(None);
    // The first one runs the jobs.
    let first = node(&database, "all").await;
    let accepting = node(&database, "all").await;
    let receiver = Receiver::start().await;
    let world = World::make(first.server.api()).await;
    // Some are under way until the time is over; the others wait in the memory of the node that took them.
    receiver.answer("/plain", Answer::hang_before_head());
    receiver.answer("/strict", Answer::hang_before_head());
    let slow = |ordering: &str| {
        json!({
            "ordering": ordering,
            "delivery_policy": {"timeout": "4s", "waits": ["0s", "1s", "1s"], "breaker": {"enabled": false}},
        })
    };
    world
        .endpoint(&receiver.url("/plain"), slow("unordered"))
        .await;
    world
        .endpoint(&receiver.url("/strict"), slow("strict"))
        .await;
    until_it_knows_all(&world, &accepting.server).await;
    let accepting = World::at(accepting.server.api());
    for number in 0..EVENTS {
        accepting.publish(json!({ "number": number })).await;
    }
    let all = "/v1/tenants/acme/deliveries?limit=100";
    let api = &world.api;
    api.until(all, |answer| rows(answer).len() == 2 * EVENTS)
        .await;
    let cancel = json!({"action": "cancel"});
    let job = api.post("/v1/tenants/acme/jobs", cancel).await.expect(202);
    let job = format!("/v1/tenants/acme/jobs/{}", job["id"].as_str().unwrap());
    let completed = |answer: &Reply| answer.json()["state"] == "completed";
    let job = api.until(&job, completed).await.json();

    // What is published afterwards stands behind whatever a node had in its memory.
    receiver.answer("/plain", Answer::ok());
    receiver.answer("/strict", Answer::ok());
    let last = accepting.publish(json!({})).await;
    let path = format!("/v1/tenants/acme/events/{last}/deliveries");
    let arrived = |answer: &Reply| rows(answer).iter().all(|one| one["state"] == "delivered");
    api.until(&path, arrived).await;

    let mut sent: HashMap<(String, String), u64> = HashMap::new();
    for arrival in receiver.arrivals() {
        let event = arrival.header("webhook-id").unwrap().to_owned();
        *sent.entry((arrival.path, event)).or_default() += 1;
    }
    let deliveries = rows(&api.get(all).await);
    let mut never_sent = 0;
    let mut attempts = 0;
    for delivery in deliveries.iter().filter(|one| one["event_id"] != last) {
        assert_eq!(delivery["state"], "discarded", "{delivery}");
        assert_eq!(delivery["reason"], "cancelled", "{delivery}");
        let known = delivery["attempts"].as_u64().unwrap();
        attempts += known;
        never_sent += u64::from(known == 0);
    }
    // What was sent after its end would not be counted in the row any more.
    let all_sent: u64 = sent.values().sum();
    assert_eq!(all_sent, attempts + 2, "{sent:?}");
    assert!(never_sent > EVENTS as u64, "{never_sent} were never sent");
    assert_eq!(job["progress"]["taken"], 2 * EVENTS, "{job}");
}

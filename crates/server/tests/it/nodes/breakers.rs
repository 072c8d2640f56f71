//! Breakers, of which each node has its own.

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::json;

use super::{node, until_it_knows_all};
use crate::harness::{Reply, Server, World};

/// Waits until a node says that its breaker for an endpoint stands so.
async fn until_breaker(server: &Server, endpoint: &str, state: &str, reason: Option<&str>) {
    let path = format!("/v1/tenants/acme/endpoints/{endpoint}");
    let stands = |answer: &Reply| {
        let breaker = &answer.json()["breaker"];
        breaker["state"] == state && breaker["reason"].as_str() == reason
    };
    server.api().until(&path, stands).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_breaker_opened_or_closed_is_found_out_by_other_nodes_with_one_attempt() {
    let database = Cluster::shared().database(None);
    let nodes = [node(&database, "all").await, node(&database, "all").await];
    let [one, other] = [&nodes[0].server, &nodes[1].server];
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::status(500));
    let world = World::make(one.api()).await;
    let policy = json!({"delivery_policy": {
        "waits": ["0s", "1h"],
        "breaker": {"failures": 3, "first_wait": "1h", "longest_wait": "1h"},
    }});
    let made = world.endpoint(&receiver.url("/hook"), policy).await;
    let endpoint = made["id"].as_str().unwrap();
    until_it_knows_all(&world, other).await;
    for number in 0..3 {
        world.publish(json!({ "number": number })).await;
    }
    until_breaker(one, endpoint, "open", Some("failures_in_a_row")).await;
    until_breaker(other, endpoint, "open", Some("open_elsewhere")).await;

    // It waits for an hour at the one, unless the other finds that all is well.
    let waits = world.publish(json!({})).await;
    receiver.answer("/hook", Answer::ok());
    let event = World::at(other.api()).publish(json!({})).await;
    world.delivery(&event, "delivered").await;
    until_breaker(other, endpoint, "closed", None).await;
    world.delivery(&waits, "delivered").await;
    until_breaker(one, endpoint, "closed", None).await;
}

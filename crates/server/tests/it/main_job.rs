//! The main job: what is published arrives, signed, and can be looked up.

use fanfare_domain::signature::verify;
use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use crate::harness::{Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_published_event_arrives_signed_and_its_attempt_can_be_looked_up() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    let endpoint = world.endpoint(&receiver.url("/hook"), json!({})).await;

    let event = world
        .publish(json!({"invoice": "in_42", "amount": 4200}))
        .await;

    let arrival = receiver.wait_for(1).await.remove(0);
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    assert_eq!(body["type"], "invoice.paid");
    assert_eq!(body["data"], json!({"invoice": "in_42", "amount": 4200}));
    let header = |name| arrival.header(name).unwrap();
    assert_eq!(header("webhook-id"), event);
    let secret = world.secret(&endpoint).await;
    verify(
        secret["secret"].as_str().unwrap(),
        &event,
        header("webhook-timestamp"),
        &arrival.body,
        header("webhook-signature"),
    )
    .unwrap();

    let delivery = world.delivery(&event, "delivered").await;
    assert_eq!(delivery["endpoint_id"], endpoint["id"]);
    let attempts = world.attempts(&delivery).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["status"], 200);
    assert_eq!(attempts[0]["number"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_tried_again_until_it_arrives() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
    let world = World::make(server.api()).await;
    let policy = json!({"delivery_policy": {"waits": ["0s", "10ms"]}});
    world.endpoint(&receiver.url("/hook"), policy).await;

    let event = world.publish(json!({})).await;

    let delivery = world.delivery(&event, "delivered").await;
    let attempts = world.attempts(&delivery).await;
    let statuses: Vec<_> = attempts.iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [500, 200]);
    let arrivals = receiver.arrivals();
    assert_eq!(
        arrivals[0].header("webhook-id"),
        arrivals[1].header("webhook-id")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_this_machine_is_refused_unless_the_operator_allows_it() {
    let server = Setup::new().unset("FANFARE_ALLOW_NETWORKS").start().await;
    let world = World::make(server.api()).await;
    let endpoint = json!({"url": "http://127.0.0.1:9/hook"});
    let answer = world.api.post("/v1/tenants/acme/endpoints", endpoint).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("#/url"), "{}", answer.text());
}

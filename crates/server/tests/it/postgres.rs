//! The real binary on a real PostgreSQL.

use std::collections::HashSet;
use std::process::Output;

use fanfare_store_postgres::SCHEMA_VERSION;
use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Receiver};
use http::StatusCode;
use serde_json::json;

use crate::harness::{Api, Setup, World};

fn said(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_arrives_and_goes_on_after_a_restart() {
    let database = Cluster::shared().database(None);
    let setup = Setup::new().set("FANFARE_STORE", &database.address());
    let mut server = setup.start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    receiver.script("/hook", vec![Answer::status(500), Answer::status(500)]);
    let policy = json!({"delivery_policy": {"waits": ["0s", "10ms", "600s"]}});
    world.endpoint(&receiver.url("/hook"), policy).await;
    let event = world.publish(json!({"invoice": "in_42"})).await;
    let waits = receiver.wait_for(2).await;
    assert_eq!(waits[0].header("webhook-id"), Some(&*event));
    let path = format!("/v1/tenants/acme/events/{event}/deliveries");
    let twice = |answer: &crate::harness::Reply| answer.json()["data"][0]["attempts"] == 2;
    world.api.until(&path, twice).await;

    assert_eq!(server.terminate().await.code(), Some(0));
    server.restart().await;

    let world = World::at(server.api());
    receiver.answer("/hook", Answer::ok());
    receiver.answer("/hook", Answer::ok());
    let delivery = world.delivery(&event, "waiting").await;
    let id = delivery["id"].as_str().unwrap();
    let retry = format!("/v1/tenants/acme/deliveries/{id}/retry");
    world.api.post(&retry, json!({})).await.expect(202);
    let delivery = world.delivery(&event, "delivered").await;
    let attempts = world.attempts(&delivery).await;
    let statuses: Vec<_> = attempts.iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [500, 500, 200]);
    let again = world.publish(json!({"invoice": "in_43"})).await;
    world.delivery(&again, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_beside_a_server() {
    let database = Cluster::shared().database(None);
    let setup = Setup::new().set("FANFARE_STORE", &database.address());
    let output = setup.run(&["key", "list"]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains("there is no store"), "{complaint}");
    let version = format!("schema version {SCHEMA_VERSION}");
    assert!(said(&setup.run(&["migrate"])).contains(&format!("was made, with {version}")));
    assert!(said(&setup.run(&["migrate"])).contains(&format!("has {version} already")));

    let server = setup.start().await;
    let made = said(&server.run(&["key", "create", "--name", "ci", "--role", "publisher"]));
    let key = made.lines().find_map(|line| line.strip_prefix("key: "));
    let key = key.unwrap().split_whitespace().next().unwrap();
    let api = server.api_with(Some(key));
    // A publisher may not look up: 403 once the key counts, 401 before.
    let events = "/v1/tenants/acme/events";
    api.until(events, |answer| answer.status == 403).await;
    let backup = server.run(&["backup", "/nowhere"]);
    let complaint = String::from_utf8_lossy(&backup.stderr).into_owned();
    assert!(complaint.contains("pg_dump"), "{complaint}");
}

#[test]
fn a_server_that_cannot_be_reached_is_told_of_without_the_password() {
    let address = "postgres://me:hunter2@127.0.0.1:1/fanfare";
    let setup = Setup::new().set("FANFARE_STORE", address);
    for command in ["serve", "migrate"] {
        let output = setup.run(&[command]);
        assert!(!output.status.success());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let place = "postgres://127.0.0.1:1/fanfare: PostgreSQL can't be used";
        assert!(complaint.contains(place), "{complaint}");
        assert!(complaint.contains("refused"), "{complaint}");
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

/// Publishes until something is answered so; answers the ids of all events that were accepted.
async fn publish_until(api: &Api, status: StatusCode) -> Vec<String> {
    let mut accepted = Vec::new();
    loop {
        let event = json!({"type": "invoice.paid", "data": {}});
        let answer = api.post("/v1/tenants/acme/events", event).await;
        if answer.status == StatusCode::ACCEPTED {
            accepted.push(answer.json()["id"].as_str().unwrap().to_owned());
        } else {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers["retry-after"], "1");
        }
        if answer.status == status {
            return accepted;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_are_told_while_postgresql_is_away_and_everything_goes_on_by_itself() {
    let mut cluster = Cluster::start(&[]);
    cluster.run("CREATE DATABASE f");
    let server = Setup::new().set("FANFARE_STORE", &cluster.address("f"));
    let server = server.start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let mut accepted = HashSet::new();
    for kill in [false, true] {
        accepted.extend(publish_until(&world.api, StatusCode::ACCEPTED).await);
        if kill {
            cluster.kill();
        } else {
            cluster.stop();
        }
        accepted.extend(publish_until(&world.api, StatusCode::SERVICE_UNAVAILABLE).await);
        let not_ready = |answer: &crate::harness::Reply| answer.status == 503;
        world.api.until("/health/ready", not_ready).await;
        world.api.get("/health/live").await.expect_text(200);
        cluster.restart();
        let ready = |answer: &crate::harness::Reply| answer.status == 200;
        world.api.until("/health/ready", ready).await;
        accepted.extend(publish_until(&world.api, StatusCode::ACCEPTED).await);
        for event in &accepted {
            world.delivery(event, "delivered").await;
        }
    }
    let arrived: HashSet<_> = receiver
        .arrivals()
        .iter()
        .map(|arrival| arrival.header("webhook-id").unwrap().to_owned())
        .collect();
    assert!(accepted.is_subset(&arrived));
}

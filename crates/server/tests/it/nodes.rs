//! Several nodes over one PostgreSQL, each with a way to it that can be cut.
//!
//! `make nodes SECONDS=1200 SEED=7` disturbs them for longer.

mod batches;
mod breakers;
mod changes;
mod disturbed;
mod judge;
mod proxy;
mod wishes;

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use fanfare_testkit::postgres::{Cluster, Database};
use fanfare_testkit::receiver::Receiver;
use serde_json::json;

use self::proxy::Proxy;
use crate::harness::{Reply, Server, Setup, World};

/// How long a node may be silent.
const DETECTION: Duration = Duration::from_secs(2);

/// A node with its way to the database.
struct Node {
    server: Server,
    proxy: Proxy,
}

async fn node(database: &Database, roles: &str) -> Node {
    let address = database.address();
    let port = Cluster::port_of(&address);
    let proxy = Proxy::to(port).await;
    let through = address.replace(&format!(":{port}/"), &format!(":{}/", proxy.port()));
    // A node that begins anew is found where it was.
    let own = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let server = Setup::new()
        .set("FANFARE_STORE", &through)
        .set("FANFARE_LISTEN", &own)
        .set("FANFARE_ROLES", roles)
        .set("FANFARE_NODE_DETECTION", "2s")
        .start()
        .await;
    Node { server, proxy }
}

/// Waits until a node publishes by all that was changed before. Lists are read from the store, so they don't
/// show it; but a node learns of changes in their order, and takes a key from when it knows of it.
async fn until_it_knows_all(world: &World, other: &Server) {
    let key = json!({"name": "made last", "role": "reader"});
    let made = world.api.post("/v1/keys", key).await.expect(201);
    let reader = other.api_with(made["key"].as_str());
    let is_let_in = |answer: &Reply| answer.status == 200;
    reader.until("/v1/tenants/acme/events", is_let_in).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_accepts_and_another_delivers_arrives_once() {
    let database = Cluster::shared().database(None);
    let api = node(&database, "api").await;
    let delivery = node(&database, "delivery").await;
    let receiver = Receiver::start().await;
    let world = World::make(api.server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let mut events = HashSet::new();
    for number in 0..20 {
        events.insert(world.publish(json!({ "number": number })).await);
    }
    for event in &events {
        world.delivery(event, "delivered").await;
    }
    let arrived: Vec<_> = receiver.arrivals();
    assert_eq!(arrived.len(), events.len());
    // A node that only delivers has no API.
    let none = delivery.server.api().get("/v1/environments").await;
    assert_eq!(none.status, 404);
    delivery
        .server
        .api()
        .get("/health/ready")
        .await
        .expect_text(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_right_after_its_endpoint_was_made_arrives_through_a_node_that_has_not_heard_of_it()
 {
    let database = Cluster::shared().database(None);
    let api = node(&database, "api").await;
    let _delivery = node(&database, "delivery").await;
    let receiver = Receiver::start().await;
    let world = World::make(api.server.api()).await;
    let mut expected = 0;
    // Whether the other node has heard of it is chance, so several times.
    for endpoints in 1..=12 {
        let path = format!("/{endpoints}");
        world.endpoint(&receiver.url(&path), json!({})).await;
        world.publish(json!({})).await;
        expected += endpoints;
        receiver.wait_for(expected).await;
    }
    assert_eq!(receiver.arrivals().len(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_over_before_its_first_attempt_waits_for_it_as_its_policy_says() {
    let database = Cluster::shared().database(None);
    let api = node(&database, "api").await;
    let other = node(&database, "all").await;
    let receiver = Receiver::start().await;
    let world = World::make(api.server.api()).await;
    let waits = json!({"delivery_policy": {"waits": ["2s", "1s"]}});
    world.endpoint(&receiver.url("/later"), waits).await;
    let at_once = json!({});
    world.endpoint(&receiver.url("/at-once"), at_once).await;
    until_it_knows_all(&world, &other.server).await;
    let published = Instant::now();
    world.publish(json!({})).await;
    let arrivals = receiver.wait_for(2).await;
    let paths: Vec<_> = arrivals.iter().map(|each| each.path.as_str()).collect();
    assert_eq!(paths, ["/at-once", "/later"]);
    let waited = arrivals[1].at - published;
    assert!(waited >= Duration::from_secs(2), "it came after {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_reach_every_node_within_a_second() {
    let database = Cluster::shared().database(None);
    let one = node(&database, "all").await;
    let other = node(&database, "all").await;
    let world = World::make(one.server.api()).await;
    let key = json!({"name": "ci", "role": "reader"});
    let made = world.api.post("/v1/keys", key).await.expect(201);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let reader = other.server.api_with(Some(key));
    let events = "/v1/tenants/acme/events";
    let began = Instant::now();
    reader
        .until(events, |answer: &Reply| answer.status == 200)
        .await;
    let revoke = format!("/v1/keys/{id}");
    world.api.send(http::Method::DELETE, &revoke, None).await;
    reader
        .until(events, |answer: &Reply| answer.status == 401)
        .await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "both took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_hands_over_at_once() {
    let database = Cluster::shared().database(None);
    let mut leaving = node(&database, "all").await;
    let staying = node(&database, "all").await;
    let receiver = Receiver::start().await;
    let world = World::make(leaving.server.api()).await;
    receiver.answer("/hook", fanfare_testkit::receiver::Answer::status(500));
    let policy = json!({"delivery_policy": {"waits": ["0s", "1s", "1s", "1s", "1s", "1s"]}});
    world.endpoint(&receiver.url("/hook"), policy).await;
    let mut events = Vec::new();
    for number in 0..10 {
        events.push(world.publish(json!({ "number": number })).await);
    }
    receiver.wait_for(10).await;
    assert_eq!(leaving.server.terminate().await.code(), Some(0));
    receiver.answer("/hook", fanfare_testkit::receiver::Answer::ok());
    let began = Instant::now();
    let world = World::at(staying.server.api());
    for event in &events {
        world.delivery(event, "delivered").await;
    }
    let took = began.elapsed();
    assert!(
        took < DETECTION + Duration::from_secs(1),
        "it took {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_nodes_accept_goes_in_one_order_and_moves_with_its_owner() {
    let database = Cluster::shared().database(None);
    let mut nodes = vec![node(&database, "all").await, node(&database, "all").await];
    let receiver = Receiver::start().await;
    let world = World::make(nodes[0].server.api()).await;
    let strict = json!({"ordering": "strict"});
    // Several, so that not all have the same owner.
    let paths = ["/a", "/b", "/c", "/d", "/e", "/f"];
    for path in paths {
        world.endpoint(&receiver.url(path), strict.clone()).await;
    }
    until_it_knows_all(&world, &nodes[1].server).await;
    let mut published = Vec::new();
    for round in 0..3 {
        for number in 0..20 {
            let api = nodes[number % nodes.len()].server.api();
            let world = World::at(api);
            published.push(
                world
                    .publish(json!({"round": round, "number": number}))
                    .await,
            );
        }
        match round {
            0 => nodes.push(node(&database, "all").await),
            1 => assert_eq!(nodes.remove(0).server.terminate().await.code(), Some(0)),
            _ => {}
        }
        if round == 0 {
            until_it_knows_all(&world, &nodes[2].server).await;
        }
    }
    let arrivals = receiver.wait_for(paths.len() * published.len()).await;
    for path in paths {
        let to_path = arrivals.iter().filter(|arrival| arrival.path == path);
        let events: Vec<_> = to_path.filter_map(|one| one.header("webhook-id")).collect();
        assert_eq!(events, published, "{path}");
    }
}

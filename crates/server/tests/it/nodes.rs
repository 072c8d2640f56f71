//! Several nodes over one PostgreSQL, each with a way to it that can be cut.
//!
//! `make nodes SECONDS=1200 SEED=7` disturbs them for longer.

mod proxy;

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare_testkit::postgres::{Cluster, Database};
use fanfare_testkit::receiver::{Arrival, Receiver};
use fanfare_testkit::seeded::Seeded;
use serde_json::json;
use tokio::task::JoinSet;

use self::proxy::Proxy;
use crate::harness::{Api, Reply, Server, Setup, World, number_from_environment};

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

/// Publishes until an event arrives: from then on the node knows the endpoint.
async fn until_it_knows_the_endpoint(api: &Api, arrivals: &Mutex<HashMap<String, Vec<Instant>>>) {
    let known = |answer: &Reply| answer.status == 200;
    api.until("/v1/tenants/acme/events", known).await;
    let world = World::at(api.clone());
    loop {
        let answer = world.try_publish(json!({})).await;
        if answer.status != 202 {
            continue;
        }
        let event = answer.json()["id"].as_str().unwrap().to_owned();
        let arrives = async {
            while !arrivals.lock().unwrap().contains_key(&event) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(Duration::from_millis(500), arrives)
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Waits for a node that may be beginning anew.
async fn until_ready(api: &Api) {
    let asking = async {
        loop {
            let asked = api.try_send(http::Method::GET, "/health/ready", None).await;
            if asked.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .unwrap();
}

/// What was published, by its id.
#[derive(Default)]
struct Published {
    acknowledged: Mutex<HashMap<String, Instant>>,
    next: AtomicU64,
    stop: AtomicBool,
}

/// Publishes one event after the other, each until it is acknowledged, by whichever node answers.
async fn publish(nodes: Vec<Api>, published: Arc<Published>, mut at: usize) {
    while !published.stop.load(Ordering::Relaxed) {
        let number = published.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("own-{number}");
        loop {
            let event = json!({"id": id, "type": "invoice.paid", "data": {"number": number}});
            let asking = nodes[at].try_post("/v1/tenants/acme/events", event);
            let answer = tokio::time::timeout(Duration::from_secs(1), asking).await;
            if let Ok(Ok(answer)) = answer
                && answer.status == 202
            {
                let mut acknowledged = published.acknowledged.lock().unwrap();
                acknowledged.insert(id, Instant::now());
                break;
            }
            // Another node, then, and the same event.
            at = (at + 1) % nodes.len();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A time in which a node was not itself.
#[derive(Debug)]
struct Disturbance {
    what: &'static str,
    from: Instant,
    to: Instant,
}

async fn disturb(node: &mut Node, chance: &Seeded) -> Disturbance {
    let from = Instant::now();
    let long = DETECTION.mul_f64(if chance.chance(0.3) { 0.4 } else { 1.8 });
    let what = match chance.below(3) {
        0 => {
            node.server.kill().await;
            node.server.restart().await;
            "killed"
        }
        1 => {
            node.server.pause(true);
            tokio::time::sleep(long).await;
            node.server.pause(false);
            "paused"
        }
        _ => {
            node.proxy.open(false);
            tokio::time::sleep(long).await;
            node.proxy.open(true);
            "cut off"
        }
    };
    Disturbance {
        what,
        from,
        to: Instant::now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_nodes_that_are_killed_paused_and_cut_off() {
    let seconds = number_from_environment("SECONDS").unwrap_or(15);
    let seed = number_from_environment("SEED").unwrap_or(1);
    println!("{seconds} s, seed {seed}");
    let chance = Seeded::new(seed);
    let database = Cluster::shared().database(None);
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(node(&database, "all").await);
    }
    let arrivals = Arc::new(Mutex::new(HashMap::<String, Vec<Instant>>::new()));
    let seen = Arc::clone(&arrivals);
    let take = move |arrival: Arrival| {
        let event = arrival.header("webhook-id").unwrap_or_default().to_owned();
        seen.lock()
            .unwrap()
            .entry(event)
            .or_default()
            .push(arrival.at);
    };
    let receiver = Receiver::builder().observe(Arc::new(take)).start().await;
    let world = World::make(nodes[0].server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    for other in &nodes {
        until_it_knows_the_endpoint(&other.server.api(), &arrivals).await;
    }
    let published = Arc::new(Published::default());
    let mut publishers = JoinSet::new();
    for at in 0..3 {
        let apis = nodes.iter().map(|node| node.server.api()).collect();
        publishers.spawn(publish(apis, Arc::clone(&published), at));
    }
    let mut disturbances = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(chance.below(1_000))).await;
        let which = usize::try_from(chance.below(3)).unwrap();
        disturbances.push(disturb(&mut nodes[which], &chance).await);
    }
    published.stop.store(true, Ordering::Relaxed);
    publishers.join_all().await;

    let acknowledged = published.acknowledged.lock().unwrap().clone();
    // Who was silent for long enough was declared gone, and began anew.
    let anew = nodes
        .iter()
        .filter(|node| node.server.log().contains("beginning anew"));
    println!(
        "{} of the nodes began anew since their last start",
        anew.count()
    );
    let world = World::at(nodes[0].server.api());
    for other in &nodes {
        until_ready(&other.server.api()).await;
    }
    for event in acknowledged.keys() {
        world.delivery(event, "delivered").await;
    }
    judge(&acknowledged, &arrivals.lock().unwrap(), &disturbances);
}

fn judge(
    acknowledged: &HashMap<String, Instant>,
    arrivals: &HashMap<String, Vec<Instant>>,
    disturbances: &[Disturbance],
) {
    let mut duplicates = 0;
    let mut slowest = Duration::ZERO;
    for (event, at) in acknowledged {
        let Some(times) = arrivals.get(event) else {
            panic!("{event} was acknowledged and never arrived");
        };
        slowest = slowest.max(times[0].saturating_duration_since(*at));
        duplicates += times.len() - 1;
        // What was sent once and not recorded before its node was disturbed is sent again.
        let explained = disturbances.iter().any(|each| {
            let unsettled = DETECTION;
            times[0] + unsettled >= each.from && times[0] <= each.to + unsettled
        });
        assert!(
            times.len() == 1 || explained,
            "{event} arrived at {times:?}"
        );
    }
    let kinds: Vec<_> = disturbances.iter().map(|each| each.what).collect();
    println!(
        "{} events acknowledged through {kinds:?}; {duplicates} arrived again; the slowest came {slowest:?} \
         after its answer",
        acknowledged.len(),
    );
    assert!(duplicates * 10 < acknowledged.len(), "{duplicates}");
}

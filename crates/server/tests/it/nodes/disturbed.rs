//! Three nodes that are killed, paused and cut off from the database under load, with endpoints of each kind.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Arrival, Receiver};
use fanfare_testkit::seeded::Seeded;
use serde_json::json;
use tokio::task::JoinSet;

use super::judge::{Disturbance, Kind, Published, judge};
use super::{DETECTION, Node, node, until_it_knows_all};
use crate::harness::{Api, Reply, World, number_from_environment};

/// Requests in a second that endpoints with a rate take, and how many of them at once: more than is
/// published, so that they get through it, and less than would come at once after a disturbance.
pub(super) const RATE: u32 = 25;
pub(super) const BURST: u32 = 4;
const PUBLISHERS: usize = 6;
/// One of so many disturbances is followed by a time in which everything is well.
const QUIET_AFTER: usize = 4;
/// So long, of which what it takes to begin anew and to get through what waits is the first part.
const QUIET: Duration = DETECTION.saturating_mul(3);
/// Keys of events, where the order is by key.
const KEYS: u64 = 5;

/// The endpoints' paths, by what they get. Several of those with an owner, so that owners differ.
const PATHS: [(Kind, &[&str]); 3] = [
    (Kind::Plain, &["/plain"]),
    (
        Kind::Ordered,
        &["/strict/1", "/strict/2", "/strict/3", "/key/1", "/key/2"],
    ),
    (Kind::Rated, &["/rated/1", "/rated/2", "/rated/3"]),
];

/// When each event arrived, by path and event.
pub(super) type Arrivals = HashMap<String, HashMap<String, Vec<Instant>>>;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_order_and_rates_hold_while_nodes_are_killed_paused_and_cut_off() {
    let seconds = number_from_environment("SECONDS").unwrap_or(20);
    let seed = number_from_environment("SEED").unwrap_or(1);
    println!("{seconds} s, seed {seed}");
    let chance = Seeded::new(seed);
    let database = Cluster::shared().database(None);
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(node(&database, "all").await);
    }
    let arrivals = Arc::new(Mutex::new(Arrivals::new()));
    let seen = Arc::clone(&arrivals);
    let take = move |arrival: Arrival| {
        let event = arrival.header("webhook-id").unwrap_or_default().to_owned();
        let mut seen = seen.lock().unwrap();
        let of_path = seen.entry(arrival.path).or_default();
        of_path.entry(event).or_default().push(arrival.at);
    };
    let receiver = Receiver::builder().observe(Arc::new(take)).start().await;
    let world = World::make(nodes[0].server.api()).await;
    endpoints(&world, &receiver).await;
    for other in &nodes {
        until_it_knows_all(&world, &other.server).await;
    }
    let load = Arc::new(Load::default());
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let at = publisher % nodes.len();
        let apis = nodes.iter().map(|node| node.server.api()).collect();
        publishers.spawn(publish(apis, Arc::clone(&load), at));
    }
    let mut disturbances = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(chance.below(1_000))).await;
        let which = usize::try_from(chance.below(3)).unwrap();
        disturbances.push(disturb(&mut nodes, which, &chance).await);
        if disturbances.len() % QUIET_AFTER == 2 {
            tokio::time::sleep(QUIET).await;
        }
    }
    load.stop.store(true, Ordering::Relaxed);
    publishers.join_all().await;

    // Who was silent for long enough was declared gone, and began anew.
    let anew = nodes
        .iter()
        .filter(|node| node.server.log().contains("beginning anew"));
    println!(
        "{} of the nodes began anew since their last start",
        anew.count()
    );
    for other in &nodes {
        until_ready(&other.server.api()).await;
    }
    let published = std::mem::take(&mut *load.acknowledged.lock().unwrap());
    for (event, one) in &published {
        until_delivered(&nodes[0].server.api(), event, paths_of(one.kind).len()).await;
    }
    let arrivals = std::mem::take(&mut *arrivals.lock().unwrap());
    for (kind, paths) in PATHS {
        judge(kind, paths, &published, &arrivals, &disturbances);
    }
}

async fn endpoints(world: &World, receiver: &Receiver) {
    for (kind, paths) in PATHS {
        let name = kind.event_type();
        if kind != Kind::Plain {
            let made = world.api.post("/v1/event-types", json!({"name": name}));
            made.await.expect(201);
        }
        for path in paths {
            let mut further = json!({"event_types": [name]});
            match kind {
                Kind::Plain => {}
                Kind::Ordered if path.starts_with("/key") => further["ordering"] = json!("by_key"),
                Kind::Ordered => further["ordering"] = json!("strict"),
                Kind::Rated => {
                    further["rate_limit"] =
                        json!({"requests": RATE, "per": "second", "burst": BURST});
                }
            }
            world.endpoint(&receiver.url(path), further).await;
        }
    }
}

fn paths_of(kind: Kind) -> &'static [&'static str] {
    let of_kind = PATHS.into_iter().find(|(each, _)| *each == kind);
    of_kind.unwrap().1
}

async fn until_delivered(api: &Api, event: &str, count: usize) {
    let path = format!("/v1/tenants/acme/events/{event}/deliveries");
    let delivered = |answer: &Reply| {
        let answer = answer.json();
        let deliveries = answer["data"].as_array().unwrap();
        deliveries.len() == count && deliveries.iter().all(|one| one["state"] == "delivered")
    };
    api.until(&path, delivered).await;
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

/// What publishers share.
#[derive(Default)]
struct Load {
    acknowledged: Mutex<HashMap<String, Published>>,
    next: AtomicU64,
    stop: AtomicBool,
}

/// Publishes one event after the other, each until it is acknowledged, by whichever node answers.
async fn publish(nodes: Vec<Api>, load: Arc<Load>, mut at: usize) {
    while !load.stop.load(Ordering::Relaxed) {
        let number = load.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("own-{number}");
        let kind = [Kind::Plain, Kind::Ordered, Kind::Rated][usize::try_from(number % 3).unwrap()];
        let key = number / 3 % KEYS;
        let sent = Instant::now();
        loop {
            let event = json!({
                "id": id, "type": kind.event_type(), "ordering_key": key.to_string(),
                "data": {"number": number},
            });
            let asking = nodes[at].try_post("/v1/tenants/acme/events", event);
            let answer = tokio::time::timeout(Duration::from_secs(1), asking).await;
            if let Ok(Ok(answer)) = answer
                && answer.status == 202
            {
                let published = Published {
                    kind,
                    key,
                    node: at,
                    sent,
                    acknowledged: Instant::now(),
                };
                load.acknowledged.lock().unwrap().insert(id, published);
                break;
            }
            // Another node, then, and the same event.
            at = (at + 1) % nodes.len();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Each node gets its share, also after it was away.
        if number.is_multiple_of(7) {
            at = (at + 1) % nodes.len();
        }
    }
}

async fn disturb(nodes: &mut [Node], which: usize, chance: &Seeded) -> Disturbance {
    let node = &mut nodes[which];
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
        which,
        from,
        to: Instant::now(),
    }
}

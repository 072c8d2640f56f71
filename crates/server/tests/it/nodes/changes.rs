//! An endpoint that gets an order or a rate, or loses it, while several nodes publish to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Arrival, Receiver};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{node, until_it_knows_all};
use crate::harness::{Api, World};

/// Requests in a second, while there is a rate: less than is published.
const RATE: u64 = 20;
const BURST: u64 = 2;
/// Events that are published of each change after every node knows of it.
const EVENTS: usize = 40;

/// The events in the order in which they were published, by nodes in turns.
type Published = Arc<Mutex<Vec<String>>>;

/// Publishes until it is told to stop.
async fn publish(apis: Vec<Api>, published: Published, stop: Arc<AtomicBool>) {
    let worlds: Vec<_> = apis.into_iter().map(World::at).collect();
    let turns = worlds.iter().cycle();
    for world in turns.take_while(|_| !stop.load(Ordering::Relaxed)) {
        // An event has its place once it is acknowledged.
        let mut published = published.lock().await;
        published.push(world.publish(json!({})).await);
        drop(published);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Changes the endpoint, waits until the other node knows of it, and then for more events; answers from which
/// event on it counts for all, how many there were then, and the span in which both nodes knew of it.
async fn change(
    world: &World,
    other: &crate::harness::Server,
    endpoint: &str,
    change: Value,
    published: &Published,
) -> ((usize, usize), (Instant, Instant)) {
    let path = format!("/v1/tenants/acme/endpoints/{endpoint}");
    let changed = world
        .api
        .send(Method::PATCH, &path, Some(change.to_string()));
    changed.await.expect(200);
    until_it_knows_all(world, other).await;
    let (from, began) = (published.lock().await.len(), Instant::now());
    loop {
        let count = published.lock().await.len();
        if count >= from + EVENTS {
            return ((from, count), (began, Instant::now()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_gets_an_order_or_a_rate_or_loses_it_gets_everything_once_and_as_it_says()
{
    let database = Cluster::shared().database(None);
    let nodes = [node(&database, "all").await, node(&database, "all").await];
    let receiver = Receiver::start().await;
    let world = World::make(nodes[0].server.api()).await;
    let endpoint = world.endpoint(&receiver.url("/hook"), json!({})).await;
    let endpoint = endpoint["id"].as_str().unwrap();
    let other = &nodes[1].server;
    until_it_knows_all(&world, other).await;
    let published = Published::default();
    let stop = Arc::new(AtomicBool::new(false));
    let apis = nodes.iter().map(|node| node.server.api()).collect();
    let publishing = publish(apis, Arc::clone(&published), Arc::clone(&stop));
    let publishing = tokio::spawn(publishing);

    let to = async |wanted| change(&world, other, endpoint, wanted, &published).await;
    let mut ordered = Vec::new();
    let mut paced = Vec::new();
    for _ in 0..2 {
        ordered.push(to(json!({"ordering": "strict"})).await);
        to(json!({"ordering": "unordered"})).await;
        let rate = json!({"requests": RATE, "per": "second", "burst": BURST});
        paced.push(to(json!({ "rate_limit": rate })).await.1);
        ordered.push(to(json!({"ordering": "strict"})).await);
        to(json!({"ordering": "unordered", "rate_limit": null})).await;
    }
    stop.store(true, Ordering::Relaxed);
    publishing.await.unwrap();

    let published = published.lock().await;
    for event in published.iter() {
        world.delivery(event, "delivered").await;
    }
    let arrivals = receiver.arrivals();
    let mut arrived: HashMap<&str, usize> = HashMap::new();
    for (place, arrival) in arrivals.iter().enumerate() {
        let before = arrived.insert(arrival.header("webhook-id").unwrap(), place);
        assert_eq!(before, None, "{arrival:?} came twice");
    }
    assert_eq!(arrived.len(), published.len());
    let mut judged = 0;
    for ((from, to), span) in ordered {
        // What waits for longer may go when the order is gone again.
        let of_window = published[from..to]
            .iter()
            .map(|event| arrived[event.as_str()]);
        let in_time = of_window.filter(|place| arrivals[*place].at < span.1);
        let places: Vec<_> = in_time.collect();
        assert!(
            places.is_sorted(),
            "of the events from {from} to {to}: {places:?}"
        );
        judged += places.len();
    }
    assert!(
        judged > EVENTS,
        "only {judged} arrived while their order counted"
    );
    for span in paced {
        rate_holds(&arrivals, span);
    }
}

/// Arrivals are seen a little later than they were sent, each by another time.
fn rate_holds(arrivals: &[Arrival], (from, to): (Instant, Instant)) {
    const UNEVEN: Duration = Duration::from_millis(300);
    let within = |arrival: &&Arrival| (from..to).contains(&arrival.at);
    let count = arrivals.iter().filter(within).count();
    let most = (to - from + UNEVEN).as_secs_f64() * RATE as f64 + BURST as f64;
    assert!(
        (count as f64) <= most,
        "{count} in {:?}, at most {most}",
        to - from
    );
}

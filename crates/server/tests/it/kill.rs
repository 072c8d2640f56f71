//! A loaded server is killed at random moments, and started again on what it left.
//!
//! Everything acknowledged arrives. What arrives twice is what a kill found on its way: sent, and not
//! yet settled. `make kill ROUNDS=30 SEED=7` kills more often.

mod arrivals;
mod left;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Receiver};
use fanfare_testkit::seeded::Seeded;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::arrivals::{Arrivals, Way};
use self::left::{Left, Place};
use crate::harness::{Api, Reply, Server, Setup, World, number_from_environment};

const PUBLISHERS: u64 = 6;

/// Paths that always take what comes, one of them slowly, so that much is on its way.
const HEALTHY: [&str; 2] = ["/quick", "/slow"];
/// Takes every second request.
const FLAKY: &str = "/flaky";
/// Is away in every second round.
const AWAY: &str = "/away";

/// A kill, as it is known afterwards.
struct Kill {
    /// Connections of the runs before have lower numbers, those of later ones higher.
    mark: u64,
    left: Left,
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_arrives_however_often_the_server_is_killed() {
    let setup = Setup::new();
    let place = Place::File(setup.folder().to_owned());
    killed_again_and_again(setup, &place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_arrives_when_the_store_is_in_postgresql() {
    let database = Cluster::shared().database(None);
    let setup = Setup::new().set("FANFARE_STORE", &database.address());
    killed_again_and_again(setup, &Place::Database(database)).await;
}

async fn killed_again_and_again(setup: Setup, place: &Place) {
    let rounds = number_from_environment("ROUNDS").unwrap_or(4);
    let seed = number_from_environment("SEED").unwrap_or(1);
    println!("{rounds} rounds, seed {seed}");
    let chance = Seeded::new(seed);
    let arrivals = Arrivals::default();
    let receiver = arrivals.receiver().await;
    // So little room in memory that much is parked.
    let setup = setup
        .set("FANFARE_LANE_DELIVERIES", "32")
        .set("FANFARE_LANE_REQUESTS", "8");
    let mut server = setup.start().await;
    let paths = endpoints(&World::make(server.api()).await, &receiver).await;

    let (mut acknowledged, mut kills) = (HashSet::new(), Vec::new());
    for round in 0..rounds {
        receiver.answer(AWAY, Answer::status(if round % 2 == 0 { 503 } else { 200 }));
        // Now and then while it takes up what the one before left.
        let events = if chance.chance(0.2) {
            0
        } else {
            1 + chance.below(250)
        };
        let more = killed_after(&server, round, events).await;
        server.wait().await;
        acknowledged.extend(more);
        kills.push(Kill {
            mark: arrivals.part(receiver.address()).await,
            left: left::read(place, &paths).await,
        });
        server.restart().await;
    }

    receiver.answer(AWAY, Answer::ok());
    // Those too whose publishers were never told.
    let all = &kills.last().unwrap().left.events;
    assert!(acknowledged.is_subset(all));
    for event in all {
        let path = format!("/v1/tenants/acme/events/{event}/deliveries");
        let all_delivered = |answer: &Reply| {
            let answer = answer.json();
            let deliveries = answer["data"].as_array().unwrap();
            deliveries.len() == paths.len()
                && deliveries.iter().all(|one| one["state"] == "delivered")
        };
        server.api().until(&path, all_delivered).await;
    }
    assert_eq!(server.terminate().await.code(), Some(0));
    let recorded = left::read(place, &paths).await.delivered;
    judge(&arrivals.all(), &kills, &recorded, &acknowledged, &paths);
}

/// Endpoints of every kind; answers the path of each.
async fn endpoints(world: &World, receiver: &Receiver) -> HashMap<String, String> {
    let both = [Answer::status(500), Answer::ok()];
    receiver.answer("/slow", Answer::ok().after(Duration::from_millis(20)));
    receiver.script(FLAKY, both.into_iter().cycle().take(100_000).collect());
    let mut waits = vec!["100ms"; 50];
    waits[0] = "0s";
    let often = json!({"delivery_policy": {"waits": waits.clone()}});
    waits[1..].fill("1s");
    let patiently = json!({"delivery_policy": {"waits": waits}});
    let mut paths = HashMap::new();
    for (path, further) in [
        (HEALTHY[0], json!({})),
        (HEALTHY[1], json!({})),
        (FLAKY, often),
        (AWAY, patiently),
    ] {
        let made = world.endpoint(&receiver.url(path), further).await;
        paths.insert(made["id"].as_str().unwrap().to_owned(), path.to_owned());
    }
    paths
}

/// Publishes until the server is gone, and kills it once so many events are acknowledged. Answers all
/// that were.
async fn killed_after(server: &Server, round: u64, events: u64) -> Vec<String> {
    let (count, mut counted) = watch::channel(0);
    let count = Arc::new(count);
    let next = Arc::new(AtomicU64::new(0));
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (api, count, next) = (server.api(), Arc::clone(&count), Arc::clone(&next));
        publishers.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // Half of them choose their events' ids.
                let id = (publisher % 2 == 0).then(|| format!("own-{round}-{number}"));
                match publish(&api, id, json!({"round": round, "number": number})).await {
                    Some(id) => acknowledged.push(id),
                    None => return acknowledged,
                }
                count.send_modify(|count| *count += 1);
            }
        });
    }
    counted.wait_for(|count| *count >= events).await.unwrap();
    server.kill_at_once();
    let acknowledged = publishers.join_all().await;
    acknowledged.into_iter().flatten().collect()
}

/// None when the server is gone.
async fn publish(api: &Api, id: Option<String>, data: Value) -> Option<String> {
    let mut event = json!({"type": "invoice.paid", "data": data});
    if let Some(id) = id {
        event["id"] = json!(id);
    }
    let answer = api.try_post("/v1/tenants/acme/events", event).await;
    let answer = answer.ok()?.expect(202);
    Some(answer["id"].as_str().unwrap().to_owned())
}

fn judge(
    arrivals: &HashMap<Way, Vec<u64>>,
    kills: &[Kill],
    recorded: &HashMap<Way, usize>,
    acknowledged: &HashSet<String>,
    paths: &HashMap<String, String>,
) {
    for event in acknowledged {
        for path in paths.values() {
            let way = (event.clone(), path.clone());
            assert!(arrivals.contains_key(&way), "{way:?} never arrived");
        }
    }
    for (way, connections) in arrivals {
        for (number, kill) in kills.iter().enumerate() {
            let again = connections.iter().any(|connection| *connection > kill.mark);
            let had_arrived = kill.left.delivered.contains_key(way);
            assert!(
                !(again && had_arrived),
                "{way:?} arrived again, though it was recorded as delivered before kill {number}"
            );
        }
        // Each kill can leave one attempt of a delivery without a record, and nothing else can.
        let (arrived, attempts) = (connections.len(), recorded[way]);
        assert!(
            (attempts..=attempts + kills.len()).contains(&arrived),
            "{way:?} arrived {arrived} times, and {attempts} attempts were recorded"
        );
    }
    // An endpoint that takes everything gets a delivery once, but for the kills.
    let healthy = || {
        let healthy = arrivals.iter();
        healthy.filter(|((_, path), _)| HEALTHY.contains(&path.as_str()))
    };
    let duplicates: usize = healthy()
        .map(|(_, connections)| connections.len() - 1)
        .sum();
    let unsettled = |kill: &Kill| {
        let unsettled = healthy().filter(|(way, connections)| {
            let arrived = connections.iter().any(|connection| *connection < kill.mark);
            arrived && !kill.left.delivered.contains_key(*way)
        });
        unsettled.count()
    };
    let bounds: Vec<_> = kills.iter().map(unsettled).collect();
    let bound = bounds.iter().sum();
    println!(
        "{} events acknowledged, {} requests arrived; {duplicates} duplicates at endpoints that take \
         everything, where the kills left {bound} sent and not settled: {bounds:?}",
        acknowledged.len(),
        arrivals.values().map(Vec::len).sum::<usize>(),
    );
    assert!(
        duplicates <= bound,
        "{duplicates} duplicates, {bound} unsettled"
    );
}

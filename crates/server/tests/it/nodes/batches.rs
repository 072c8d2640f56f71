//! Batches at endpoints that one node serves at a time.

use std::collections::HashSet;

use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use super::{node, until_it_knows_all};
use crate::harness::World;

const EVENTS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn batches_with_an_order_or_a_rate_go_whichever_node_accepts_and_again_by_whichever_is_there()
{
    let database = Cluster::shared().database(None);
    let nodes = [node(&database, "all").await, node(&database, "all").await];
    let receiver = Receiver::start().await;
    let world = World::make(nodes[0].server.api()).await;
    let batching = json!({"max_events": 10, "max_wait": "200ms"});
    let rate = json!({"requests": 20, "per": "second", "burst": 2});
    let policy = json!({"waits": ["0s", "1s", "1s", "1s", "1s"], "breaker": {"enabled": false}});
    // Several, so that not all have the same owner.
    let paths = ["/strict/1", "/strict/2", "/rated/1", "/rated/2"];
    for path in paths {
        receiver.answer(path, Answer::status(500));
        let mut further = json!({"batch": batching, "delivery_policy": policy});
        match path.starts_with("/strict") {
            true => further["ordering"] = json!("strict"),
            false => further["rate_limit"] = rate.clone(),
        }
        world.endpoint(&receiver.url(path), further).await;
    }
    until_it_knows_all(&world, &nodes[1].server).await;
    let mut published = Vec::new();
    for number in 0..EVENTS {
        let world = World::at(nodes[number % nodes.len()].server.api());
        published.push(world.publish(json!({ "number": number })).await);
    }
    // Each has tried its first batch.
    receiver.wait_for(paths.len()).await;
    nodes[1].server.kill_at_once();
    paths
        .into_iter()
        .for_each(|path| receiver.answer(path, Answer::ok()));

    let all = |state: &str| format!("/v1/tenants/acme/deliveries?limit=250&state={state}");
    let delivered = |answer: &crate::harness::Reply| {
        answer.json()["data"].as_array().unwrap().len() == paths.len() * EVENTS
    };
    world.api.until(&all("delivered"), delivered).await;
    let arrivals = receiver.arrivals();
    for path in paths {
        let mut batches: Vec<(String, Vec<String>)> = Vec::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.path == path) {
            let id = arrival.header("webhook-id").unwrap().to_owned();
            let body: Value = serde_json::from_slice(&arrival.body).unwrap();
            let members = body.as_array().unwrap().iter();
            let members = members
                .map(|one| one["id"].as_str().unwrap().to_owned())
                .collect();
            match batches.iter().find(|(known, _)| *known == id) {
                Some((_, before)) => assert_eq!(*before, members, "{id} at {path}"),
                None => batches.push((id, members)),
            }
        }
        let brought: Vec<_> = batches
            .iter()
            .flat_map(|(_, members)| members.clone())
            .collect();
        let different: HashSet<_> = brought.iter().collect();
        assert_eq!((brought.len(), different.len()), (EVENTS, EVENTS), "{path}");
        assert!(
            batches.len() < EVENTS / 2,
            "{} batches at {path}",
            batches.len()
        );
        if path.starts_with("/strict") {
            assert_eq!(brought, published, "{path}");
        }
    }
}

//! Metrics: what is exposed is what is documented.

use std::collections::BTreeSet;

use fanfare_testkit::receiver::Receiver;
use serde_json::json;

use crate::harness::{Setup, World};

const DOCUMENTED: &str = include_str!("../../../../docs/metrics.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_exposed_metrics_are_the_documented_ones() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let event = world.publish(json!({})).await;
    world.delivery(&event, "delivered").await;

    let api = server.api_with(None);
    let wanted = "fanfare_deliveries_total{outcome=\"delivered\"} 1";
    let exposed = api
        .until("/metrics", |answer| answer.text().contains(wanted))
        .await;
    let exposed = exposed.text();
    let types = exposed
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let exposed: BTreeSet<(String, String)> = types
        .filter_map(|line| line.split_once(' '))
        .map(|(name, sort)| (name.to_owned(), sort.to_owned()))
        .collect();
    let rows = DOCUMENTED.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.split(['`', '{']).next()?;
        Some((name.to_owned(), cells.next()?.trim().to_owned()))
    });
    let documented: BTreeSet<(String, String)> = rows.collect();
    assert_eq!(exposed, documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_clients_make_up_make_no_new_series() {
    let server = Setup::new().start().await;
    let api = server.api_with(None);
    for number in 0..20 {
        api.get(&format!("/made/up/{number}")).await;
        let method = http::Method::from_bytes(format!("MADE{number}").as_bytes()).unwrap();
        api.send(method, "/health/live", None).await;
    }
    let exposed = api.get("/metrics").await.text();
    let series = exposed
        .lines()
        .filter(|line| line.starts_with("fanfare_http_requests_total{"));
    assert!(series.count() <= 3, "{exposed}");
}

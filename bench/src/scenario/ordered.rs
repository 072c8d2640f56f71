//! One endpoint at full speed, without an order and with strict order: there its deliveries go one at a
//! time, so a rate is the round trip's.

use anyhow::Result;
use serde_json::json;

use crate::{
    bench::Bench,
    load::closed::{self, Closed},
    report::Row,
};

/// Deliveries under way or waiting before publishers pause: what is measured is the sending.
const WINDOW: u64 = 1_000;

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let unordered = of(bench, "unordered")?;
    let mut strict = of(bench, "strict")?;
    strict.share = strict
        .deliveries_per_second
        .zip(unordered.deliveries_per_second)
        .map(|(strict, unordered)| strict / unordered);
    strict.share_of = Some("unordered");
    Ok(vec![unordered, strict])
}

fn of(bench: &Bench, ordering: &str) -> Result<Row> {
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    let target = bench.add_tenant(&server, &api, "tenant")?;
    let endpoint = json!({ "url": bench.receiver.url("/e/0"), "ordering": ordering });
    api.create_endpoint_of("tenant", &endpoint)?;
    let length = bench.usual_length();
    let ledger = bench.open_watching_order(length);
    let load = Closed {
        window: Some(WINDOW),
        ..bench.full_speed(bench.publication(&[target], &ledger)?)
    };
    let mut row = bench.measure(&mut server, &ledger, || closed::run(&load, length))?;
    row.scenario = format!("one endpoint, {ordering}");
    let out_of_order = ledger.out_of_order() as f64;
    row.notes.insert("out_of_order", out_of_order);
    Ok(row)
}

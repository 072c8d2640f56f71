//! One event to many endpoints: as a share of R, for a delivery is one hop and the event's own is
//! shared by all of them.

use anyhow::Result;

use crate::{
    bench::Bench,
    load::closed::{self, Closed},
    report::Row,
    server::Server,
};

const PUBLISHERS: usize = 8;

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    Ok(vec![measured(bench, bench.start_server()?)?])
}

/// Measures a new server.
pub(crate) fn measured(bench: &Bench, mut server: Server) -> Result<Row> {
    let endpoints = bench.options.fan_out;
    let api = server.api()?;
    api.create_event_type()?;
    let target = bench.add_tenant(&server, &api, "tenant")?;
    for endpoint in 0..endpoints {
        api.create_endpoint("tenant", &bench.receiver.url(&format!("/e/{endpoint}")))?;
    }
    let length = bench.usual_length();
    let ledger = bench.open_ledger(length, endpoints);
    let load = Closed {
        publication: bench.publication(&[target], &ledger)?,
        connections: PUBLISHERS,
        threads: 1,
        // A publisher is acknowledged long before a hundred deliveries are made: without this
        // the loop would measure how far they fall behind.
        window: Some(bench.options.fan_out_window),
    };
    let mut row: Row = bench.measure(&mut server, &ledger, || closed::run(&load, length))?;
    row.scenario = format!("fan-out to {endpoints}");
    bench.raw_limit()?;
    row.share = row
        .deliveries_per_second
        .map(|rate| rate / bench.raw_around());
    row.share_of = Some("R");
    Ok(row)
}

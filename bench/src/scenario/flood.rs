//! A calm tenant, alone and then while another one floods its endpoint, which takes its time for each
//! request: more than its lane and the engine's memory hold, so that most of it waits in the store.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow};
use fanfare_testkit::receiver::Answer;

use crate::{
    bench::Bench,
    load::{Length, closed},
    report::Row,
};

const CALM: f64 = 10.0;
const MEASURED: Duration = Duration::from_secs(30);
/// How long the flooded endpoint takes for a request.
const SLOW: Duration = Duration::from_millis(20);

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    let calm = [bench.add_tenant(&server, &api, "calm")?];
    api.create_endpoint("calm", &bench.receiver.url("/e/0"))?;
    let length = bench.length_of_at_least(MEASURED);
    let mut alone = bench.open(&mut server, &calm, CALM, length)?;
    alone.scenario = "calm, alone".to_owned();

    let flooding = bench.add_tenant(&server, &api, "flooding")?;
    bench.receiver.answer("/flood/0", Answer::ok().after(SLOW));
    api.create_endpoint("flooding", &bench.receiver.url("/flood/0"))?;
    let ledger = bench.open_ledger_for(bench.options.flood);
    let load = bench.full_speed(bench.publication(&[flooding], &ledger)?);
    let (beside, flood) = thread::scope(|scope| {
        let flood = scope.spawn(|| closed::run(&load, Length::Capacity));
        let beside = bench.open(&mut server, &calm, CALM, length);
        (beside, flood.join())
    });
    let flood = flood.map_err(|_| anyhow!("the flood panicked"))??;
    let mut beside = beside?;
    beside.scenario = format!("calm, flood of {}", bench.options.flood);
    beside.against_alone(&alone);
    // What the flood left arrives after the calm load was measured.
    let behind = ledger.outstanding();
    beside.notes.insert("flood_behind_at_end", behind as f64);
    beside.cpu_micros_per_delivery = None;
    let lost = ledger.wait_for_the_rest(bench.options.grace());
    bench.close_ledger(&ledger);
    let mut row = Row::of_load(&ledger, flood);
    row.scenario = "the flood itself".to_owned();
    // All of it is measured, and its time has no end.
    row.deliveries_per_second = None;
    row.memory = Some(server.process().memory()?);
    row.lost = Some(lost);
    Ok(vec![alone, beside, row])
}

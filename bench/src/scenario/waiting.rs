//! Many events that wait at one endpoint which hangs: what the server keeps of them in memory, and
//! after it was killed, what it takes up again.

use std::time::Duration;

use anyhow::Result;
use fanfare_testkit::receiver::{Answer, Receiver};

use crate::{
    background::Background,
    bench::Bench,
    clock,
    load::{Length, closed},
    report::Row,
};

/// What the last requests left behind has settled after this.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    let target = bench.add_tenant(&server, &api, "tenant")?;
    let (_background, hanging) = Background::start("hanging", 1, || async {
        let receiver = Receiver::builder().keep(0).start().await;
        receiver.answer_otherwise(Answer::hang_before_head());
        receiver
    })?;
    api.create_endpoint("tenant", &hanging.url("/"))?;
    let ledger = bench.open_ledger_for(bench.options.waiting);
    let load = bench.full_speed(bench.publication(&[target], &ledger)?);
    let start = clock::now();
    let published = closed::run(&load, Length::Capacity);
    let seconds = (clock::now() - start) as f64 / 1e9;
    bench.close_ledger(&ledger);
    server.check()?;
    let published = published?;
    clock::sleep(SETTLE);
    server.check()?;
    let mut row = Row {
        scenario: format!("{} waiting", bench.options.waiting),
        acknowledge: published.acknowledged.percentiles(),
        memory: Some(server.process().memory()?),
        acknowledged: Some(ledger.acknowledged()),
        refused: Some(published.refused),
        first_refusal: published.first_refusal,
        ..Row::default()
    };
    row.notes.insert(
        "acknowledged_per_second",
        ledger.acknowledged() as f64 / seconds,
    );
    row.notes.insert("attempts", hanging.count() as f64);
    row.notes
        .insert("store_mib", server.stored_bytes() as f64 / 1024.0 / 1024.0);
    if let Some(waiting) = api.metric("fanfare_deliveries_waiting")? {
        row.notes.insert("waiting_by_metrics", waiting);
    }
    let start = clock::now();
    server.restart()?;
    let ready = clock::now() - start;
    clock::sleep(SETTLE);
    server.check()?;
    let mut again = Row {
        scenario: format!("{} waiting, restarted", bench.options.waiting),
        memory: Some(server.process().memory()?),
        ..Row::default()
    };
    again.notes.insert("ready_after_ms", ready as f64 / 1e6);
    Ok(vec![row, again])
}

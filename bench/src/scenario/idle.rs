//! A server that has nothing to do.

use std::time::Duration;

use anyhow::Result;

use crate::{bench::Bench, clock, report::Row};

/// Long enough for start-up work to end.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let start = clock::now();
    let mut server = bench.start_server()?;
    let ready = clock::now() - start;
    clock::sleep(SETTLE);
    let process = server.process();
    let cpu = process.cpu_micros()?;
    clock::sleep(SETTLE);
    server.check()?;
    let mut row = Row {
        scenario: "idle".to_owned(),
        memory: Some(process.memory()?),
        ..Row::default()
    };
    row.notes.insert("ready_after_ms", ready as f64 / 1e6);
    let share = (process.cpu_micros()? - cpu) / (clock::span(SETTLE) as f64 / 1e3);
    row.notes.insert("cpu_percent", share * 100.0);
    Ok(vec![row])
}

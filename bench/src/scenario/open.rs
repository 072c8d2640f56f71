//! Fixed rates.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::{bench::Bench, load::Length, report::Row};

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let full = match bench.closed_rate.get() {
        Some(rate) => rate,
        None => probe(bench)?,
    };
    let mut rows = Vec::new();
    for (name, rate) in [
        ("open, 500/s", 500.0),
        ("open, 30 %", full * 0.3),
        ("open, 70 %", full * 0.7),
    ] {
        let (mut server, targets) = bench.start_with_tenants()?;
        let mut row = bench.open(&mut server, &targets, rate, bench.usual_length())?;
        row.scenario = name.to_owned();
        row.notes.insert("wanted_per_second", rate);
        bench.raw_limit()?;
        row.share = row
            .deliveries_per_second
            .map(|rate| rate / (bench.raw_around() / 2.0));
        row.share_of = Some("R/2");
        rows.push(row);
    }
    Ok(rows)
}

/// What a short closed loop reaches, where the scenario for it did not run.
fn probe(bench: &Bench) -> Result<f64> {
    let (mut server, targets) = bench.start_with_tenants()?;
    let warm_up = Duration::from_secs(1);
    let length = Length::Time {
        warm_up,
        measured: Duration::from_secs(4),
    };
    let row = bench.closed(&mut server, &targets, length)?;
    row.deliveries_per_second
        .context("the closed loop measured nothing")
}

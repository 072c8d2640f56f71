//! The closed loop, in alternation with the raw limit so that both see the same machine.

use anyhow::{Context, Result};

use crate::{
    bench::Bench,
    report::{Row, median},
};

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let (mut server, targets) = bench.start_with_tenants()?;
    let mut rows = Vec::new();
    for round in 0..bench.options.rounds {
        let mut row = bench.closed(&mut server, &targets, bench.usual_length())?;
        bench.raw_limit()?;
        row.share = row
            .deliveries_per_second
            .map(|rate| rate / (bench.raw_around() / 2.0));
        row.share_of = Some("R/2");
        row.scenario = format!("closed, round {}", round + 1);
        rows.push(row);
    }
    let of = |part: fn(&Row) -> Option<f64>| -> Option<f64> {
        median(&rows.iter().filter_map(part).collect::<Vec<_>>())
    };
    let rate = of(|row| row.deliveries_per_second).context("no round was measured")?;
    bench.closed_rate.set(Some(rate));
    let middle = Row {
        scenario: "closed, median".to_owned(),
        deliveries_per_second: Some(rate),
        share: of(|row| row.share),
        share_of: Some("R/2"),
        cpu_micros_per_delivery: of(|row| row.cpu_micros_per_delivery),
        lost: Some(rows.iter().filter_map(|row| row.lost).sum()),
        twice: Some(rows.iter().filter_map(|row| row.twice).sum()),
        refused: Some(rows.iter().filter_map(|row| row.refused).sum()),
        ..Row::default()
    };
    rows.push(middle);
    Ok(rows)
}

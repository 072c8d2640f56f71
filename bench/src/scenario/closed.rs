//! The closed loop, in alternation with the raw limit so that both see the same machine.

use anyhow::Result;

use crate::{
    bench::Bench,
    report::{Row, middle},
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
    let mut middle = middle("closed, median".to_owned(), &rows)?;
    middle.share_of = Some("R/2");
    bench.closed_rate.set(middle.deliveries_per_second);
    rows.push(middle);
    Ok(rows)
}

//! The bench alone, its client posting straight to its receiver: the limit that shares are of, and
//! the least latency that one hop can have here.

use anyhow::Result;

use crate::{bench::Bench, report::Row};

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut limit = bench.raw_limit()?;
    limit.scenario = "raw limit (R)".to_owned();
    let mut rows = vec![limit];
    for rate in [500.0, bench.raw_around() * 0.3] {
        let mut row = bench.raw_open(rate)?;
        row.scenario = format!("raw, {rate:.0}/s");
        rows.push(row);
    }
    Ok(rows)
}

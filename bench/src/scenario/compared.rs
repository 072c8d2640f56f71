//! The closed loop and the fan-out of this server and of an earlier one, in turns whose order changes.

use std::path::Path;

use anyhow::Result;

use super::fan_out;
use crate::{
    bench::Bench,
    report::{Row, middle},
};

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let Some(baseline) = bench.options.baseline_binary.clone() else {
        // Without an earlier server there is nothing to compare with.
        return Ok(Vec::new());
    };
    let binaries: [&Path; 2] = [&baseline, &bench.options.binary];
    let mut closed = [Vec::new(), Vec::new()];
    let mut fan_out = [Vec::new(), Vec::new()];
    for round in 0..bench.options.rounds {
        for turn in 0..binaries.len() {
            let which = (round + turn) % binaries.len();
            let server = bench.start_binary(binaries[which])?;
            let (mut server, targets) = bench.with_tenants(server)?;
            closed[which].push(bench.closed(&mut server, &targets, bench.usual_length())?);
            drop(server);
            let server = bench.start_binary(binaries[which])?;
            fan_out[which].push(fan_out::measured(bench, server)?);
        }
    }
    let [closed_before, closed_now] = closed;
    let [fan_out_before, fan_out_now] = fan_out;
    let mut rows = in_turns("closed", &closed_before, &closed_now)?;
    rows.extend(in_turns("fan-out", &fan_out_before, &fan_out_now)?);
    Ok(rows)
}

fn in_turns(what: &str, before: &[Row], now: &[Row]) -> Result<Vec<Row>> {
    let earlier = middle(format!("compared, {what}, earlier"), before)?;
    let mut this = middle(format!("compared, {what}"), now)?;
    let rates = this
        .deliveries_per_second
        .zip(earlier.deliveries_per_second);
    this.share = rates.map(|(now, before)| now / before);
    this.share_of = Some("earlier");
    Ok(vec![earlier, this])
}

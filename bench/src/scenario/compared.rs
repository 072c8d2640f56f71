//! The closed loop and the fan-out of this server and of another one, in turns whose order changes: of an
//! earlier server, or of the bare one that is built beside the bench.

use std::{env::current_exe, path::Path};

use anyhow::Result;

use super::fan_out;
use crate::{
    bench::Bench,
    report::{Row, middle},
};

/// What this server's share is of where it was measured in turns with the bare one.
pub(crate) const BARE: &str = "bare";

/// In turns with an earlier server; nothing where there is none.
pub(crate) fn with_earlier(bench: &Bench) -> Result<Vec<Row>> {
    match bench.options.baseline_binary.clone() {
        Some(earlier) => in_turns(bench, &earlier, "earlier"),
        None => Ok(Vec::new()),
    }
}

/// In turns with the bare server; nothing on PostgreSQL, which that does not know.
pub(crate) fn with_bare(bench: &Bench) -> Result<Vec<Row>> {
    if bench.options.postgres {
        return Ok(Vec::new());
    }
    in_turns(bench, &current_exe()?.with_file_name("fanfare-bare"), BARE)
}

fn in_turns(bench: &Bench, other: &Path, name: &'static str) -> Result<Vec<Row>> {
    let binaries: [&Path; 2] = [other, &bench.options.binary];
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
    let mut rows = compared("closed", name, &closed)?;
    rows.extend(compared("fan-out", name, &fan_out)?);
    Ok(rows)
}

fn compared(what: &str, name: &'static str, [other, this]: &[Vec<Row>; 2]) -> Result<Vec<Row>> {
    let other = middle(format!("compared, {what}, {name}"), other)?;
    let mut this = middle(format!("compared, {what}"), this)?;
    let rates = this.deliveries_per_second.zip(other.deliveries_per_second);
    this.share = rates.map(|(this, other)| this / other);
    this.share_of = Some(name);
    Ok(vec![other, this])
}

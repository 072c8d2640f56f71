//! Load scenarios for Fanfare, run in one go on one machine. See `bench/README.md`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]
#![expect(
    clippy::expect_used,
    reason = "a developer's program may stop at a broken invariant"
)]

mod api;
mod background;
mod bars;
mod bench;
mod client;
mod clock;
mod histogram;
mod ledger;
mod load;
mod machine;
mod options;
mod order;
mod pacer;
mod payload;
mod process;
mod report;
mod scenario;
mod server;
mod soak;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};

use crate::{bench::Bench, options::Options, report::Report, scenario::Scenario};

fn main() -> Result<()> {
    let mut options = Options::parse();
    // The server starts in a folder of its own, so its path must not depend on this one.
    if let Ok(binary) = options.binary.canonicalize() {
        options.binary = binary;
    }
    if let Some(baseline) = &mut options.baseline_binary
        && let Ok(binary) = baseline.canonicalize()
    {
        *baseline = binary;
    }
    if let Some(minutes) = options.soak {
        return soak::run(&options, minutes);
    }
    let json = options.json.clone();
    let postgres = options.postgres;
    let wanted = options.scenario.clone();
    let bench = Bench::new(options)?;
    let mut first = bench.raw_limit()?;
    first.scenario = "raw limit (R), first".to_owned();
    let mut rows = vec![first];
    let mut failed = Vec::new();
    let scenarios = Scenario::value_variants().iter();
    for scenario in scenarios.filter(|known| wanted.is_empty() || wanted.contains(known)) {
        eprintln!("{scenario:?} …");
        let measured = match scenario.run(&bench) {
            Ok(measured) => measured,
            Err(failure) => {
                // What the others measured is not lost with it.
                eprintln!("  failed: {failure:#}");
                failed.push(scenario);
                continue;
            }
        };
        for row in &measured {
            let rate = row
                .deliveries_per_second
                .map(|rate| format!(": {rate:.0} deliveries/s"));
            eprintln!("  {}{}", row.scenario, rate.unwrap_or_default());
        }
        rows.extend(measured);
    }
    let mut last = bench.raw_limit()?;
    last.scenario = "raw limit (R), last".to_owned();
    rows.push(last);
    let raw = bench.raw.borrow().clone();
    let bars = bars::judge(&rows, postgres);
    let report = Report {
        machine: machine::describe(),
        raw,
        rows,
        bars,
    };
    print!("{}", report.table());
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    ensure!(failed.is_empty(), "scenarios failed: {failed:?}");
    Ok(())
}

//! What the figures have to reach. Missing one is printed and does not fail the program: on a
//! machine where something else runs they mean nothing.

use serde::Serialize;

use crate::{
    report::Row,
    scenario::{
        compared::BARE,
        nodes::{CPU_OF_ONE_NODE, CPU_OF_STRANGERS},
    },
};

#[derive(Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) what: &'static str,
    pub(crate) measured: f64,
    pub(crate) bar: f64,
    /// Where it should get to, beyond the bar.
    pub(crate) aim: Option<f64>,
    pub(crate) reached: bool,
}

/// The bars of those scenarios that ran, on the embedded store or on PostgreSQL.
pub(crate) fn judge(rows: &[Row], postgres: bool) -> Vec<Bar> {
    let row = |name: &str| rows.iter().find(|row| row.scenario.starts_with(name));
    let arrive_p99 = |name: &str| Some(row(name)?.arrive?.p99_ms);
    let peak = |name: &str| Some(row(name)?.memory?.peak_mib);
    let closed = row("closed, median");
    let lost: u64 = rows.iter().filter_map(|row| row.lost).sum();
    // One that shares the server with trouble: at most twice as late as alone, or 25 ms.
    let beside_bar = |alone: &str| arrive_p99(alone).map_or(25.0, |alone| (2.0 * alone).max(25.0));
    let waiting = rows.iter().filter(|row| row.scenario.contains(" waiting"));
    let waiting_peak = waiting
        .filter_map(|row| Some(row.memory?.peak_mib))
        .reduce(f64::max);
    let stored = rows.iter().find(|row| row.share_of == Some("empty"));
    let of_bare = |name: &str| {
        let mut compared = rows.iter().filter(|row| row.share_of == Some(BARE));
        compared.find(|row| row.scenario.ends_with(name))?.share
    };
    let bars = [
        at_least(
            "closed loop, share of a bare server's rate",
            of_bare("closed"),
            0.75,
            Some(1.0),
        ),
        at_least(
            "fan-out, share of a bare server's rate",
            of_bare("fan-out"),
            0.78,
            Some(1.0),
        ),
        at_least(
            "closed loop, share of R/2",
            closed.and_then(|row| row.share),
            if postgres { 0.25 } else { 0.45 },
            Some(if postgres { 0.35 } else { 0.6 }),
        ),
        at_most(
            "closed loop, µs of processor time for each delivery",
            closed.and_then(|row| row.cpu_micros_per_delivery),
            if postgres { 150.0 } else { 50.0 },
            Some(if postgres { 100.0 } else { 40.0 }),
        ),
        at_most(
            "processor time for each delivery with 4 nodes, share of one node's",
            row("nodes: 4").and_then(|row| row.notes.get(CPU_OF_ONE_NODE).copied()),
            1.15,
            None,
        ),
        at_most(
            "processor time for each delivery with 4 nodes, share of 4 that share nothing",
            row("nodes: 4").and_then(|row| row.notes.get(CPU_OF_STRANGERS).copied()),
            1.15,
            None,
        ),
        at_least(
            "fan-out, share of R",
            row("fan-out").and_then(|row| row.share),
            0.5,
            Some(0.65),
        ),
        at_most(
            "arrival p50 at 500 events a second, ms",
            row("open, 500/s").and_then(|row| Some(row.arrive?.p50_ms)),
            1.0,
            None,
        ),
        at_most(
            "arrival p99 beside hanging endpoints, ms",
            arrive_p99("healthy, 20 hanging"),
            beside_bar("healthy, alone"),
            None,
        ),
        at_most(
            "arrival p99 at 20 events a second beside hanging endpoints, ms",
            arrive_p99("quiet, 10 hanging"),
            beside_bar("quiet, alone"),
            None,
        ),
        at_most(
            "arrival p99 at 10 events a second beside a flood, ms",
            arrive_p99("calm, flood"),
            beside_bar("calm, alone"),
            None,
        ),
        at_most(
            "arrival p99 while failed deliveries are recovered, ms",
            rows.iter()
                .find(|row| row.scenario.ends_with(" recovered"))
                .and_then(|row| Some(row.arrive?.p99_ms)),
            beside_bar("new ones, alone"),
            None,
        ),
        at_most(
            "deliveries out of order under strict order",
            row("one endpoint, strict").and_then(|row| row.notes.get("out_of_order").copied()),
            0.0,
            None,
        ),
        at_most("idle memory, MiB", peak("idle"), 40.0, None),
        at_most(
            "memory with deliveries waiting, MiB",
            waiting_peak,
            300.0,
            None,
        ),
        at_least(
            "rate of a full store, share of an empty one's",
            stored.and_then(|row| row.share),
            0.9,
            None,
        ),
        at_least(
            "rate through the Svix dialect, share of the native API's",
            row("Svix dialect").and_then(|row| row.share),
            0.9,
            None,
        ),
        at_most("acknowledged deliveries lost", Some(lost as f64), 0.0, None),
    ];
    bars.into_iter().flatten().collect()
}

fn at_least(what: &'static str, measured: Option<f64>, bar: f64, aim: Option<f64>) -> Option<Bar> {
    measured.map(|measured| Bar {
        what,
        measured,
        bar,
        aim,
        reached: measured >= bar,
    })
}

fn at_most(what: &'static str, measured: Option<f64>, bar: f64, aim: Option<f64>) -> Option<Bar> {
    measured.map(|measured| Bar {
        what,
        measured,
        bar,
        aim,
        reached: measured <= bar,
    })
}

//! The closed loop's rate on a store that holds many events, against an empty store's: measured
//! in turns, whose order changes, each empty one on a new store. The events are published; in PostgreSQL they
//! are copies of some that were.

use anyhow::Result;

use crate::{
    bench::Bench,
    load::{Length, closed},
    report::{Row, median},
};

mod fill;

/// How many events are published of which the others are copies.
const MODELS: u64 = 2_000;

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let stored = bench.options.stored;
    let (mut full, full_targets) = bench.start_with_tenants()?;
    let published = if bench.options.postgres {
        MODELS.min(stored)
    } else {
        stored
    };
    let ledger = bench.open_ledger_for(published);
    let load = bench.full_speed(bench.publication(&full_targets, &ledger)?);
    let mut filled = bench.measure(&mut full, &ledger, || closed::run(&load, Length::Capacity))?;
    filled.scenario = format!("filling with {stored}");
    // The measured time of a load without end is not a rate.
    filled.deliveries_per_second = None;
    filled.notes.remove("drain_ms");
    if full.postgres().is_some() {
        let before = full.stored_bytes();
        full.kill()?;
        if let Some(postgres) = full.postgres() {
            fill::fill(postgres, stored)?;
        }
        full.start_again()?;
        let bytes = full.stored_bytes().saturating_sub(before) as f64 / stored as f64;
        filled.notes.insert("bytes_for_each", bytes);
    }
    filled
        .notes
        .insert("store_mib", full.stored_bytes() as f64 / 1024.0 / 1024.0);

    let length = bench.usual_length();
    let (mut empty_rows, mut full_rows) = (Vec::new(), Vec::new());
    for round in 0..bench.options.rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                let (mut empty, targets) = bench.start_with_tenants()?;
                empty_rows.push(bench.closed(&mut empty, &targets, length)?);
            } else {
                full_rows.push(bench.closed(&mut full, &full_targets, length)?);
            }
        }
    }
    let empty_row = middle(empty_rows, "empty store".to_owned());
    let mut full_row = middle(full_rows, format!("{stored} stored"));
    let rates = full_row
        .deliveries_per_second
        .zip(empty_row.deliveries_per_second);
    full_row.share = rates.map(|(full, empty)| full / empty);
    full_row.share_of = Some("empty");
    Ok(vec![filled, empty_row, full_row])
}

/// The round with the middle rate, with the losses of all of them.
fn middle(mut rows: Vec<Row>, scenario: String) -> Row {
    let rates: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.deliveries_per_second)
        .collect();
    let lost = rows.iter().filter_map(|row| row.lost).sum();
    let twice = rows.iter().filter_map(|row| row.twice).sum();
    rows.sort_by(|a, b| {
        a.deliveries_per_second
            .partial_cmp(&b.deliveries_per_second)
            .expect("rates are numbers")
    });
    let mut row = rows.swap_remove(rows.len() / 2);
    row.deliveries_per_second = median(&rates);
    (row.scenario, row.lost, row.twice) = (scenario, Some(lost), Some(twice));
    row
}

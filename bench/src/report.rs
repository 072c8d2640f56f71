//! The figures, as a table and as JSON.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::{bars::Bar, histogram::Percentiles, ledger::Ledger, load::Published, process::Memory};

/// One line of the table. What a scenario does not measure is absent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) deliveries_per_second: Option<f64>,
    /// Of `share_of`, which was measured just before and after.
    pub(crate) share: Option<f64>,
    pub(crate) share_of: Option<&'static str>,
    pub(crate) acknowledge: Option<Percentiles>,
    pub(crate) arrive: Option<Percentiles>,
    pub(crate) cpu_micros_per_delivery: Option<f64>,
    pub(crate) memory: Option<Memory>,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) lost: Option<u64>,
    pub(crate) twice: Option<u64>,
    pub(crate) refused: Option<u64>,
    /// Further figures, their unit in the name.
    pub(crate) notes: BTreeMap<&'static str, f64>,
    pub(crate) first_refusal: Option<String>,
}

impl Row {
    /// What the publishing and the receiving side of a load saw.
    pub(crate) fn of_load(ledger: &Ledger, published: Published) -> Self {
        let mut row = Self {
            deliveries_per_second: Some(ledger.rate()),
            acknowledge: published.acknowledged.percentiles(),
            arrive: ledger.latencies(),
            acknowledged: Some(ledger.acknowledged()),
            twice: Some(ledger.twice()),
            refused: Some(published.refused),
            first_refusal: published.first_refusal,
            ..Self::default()
        };
        if let Some(lag) = published.lag.percentiles() {
            row.notes.insert("send_lag_p50_ms", lag.p50_ms);
            row.notes.insert("send_lag_p99_ms", lag.p99_ms);
        }
        row
    }

    /// Notes how much later than alone the usual load's deliveries arrived beside another one.
    pub(crate) fn against_alone(&mut self, alone: &Self) {
        let p99 = |row: &Self| row.arrive.as_ref().map(|arrive| arrive.p99_ms);
        if let Some((alone, beside)) = p99(alone).zip(p99(self)) {
            self.notes.insert("p99_of_alone", beside / alone);
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: BTreeMap<&'static str, String>,
    /// Requests a second straight from client to receiver, each time it was measured.
    pub(crate) raw: Vec<f64>,
    pub(crate) rows: Vec<Row>,
    pub(crate) bars: Vec<Bar>,
}

impl Report {
    /// The table, with what does not fit a column below it.
    pub(crate) fn table(&self) -> String {
        let mut table = vec![
            [
                "scenario",
                "deliveries/s",
                "share",
                "ack p50",
                "p99",
                "p99.9",
                "arrive p50",
                "p99",
                "p99.9",
                "cpu µs",
                "MiB",
                "peak",
                "lost",
                "twice",
                "refused",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        table.extend(self.rows.iter().map(cells));
        let widths: Vec<usize> = (0..table[0].len())
            .map(|column| {
                table
                    .iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &table {
            let cell = |(index, cell): (usize, &String)| match index {
                0 => format!("{cell:<width$}", width = widths[0]),
                _ => format!("{cell:>width$}", width = widths[index]),
            };
            let line: Vec<String> = row.iter().enumerate().map(cell).collect();
            let _ = writeln!(text, "{}", line.join("  ").trim_end());
        }
        for row in &self.rows {
            if !row.notes.is_empty() {
                let notes = row
                    .notes
                    .iter()
                    .map(|(name, value)| format!("{name} {}", short(*value)));
                let notes: Vec<String> = notes.collect();
                let _ = writeln!(text, "{}: {}", row.scenario, notes.join(", "));
            }
            if let Some(refusal) = &row.first_refusal {
                let _ = writeln!(text, "{}: the first refusal: {refusal}", row.scenario);
            }
        }
        for bar in &self.bars {
            let aim = bar
                .aim
                .map_or_else(String::new, |aim| format!(", aim {}", short(aim)));
            let (measured, limit) = (short(bar.measured), short(bar.bar));
            let verdict = if bar.reached { "reached" } else { "MISSED" };
            let _ = writeln!(
                text,
                "{verdict}: {}: {measured} (bar {limit}{aim})",
                bar.what
            );
        }
        text + &self.noise()
    }

    /// How much the machine itself changed from one time to the next.
    fn noise(&self) -> String {
        let (Some(first), Some(last)) = (self.raw.first(), self.raw.last()) else {
            return String::new();
        };
        let least = self.raw.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.raw.iter().copied().fold(0.0, f64::max);
        format!(
            "raw limit: {first:.0}/s at the start, {last:.0}/s at the end, median {:.0}/s, \
             {least:.0}–{most:.0}/s over {} times (noise {:.0} %)\n",
            median(&self.raw).unwrap_or(0.0),
            self.raw.len(),
            (most - least) / most * 100.0,
        )
    }
}

fn cells(row: &Row) -> Vec<String> {
    let of = |part: Option<f64>| part.map_or_else(String::new, short);
    let count = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    let times = |times: &Option<Percentiles>| match times {
        Some(times) => [times.p50_ms, times.p99_ms, times.p999_ms].map(short),
        None => Default::default(),
    };
    let share = row.share.zip(row.share_of);
    let mut cells = vec![
        row.scenario.clone(),
        of(row.deliveries_per_second),
        share.map_or_else(String::new, |(share, of)| format!("{share:.2} of {of}")),
    ];
    cells.extend(times(&row.acknowledge));
    cells.extend(times(&row.arrive));
    cells.push(of(row.cpu_micros_per_delivery));
    cells.push(of(row.memory.map(|memory| memory.now_mib)));
    cells.push(of(row.memory.map(|memory| memory.peak_mib)));
    cells.extend([row.lost, row.twice, row.refused].map(count));
    cells
}

/// Three digits, or all of them before the point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size > 0.0 => format!("{value:.3}"),
        _ => "0".to_owned(),
    }
}

/// The middle value; of an even number, the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// One row for several times that the same was measured: medians, and the losses of all of them.
pub(crate) fn middle(scenario: String, rows: &[Row]) -> Result<Row> {
    let of = |part: fn(&Row) -> Option<f64>| -> Option<f64> {
        median(&rows.iter().filter_map(part).collect::<Vec<_>>())
    };
    let rate = of(|row| row.deliveries_per_second).context("no round was measured")?;
    Ok(Row {
        scenario,
        deliveries_per_second: Some(rate),
        share: of(|row| row.share),
        cpu_micros_per_delivery: of(|row| row.cpu_micros_per_delivery),
        lost: Some(rows.iter().filter_map(|row| row.lost).sum()),
        twice: Some(rows.iter().filter_map(|row| row.twice).sum()),
        refused: Some(rows.iter().filter_map(|row| row.refused).sum()),
        ..Row::default()
    })
}

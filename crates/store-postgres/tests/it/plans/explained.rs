//! Plans, as `auto_explain` logs them.

use std::collections::BTreeMap;

/// Rows that a sequential scan may read: what fits into some pages is read so for good reasons.
const FEW: u64 = 500;

/// A statement, and how the server went about it.
pub(super) struct Explained {
    pub(super) sql: String,
    /// The lines of the plan.
    plan: Vec<String>,
}

/// Reads what was logged; statements without tables are left out.
pub(super) fn read(log: &str) -> Vec<Explained> {
    let mut all: Vec<Explained> = Vec::new();
    let mut within = false;
    for line in log.lines() {
        match line.strip_prefix('\t') {
            None => {
                within = line.contains("LOG:  duration:") && line.ends_with("plan:");
                if within {
                    all.push(Explained {
                        sql: String::new(),
                        plan: Vec::new(),
                    });
                }
            }
            Some(line) if within => {
                let Some(last) = all.last_mut() else { continue };
                let is_plan = line.contains("(cost=") || !last.plan.is_empty();
                if is_plan {
                    last.plan.push(line.to_owned());
                } else {
                    let text = line.strip_prefix("Query Text: ").unwrap_or(line);
                    last.sql.push_str(text);
                    last.sql.push('\n');
                }
            }
            Some(_) => {}
        }
    }
    all.retain(|one| one.plan.iter().any(|line| line.contains(" on ")));
    all
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn number_after(line: &str, word: &str) -> Option<f64> {
    let (_, rest) = line.split_once(word)?;
    let end = rest
        .find(|each: char| !each.is_ascii_digit() && each != '.')
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// A scan of a table, with the rows that it read.
struct Scan<'a> {
    line: &'a str,
    sequential: bool,
    rows: u64,
}

impl Explained {
    /// A node of the plan, with the lines that belong to it alone.
    fn nodes(&self) -> Vec<(&str, Vec<&str>)> {
        let mut nodes: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in &self.plan {
            if line.contains("(cost=") {
                nodes.push((line, Vec::new()));
            } else if let Some((_, details)) = nodes.last_mut() {
                details.push(line);
            }
        }
        nodes
    }

    fn scans(&self) -> Vec<Scan<'_>> {
        let mut scans = Vec::new();
        for (line, details) in self.nodes() {
            // A scan of an index for a bitmap is read by the heap's scan above it.
            let of_table = line.contains("Scan") && line.contains(" on ") && {
                let scan = line.split(" on ").next().unwrap_or_default();
                ![
                    "CTE Scan",
                    "Subquery Scan",
                    "Function Scan",
                    "WorkTable Scan",
                    "Bitmap Index",
                ]
                .iter()
                .any(|other| scan.contains(other))
            };
            let (Some((_, actual)), true) = (line.split_once("(actual"), of_table) else {
                continue;
            };
            let loops = number_after(actual, "loops=").unwrap_or(1.0);
            let found = number_after(actual, "rows=").unwrap_or(0.0);
            let removed: f64 = details
                .iter()
                .filter(|detail| detail.contains("Rows Removed by"))
                .filter_map(|detail| number_after(detail, ": "))
                .sum();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counts of rows"
            )]
            let rows = ((found + removed) * loops).ceil() as u64;
            scans.push(Scan {
                line,
                sequential: line.contains("Seq Scan"),
                rows,
            });
        }
        scans
    }

    /// Rows of tables that it read.
    pub(super) fn rows(&self) -> u64 {
        self.scans().iter().map(|scan| scan.rows).sum()
    }

    /// The sequential scans of what is not small.
    pub(super) fn sequential(&self) -> Vec<&str> {
        let scans = self.scans();
        let bad = scans
            .iter()
            .filter(|scan| scan.sequential && scan.rows > FEW);
        bad.map(|scan| scan.line).collect()
    }

    /// The plan without what was never executed, as in most partitions.
    pub(super) fn shown(&self) -> String {
        let mut text = String::new();
        let mut skipped: Option<usize> = None;
        let mut left_out = BTreeMap::<usize, usize>::new();
        for line in &self.plan {
            let at = depth(line);
            let is_node = line.contains("(cost=");
            if skipped.is_some_and(|skipped| at > skipped) {
                continue;
            }
            skipped = None;
            if is_node && line.contains("(never executed)") {
                skipped = Some(at);
                *left_out.entry(at).or_default() += 1;
                continue;
            }
            text.push_str(line);
            text.push('\n');
        }
        let left_out: usize = left_out.values().sum();
        if left_out > 0 {
            text.push_str(&format!("({left_out} nodes were never executed)\n"));
        }
        text
    }
}

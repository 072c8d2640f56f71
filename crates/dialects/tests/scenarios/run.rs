//! Running a scenario's steps.

use std::collections::BTreeMap;

use crate::compare::difference;
use crate::pattern::filled;
use crate::scenario::{Scenario, Step};
use crate::stores::Open;
use crate::wire::{Answer, exchange};
use crate::world::World;

/// What was asked, and the status of the answer.
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// Runs a scenario on a store; the error says which step got which other answer.
pub(crate) async fn run(
    dialect: &str,
    scenario: &Scenario,
    open: Open,
) -> Result<Vec<Seen>, String> {
    let world = World::start(dialect, scenario, open).await;
    let mut values = world.keys.clone();
    let mut seen = Vec::new();
    for step in &scenario.step {
        values.insert("fill".to_owned(), "x".repeat(step.fill));
        let line = filled(&step.request, &values);
        let headers: Vec<(String, String)> = merged(&scenario.headers, &step.headers)
            .into_iter()
            .map(|(name, value)| (name, filled(&value, &values)))
            .collect();
        let body = step.body.as_deref().map(|body| filled(body, &values));
        let body = body.as_deref().map(str::as_bytes);
        let answer = exchange(world.address, &line, &headers, body).await;
        if let Some(why) = difference(scenario, step, &answer, &mut values) {
            return Err(told(step, &line, &answer, &why));
        }
        let (method, target) = line.split_once(' ').unwrap();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let prefixes = world.dialect.prefixes();
        if prefixes.iter().any(|prefix| path.starts_with(prefix)) {
            seen.push(Seen {
                method: method.to_owned(),
                path,
                status: answer.status,
            });
        }
    }
    Ok(seen)
}

/// The common headers with a step's own over them; an empty one is left out.
fn merged(
    common: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let lower = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
    let mut all: BTreeMap<_, _> = common.iter().map(lower).collect();
    all.extend(own.iter().map(lower));
    all.retain(|_, value| !value.is_empty());
    all
}

fn told(step: &Step, line: &str, answer: &Answer, why: &str) -> String {
    let short: String = line.chars().take(200).collect();
    format!(
        "{:?}: {why}\n  request:  {short}\n  answered: {} {}",
        step.name,
        answer.status,
        answer.text()
    )
}

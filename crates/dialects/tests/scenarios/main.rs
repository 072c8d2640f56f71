//! The dialects' scenarios, over a real socket, on every store there is.
//!
//! `crates/dialects/scenarios/<dialect>/*.toml` hold requests and the answers that they must get, byte
//! for byte; `scenario.rs` says what a file holds. Each file gets a server of its own.
//!
//! `SCENARIO=collect/errors` runs only the files whose name begins so.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a step that fails ends the test"
)]

mod compare;
mod documents;
mod pattern;
mod run;
mod scenario;
mod stores;
mod wire;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

/// The fewest steps that show a dialect.
const FEWEST_STEPS: usize = 60;

/// The scenario files of a dialect, in order of their names.
fn files_of(dialect: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(dialect);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn short_name(dialect: &str, file: &Path) -> String {
    format!("{dialect}/{}", file.file_stem().unwrap().display())
}

#[tokio::test]
async fn every_scenario_gets_the_answers_that_it_expects() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failures = Vec::new();
    for &dialect in fanfare_dialects::ALL {
        let mut seen = Vec::new();
        let mut steps = 0;
        for file in files_of(dialect) {
            let name = short_name(dialect, &file);
            if !name.starts_with(&only) {
                continue;
            }
            let scenario = scenario::read(&file);
            steps += scenario.step.len();
            for (store, open) in stores::STORES {
                match run::run(dialect, &scenario, open).await {
                    Ok(mut answers) => seen.append(&mut answers),
                    Err(why) => failures.push(format!("{name} on {store}: {why}")),
                }
            }
        }
        if only.is_empty() {
            assert!(steps >= FEWEST_STEPS, "{dialect} has {steps} steps");
        }
        failures.extend(documents::undocumented(dialect, &seen));
    }
    assert!(failures.is_empty(), "\n\n{}\n", failures.join("\n\n"));
}

#[tokio::test]
async fn the_documents_have_exactly_the_operations_that_are_served() {
    for &dialect in fanfare_dialects::ALL {
        documents::check_operations(dialect).await;
    }
}

//! The direction of dependencies between the crates, as `ARCHITECTURE.md` draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of the product may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("app", &["domain"]),
    ("store-sqlite", &["app", "domain"]),
    ("store-postgres", &["app", "domain"]),
    ("delivery", &["app", "domain"]),
    ("api", &["app", "domain"]),
    ("dialects", &["app", "domain"]),
    (
        "server",
        &[
            "store-sqlite",
            "store-postgres",
            "delivery",
            "api",
            "dialects",
            "app",
            "domain",
        ],
    ),
    // No part of the binary.
    ("store-contract", &["app", "domain", "testkit"]),
    ("testkit", &["app", "domain"]),
    ("simulation", &["delivery", "app", "domain", "testkit"]),
    ("bench", &["app", "domain", "testkit"]),
];

/// The dependencies of each crate on others of the workspace, without those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let own = |value: &Value| Some(value["name"].as_str()?.strip_prefix("fanfare-")?.to_owned());
    packages
        .filter_map(|package| {
            let all = package["dependencies"].as_array()?.iter();
            let shipped = all.filter(|dependency| dependency["kind"] != "dev");
            Some((own(package)?, shipped.filter_map(own).collect()))
        })
        .collect()
}

#[test]
fn every_crate_depends_only_on_what_lies_below_it() {
    let arrows: BTreeMap<_, BTreeSet<_>> = ARROWS
        .iter()
        .map(|(from, to)| (*from, to.iter().copied().collect()))
        .collect();
    let dependencies = dependencies();
    assert!(dependencies.len() > 5, "{dependencies:?}");
    for (from, to) in &dependencies {
        let Some(allowed) = arrows.get(from.as_str()) else {
            panic!("crate {from} has no place in the layers: add it to ARROWS");
        };
        let wrong: Vec<_> = to
            .iter()
            .filter(|to| !allowed.contains(to.as_str()))
            .collect();
        assert!(wrong.is_empty(), "{from} must not depend on {wrong:?}");
    }
}

//! Every mutant is found within some hundred seeds.
//!
//! Without the feature `mutants` only those around the ports are there.

use fanfare_simulation::mutant::Mutant;
use fanfare_simulation::run;

/// The most seeds that it may take: one of the faults shows in one of some five hundred.
const SEEDS: u64 = 1_000;

/// The first seed that finds a mutant, and the rules that it breaks. One that breaks a rule without a
/// mutant finds nothing.
fn found(mutant: &Mutant) -> Option<(u64, Vec<&'static str>)> {
    (0..SEEDS).find_map(|seed| {
        let mut rules: Vec<_> = run(seed, Some(mutant))
            .breaches
            .iter()
            .map(|breach| breach.rule)
            .collect();
        rules.dedup();
        (!rules.is_empty()).then_some((seed, rules))
    })
}

#[test]
fn every_mutant_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::all() {
        match found(mutant) {
            Some((seed, rules)) => println!("{}: seed {seed}, {rules:?}", mutant.name),
            None => missed.push(mutant.name),
        }
    }
    assert!(
        missed.is_empty(),
        "no rule finds {missed:#?} in {SEEDS} seeds"
    );
}

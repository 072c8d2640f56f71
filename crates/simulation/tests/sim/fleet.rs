//! Several nodes over one store.

use fanfare_simulation::fleet::{Mutant, run};

const SEEDS: u64 = 200;

/// The most seeds that it may take to find a mutant.
const FOUND_WITHIN: u64 = 100;

#[test]
fn every_rule_of_several_nodes_holds_even_seeds() {
    play_all((0..SEEDS).step_by(2));
}

#[test]
fn every_rule_of_several_nodes_holds_odd_seeds() {
    play_all((1..SEEDS).step_by(2));
}

fn play_all(seeds: impl Iterator<Item = u64>) {
    let bad = seeds.map(|seed| run(seed, None));
    let bad: Vec<_> = bad
        .filter(|outcome| !outcome.breaches.is_empty())
        .map(|outcome| outcome.report())
        .collect();
    assert!(
        bad.is_empty(),
        "{} bad seeds:\n{}",
        bad.len(),
        bad.join("\n")
    );
}

#[test]
fn every_fault_in_the_dealings_of_nodes_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let found = (0..FOUND_WITHIN).find_map(|seed| {
            let breaches = run(seed, Some(mutant)).breaches;
            breaches.first().map(|breach| (seed, breach.rule))
        });
        match found {
            Some((seed, rule)) => println!("{mutant:?}: seed {seed}, {rule:?}"),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "no rule finds {missed:?}");
}

#[test]
fn the_same_seed_gives_the_same_run_of_several_nodes() {
    for seed in 0..10 {
        let (first, second) = (run(seed, None).trace(), run(seed, None).trace());
        let mut lines = first.lines().zip(second.lines());
        assert_eq!(lines.find(|(first, second)| first != second), None);
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

//! Thousands of seeds, in each of which every rule holds.

use fanfare_simulation::run;

const SEEDS: u64 = 2_000;

fn play_all(seeds: impl Iterator<Item = u64>) {
    let mut bad = Vec::new();
    for seed in seeds {
        let outcome = run(seed, None);
        if !outcome.breaches.is_empty() {
            bad.push(outcome.report());
        }
    }
    assert!(
        bad.is_empty(),
        "{} bad seeds:\n{}",
        bad.len(),
        bad.join("\n")
    );
}

#[test]
fn every_rule_holds_whatever_happens_even_seeds() {
    play_all((0..SEEDS).step_by(2));
}

#[test]
fn every_rule_holds_whatever_happens_odd_seeds() {
    play_all((1..SEEDS).step_by(2));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..40 {
        let (first, second) = (run(seed, None).trace(), run(seed, None).trace());
        let differs = first
            .lines()
            .zip(second.lines())
            .find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

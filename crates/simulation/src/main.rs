//! Plays seeds, on all cores, and tells which of them broke a rule.

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use fanfare_simulation::mutant::Mutant;
use fanfare_simulation::run;

/// Plays the engine in virtual time with faults and crashes, and judges what happened.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to play.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays this one only, and tells what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// Plants a fault, by its name.
    #[arg(long)]
    mutant: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mutant = match arguments.mutant.as_deref().map(Mutant::named) {
        Some(None) => {
            println!("this build plants one of these:");
            Mutant::all().for_each(|mutant| println!("  {}", mutant.name));
            return ExitCode::FAILURE;
        }
        Some(found) => found,
        None => None,
    };
    let sound = match arguments.seed {
        Some(seed) => one(seed, mutant),
        None => many(arguments.from, arguments.seeds, mutant),
    };
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn one(seed: u64, mutant: Option<&Mutant>) -> bool {
    let outcome = run(seed, mutant);
    print!("{}", outcome.trace());
    if outcome.breaches.is_empty() {
        println!("seed {seed}: no rule is broken");
        return true;
    }
    print!("{}", outcome.report());
    false
}

fn many(from: u64, count: u64, mutant: Option<&Mutant>) -> bool {
    let (next, bad, facts) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let play = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let outcome = run(from + number, mutant);
        facts.fetch_add(outcome.history.facts.len(), Ordering::Relaxed);
        if !outcome.breaches.is_empty() {
            bad.fetch_add(1, Ordering::Relaxed);
            print!("{}", outcome.report());
        }
        if (number + 1) % 10_000 == 0 {
            println!("{} seeds, {:?}", number + 1, began.elapsed());
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| drop(scope.spawn(play)));
    });
    let (bad, facts) = (bad.into_inner(), facts.into_inner());
    println!(
        "{count} seeds from {from}, {facts} facts, {:?}: {bad} broke a rule",
        began.elapsed()
    );
    bad == 0
}

//! Plays seeds, on all cores, and tells which of them broke a rule.

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use fanfare_simulation::mutant::Mutant;
use fanfare_simulation::{fleet, run};

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
    /// Plays several nodes over one store.
    #[arg(long)]
    nodes: bool,
}

/// What came of a run, whichever it was.
struct Played {
    facts: usize,
    /// What broke a rule; none when nothing did.
    report: Option<String>,
    /// Made only where one seed is played.
    trace: Box<dyn FnOnce() -> String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let name = arguments.mutant.as_deref();
    let play: Box<dyn Fn(u64) -> Played + Sync> = if arguments.nodes {
        let named = |name| {
            fleet::Mutant::ALL
                .into_iter()
                .find(|mutant| format!("{mutant:?}") == name)
        };
        let mutant = name.map(named);
        if matches!(mutant, Some(None)) {
            return unknown(
                fleet::Mutant::ALL
                    .iter()
                    .map(|mutant| format!("{mutant:?}")),
            );
        }
        Box::new(move |seed| played_by_nodes(seed, mutant.flatten()))
    } else {
        let mutant = name.map(Mutant::named);
        if matches!(mutant, Some(None)) {
            return unknown(Mutant::all().map(|mutant| mutant.name.to_owned()));
        }
        Box::new(move |seed| played(seed, mutant.flatten()))
    };
    let sound = match arguments.seed {
        Some(seed) => one(seed, &play),
        None => many(arguments.from, arguments.seeds, &play),
    };
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn unknown(names: impl Iterator<Item = String>) -> ExitCode {
    println!("this build plants one of these:");
    names.for_each(|name| println!("  {name}"));
    ExitCode::FAILURE
}

fn played(seed: u64, mutant: Option<&Mutant>) -> Played {
    let outcome = run(seed, mutant);
    Played {
        facts: outcome.history.facts.len(),
        report: (!outcome.breaches.is_empty()).then(|| outcome.report()),
        trace: Box::new(move || outcome.trace()),
    }
}

fn played_by_nodes(seed: u64, mutant: Option<fleet::Mutant>) -> Played {
    let outcome = fleet::run(seed, mutant);
    Played {
        facts: outcome.facts.len(),
        report: (!outcome.breaches.is_empty()).then(|| outcome.report()),
        trace: Box::new(move || outcome.trace()),
    }
}

fn one(seed: u64, play: &(dyn Fn(u64) -> Played + Sync)) -> bool {
    let played = play(seed);
    print!("{}", (played.trace)());
    let Some(report) = played.report else {
        println!("seed {seed}: no rule is broken");
        return true;
    };
    print!("{report}");
    false
}

fn many(from: u64, count: u64, play: &(dyn Fn(u64) -> Played + Sync)) -> bool {
    let (next, bad, facts) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let played = play(from + number);
        facts.fetch_add(played.facts, Ordering::Relaxed);
        if let Some(report) = played.report {
            bad.fetch_add(1, Ordering::Relaxed);
            print!("{report}");
        }
        if (number + 1) % 10_000 == 0 {
            println!("{} seeds, {:?}", number + 1, began.elapsed());
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    let (bad, facts) = (bad.into_inner(), facts.into_inner());
    println!(
        "{count} seeds from {from}, {facts} facts, {:?}: {bad} broke a rule",
        began.elapsed()
    );
    bad == 0
}

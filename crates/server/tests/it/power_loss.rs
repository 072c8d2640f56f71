//! The power fails while a loaded server runs.
//!
//! Killing a process proves little about this: what it wrote stays with the operating system. So the
//! server runs under `strace`, and from the trace come the files as a disk could show them after a
//! power loss at any moment: everything that was synced, and any part of what was written after. Each
//! such store must open and have all that was acknowledged up to that moment.
//!
//! `make power-loss ROUNDS=5000 SEED=7` looks at more of them. A failure tells its seed and where the
//! trace was kept; with `POWER_LOSS_TRACE=FOLDER` and the same seed it is found again.

mod check;
mod disk;
mod image;
mod line;
mod load;
mod trace;
mod tracer;

use std::path::{Path, PathBuf};

use fanfare_testkit::receiver::Receiver;
use fanfare_testkit::seeded::Seeded;

use self::check::{Broken, check};
use self::disk::{Deaf, Disk};
use self::image::Image;
use self::load::{Recorded, TARGETS, record};
use self::trace::{Action, Step, Trace};
use crate::harness::{Reply, Setup, number_from_environment};

/// A power loss after which something was wrong.
struct Loss {
    seed: u64,
    /// Steps of the trace before it.
    moment: usize,
    broken: Broken,
}

/// Lets the power fail `rounds` times, and answers what was wrong.
async fn power_losses(recorded: &Recorded, deaf: Deaf, rounds: u64, seed: u64) -> Vec<Loss> {
    let mut moments: Vec<_> = (0..rounds)
        .map(|round| {
            let seed = seed.wrapping_add(round);
            (moment(&recorded.trace, &Seeded::new(seed)), seed)
        })
        .collect();
    moments.sort_unstable();
    let mut disk = Disk::new(&recorded.trace, deaf);
    let mut done = 0;
    let mut losses = Vec::new();
    for (moment, seed) in moments {
        for step in &recorded.trace.steps[done..moment] {
            disk.step(*step);
        }
        done = moment;
        let folder = tempfile::tempdir().unwrap();
        write(&draw(&disk, seed), folder.path());
        if let Err(broken) = check(folder.path(), &disk.answered, &recorded.data).await {
            losses.push(Loss {
                seed,
                moment,
                broken,
            });
        }
    }
    losses
}

/// When the power fails: at any step, before the first answer, right after an answer, or while the log
/// is copied.
fn moment(trace: &Trace, chance: &Seeded) -> usize {
    let answer = |action: &Action| matches!(action, Action::Answer { .. });
    let copies = |action: &Action| match action {
        Action::Write { file, .. } | Action::Truncate { file, .. } => file == "fanfare.db",
        _ => false,
    };
    let steps = trace.steps.iter().enumerate();
    let steps = steps.map(|(place, step)| match step {
        Step::Begin(action) | Step::End(action) => (place + 1, &trace.actions[*action]),
    });
    let moments: Vec<_> = match chance.below(4) {
        0 => steps.collect(),
        1 => steps.take_while(|(_, action)| !answer(action)).collect(),
        2 => steps.filter(|(_, action)| answer(action)).collect(),
        _ => steps.filter(|(_, action)| copies(action)).collect(),
    };
    chance.pick(&moments).0
}

fn draw(disk: &Disk<'_>, seed: u64) -> Image {
    image::draw(disk, &Seeded::new(!seed))
}

fn write(image: &Image, folder: &Path) {
    for (name, bytes) in image {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Keeps what is needed to find a loss again, and answers where.
fn keep(recorded: &Recorded) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("power-loss");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("trace"), &recorded.output).unwrap();
    std::fs::write(
        folder.join("data"),
        serde_json::to_vec(&recorded.data).unwrap(),
    )
    .unwrap();
    let store = recorded.folder.to_str().unwrap();
    std::fs::write(folder.join("folder"), store).unwrap();
    folder
}

fn kept(folder: &Path) -> Recorded {
    let read = |name| std::fs::read(folder.join(name)).unwrap();
    let store = PathBuf::from(String::from_utf8(read("folder")).unwrap());
    let output = read("trace");
    Recorded {
        trace: Trace::read(&output, &store),
        data: serde_json::from_slice(&read("data")).unwrap(),
        output,
        folder: store,
    }
}

/// How often something is in a trace.
fn count(trace: &Trace, what: impl Fn(&Action) -> bool) -> usize {
    trace.actions.iter().filter(|action| what(action)).count()
}

fn syncs(trace: &Trace, name: &str) -> usize {
    count(
        trace,
        |action| matches!(action, Action::Sync { file } if file == name),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_loss_at_any_moment() {
    let rounds = number_from_environment("ROUNDS").unwrap_or(200);
    let seed = number_from_environment("SEED").unwrap_or(1);
    let receiver = Receiver::start().await;
    let recorded = match std::env::var_os("POWER_LOSS_TRACE") {
        Some(folder) => kept(Path::new(&folder)),
        None => record(&receiver, 400, true).await,
    };
    let trace = &recorded.trace;
    let answered = count(trace, |action| matches!(action, Action::Answer { .. }));
    // Each publisher's answer is in the trace, or the losses would be looked for at wrong moments.
    let told: std::collections::HashSet<&str> = trace
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Answer { ids } => Some(ids.iter().map(String::as_str)),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(recorded.data.keys().all(|id| told.contains(id.as_str())));
    let (log, file) = (syncs(trace, "fanfare.db-wal"), syncs(trace, "fanfare.db"));
    assert!(file >= 5, "the log was copied {file} times only");

    let losses = power_losses(&recorded, Deaf::No, rounds, seed).await;
    println!(
        "power loss: {rounds} moments among {} calls, {answered} answers, {log} syncs of the log, \
         {file} of the file",
        trace.actions.len(),
    );
    if let Some(first) = losses.first() {
        for loss in &losses {
            println!("seed {}, step {}: {}", loss.seed, loss.moment, loss.broken);
        }
        panic!(
            "after {} of {rounds} power losses something was wrong; find the first again with \
             POWER_LOSS_TRACE={} SEED={} ROUNDS=1",
            losses.len(),
            keep(&recorded).display(),
            first.seed,
        );
    }
}

/// What a disk or a store does that does not keep its word must be found out, or the test proves
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_loss_without_syncs_is_seen_to_lose_what_was_acknowledged() {
    let receiver = Receiver::start().await;
    let off = record(&receiver, 80, false).await;
    assert_eq!(syncs(&off.trace, "fanfare.db-wal"), 0);
    let losses = power_losses(&off, Deaf::No, 40, 1).await;
    let lost = losses
        .iter()
        .filter(|loss| matches!(loss.broken, Broken::Lost(_)));
    let (lost, wrong) = (lost.count(), losses.len());
    println!("synchronous=OFF: wrong after {wrong} of 40 power losses, events lost after {lost}");
    assert!(lost > 0);

    let on = record(&receiver, 80, true).await;
    for deaf in [Deaf::ToFiles("-wal"), Deaf::ToFiles(".db"), Deaf::ToFolder] {
        let losses = power_losses(&on, deaf, 80, 1).await;
        println!("{deaf:?}: wrong after {} of 80 power losses", losses.len());
        assert!(
            !losses.is_empty(),
            "nothing notices a disk that is deaf {deaf:?}"
        );
    }
}

/// Beyond what is in the files: a server that starts on them delivers what waits.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_loss_everything_acknowledged_is_delivered() {
    let receiver = Receiver::start().await;
    let recorded = record(&receiver, 80, true).await;
    let steps = &recorded.trace.steps;
    let is_event = |id: &&str| id.starts_with("evt_");
    // How long a start takes before the first event is a matter of the machine.
    let first = {
        let mut disk = Disk::new(&recorded.trace, Deaf::No);
        let acknowledges = |step: &Step| {
            disk.step(*step);
            disk.answered.iter().any(is_event)
        };
        steps.iter().position(acknowledges).unwrap() + 1
    };
    for seed in 1..=3 {
        let mut disk = Disk::new(&recorded.trace, Deaf::No);
        for step in &steps[..first + (steps.len() - first) * seed / 3] {
            disk.step(*step);
        }
        let setup = Setup::new();
        write(&draw(&disk, seed as u64), setup.folder());
        let server = setup.start().await;
        let api = server.api();
        let events: Vec<_> = disk.answered.iter().copied().filter(is_event).collect();
        assert!(!events.is_empty());
        for event in events {
            let path = format!("/v1/tenants/acme/events/{event}/deliveries");
            let arrived = |answer: &Reply| {
                let answer = answer.json();
                let deliveries = answer["data"].as_array().unwrap();
                let delivered = deliveries.iter().filter(|one| one["state"] == "delivered");
                deliveries.len() == TARGETS && delivered.count() == TARGETS - 1
            };
            api.until(&path, arrived).await;
        }
    }
}

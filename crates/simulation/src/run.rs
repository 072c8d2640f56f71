//! One run: from a seed to what broke a rule.

use std::time::Duration;

use fanfare_app::port::Clock;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::Ground;
use fanfare_testkit::clock::{VIRTUAL_START, VirtualClock};

use crate::history::{Finals, History};
use crate::mutant::Mutant;
use crate::play::{LifeEnd, Play};
use crate::rules::{self, Breach};
use crate::trace;

/// The virtual time after which a life that goes on is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(6 * 3_600);

/// How long the machine is down between two lives.
const DOWN_FOR: Duration = Duration::from_millis(10);

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The seed that decided on it.
    pub seed: u64,
    /// What happened and what there was at the end.
    pub history: History,
    /// What broke a rule; empty when nothing did.
    pub breaches: Vec<Breach>,
}

impl Outcome {
    /// What happened, line by line.
    #[must_use]
    pub fn trace(&self) -> String {
        trace::of(&self.history)
    }

    /// What broke a rule, and how to see it again.
    #[must_use]
    pub fn report(&self) -> String {
        trace::report(self.seed, &self.breaches)
    }
}

/// Plays a seed to its end and judges it. The same seed gives the same run, whatever the build.
#[must_use]
pub fn run(seed: u64, mutant: Option<&Mutant>) -> Outcome {
    let planted = mutant.map(Mutant::plant_in_engine);
    let (options, facts, finals) = play(seed, mutant);
    drop(planted);
    let history = History {
        options,
        facts,
        finals,
    };
    let breaches = rules::judge(&history);
    Outcome {
        seed,
        history,
        breaches,
    }
}

type Played = (
    fanfare_delivery::EngineOptions,
    Vec<(Timestamp, crate::Fact)>,
    Finals,
);

fn play(seed: u64, mutant: Option<&Mutant>) -> Played {
    let mut play: Option<Play> = None;
    let mut ground: Option<Ground> = None;
    let mut now = VIRTUAL_START;
    let mut power_failed = false;
    loop {
        let end = life().block_on(async {
            let clock = VirtualClock::beginning_at(now);
            let on = match &ground {
                None => Ground::new(seed ^ 0xfeed),
                Some(before) if power_failed => before.fail_power_to(clock),
                Some(before) => before.crash_to(clock),
            };
            let play = play.get_or_insert_with(|| Play::new(seed, &on, mutant.cloned()));
            let living = play.live(&on);
            let end = tokio::time::timeout(GIVEN_UP_AFTER, living).await;
            now = on.clock.now().after(DOWN_FOR);
            ground = Some(on);
            end.unwrap_or_else(|_| LifeEnd::Last(Box::default()))
        });
        power_failed = matches!(end, LifeEnd::PowerFailure);
        if let (LifeEnd::Last(finals), Some(play)) = (end, play.as_ref()) {
            return (play.options().clone(), play.facts(), *finals);
        }
    }
}

/// A runtime with one thread and a time that stands still while there is something to do.
#[expect(clippy::expect_used, reason = "no runtime, no simulation")]
pub(crate) fn life() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

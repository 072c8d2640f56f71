//! Lines that say how far a move is: one when a part begins and ends, and one a second between.

use std::io::Write;
use std::time::{Duration, Instant};

use fanfare_app::transfer::{Part, Phase, Progress};

const PERIOD: Duration = Duration::from_secs(1);

/// How far it is, as far as it was told.
pub(super) struct Lines {
    told: Option<(Phase, Part, Instant)>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { told: None }
    }

    pub(super) fn tell(&mut self, progress: Progress) {
        let Progress { phase, part, .. } = progress;
        let due = match self.told {
            Some((of, with, at)) => of != phase || with != part || at.elapsed() >= PERIOD,
            None => true,
        };
        if !due && !progress.done {
            return;
        }
        self.told = Some((phase, part, Instant::now()));
        let doing = match (phase, progress.done) {
            (Phase::Copying, false) => "copied so far",
            (Phase::Copying, true) => "copied",
            (Phase::Comparing, false) => "compared so far",
            (Phase::Comparing, true) => "compared",
        };
        // Where nothing can be shown, the work goes on all the same.
        let (name, rows) = (part.name(), progress.rows);
        let _ = writeln!(std::io::stderr(), "{name}: {rows} {doing}");
    }
}

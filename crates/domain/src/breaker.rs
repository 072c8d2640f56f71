//! The breaker of an endpoint: keeps deliveries back while it takes nothing anyway.
//!
//! The words, used like this everywhere:
//!
//! * *closed*: attempts pass, as through a closed switch;
//! * *open*: none passes until the next probe is due;
//! * *probing*: one delivery's attempt is under way to find out; nothing else passes.
//!
//! It opens on failures in a row, or on their share within a window. Each failed probe lets it wait
//! twice as long for the next, up to a limit; less up to a fifth by chance, so that endpoints that
//! broke together are not asked together. A success closes it.
//!
//! Each node has one of its own for an endpoint. That another one's opened is no verdict here: where this
//! one is closed, one attempt finds out, as a probe does. Where another one's closed, the next probe is due at
//! once.
//!
//! An attempt that somebody asked for passes whatever it says. Attempts that were under way when it
//! opened neither close it nor make it wait longer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

mod rules;
#[cfg(test)]
mod tests;
mod window;

pub use rules::{BreakerPatch, BreakerRules};
use window::Window;

/// The breaker of an endpoint. The default is closed and knows of no failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breaker {
    state: State,
    /// Failures since the last success.
    in_a_row: u32,
    /// The attempts since the first failure within the last while.
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Closed,
    Open {
        opened: Opened,
        next_probe_at: Timestamp,
    },
    Probing {
        opened: Opened,
    },
}

/// When and why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// When.
    pub since: Timestamp,
    /// Why.
    pub reason: OpenReason,
    /// Probes that failed since.
    probes: u32,
}

impl Opened {
    /// Whether nothing was found out since another node's opened.
    fn is_hearsay(&self) -> bool {
        self.reason == OpenReason::OpenElsewhere && self.probes == 0
    }
}

/// Why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenReason {
    /// So many attempts failed one after another.
    FailuresInARow,
    /// Too many of the last attempts failed.
    FailureRate,
    /// It failed for long before the start, and nothing has arrived since.
    FailingBefore,
    /// Another node's opened, and nothing was found out here yet.
    OpenElsewhere,
}

impl OpenReason {
    /// Its name in the API, the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailuresInARow => "failures_in_a_row",
            Self::FailureRate => "failure_rate",
            Self::FailingBefore => "failing_before",
            Self::OpenElsewhere => "open_elsewhere",
        }
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// Attempts pass.
    #[default]
    Closed,
    /// None passes until then.
    Open {
        /// When and why it opened.
        opened: Opened,
        /// When one delivery may try.
        next_probe_at: Timestamp,
    },
    /// One delivery tries.
    Probing {
        /// When and why it opened.
        opened: Opened,
    },
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It may.
    Free,
    /// One may, and has to say so by [`Breaker::begin_probe`].
    Probe,
    /// None may before then; none: before the probe that is under way has ended.
    Shut(Option<Timestamp>),
}

/// A change of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It opened.
    Opened(Opened),
    /// A probe failed; it is open again.
    ProbeFailed(Opened),
    /// It closed; it had been open.
    Closed(Opened),
}

/// An attempt that ended, as far as a breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether it arrived.
    pub succeeded: bool,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Whether it was the probe.
    pub probe: bool,
}

impl Breaker {
    /// One that is open and may probe at once, for an endpoint that was failing before.
    #[must_use]
    pub fn failing_before(now: Timestamp) -> Self {
        Self::open_for_a_probe(OpenReason::FailingBefore, now)
    }

    fn open_for_a_probe(reason: OpenReason, now: Timestamp) -> Self {
        let opened = Opened {
            since: now,
            reason,
            probes: 0,
        };
        Self {
            state: State::Open {
                opened,
                next_probe_at: now,
            },
            ..Self::default()
        }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open {
                opened,
                next_probe_at,
            } => BreakerState::Open {
                opened,
                next_probe_at,
            },
            State::Probing { opened } => BreakerState::Probing { opened },
        }
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether an attempt may begin now.
    #[must_use]
    pub fn passage(&self, now: Timestamp) -> Passage {
        match self.state {
            State::Closed => Passage::Free,
            State::Open { next_probe_at, .. } if next_probe_at <= now => Passage::Probe,
            State::Open { next_probe_at, .. } => Passage::Shut(Some(next_probe_at)),
            State::Probing { .. } => Passage::Shut(None),
        }
    }

    /// The probe begins.
    pub fn begin_probe(&mut self) {
        if let State::Open { opened, .. } = self.state {
            self.state = State::Probing { opened };
        }
    }

    /// The next probe is due now: the endpoint was changed, or the one that had begun was not made.
    pub fn probe_now(&mut self, now: Timestamp) {
        if let State::Open { opened, .. } | State::Probing { opened } = self.state {
            self.state = State::Open {
                opened,
                next_probe_at: now,
            };
        }
    }

    /// Another node's opened: one that is closed lets a probe find out. Answers whether it was.
    pub fn opened_elsewhere(&mut self, now: Timestamp) -> bool {
        let was_closed = self.is_closed();
        if was_closed {
            *self = Self::open_for_a_probe(OpenReason::OpenElsewhere, now);
        }
        was_closed
    }

    /// Another node's closed: what was only heard from others is forgotten, and what was found out here is
    /// found out again by a probe that is due now. Answers what closes it.
    pub fn closed_elsewhere(&mut self, now: Timestamp) -> Option<Change> {
        match self.state {
            State::Open { opened, .. } if opened.is_hearsay() => {
                *self = Self::default();
                Some(Change::Closed(opened))
            }
            State::Open { .. } => {
                self.probe_now(now);
                None
            }
            State::Closed | State::Probing { .. } => None,
        }
    }

    /// Learns how an attempt ended; `chance` is from 0 to 1 and shortens the wait for a probe.
    pub fn learn(&mut self, rules: &BreakerRules, ended: &Ended, chance: f64) -> Option<Change> {
        if ended.succeeded {
            self.succeeded(rules, ended)
        } else {
            self.failed(rules, ended, chance)
        }
    }

    fn succeeded(&mut self, rules: &BreakerRules, ended: &Ended) -> Option<Change> {
        match self.state {
            State::Closed => {
                self.in_a_row = 0;
                if let Some(window) = &mut self.window {
                    window.count(true, ended.at, rules.window);
                }
                None
            }
            // What began before it opened says nothing of now.
            State::Open { opened, .. } | State::Probing { opened }
                if ended.probe || ended.began > opened.since =>
            {
                *self = Self::default();
                Some(Change::Closed(opened))
            }
            _ => None,
        }
    }

    fn failed(&mut self, rules: &BreakerRules, ended: &Ended, chance: f64) -> Option<Change> {
        match self.state {
            State::Closed => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                let window = self.window.get_or_insert_with(|| Window::new(ended.at));
                window.count(false, ended.at, rules.window);
                let reason = if self.in_a_row >= rules.failures {
                    OpenReason::FailuresInARow
                } else if window.attempts() >= rules.least_attempts
                    && window.failure_rate() >= rules.failure_rate
                {
                    OpenReason::FailureRate
                } else {
                    return None;
                };
                let opened = Opened {
                    since: ended.at,
                    reason,
                    probes: 0,
                };
                self.open(rules, opened, ended.at, chance);
                Some(Change::Opened(opened))
            }
            State::Probing { opened } if ended.probe => {
                let opened = Opened {
                    probes: opened.probes.saturating_add(1),
                    ..opened
                };
                self.open(rules, opened, ended.at, chance);
                Some(Change::ProbeFailed(opened))
            }
            _ => None,
        }
    }

    fn open(&mut self, rules: &BreakerRules, opened: Opened, at: Timestamp, chance: f64) {
        let next_probe_at = at.after(rules.wait(opened.probes, chance));
        *self = Self {
            state: State::Open {
                opened,
                next_probe_at,
            },
            ..Self::default()
        };
    }

    /// Whether it is closed and nothing that happened within the window speaks against the endpoint.
    #[must_use]
    pub fn is_at_rest(&self, rules: &BreakerRules, now: Timestamp) -> bool {
        let quiet = |window: &Window| window.last_failure().after(rules.window) <= now;
        self.is_closed() && self.in_a_row == 0 && self.window.as_ref().is_none_or(quiet)
    }
}

/// The share of a wait that chance may take off.
const LESS: f64 = 0.2;

impl BreakerRules {
    /// The wait for the probe after so many that failed.
    #[must_use]
    pub fn wait(&self, failed_probes: u32, chance: f64) -> Duration {
        let factor = 1u32.checked_shl(failed_probes).unwrap_or(u32::MAX);
        let whole = self.first_wait.saturating_mul(factor);
        whole
            .min(self.longest_wait.max(self.first_wait))
            .mul_f64(1.0 - LESS * chance.clamp(0.0, 1.0))
    }
}

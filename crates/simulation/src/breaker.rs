//! How a breaker stands, told from what was sent, answered and heard. Rules follow it beside the engine.

use std::time::Duration;

use fanfare_app::port::coordination::BreakerNews;
use fanfare_domain::breaker::BreakerRules;
use fanfare_domain::time::Timestamp;

/// Chance takes at most a fifth off a wait.
const LEAST: f64 = 0.8;

/// How a breaker stands, as far as can be said. Requests are known by their numbers.
#[derive(Clone, Copy)]
pub(crate) enum Standing {
    Closed {
        failures: u32,
    },
    /// What was attempted does not tell how it stands: the endpoint was changed, or the node not itself. The
    /// last that may have opened it was then, so what began after this says how it stands.
    Unknown {
        lately: Timestamp,
    },
    Open {
        since: Timestamp,
        probes: u32,
        until: Timestamp,
        /// Nothing was found out since it was heard of another node's.
        hearsay: bool,
    },
    /// A request finds out.
    Probing {
        since: Timestamp,
        probes: u32,
        request: usize,
    },
}

/// An answer to a request.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) request: usize,
    pub(crate) began: Timestamp,
    pub(crate) arrived: bool,
}

impl Standing {
    /// As it is at first.
    pub(crate) const CLOSED: Self = Self::Closed { failures: 0 };

    /// A request is sent that the breaker would hold back; answers what is wrong with it.
    pub(crate) fn sent(&mut self, number: usize, now: Timestamp) -> Option<String> {
        match *self {
            Self::Closed { .. } | Self::Unknown { .. } => None,
            Self::Open { until, .. } if now < until => Some(format!("open until {until}")),
            Self::Open { since, probes, .. } => {
                *self = Self::Probing {
                    since,
                    probes,
                    request: number,
                };
                None
            }
            Self::Probing { request, .. } => Some(format!("#{request} finds out")),
        }
    }

    /// A request is answered.
    pub(crate) fn answered(&mut self, rules: &BreakerRules, answer: Answer, now: Timestamp) {
        let Answer {
            request: number,
            began,
            arrived,
        } = answer;
        let open = |since, probes: u32| {
            let factor = 1u32.checked_shl(probes).unwrap_or(u32::MAX);
            let wait: Duration = rules.first_wait.saturating_mul(factor);
            let wait = wait.min(rules.longest_wait.max(rules.first_wait));
            Self::Open {
                since,
                probes,
                until: now.after(wait.mul_f64(LEAST)),
                hearsay: false,
            }
        };
        *self = match *self {
            Self::Closed { .. } if arrived => Self::CLOSED,
            // Began it before that, it may have been open then.
            Self::Unknown { lately } if arrived && began > lately => Self::CLOSED,
            Self::Unknown { .. } if !arrived => Self::Unknown { lately: now },
            Self::Closed { failures } if failures + 1 < rules.failures => Self::Closed {
                failures: failures + 1,
            },
            Self::Closed { .. } => open(now, 0),
            Self::Open { since, .. } if arrived && began > since => Self::CLOSED,
            Self::Probing { since, request, .. }
                if arrived && (request == number || began > since) =>
            {
                Self::CLOSED
            }
            Self::Probing {
                since,
                probes,
                request,
            } if request == number => open(since, probes + 1),
            other => other,
        };
    }

    /// A node hears of another one's breaker. An open one may probe at once, and a closed one has to.
    pub(crate) fn heard(&mut self, news: BreakerNews, now: Timestamp) {
        *self = match (*self, news) {
            (Self::Closed { .. }, BreakerNews::Opened) => Self::Open {
                since: now,
                probes: 0,
                until: now,
                hearsay: true,
            },
            (Self::Open { hearsay: true, .. }, BreakerNews::Closed) => Self::CLOSED,
            (Self::Open { since, probes, .. }, BreakerNews::Closed) => Self::Open {
                since,
                probes,
                until: now,
                hearsay: false,
            },
            (other, _) => other,
        };
    }
}

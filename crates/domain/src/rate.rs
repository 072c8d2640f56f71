//! Rates of requests: how many an endpoint takes in a time, kept smoothly.
//!
//! [`Pace`] is the generic cell rate algorithm (GCRA; ITU-T I.371, annex A): a leaky bucket that needs
//! one number, the time at which the bucket is empty again. Over any span it lets through at most the
//! burst and what the rate makes of the span.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The most requests in a time that an endpoint takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// So many requests, evenly spread.
    pub requests: u32,
    /// In this time.
    pub per: Per,
    /// So many of them may come at once after a rest.
    pub burst: u32,
}

/// The time that a rate counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Requests in a second.
    Second,
    /// Requests in a minute.
    Minute,
}

/// Why a rate can't be taken: the member, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} {detail}")]
pub struct InvalidRate {
    /// The member of the rate.
    pub member: &'static str,
    /// What would be right.
    pub detail: &'static str,
}

const NANOS: u128 = 1_000_000_000;

impl RateLimit {
    /// The most requests in a second; in a minute, 60 times that.
    pub const MAX_PER_SECOND: u32 = 10_000;
    /// The most requests at once.
    pub const MAX_BURST: u32 = 10_000;

    /// The burst of a rate that names none: what it makes of a 50th of a second, so that timers, which
    /// are as fine as a millisecond, don't hold a high rate down. At least one.
    #[must_use]
    pub fn usual_burst(requests: u32, per: Per) -> u32 {
        let second = match per {
            Per::Second => requests,
            Per::Minute => requests / 60,
        };
        (second / 50).clamp(1, Self::MAX_BURST)
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<InvalidRate> {
        let mut faults = Vec::new();
        let mut fault = |member, detail| faults.push(InvalidRate { member, detail });
        let (most, detail) = match self.per {
            Per::Second => (Self::MAX_PER_SECOND, "must be from 1 to 10000 in a second"),
            Per::Minute => (
                60 * Self::MAX_PER_SECOND,
                "must be from 1 to 600000 in a minute",
            ),
        };
        if !(1..=most).contains(&self.requests) {
            fault("requests", detail);
        }
        if !(1..=Self::MAX_BURST).contains(&self.burst) {
            fault("burst", "must be from 1 to 10000");
        }
        faults
    }

    /// Nanoseconds between two requests, rounded up so that the rate is never exceeded.
    fn interval(&self) -> u128 {
        let span = match self.per {
            Per::Second => NANOS,
            Per::Minute => 60 * NANOS,
        };
        span.div_ceil(u128::from(self.requests.max(1)))
    }

    /// Nanoseconds in which a whole burst comes back.
    fn span(&self) -> u128 {
        self.interval() * u128::from(self.burst.max(1))
    }

    /// The time in which a whole burst comes back.
    #[must_use]
    pub fn rest(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.span()).unwrap_or(u64::MAX))
    }
}

/// How far an endpoint has used up its rate. The default has used nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Nanoseconds since the epoch at which all of the burst is there again.
    whole_at: u128,
}

fn nanos(at: Timestamp) -> u128 {
    u128::try_from(at.micros()).unwrap_or(0) * 1_000
}

impl Pace {
    /// One whose burst was used up at `at`.
    #[must_use]
    pub fn used_up(limit: &RateLimit, at: Timestamp) -> Self {
        Self {
            whole_at: nanos(at) + limit.span(),
        }
    }

    /// What counts of it at `now`: nothing that this limit could have used up is further ahead, so a
    /// clock that was put back or a limit that was changed holds nobody up for long.
    fn standing(&self, limit: &RateLimit, now: Timestamp) -> u128 {
        self.whole_at.min(nanos(now) + limit.span())
    }

    /// When the next request may begin; `now` or before it: at once.
    #[must_use]
    pub fn ready_at(&self, limit: &RateLimit, now: Timestamp) -> Timestamp {
        let ahead = limit.span() - limit.interval();
        let at = self.standing(limit, now).saturating_sub(ahead);
        Timestamp::from_micros(i64::try_from(at.div_ceil(1_000)).unwrap_or(i64::MAX))
    }

    /// A request begins. It is the caller's to ask [`Pace::ready_at`] first.
    pub fn take(&mut self, limit: &RateLimit, now: Timestamp) {
        self.whole_at = self.standing(limit, now).max(nanos(now)) + limit.interval();
    }

    /// How many requests may begin from `now` until `until`, at most.
    #[must_use]
    pub fn lets_through(&self, limit: &RateLimit, now: Timestamp, until: Timestamp) -> usize {
        let used_until = self.standing(limit, now).max(nanos(now));
        let left = (nanos(until) + limit.span()).saturating_sub(used_until);
        usize::try_from(left / limit.interval()).unwrap_or(usize::MAX)
    }

    /// Whether nothing of it is used up.
    #[must_use]
    pub fn is_whole(&self, now: Timestamp) -> bool {
        self.whole_at <= nanos(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    fn limit(requests: u32, per: Per, burst: u32) -> RateLimit {
        RateLimit {
            requests,
            per,
            burst,
        }
    }

    /// The times at which requests begin when each is begun as soon as it may, the asker waiting
    /// for it from these times on.
    fn begun(limit: &RateLimit, mut pace: Pace, asked: &[Timestamp]) -> Vec<Timestamp> {
        let mut now = START;
        let mut begun = Vec::new();
        for at in asked {
            now = now.max(*at);
            now = now.max(pace.ready_at(limit, now));
            pace.take(limit, now);
            begun.push(now);
        }
        begun
    }

    fn any_limit() -> impl Strategy<Value = RateLimit> {
        let per = prop_oneof![Just(Per::Second), Just(Per::Minute)];
        (1u32..=10_000, per, 1u32..=40)
            .prop_map(|(requests, per, burst)| limit(requests, per, burst))
    }

    proptest! {
        #[test]
        fn over_any_span_no_more_begin_than_the_burst_and_what_the_rate_makes_of_it(
            limit in any_limit(),
            gaps in prop::collection::vec(0u64..2_000_000, 1..200),
        ) {
            let mut at = START;
            let asked: Vec<_> = gaps.iter().map(|gap| {
                at = at.after(Duration::from_micros(gap / (1 + gap % 7)));
                at
            }).collect();
            let begun = begun(&limit, Pace::default(), &asked);
            let period = match limit.per { Per::Second => 1_000_000u128, Per::Minute => 60_000_000 };
            for (first, from) in begun.iter().enumerate() {
                for (last, to) in begun.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as u128;
                    let micros = to.since(*from).as_micros();
                    // count <= burst + requests * span / period, without division.
                    prop_assert!(
                        count * period
                            <= u128::from(limit.burst) * period + u128::from(limit.requests) * micros
                    );
                }
            }
        }

        #[test]
        fn whoever_asks_all_the_time_gets_the_whole_rate(limit in any_limit()) {
            let begun = begun(&limit, Pace::default(), &[START; 100]);
            let spaced = 100u32.saturating_sub(limit.burst);
            let period = match limit.per { Per::Second => 1.0, Per::Minute => 60.0 };
            let wanted = period * f64::from(spaced) / f64::from(limit.requests);
            let took = begun[99].since(START).as_secs_f64();
            // Times are whole microseconds, and each is rounded up.
            let rounding = f64::from(spaced + 1) * 0.000_001_1;
            prop_assert!((wanted - 0.000_001..=wanted + rounding).contains(&took), "{took} {wanted}");
        }
    }

    #[test]
    fn requests_are_spread_evenly_after_the_burst() {
        let limit = limit(10, Per::Second, 3);
        let begun = begun(&limit, Pace::default(), &[START; 6]);
        let millis: Vec<_> = begun.iter().map(|at| at.since(START).as_millis()).collect();
        assert_eq!(millis, [0, 0, 0, 100, 200, 300]);
    }

    #[test]
    fn a_used_up_burst_comes_back_one_by_one() {
        let limit = limit(1, Per::Second, 2);
        let pace = Pace::used_up(&limit, START);
        let begun = begun(&limit, pace, &[START; 3]);
        let seconds: Vec<_> = begun.iter().map(|at| at.since(START).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 3]);
        assert!(!pace.is_whole(START) && pace.is_whole(START.after(limit.rest())));
    }

    #[test]
    fn it_says_how_many_may_begin_within_a_time() {
        let limit = limit(10, Per::Second, 3);
        let second = START.after(Duration::from_secs(1));
        let mut pace = Pace::default();
        assert_eq!(pace.lets_through(&limit, START, second), 13);
        (0..3).for_each(|_| pace.take(&limit, START));
        assert_eq!(pace.lets_through(&limit, START, START), 0);
        assert_eq!(pace.lets_through(&limit, START, second), 10);
        let ready_at = pace.ready_at(&limit, START);
        assert_eq!(pace.lets_through(&limit, START, ready_at), 1);
    }

    #[test]
    fn a_clock_that_was_put_back_holds_nobody_up_for_longer_than_a_burst_takes() {
        let limit = limit(1, Per::Second, 5);
        let mut pace = Pace::default();
        pace.take(&limit, START.after(Duration::from_secs(3_600)));
        assert!(pace.ready_at(&limit, START) <= START.after(Duration::from_secs(1)));
    }

    #[test]
    fn what_can_not_be_kept_is_refused_with_the_member() {
        let members = |limit: RateLimit| -> Vec<_> {
            limit.faults().iter().map(|fault| fault.member).collect()
        };
        assert!(members(limit(10_000, Per::Second, 10_000)).is_empty());
        assert!(members(limit(600_000, Per::Minute, 1)).is_empty());
        assert_eq!(members(limit(10_001, Per::Second, 1)), ["requests"]);
        assert_eq!(members(limit(0, Per::Minute, 0)), ["requests", "burst"]);
    }
}

//! How many requests at a time a lane makes: additive increase, multiplicative decrease (AIMD, as TCP
//! does it; Chiu and Jain, 1989).
//!
//! The limit rises by one with each answer that comes while all of it is in use, and halves with each
//! attempt that got no answer in time or was asked to come less often. So it follows what the endpoint
//! bears, and one that hangs is soon asked by one request at a time.

/// How an attempt bore on its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// It answered.
    Fine,
    /// It did not answer in time, or asked for less (429, 503).
    Overloaded,
}

/// The most requests at a time of a lane; 0 until the lane begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limit(usize);

impl Limit {
    /// Begins with `start`, unless it has begun.
    pub(super) fn begin(&mut self, start: usize) {
        if self.0 == 0 {
            self.0 = start.max(1);
        }
    }

    /// The limit.
    pub(super) fn get(self) -> usize {
        self.0
    }

    /// Learns from an attempt that was made while `in_use` were under way; it never gets past `most`.
    pub(super) fn learn(&mut self, pressure: Pressure, in_use: usize, most: usize) {
        match pressure {
            Pressure::Overloaded => self.0 = (self.0 / 2).max(1),
            Pressure::Fine if in_use >= self.0 && self.0 < most => self.0 += 1,
            Pressure::Fine => {}
        }
    }

    /// Begins anew with one, for an endpoint that has to show first what it bears.
    pub(super) fn restart(&mut self) {
        self.0 = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(start: usize) -> Limit {
        let mut limit = Limit::default();
        limit.begin(start);
        limit
    }

    #[test]
    fn it_rises_by_one_only_when_all_of_it_is_in_use() {
        let mut limit = begun(8);
        limit.learn(Pressure::Fine, 7, 64);
        assert_eq!(limit.get(), 8);
        limit.learn(Pressure::Fine, 8, 64);
        assert_eq!(limit.get(), 9);
    }

    #[test]
    fn it_never_gets_past_the_most() {
        let mut limit = begun(8);
        for _ in 0..100 {
            let in_use = limit.get();
            limit.learn(Pressure::Fine, in_use, 20);
        }
        assert_eq!(limit.get(), 20);
    }

    #[test]
    fn it_halves_under_pressure_down_to_one() {
        let mut limit = begun(9);
        let mut seen = Vec::new();
        for _ in 0..5 {
            limit.learn(Pressure::Overloaded, 9, 64);
            seen.push(limit.get());
        }
        assert_eq!(seen, [4, 2, 1, 1, 1]);
    }

    #[test]
    fn two_lanes_that_share_what_an_endpoint_bears_come_to_equal_limits() {
        // What AIMD is known for: the difference halves with each decrease.
        let (mut small, mut large) = (begun(2), begun(60));
        for _ in 0..1_000 {
            if small.get() + large.get() > 64 {
                small.learn(Pressure::Overloaded, small.get(), 64);
                large.learn(Pressure::Overloaded, large.get(), 64);
            } else {
                small.learn(Pressure::Fine, small.get(), 64);
                large.learn(Pressure::Fine, large.get(), 64);
            }
        }
        assert!(
            small.get().abs_diff(large.get()) <= 2,
            "{small:?} {large:?}"
        );
    }

    #[test]
    fn it_begins_once_and_can_begin_anew_with_one() {
        let mut limit = begun(8);
        limit.begin(20);
        assert_eq!(limit.get(), 8);
        limit.restart();
        assert_eq!(limit.get(), 1);
    }
}

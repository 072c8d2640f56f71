//! How fast an endpoint's requests came. Counted by the second at which the server says that it sent them, so
//! that what the network or the receiver kept back for a moment makes no crowd.

use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Pace {
    /// Requests in each second, since 1970.
    seconds: BTreeMap<u64, u64>,
}

impl Pace {
    /// Takes down a request that was sent in this second.
    pub(super) fn request(&mut self, second: u64) {
        *self.seconds.entry(second).or_default() += 1;
    }

    /// By how many requests any span of whole seconds exceeds what this rate makes of it, at most. That is the
    /// burst, where the rate is kept.
    pub(super) fn excess(&self, per_second: u64) -> u64 {
        let (mut most, mut above, mut before) = (0_u64, 0_u64, 0);
        for (second, requests) in &self.seconds {
            // Of the span that is worth most so far, or of one that begins here.
            let idle = second.saturating_sub(before + 1);
            above = above.saturating_sub(idle * per_second);
            above = (above + requests).saturating_sub(per_second);
            most = most.max(above);
            before = *second;
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_is_that_of_the_busiest_span() {
        let mut pace = Pace::default();
        let mut send = |second, requests| (0..requests).for_each(|_| pace.request(second));
        send(100, 10);
        send(101, 13);
        send(102, 9);
        send(103, 14);
        send(105, 12);
        send(109, 15);
        // Seconds 101 to 103.
        assert_eq!(pace.excess(10), 6);
        assert_eq!(pace.excess(20), 0);
    }
}

//! Whether an endpoint gets its events in order: no attempt of one begins before all that stand before it have
//! arrived. One stands before another if it was acknowledged before the other was sent.

use std::collections::HashMap;

/// The lines of an endpoint, by their numbers.
#[derive(Default)]
pub(super) struct Lines {
    lines: HashMap<u64, Line>,
    /// Events that came against their order.
    violations: u64,
}

#[derive(Default)]
struct Line {
    /// The latest that an event was sent of those that arrived.
    arrived: u64,
    /// The same of requests that were not taken yet, by their `webhook-id`: they come again.
    untaken: HashMap<String, u64>,
}

/// An event of a request.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) line: u64,
    /// When its publisher sent it first.
    pub(super) sent: u64,
    /// When it was acknowledged; 0: not yet.
    pub(super) acknowledged: u64,
}

impl Lines {
    pub(super) fn violations(&self) -> u64 {
        self.violations
    }

    /// Takes down a request with the events that had not arrived before, in their order.
    pub(super) fn request(&mut self, id: &str, members: &[Member], taken: bool) {
        let Some(first) = members.first() else {
            return;
        };
        let strangers = members.iter().filter(|member| member.line != first.line);
        self.violations += strangers.count() as u64;
        let line = self.lines.entry(first.line).or_default();
        let latest = members.iter().map(|member| member.sent).max().unwrap_or(0);
        if !taken {
            line.untaken.insert(id.to_owned(), latest);
            return;
        }
        line.untaken.remove(id);
        // What came before the first of these could, whether it was taken or not.
        let untaken = line.untaken.values().copied();
        let mut passed = untaken.fold(line.arrived, u64::max);
        for member in members {
            if member.acknowledged != 0 && member.acknowledged < passed {
                self.violations += 1;
            }
            passed = passed.max(member.sent);
        }
        line.arrived = line.arrived.max(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(line: u64, sent: u64) -> Member {
        Member {
            line,
            sent,
            acknowledged: sent + 5,
        }
    }

    #[test]
    fn what_comes_again_until_it_is_taken_and_then_the_next_is_in_order() {
        let mut lines = Lines::default();
        let batch = [member(0, 10), member(0, 20)];
        lines.request("a", &batch, false);
        lines.request("a", &batch, true);
        lines.request("b", &[member(0, 30)], false);
        lines.request("c", &[member(1, 12)], true);
        lines.request("b", &[member(0, 30)], true);
        // They were published at the same time.
        lines.request("d", &[member(0, 42)], true);
        lines.request("e", &[member(0, 40)], true);
        assert_eq!(lines.violations(), 0);
    }

    #[test]
    fn an_event_whose_follower_was_tried_before_it_arrived_is_out_of_order() {
        let mut lines = Lines::default();
        lines.request("a", &[member(0, 10)], false);
        lines.request("b", &[member(0, 20)], false);
        lines.request("a", &[member(0, 10)], true);
        assert_eq!(lines.violations(), 1);
        lines.request("c", &[member(1, 60), member(1, 50)], true);
        assert_eq!(lines.violations(), 2, "within a batch");
        lines.request("d", &[member(2, 70), member(3, 80)], true);
        assert_eq!(lines.violations(), 3, "a batch is of one line");
    }
}

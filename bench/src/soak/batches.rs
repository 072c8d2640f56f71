//! Whether an endpoint's batches are as promised: within their size, each always with the same events, and each
//! event in one of them.

use std::collections::HashMap;

#[derive(Default)]
pub(super) struct Batches {
    /// By `webhook-id`.
    members: HashMap<String, Vec<u64>>,
    /// Where each event is, by its number.
    batch_of: HashMap<u64, String>,
    largest: usize,
    violations: u64,
}

impl Batches {
    /// Requests against what is promised, each fault of one.
    pub(super) fn violations(&self) -> u64 {
        self.violations
    }

    /// How many batches came, each counted once.
    pub(super) fn count(&self) -> u64 {
        self.members.len() as u64
    }

    pub(super) fn largest(&self) -> u64 {
        self.largest as u64
    }

    /// Takes down a request with these events, of which there may be so many.
    pub(super) fn request(&mut self, id: &str, events: &[u64], most: u64) {
        self.largest = self.largest.max(events.len());
        if events.is_empty() || events.len() as u64 > most {
            self.violations += 1;
        }
        if let Some(members) = self.members.get(id) {
            // What ended meanwhile is left out.
            let mut left = members.iter();
            if !events
                .iter()
                .all(|event| left.any(|member| member == event))
            {
                self.violations += 1;
            }
            return;
        }
        for event in events {
            if self.batch_of.insert(*event, id.to_owned()).is_some() {
                self.violations += 1;
            }
        }
        self.members.insert(id.to_owned(), events.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_come_again_without_what_has_ended_but_with_nothing_else_and_in_its_order() {
        let mut batches = Batches::default();
        batches.request("a", &[1, 2, 3], 3);
        batches.request("a", &[1, 2, 3], 3);
        batches.request("a", &[1, 3], 3);
        batches.request("b", &[4], 3);
        assert_eq!(batches.violations(), 0);
        assert_eq!((batches.count(), batches.largest()), (2, 3));
        batches.request("a", &[3, 1], 3);
        assert_eq!(batches.violations(), 1, "another order");
        batches.request("b", &[4, 5], 3);
        assert_eq!(batches.violations(), 2, "one more");
        batches.request("c", &[1], 3);
        assert_eq!(batches.violations(), 3, "in another batch");
        batches.request("d", &[6, 7, 8, 9], 3);
        assert_eq!(batches.violations(), 4, "too large");
    }
}

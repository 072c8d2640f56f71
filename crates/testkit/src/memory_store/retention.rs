//! What retention takes from the deliveries part.

use fanfare_app::port::deliveries::Expired;
use fanfare_domain::time::Timestamp;

use super::deliveries::{Rows, holds};

impl Rows {
    pub(super) fn drop_expired(&mut self, expired: Expired, limit: usize) -> usize {
        match expired {
            Expired::Attempts(time) => self.drop_attempts(time, limit),
            Expired::Deliveries(time) => self.drop_deliveries(time, limit),
            Expired::Tallies(time) => self.tallies.drop_before(time, limit),
        }
    }

    fn drop_attempts(&mut self, time: Timestamp, limit: usize) -> usize {
        let old: Vec<_> = self
            .attempts
            .keys()
            .filter(|(scope, id)| {
                // A delivery's id tells when it was made, to the millisecond.
                id.delivery().made_at().millis() < time.millis()
                    && !self.waits(scope, id.delivery())
            })
            .take(limit)
            .cloned()
            .collect();
        for key in &old {
            self.attempts.remove(key);
        }
        old.len()
    }

    fn drop_deliveries(&mut self, time: Timestamp, limit: usize) -> usize {
        let old: Vec<_> = self
            .by_id
            .values()
            .filter(|row| row.state.ended() && row.created_at < time && !holds(row))
            .map(|row| (row.scope.clone(), row.id))
            .take(limit)
            .collect();
        for (scope, id) in &old {
            self.by_id.remove(&(scope.clone(), *id));
            let key = |number| (scope.clone(), id.attempt(number));
            let attempts: Vec<_> = self
                .attempts
                .range(key(0)..=key(u16::MAX))
                .map(|(key, _)| key.clone())
                .collect();
            for attempt in attempts {
                self.attempts.remove(&attempt);
            }
        }
        old.len()
    }
}

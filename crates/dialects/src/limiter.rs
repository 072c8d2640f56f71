//! How often a key may call.

use std::collections::HashMap;
use std::time::Duration;

use fanfare_domain::id::KeyId;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

/// Calls in a minute for each key and operation, by the generic cell rate algorithm: an unused minute
/// may be spent at once, then calls come back one by one.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Between two calls at the steady rate.
    interval: Duration,
    /// When each would have its whole minute again.
    full_at: Mutex<HashMap<(KeyId, &'static str), Timestamp>>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Keys and operations that are remembered. Past it, those that have their whole minute again are
/// forgotten, which changes nothing for them.
const MOST: usize = 10_000;

impl Limiter {
    pub(crate) fn per_minute(rate: u32) -> Self {
        Self {
            interval: MINUTE / rate.max(1),
            full_at: Mutex::default(),
        }
    }

    /// Counts a call; or says how long until one is free.
    pub(crate) fn take(
        &self,
        key: KeyId,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let mut all = self.full_at.lock();
        if all.len() >= MOST {
            all.retain(|_, full_at| *full_at > now);
        }
        let full_at = all.entry((key, operation)).or_insert(now);
        let next = (*full_at).max(now).after(self.interval);
        let allowed = now.after(MINUTE);
        if next > allowed {
            return Err(next.since(allowed));
        }
        *full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_calls_may_come_at_once_and_then_one_by_one_for_each_key_and_operation() {
        let limiter = Limiter::per_minute(3);
        let (key, other) = (KeyId::from_bits(1), KeyId::from_bits(2));
        let now = Timestamp::from_seconds(1_000);
        for _ in 0..3 {
            assert_eq!(limiter.take(key, "list", now), Ok(()));
        }
        assert_eq!(limiter.take(key, "list", now), Err(Duration::from_secs(20)));
        assert_eq!(limiter.take(key, "create", now), Ok(()));
        assert_eq!(limiter.take(other, "list", now), Ok(()));
        let later = now.after(Duration::from_secs(20));
        assert_eq!(limiter.take(key, "list", later), Ok(()));
        assert!(limiter.take(key, "list", later).is_err());
    }
}

//! The rate that a tenant's endpoints share.

use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_domain::rate::{Pace, RateLimit};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

/// How far the rate of all endpoints of a tenant together is used up. Most tenants have none, and then
/// asking costs a look at a flag.
#[derive(Debug, Default)]
pub struct TenantPace {
    limited: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    limit: Option<RateLimit>,
    pace: Option<Pace>,
}

impl TenantPace {
    /// Gives the tenant a rate, or takes it away.
    pub(super) fn set(&self, limit: Option<RateLimit>) {
        self.state.lock().limit = limit;
        self.limited.store(limit.is_some(), Ordering::Release);
    }

    /// When the next request may begin, as far as this rate goes; none: at once. What was sent before
    /// `began`, when the engine started, is not known, so that much is taken as used up.
    #[must_use]
    pub fn wait_until(&self, now: Timestamp, began: Timestamp) -> Option<Timestamp> {
        if !self.limited.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state.lock();
        let limit = state.limit?;
        let pace = state
            .pace
            .get_or_insert_with(|| Pace::used_up(&limit, began));
        let ready_at = pace.ready_at(&limit, now);
        (ready_at > now).then_some(ready_at)
    }

    /// Takes the right to one request; or says when to ask again, where another lane was faster.
    ///
    /// # Errors
    /// When the next one may begin.
    pub fn take(&self, now: Timestamp, began: Timestamp) -> Result<(), Timestamp> {
        if !self.limited.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut state = self.state.lock();
        let Some(limit) = state.limit else {
            return Ok(());
        };
        let pace = state
            .pace
            .get_or_insert_with(|| Pace::used_up(&limit, began));
        let ready_at = pace.ready_at(&limit, now);
        if ready_at > now {
            return Err(ready_at);
        }
        pace.take(&limit, now);
        Ok(())
    }
}

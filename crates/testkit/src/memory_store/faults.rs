//! Faults that a test puts into a store.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Changes of the configuration.
    Apply,
    /// Reads of the configuration.
    ReadConfiguration,
    /// Appends to the log.
    Append,
    /// Reads of the log, by position or id.
    ReadLog,
    /// Settlements.
    Settle,
    /// Due deliveries of an endpoint.
    Due,
    /// Endpoints with waiting deliveries.
    Lanes,
    /// Discards.
    Discard,
    /// Other reads of deliveries.
    ReadDeliveries,
    /// Retention.
    Retain,
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the work: nothing was done.
    Before,
    /// After the work: it was done, but the answer is lost or late.
    After,
}

/// The faults of a store. Each is for one kind of calls.
#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeMap<Call, Fault>>);

#[derive(Debug, Default)]
struct Fault {
    fails: Option<(usize, Moment)>,
    delay_before: Duration,
    delay_after: Duration,
    calls: usize,
}

/// What happens to one call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) fails: Option<Moment>,
    pub(super) delay_before: Duration,
    pub(super) delay_after: Duration,
}

impl Faults {
    /// The next `count` calls of this kind fail as not available; `usize::MAX` for all until
    /// [`Faults::heal`].
    pub fn fail(&self, call: Call, count: usize, moment: Moment) {
        self.0.lock().entry(call).or_default().fails = Some((count, moment));
    }

    /// All calls of this kind take so much longer, before or after their work.
    pub fn delay(&self, call: Call, delay: Duration, moment: Moment) {
        let mut faults = self.0.lock();
        let fault = faults.entry(call).or_default();
        match moment {
            Moment::Before => fault.delay_before = delay,
            Moment::After => fault.delay_after = delay,
        }
    }

    /// Ends all faults and delays.
    pub fn heal(&self) {
        for fault in self.0.lock().values_mut() {
            *fault = Fault {
                calls: fault.calls,
                ..Fault::default()
            };
        }
    }

    /// How many calls of this kind there were.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        self.0.lock().get(&call).map_or(0, |fault| fault.calls)
    }

    pub(super) fn plan(&self, call: Call) -> Plan {
        let mut faults = self.0.lock();
        let fault = faults.entry(call).or_default();
        fault.calls += 1;
        let fails = match &mut fault.fails {
            Some((left, moment)) if *left > 0 => {
                *left -= usize::from(*left != usize::MAX);
                Some(*moment)
            }
            _ => None,
        };
        Plan {
            fails,
            delay_before: fault.delay_before,
            delay_after: fault.delay_after,
        }
    }
}

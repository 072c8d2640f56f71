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
    /// Changes of jobs.
    ChangeJob,
    /// Reads of jobs, and of deliveries and events for them.
    ReadJobs,
    /// Retention.
    Retain,
}

impl Call {
    /// Whether it only reads.
    pub(super) fn reads(self) -> bool {
        matches!(
            self,
            Self::ReadConfiguration
                | Self::ReadLog
                | Self::Due
                | Self::Lanes
                | Self::ReadDeliveries
                | Self::ReadJobs
        )
    }
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the work: nothing was done.
    Before,
    /// After the work: it was done, but the answer is lost or late.
    After,
}

/// The faults of a store. Each is for one kind of calls, but for the moment at which it stops.
#[derive(Debug, Default)]
pub struct Faults {
    by_call: Mutex<BTreeMap<Call, Fault>>,
    stop: Mutex<Option<(usize, Moment)>>,
}

#[derive(Debug, Default)]
struct Fault {
    fails: Option<(usize, Moment)>,
    delay_before: Duration,
    delay_after: Duration,
    /// Every so many calls, one is answered as if it was done, and is not.
    lost: Option<usize>,
    calls: usize,
}

/// What happens to one call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) fails: Option<Moment>,
    /// The power goes at this call.
    pub(super) stops: Option<Moment>,
    /// It is answered and not done.
    pub(super) lost: bool,
    pub(super) delay_before: Duration,
    pub(super) delay_after: Duration,
}

impl Faults {
    /// The next `count` calls of this kind fail as not available; `usize::MAX` for all until
    /// [`Faults::heal`].
    pub fn fail(&self, call: Call, count: usize, moment: Moment) {
        self.by_call.lock().entry(call).or_default().fails = Some((count, moment));
    }

    /// Of every `every` calls of this kind the last is answered as if it was done, and is not: what no
    /// store may do.
    pub fn lose(&self, call: Call, every: usize) {
        self.by_call.lock().entry(call).or_default().lost = Some(every.max(1));
    }

    /// The store's power goes at the call after `calls` others of any kind, before or after its work:
    /// neither it nor any later one answers. See [`super::MemoryStore::stopped`].
    pub fn stop_after(&self, calls: usize, moment: Moment) {
        *self.stop.lock() = Some((calls, moment));
    }

    /// All calls of this kind take so much longer, before or after their work.
    pub fn delay(&self, call: Call, delay: Duration, moment: Moment) {
        let mut faults = self.by_call.lock();
        let fault = faults.entry(call).or_default();
        match moment {
            Moment::Before => fault.delay_before = delay,
            Moment::After => fault.delay_after = delay,
        }
    }

    /// Ends all failures and delays.
    pub fn heal(&self) {
        *self.stop.lock() = None;
        for fault in self.by_call.lock().values_mut() {
            *fault = Fault {
                calls: fault.calls,
                lost: fault.lost,
                ..Fault::default()
            };
        }
    }

    /// How many calls of this kind there were.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        self.by_call
            .lock()
            .get(&call)
            .map_or(0, |fault| fault.calls)
    }

    pub(super) fn plan(&self, call: Call) -> Plan {
        let stops = match &mut *self.stop.lock() {
            Some((0, moment)) => Some(*moment),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        let mut faults = self.by_call.lock();
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
            stops,
            lost: fault
                .lost
                .is_some_and(|every| fault.calls.is_multiple_of(every)),
            delay_before: fault.delay_before,
            delay_after: fault.delay_after,
        }
    }
}

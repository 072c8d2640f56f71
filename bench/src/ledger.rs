//! What was published, acknowledged and received in one run: from it come latencies, the rate,
//! what was lost and what came twice. Two bits and eight bytes for each event.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use fanfare_testkit::receiver::Arrival;
use parking_lot::{Mutex, RwLock};

use crate::{
    clock,
    histogram::{Latencies, Percentiles},
    order::Order,
    payload::read_mark,
};

pub(crate) struct Ledger {
    pub(crate) run: u16,
    endpoints: usize,
    /// When each event was to be sent; 0: not yet.
    intended: Box<[AtomicU64]>,
    acknowledged: Bits,
    /// A bit for each endpoint of each event.
    arrived: Bits,
    next: AtomicU64,
    /// What was sent before this moment or arrived after `until` is not measured, only counted.
    from: AtomicU64,
    until: AtomicU64,
    latencies: Mutex<Latencies>,
    arrived_in_window: AtomicU64,
    arrived_count: AtomicU64,
    twice: AtomicU64,
    last_arrival: AtomicU64,
    order: Option<Order>,
}

impl Ledger {
    /// For at most `capacity` events, each to `endpoints` endpoints.
    pub(crate) fn new(run: u16, capacity: u64, endpoints: usize) -> Self {
        let capacity = usize::try_from(capacity).expect("the count fits memory");
        Self {
            run,
            endpoints,
            intended: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            acknowledged: Bits::new(capacity),
            arrived: Bits::new(capacity * endpoints),
            next: AtomicU64::new(0),
            from: AtomicU64::new(0),
            until: AtomicU64::new(u64::MAX),
            latencies: Mutex::new(Latencies::new()),
            arrived_in_window: AtomicU64::new(0),
            arrived_count: AtomicU64::new(0),
            twice: AtomicU64::new(0),
            last_arrival: AtomicU64::new(0),
            order: None,
        }
    }

    /// Counts too what arrives against the order of its events; for one endpoint.
    pub(crate) fn watching_order(mut self) -> Self {
        self.order = Some(Order::new(self.intended.len()));
        self
    }

    /// What arrived against the order of its events; 0 where nobody watches it.
    pub(crate) fn out_of_order(&self) -> u64 {
        self.order.as_ref().map_or(0, Order::violations)
    }

    /// What of the run is measured, in nanoseconds of [`clock`].
    pub(crate) fn measure(&self, from: u64, until: u64) {
        self.from.store(from, Relaxed);
        self.until.store(until, Relaxed);
    }

    /// Whether a thing of this moment is measured.
    pub(crate) fn measures(&self, moment: u64) -> bool {
        (self.from.load(Relaxed)..self.until.load(Relaxed)).contains(&moment)
    }

    /// The next event's number, or none when the capacity is used up.
    pub(crate) fn take_number(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Relaxed);
        (number < self.intended.len() as u64).then_some(number)
    }

    pub(crate) fn sent(&self, number: u64, intended: u64) {
        self.intended[number as usize].store(intended, Relaxed);
    }

    pub(crate) fn acknowledge(&self, number: u64) {
        self.acknowledged.set(number as usize);
        if let Some(order) = &self.order {
            order.acknowledge(number, clock::now());
        }
    }

    fn arrive(&self, number: u64, endpoint: usize, at: u64) -> Option<()> {
        let intended = self.intended.get(number as usize)?.load(Relaxed);
        if intended == 0 || endpoint >= self.endpoints {
            return None;
        }
        if self
            .arrived
            .set(number as usize * self.endpoints + endpoint)
        {
            self.twice.fetch_add(1, Relaxed);
            return Some(());
        }
        if let Some(order) = &self.order {
            order.arrive(number, intended);
        }
        self.arrived_count.fetch_add(1, Relaxed);
        self.last_arrival.fetch_max(at, Relaxed);
        if self.measures(at) {
            self.arrived_in_window.fetch_add(1, Relaxed);
        }
        if self.measures(intended) {
            self.latencies.lock().record(at.saturating_sub(intended));
        }
        Some(())
    }

    /// Deliveries that were published and have not arrived, whether acknowledged or not.
    pub(crate) fn outstanding(&self) -> u64 {
        (self.published() as u64 * self.endpoints as u64)
            .saturating_sub(self.arrived_count.load(Relaxed))
    }

    fn published(&self) -> usize {
        self.intended.len().min(self.next.load(Relaxed) as usize)
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.arrived_count.load(Relaxed)
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.count()
    }

    /// First arrivals a second within what is measured.
    pub(crate) fn rate(&self) -> f64 {
        let nanos = self.until.load(Relaxed) - self.from.load(Relaxed);
        self.arrived_in_window.load(Relaxed) as f64 / (nanos as f64 / 1e9)
    }

    pub(crate) fn latencies(&self) -> Option<Percentiles> {
        self.latencies.lock().percentiles()
    }

    pub(crate) fn twice(&self) -> u64 {
        self.twice.load(Relaxed)
    }

    /// How long after what is measured the last delivery came.
    pub(crate) fn drain(&self) -> Duration {
        let after = self
            .last_arrival
            .load(Relaxed)
            .saturating_sub(self.until.load(Relaxed));
        Duration::from_nanos(after)
    }

    /// Acknowledged deliveries that have not arrived.
    pub(crate) fn missing(&self) -> u64 {
        (0..self.published())
            .filter(|number| self.acknowledged.get(*number))
            .map(|number| {
                let first = number * self.endpoints;
                (first..first + self.endpoints)
                    .filter(|bit| !self.arrived.get(*bit))
                    .count() as u64
            })
            .sum()
    }

    /// Waits until every acknowledged delivery has arrived, or nothing has for `grace`; says how
    /// many are lost.
    pub(crate) fn wait_for_the_rest(&self, grace: Duration) -> u64 {
        let mut progress = (self.arrived(), clock::now());
        loop {
            let missing = self.missing();
            let arrived = self.arrived();
            if arrived != progress.0 {
                progress = (arrived, clock::now());
            }
            if missing == 0 || clock::now() - progress.1 > clock::span(grace) {
                return missing;
            }
            clock::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) struct Bits(Box<[AtomicU64]>);

impl Bits {
    pub(crate) fn new(bits: usize) -> Self {
        Self((0..bits.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Says whether it was set before.
    pub(crate) fn set(&self, bit: usize) -> bool {
        let mask = 1 << (bit % 64);
        self.0[bit / 64].fetch_or(mask, Relaxed) & mask != 0
    }

    pub(crate) fn get(&self, bit: usize) -> bool {
        self.0[bit / 64].load(Relaxed) & (1 << (bit % 64)) != 0
    }

    pub(crate) fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|word| u64::from(word.load(Relaxed).count_ones()))
            .sum()
    }
}

/// The runs that are under way, for the receiver to find the one that an arrival belongs to.
#[derive(Default)]
pub(crate) struct Ledgers {
    runs: RwLock<HashMap<u16, Arc<Ledger>>>,
    last_run: Mutex<u16>,
    total: AtomicU64,
    strays: AtomicU64,
}

impl Ledgers {
    pub(crate) fn open(&self, capacity: u64, endpoints: usize) -> Arc<Ledger> {
        self.open_with(|run| Ledger::new(run, capacity, endpoints))
    }

    /// Opens what this makes of a run's number.
    pub(crate) fn open_with(&self, make: impl FnOnce(u16) -> Ledger) -> Arc<Ledger> {
        let mut last_run = self.last_run.lock();
        *last_run += 1;
        let ledger = Arc::new(make(*last_run));
        self.runs.write().insert(*last_run, ledger.clone());
        ledger
    }

    /// What still arrives of this run counts as stray from now on.
    pub(crate) fn close(&self, ledger: &Ledger) {
        self.runs.write().remove(&ledger.run);
    }

    /// Takes one delivery; the endpoint's index is the last part of its path.
    pub(crate) fn arrive(&self, arrival: &Arrival) {
        self.total.fetch_add(1, Relaxed);
        let endpoint = arrival
            .path
            .rsplit('/')
            .next()
            .and_then(|index| index.parse().ok());
        let taken = endpoint
            .zip(read_mark(&arrival.body))
            .and_then(|(endpoint, (run, number))| {
                self.runs
                    .read()
                    .get(&run)?
                    .arrive(number, endpoint, clock::nanos(arrival.at))
            });
        if taken.is_none() {
            self.strays.fetch_add(1, Relaxed);
        }
    }

    /// Every request that came, first or again, of any run.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Requests that belong to no open run.
    pub(crate) fn strays(&self) -> u64 {
        self.strays.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_and_never_comes_is_lost_and_what_comes_again_is_twice() {
        let ledger = Ledger::new(1, 10, 2);
        ledger.measure(0, 1_000_000_000);
        for _ in 0..3 {
            let number = ledger.take_number().unwrap();
            ledger.sent(number, 100 + number);
        }
        ledger.acknowledge(0);
        ledger.acknowledge(1);
        for (number, endpoint) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
            assert!(ledger.arrive(number, endpoint, 2_100).is_some());
        }
        assert_eq!(ledger.missing(), 1);
        assert_eq!(ledger.twice(), 1);
        assert_eq!(ledger.acknowledged(), 2);
        assert_eq!(ledger.arrived(), 3);
        assert_eq!(ledger.outstanding(), 3);
        assert!((ledger.rate() - 3.0).abs() < f64::EPSILON);
        assert!(ledger.arrive(5, 0, 1).is_none(), "it was never sent");
    }
}

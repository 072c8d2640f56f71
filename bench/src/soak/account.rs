//! What was published, acknowledged and taken, and whether it came as its endpoint asked for it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fanfare_testkit::receiver::Arrival;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::{clock, ledger::Bits};

use super::{
    batches::Batches,
    lines::{Lines, Member},
    pace::Pace,
    steady::{STEADY, Steady},
};

/// The ids that the soak chooses for its events.
const PREFIX: &str = "soak-";

/// Two moments for each event, and a bit for each steady endpoint of it.
pub(super) struct Account {
    capacity: u64,
    next: AtomicU64,
    /// When its publisher sent it first; 0: not yet.
    sent: Box<[AtomicU64]>,
    /// When its publisher was told that it is accepted; 0: not yet.
    acknowledged: Box<[AtomicU64]>,
    acknowledged_count: AtomicU64,
    /// Answered 2xx by the receiver.
    taken: Bits,
    requests: AtomicU64,
    takes: AtomicU64,
    duplicates: AtomicU64,
    manners: [Mutex<Manners>; STEADY.len()],
}

/// How the requests of one endpoint came.
#[derive(Default)]
struct Manners {
    lines: Lines,
    batches: Batches,
    pace: Pace,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// Events whose publisher was told that they are accepted.
    pub(super) acknowledged: u64,
    /// Requests that came.
    pub(super) requests: u64,
    /// Deliveries that a steady endpoint took.
    pub(super) taken: u64,
    /// Deliveries that it had taken before.
    pub(super) duplicates: u64,
}

/// What came otherwise than an endpoint asked for it, and how much of it there was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Discipline {
    /// Events against their order.
    pub(super) against_order: u64,
    /// Faults of batches.
    pub(super) faulty_batches: u64,
    /// Requests above an endpoint's rate and burst.
    pub(super) above_rate: u64,
    /// Batches that came.
    pub(super) batches: u64,
    /// The most events in one of them.
    pub(super) largest_batch: u64,
    /// The most requests of any span above the rate alone, which its burst allows.
    pub(super) burst_used: u64,
}

/// An event of a batch; its other members are of no interest here.
#[derive(Deserialize)]
struct InBatch {
    id: String,
}

impl Account {
    pub(super) fn new(rate: u64, seconds: u64) -> Self {
        let capacity = rate * (seconds + 60) + 1_000;
        let moments = || (0..capacity).map(|_| AtomicU64::new(0)).collect();
        Self {
            capacity,
            next: AtomicU64::new(0),
            sent: moments(),
            acknowledged: moments(),
            acknowledged_count: AtomicU64::new(0),
            taken: Bits::new(capacity as usize * STEADY.len()),
            requests: AtomicU64::new(0),
            takes: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            manners: Default::default(),
        }
    }

    /// The number and the id of the next event, which is sent now; none when there is no room for its account.
    pub(super) fn next(&self) -> Option<(u64, String)> {
        let number = self.next.fetch_add(1, Relaxed);
        self.sent.get(number as usize)?.store(clock::now(), Relaxed);
        Some((number, format!("{PREFIX}{number}")))
    }

    pub(super) fn acknowledge(&self, number: u64) {
        self.acknowledged[number as usize].store(clock::now(), Relaxed);
        self.acknowledged_count.fetch_add(1, Relaxed);
    }

    /// Takes down a request. The number of a steady endpoint is the last part of its path.
    pub(super) fn arrive(&self, arrival: &Arrival) {
        self.requests.fetch_add(1, Relaxed);
        let endpoint = arrival.path.rsplit('/').next();
        let endpoint = endpoint.and_then(|text| text.parse::<usize>().ok());
        let Some((endpoint, steady)) = endpoint.and_then(|at| Some((at, STEADY.get(at)?))) else {
            return;
        };
        let id = arrival.header("webhook-id").unwrap_or_default();
        let events = match steady.batch {
            None => self.number(id).into_iter().collect(),
            Some(_) => self.numbers(&arrival.body),
        };
        let taken = matches!(arrival.answer, Some(200..300));
        let sent_at = arrival.header("webhook-timestamp");
        let sent_at = sent_at.and_then(|text| text.parse().ok());
        self.look_at_manners(endpoint, id, &events, taken, sent_at);
        if !taken {
            return;
        }
        for event in events {
            if self.taken.set(place(event, endpoint)) {
                self.duplicates.fetch_add(1, Relaxed);
            } else {
                self.takes.fetch_add(1, Relaxed);
            }
        }
    }

    fn look_at_manners(
        &self,
        endpoint: usize,
        id: &str,
        events: &[u64],
        taken: bool,
        sent_at: Option<u64>,
    ) {
        let steady = &STEADY[endpoint];
        let mut manners = self.manners[endpoint].lock();
        if let Some(second) = sent_at.filter(|_| steady.rate.is_some()) {
            manners.pace.request(second);
        }
        if let Some(most) = steady.batch {
            manners.batches.request(id, events, most);
        }
        let new = events
            .iter()
            .filter(|event| !self.taken.get(place(**event, endpoint)));
        let members: Vec<_> = new
            .filter_map(|event| self.member(steady, *event))
            .collect();
        manners.lines.request(id, &members, taken);
    }

    fn member(&self, steady: &Steady, event: u64) -> Option<Member> {
        Some(Member {
            line: steady.line(event)?,
            sent: self.sent[event as usize].load(Relaxed),
            acknowledged: self.acknowledged[event as usize].load(Relaxed),
        })
    }

    fn number(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(PREFIX)?.parse().ok()?;
        (number < self.capacity).then_some(number)
    }

    fn numbers(&self, batch: &[u8]) -> Vec<u64> {
        let events: Vec<InBatch> = serde_json::from_slice(batch).unwrap_or_default();
        let numbers = events.iter().filter_map(|event| self.number(&event.id));
        numbers.collect()
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            acknowledged: self.acknowledged_count.load(Relaxed),
            requests: self.requests.load(Relaxed),
            taken: self.takes.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
        }
    }

    pub(super) fn discipline(&self) -> Discipline {
        let mut sums = Discipline::default();
        for (steady, manners) in STEADY.iter().zip(&self.manners) {
            let manners = manners.lock();
            sums.against_order += manners.lines.violations();
            sums.faulty_batches += manners.batches.violations();
            sums.batches += manners.batches.count();
            sums.largest_batch = sums.largest_batch.max(manners.batches.largest());
            if let Some(rate) = steady.rate {
                let excess = manners.pace.excess(rate.per_second);
                sums.burst_used = sums.burst_used.max(excess);
                sums.above_rate += excess.saturating_sub(rate.burst);
            }
        }
        sums
    }

    /// Deliveries of acknowledged events that their endpoint has not taken, as event and endpoint.
    fn untaken(&self) -> impl Iterator<Item = (u64, usize)> {
        let last = self.next.load(Relaxed).min(self.capacity);
        let acknowledged =
            (0..last).filter(|event| self.acknowledged[*event as usize].load(Relaxed) != 0);
        acknowledged.flat_map(move |event| {
            let takers = STEADY.iter().enumerate();
            let takers = takers.filter(move |(_, steady)| steady.takes(event));
            let missing = takers.filter(move |(at, _)| !self.taken.get(place(event, *at)));
            missing.map(move |(at, _)| (event, at))
        })
    }

    /// How many deliveries of acknowledged events their endpoints have not taken.
    pub(super) fn missing(&self) -> u64 {
        self.untaken().count() as u64
    }

    /// Some of them, to look for.
    pub(super) fn examples(&self) -> Vec<String> {
        let some = self.untaken().take(5);
        some.map(|(event, endpoint)| format!("{PREFIX}{event} at /e/{endpoint}"))
            .collect()
    }
}

fn place(event: u64, endpoint: usize) -> usize {
    event as usize * STEADY.len() + endpoint
}

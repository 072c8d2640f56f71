//! What has to hold of what arrived.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::DETECTION;
use super::disturbed::{Arrivals, BURST, RATE};

/// What an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Endpoints without an order or a rate.
    Plain,
    /// Those with an order.
    Ordered,
    /// Those with a rate.
    Rated,
}

impl Kind {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Plain => "invoice.paid",
            Self::Ordered => "order.changed",
            Self::Rated => "stock.counted",
        }
    }
}

/// An event that was acknowledged.
pub(super) struct Published {
    pub(super) kind: Kind,
    pub(super) key: u64,
    /// The node that acknowledged it.
    pub(super) node: usize,
    /// When it was sent for the first time.
    pub(super) sent: Instant,
    pub(super) acknowledged: Instant,
}

/// A time in which a node was not itself.
#[derive(Debug)]
pub(super) struct Disturbance {
    pub(super) what: &'static str,
    pub(super) which: usize,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

impl Disturbance {
    /// Whether something at a time may be due to it: what was sent before and not recorded, and what it takes
    /// to begin anew.
    fn explains(&self, at: Instant) -> bool {
        at + DETECTION >= self.from && at <= self.to + DETECTION
    }

    /// Whether something of a span could be due to it: until others have found it gone, or it is back, and what
    /// waited for that is through.
    fn is_felt_within(&self, from: Instant, to: Instant) -> bool {
        let over = self.to.max(self.from + DETECTION) + DETECTION / 2;
        self.from <= to && over >= from
    }
}

/// Judges what arrived at endpoints of a kind.
pub(super) fn judge(
    kind: Kind,
    paths: &[&str],
    published: &HashMap<String, Published>,
    arrivals: &Arrivals,
    disturbances: &[Disturbance],
) {
    let of_kind: HashMap<&str, &Published> = (published.iter())
        .filter(|(_, one)| one.kind == kind)
        .map(|(event, one)| (event.as_str(), one))
        .collect();
    for path in paths {
        let arrived = &arrivals[*path];
        let again = nothing_is_lost(path, &of_kind, arrived, disturbances);
        let slowest = of_kind.iter().map(|(event, one)| {
            let waited = arrived[*event][0].saturating_duration_since(one.acknowledged);
            (waited, one)
        });
        let slowest = slowest.max_by_key(|(waited, _)| *waited).unwrap();
        let told = match kind {
            Kind::Plain => healthy_nodes_wait_for_nobody(&of_kind, arrived, disturbances),
            Kind::Ordered => order_holds(path, &of_kind, arrived),
            Kind::Rated => rate_holds(path, arrived),
        };
        let (well, slowest_then) = while_all_are_well(path, &of_kind, arrived, disturbances);
        println!(
            "{path}: {} events, {again} arrived again, the slowest {:?} after its answer, and {slowest_then:?} of \
             {well} while all were well; {told}",
            of_kind.len(),
            slowest.0
        );
    }
    if kind == Kind::Plain {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for each in disturbances {
            *kinds.entry(each.what).or_default() += 1;
        }
        println!("disturbances: {kinds:?}");
    }
}

/// What was sent once and not recorded before its node was disturbed is sent again; nothing else is. Answers
/// how often.
fn nothing_is_lost(
    path: &str,
    published: &HashMap<&str, &Published>,
    arrived: &HashMap<String, Vec<Instant>>,
    disturbances: &[Disturbance],
) -> usize {
    let mut again = 0;
    for event in published.keys() {
        let Some(times) = arrived.get(*event) else {
            panic!("{event} was acknowledged and never arrived at {path}");
        };
        again += times.len() - 1;
        let explained = || disturbances.iter().any(|each| each.explains(times[0]));
        assert!(
            times.len() == 1 || explained(),
            "{event} arrived at {path} at {times:?}"
        );
    }
    assert!(
        again * 10 < published.len(),
        "{again} arrived again at {path}"
    );
    again
}

/// What a node acknowledged that was itself all the while arrived within the time in which others are found
/// gone.
fn healthy_nodes_wait_for_nobody(
    published: &HashMap<&str, &Published>,
    arrived: &HashMap<String, Vec<Instant>>,
    disturbances: &[Disturbance],
) -> String {
    let healthy = |one: &Published| {
        let mut own = disturbances.iter().filter(|each| each.which == one.node);
        !own.any(|each| each.explains(one.acknowledged))
    };
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for (event, one) in published.iter().filter(|(_, one)| healthy(one)) {
        let waited = arrived[*event][0].saturating_duration_since(one.acknowledged);
        assert!(
            waited < DETECTION,
            "{event} came {waited:?} after its answer"
        );
        count += 1;
        slowest = slowest.max(waited);
    }
    format!("of {count} of healthy nodes the slowest {slowest:?}")
}

/// What is published and arrives while no node is disturbed, nor has been shortly before, waits for nobody
/// either, whoever owns its endpoint. In an order it would wait for what a disturbed node had accepted before.
/// Answers how many those are, and how long the slowest waited.
fn while_all_are_well(
    path: &str,
    published: &HashMap<&str, &Published>,
    arrived: &HashMap<String, Vec<Instant>>,
    disturbances: &[Disturbance],
) -> (usize, Duration) {
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for (event, one) in published {
        let waited = arrived[*event][0].saturating_duration_since(one.acknowledged);
        // Such as would have arrived before the next disturbance, had they waited for nobody.
        let mut near = disturbances.iter();
        if near.any(|each| each.is_felt_within(one.sent, one.acknowledged + DETECTION)) {
            continue;
        }
        assert!(
            waited < DETECTION,
            "{event} came to {path} {waited:?} after its answer while all nodes were well"
        );
        count += 1;
        slowest = slowest.max(waited);
    }
    assert!(
        count > 0,
        "nothing was published to {path} while all nodes were well"
    );
    (count, slowest)
}

/// What was acknowledged before another was sent arrived before it. What is sent again because it was under
/// way when its node was disturbed comes later than it did before, and is counted.
fn order_holds(
    path: &str,
    published: &HashMap<&str, &Published>,
    arrived: &HashMap<String, Vec<Instant>>,
) -> String {
    let mut strands: BTreeMap<u64, Vec<(Instant, &str, &Published)>> = BTreeMap::new();
    for (event, one) in published {
        let strand = if path.starts_with("/key") { one.key } else { 0 };
        let of_strand = strands.entry(strand).or_default();
        of_strand.push((arrived[*event][0], event, one));
    }
    let mut late = 0;
    for strand in strands.values_mut() {
        strand.sort_by_key(|(at, ..)| *at);
        // From the last to the first: the one that was acknowledged the earliest of those that came later.
        let mut earliest: Option<(Instant, &str)> = None;
        for (_, event, one) in strand.iter().rev() {
            if let Some((acknowledged, later)) = earliest {
                assert!(
                    acknowledged > one.sent,
                    "{later} was acknowledged before {event} was sent, and arrived at {path} after it"
                );
            }
            if earliest.is_none_or(|(known, _)| one.acknowledged < known) {
                earliest = Some((one.acknowledged, event));
            }
        }
        for (place, (_, event, _)) in strand.iter().enumerate() {
            let next = strand.get(place + 1).map(|(at, ..)| *at);
            let again = arrived[*event][1..].iter();
            late += again
                .filter(|at| next.is_some_and(|next| next < **at))
                .count();
        }
    }
    format!("in order, but for {late} that had been under way before and came again behind others")
}

/// In no span more arrived than the rate makes of it. Arrivals are seen a little later than they were sent, each
/// by another time.
fn rate_holds(path: &str, arrived: &HashMap<String, Vec<Instant>>) -> String {
    const SPAN: Duration = Duration::from_secs(2);
    const UNEVEN: Duration = Duration::from_millis(400);
    let mut times: Vec<Instant> = arrived.values().flatten().copied().collect();
    times.sort_unstable();
    let most = (SPAN + UNEVEN).as_secs_f64() * f64::from(RATE) + f64::from(BURST);
    let mut fullest = 0;
    let mut from = 0;
    for (place, at) in times.iter().enumerate() {
        while *at - times[from] > SPAN {
            from += 1;
        }
        fullest = fullest.max(place + 1 - from);
    }
    assert!(
        (fullest as f64) < most,
        "{fullest} arrived at {path} within {SPAN:?}"
    );
    format!("at most {fullest} within {SPAN:?}")
}

//! Judges a history: what was acknowledged, what was sent and what is recorded at the end.
//!
//! The rules:
//! * every delivery of an acknowledged event has a row, which ended, and its end fits its attempts;
//! * no scheduled attempt began before its time, and none after its delivery's success or end by 410;
//! * what was sent is recorded, but for what a crash cut off; what is recorded was sent;
//! * nothing was sent to an endpoint while it was disabled;
//! * a delivery is under way once at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::log::Event;
use fanfare_domain::attempt::{Attempt, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::policy::RetryAfter;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::scripted_sender::Sent;

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Events whose publisher was told that they are accepted.
    pub(crate) acknowledged: Vec<Arc<Event>>,
    /// Replays whose asker was told that they are made.
    pub(crate) replays: Vec<DeliveryId>,
    /// Requests, in order.
    pub(crate) sent: Vec<Sent>,
    /// How many requests had been sent at each crash.
    pub(crate) crashes: Vec<usize>,
    /// When an endpoint was surely disabled: from, to.
    pub(crate) disabled: Vec<(String, Timestamp, Timestamp)>,
    /// The URL of each endpoint; they never change.
    pub(crate) urls: HashMap<EndpointId, String>,
    /// The waits of every endpoint's policy.
    pub(crate) waits: Vec<Duration>,
    /// The rows at the end, with their attempts.
    pub(crate) rows: BTreeMap<DeliveryId, (Delivery, Vec<Attempt>)>,
    /// The sums of all tallies' ends.
    pub(crate) tallied_ends: u64,
}

/// The most that a `Retry-After` puts off.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(24 * 3_600);

impl History {
    /// What breaks a rule, in words; empty when nothing does.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.check_presence(&mut faults);
        for (row, attempts) in self.rows.values() {
            self.check_row(row, attempts, &mut faults);
        }
        self.check_sent(&mut faults);
        let ended = self.rows.values().filter(|(row, _)| row.state.ended());
        let ended = ended.count() as u64;
        if self.tallied_ends != ended {
            faults.push(format!("{ended} ended, {} tallied", self.tallied_ends));
        }
        faults
    }

    fn check_presence(&self, faults: &mut Vec<String>) {
        let first = self
            .acknowledged
            .iter()
            .flat_map(|event| event.deliveries());
        for id in first.map(|(id, _)| id).chain(self.replays.iter().copied()) {
            match self.rows.get(&id) {
                None => faults.push(format!("{id} is lost")),
                Some((row, _)) if !row.state.ended() => {
                    faults.push(format!("{id} never ended: {:?}", row.state));
                }
                Some(_) => {}
            }
        }
    }

    fn check_row(&self, row: &Delivery, attempts: &[Attempt], faults: &mut Vec<String>) {
        let mut fault = |text: String| faults.push(format!("{}: {text}", row.id));
        let mut scheduled = 0;
        let mut not_before = row.created_at;
        let mut over = false;
        for (attempt, number) in attempts.iter().zip(1u16..) {
            if attempt.id.number() != number {
                fault(format!("attempt {number} is missing"));
            }
            if over {
                fault(format!("attempt {number} began after the end"));
            }
            let ended = attempt.started_at.after(attempt.timings.total);
            over = matches!(attempt.status, Some(200..300 | 410));
            if attempt.trigger == Trigger::Manual {
                continue;
            }
            scheduled += 1;
            if attempt.started_at < not_before {
                let early = not_before.since(attempt.started_at);
                fault(format!("attempt {number} began {early:?} early"));
            }
            let wait = self.waits.get(scheduled).copied().unwrap_or_default();
            not_before = ended.after(wait).max(wished(attempt, ended));
        }
        let last = attempts.last().and_then(|attempt| attempt.status);
        let fits = match row.state {
            DeliveryState::Waiting { .. } => true,
            DeliveryState::Delivered { .. } => matches!(last, Some(200..300)),
            DeliveryState::Failed { reason, .. } => match reason {
                FailedReason::Gone => last == Some(410),
                FailedReason::Exhausted => scheduled == self.waits.len(),
            },
            DeliveryState::Discarded { .. } => true,
        };
        if !fits {
            fault(format!("{:?} does not fit its attempts", row.state));
        }
    }

    fn check_sent(&self, faults: &mut Vec<String>) {
        type Key = (String, String, Timestamp);
        let mut recorded: BTreeMap<Key, usize> = BTreeMap::new();
        let mut copies: HashMap<(String, String), usize> = HashMap::new();
        for (row, attempts) in self.rows.values() {
            let url = self.urls.get(&row.endpoint).cloned().unwrap_or_default();
            let id = row.event.to_string();
            *copies.entry((id.clone(), url.clone())).or_default() += 1;
            for attempt in attempts {
                let key = (id.clone(), url.clone(), attempt.started_at);
                *recorded.entry(key).or_default() += 1;
            }
        }
        let cut_off = self.crashes.last().copied().unwrap_or(0);
        for (place, sent) in self.sent.iter().enumerate() {
            let key = (sent.webhook_id().to_owned(), sent.url.clone(), sent.at);
            match recorded.get_mut(&key) {
                Some(count) if *count > 0 => *count -= 1,
                _ if place < cut_off => {}
                _ => faults.push(format!("{key:?} was sent and is not recorded")),
            }
            let disabled = |(url, from, to): &&(String, Timestamp, Timestamp)| {
                *url == sent.url && *from < sent.at && sent.at < *to
            };
            if let Some(span) = self.disabled.iter().find(disabled) {
                faults.push(format!("{key:?} was sent while disabled, {span:?}"));
            }
            let copies = copies.get(&(key.0.clone(), key.1.clone()));
            if sent.of_the_same > copies.copied().unwrap_or(1) {
                faults.push(format!("{key:?} was under way already"));
            }
        }
        for (key, count) in recorded {
            if count > 0 {
                faults.push(format!("{key:?} is recorded and was not sent"));
            }
        }
    }
}

/// When the attempt's answer wished to be asked again.
fn wished(attempt: &Attempt, ended: Timestamp) -> Timestamp {
    let value = |(name, value): (&str, &str)| {
        (name == "retry-after")
            .then(|| RetryAfter::parse(value))
            .flatten()
    };
    let wish = attempt.response_headers.iter().find_map(value);
    wish.map_or(ended, |wish| {
        wish.at(ended).min(ended.after(RETRY_AFTER_LIMIT))
    })
}

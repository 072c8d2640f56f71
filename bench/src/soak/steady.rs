//! The endpoints that everything must arrive at, and what each of them asks for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::EVENT_TYPE;

/// The type of every fifth event. Endpoints that ask for an order, batches or a rate take only these, so that
/// what waited for them while they were ill is soon made up for.
pub(super) const SELDOM_TYPE: &str = "soak.seldom";
const SELDOM_EVERY: u64 = 5;
/// How many keys those events have by turns.
const KEYS: u64 = 7;

/// Time for an attempt.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait before an attempt.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait for a probe while a breaker is open.
pub(super) const LONGEST_PROBE_WAIT: Duration = Duration::from_secs(30);

/// Endpoints that stay enabled.
pub(super) const STEADY: [Steady; 12] = [
    PLAIN,
    PLAIN,
    PLAIN,
    PLAIN,
    PLAIN,
    PLAIN,
    Steady {
        ordering: Some(Ordering::Strict),
        ..SELDOM
    },
    Steady {
        ordering: Some(Ordering::ByKey),
        ..SELDOM
    },
    Steady {
        batch: Some(10),
        ..SELDOM
    },
    Steady {
        rate: Some(RATE),
        ..SELDOM
    },
    Steady {
        ordering: Some(Ordering::Strict),
        batch: Some(20),
        ..SELDOM
    },
    Steady {
        ordering: Some(Ordering::ByKey),
        batch: Some(3),
        rate: Some(RATE),
        ..SELDOM
    },
];
/// The first of them are never ill.
pub(super) const HEALTHY: usize = 2;

const PLAIN: Steady = Steady {
    seldom: false,
    ordering: None,
    batch: None,
    rate: None,
};
const SELDOM: Steady = Steady {
    seldom: true,
    ..PLAIN
};
/// Well above what is published, so that it drains, and with a burst that would show if a start gave it anew.
const RATE: Rate = Rate {
    per_second: 40,
    burst: 60,
};

/// What a steady endpoint asks for.
#[derive(Clone, Copy)]
pub(super) struct Steady {
    /// Whether it takes the seldom events only; others take all.
    seldom: bool,
    ordering: Option<Ordering>,
    /// The most events in one request.
    pub(super) batch: Option<u64>,
    pub(super) rate: Option<Rate>,
}

#[derive(Clone, Copy)]
enum Ordering {
    Strict,
    ByKey,
}

/// The most requests.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: u64,
    pub(super) burst: u64,
}

fn is_seldom(event: u64) -> bool {
    event.is_multiple_of(SELDOM_EVERY)
}

fn key(event: u64) -> u64 {
    event / SELDOM_EVERY % KEYS
}

/// What an event of this number and id says.
pub(super) fn event(number: u64, id: &str) -> Value {
    let data = json!({"text": "x".repeat(400)});
    if is_seldom(number) {
        let key = format!("key-{}", key(number));
        json!({"type": SELDOM_TYPE, "id": id, "ordering_key": key, "data": data})
    } else {
        json!({"type": EVENT_TYPE, "id": id, "data": data})
    }
}

impl Steady {
    /// Whether it gets an event.
    pub(super) fn takes(&self, event: u64) -> bool {
        !self.seldom || is_seldom(event)
    }

    /// The line in which it gets an event; none where it wants no order.
    pub(super) fn line(&self, event: u64) -> Option<u64> {
        self.ordering.map(|ordering| match ordering {
            Ordering::Strict => 0,
            Ordering::ByKey => key(event),
        })
    }

    /// What it is made from.
    pub(super) fn body(&self, url: &str) -> Value {
        let mut body = json!({"url": url, "delivery_policy": patience()});
        if self.seldom {
            body["event_types"] = json!([SELDOM_TYPE]);
        }
        if let Some(ordering) = self.ordering {
            body["ordering"] = match ordering {
                Ordering::Strict => "strict".into(),
                Ordering::ByKey => "by_key".into(),
            };
        }
        if let Some(most) = self.batch {
            body["batch"] = json!({"max_events": most, "max_wait": "500ms"});
        }
        if let Some(Rate { per_second, burst }) = self.rate {
            body["rate_limit"] = json!({"requests": per_second, "per": "second", "burst": burst});
        }
        body
    }
}

/// A policy that outlasts every illness of a receiver, with a breaker that asks often enough to be well again
/// many times in a soak.
fn patience() -> Value {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    let mut waits = vec!["0s".to_owned(), "1s".to_owned(), "2s".to_owned()];
    waits.resize(50, seconds(LONGEST_WAIT));
    json!({
        "waits": waits,
        "timeout": seconds(TIMEOUT),
        "total_time": "24h",
        "breaker": {"longest_wait": seconds(LONGEST_PROBE_WAIT)},
    })
}

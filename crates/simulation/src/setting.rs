//! What a seed decides on before the play begins.

use std::time::Duration;

use fanfare_app::endpoints::{EndpointDraft, RateLimitDraft};
use fanfare_app::port::log::Event;
use fanfare_delivery::EngineOptions;
use fanfare_domain::batch::Batching;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::rate::Per;
use fanfare_testkit::builders::endpoint;
use fanfare_testkit::seeded::Seeded;

/// The longest that a `Retry-After` may put an attempt off, so that a run comes to its end.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(30);

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The engine's settings: mostly narrow, so that its bounds are met.
pub(crate) fn engine(chance: &Seeded) -> EngineOptions {
    let lane_queue = *chance.pick(&[2, 16, 256]);
    // Where lanes hold little, they have few slots to share as well.
    let requests_in_all = match lane_queue {
        2 => 3,
        16 => 12,
        _ => 2_048,
    };
    EngineOptions {
        lane_queue,
        lane_concurrency_start: *chance.pick(&[1, 4, 8]),
        lane_concurrency_most: *chance.pick(&[8, 12]),
        requests_in_all,
        requests_reserved: requests_in_all / 2,
        memory_bytes: *chance.pick(&[2 * 1_024, 64 * 1_024, 64 * 1_024 * 1_024]),
        linger: *chance.pick(&[millis(300), seconds(1)]),
        scan_every: *chance.pick(&[seconds(3), seconds(10), seconds(30)]),
    }
}

/// An endpoint with a policy of its own.
pub(crate) fn draft(chance: &Seeded, url: &str) -> EndpointDraft {
    let mut draft = endpoint(url);
    let waits =
        chance.pick::<&[u64]>(&[&[0, 1, 3, 10, 20, 40], &[0, 2, 2, 2, 30], &[1, 5, 15], &[0]]);
    let mut policy = PolicyPatch {
        waits: Some(waits.iter().copied().map(seconds).collect()),
        timeout: Some(*chance.pick(&[millis(500), seconds(2)])),
        jitter: Some(*chance.pick(&[0.0, 0.1])),
        total_time: chance.chance(0.2).then(|| seconds(20)),
        retry_after_limit: Some(*chance.pick(&[Duration::ZERO, RETRY_AFTER_LIMIT])),
        gone_disables: Some(chance.chance(0.8)),
        breaker: Some(breaker(chance)),
        ..PolicyPatch::default()
    };
    policy.exhausted_disables = Some(chance.chance(0.1));
    draft.policy = Some(policy);
    draft.rate_limit = chance.chance(0.2).then(|| RateLimitDraft {
        requests: 1 + chance.below(20) as u32,
        per: Per::Second,
        burst: Some(1 + chance.below(4) as u32),
    });
    draft
}

/// Gives an endpoint an order, or none.
pub(crate) fn order(chance: &Seeded, draft: &mut EndpointDraft) {
    draft.ordering = Some(*chance.pick(&[
        Ordering::Unordered,
        Ordering::Unordered,
        Ordering::ByKey,
        Ordering::Strict,
    ]));
    let ordered = draft.ordering != Some(Ordering::Unordered);
    let holds = ordered && chance.chance(0.4);
    draft.on_failure = Some(if holds {
        OnFailure::Hold
    } else {
        OnFailure::Pass
    });
}

/// Lets an endpoint get its events in batches, or each by itself.
pub(crate) fn batch(chance: &Seeded, draft: &mut EndpointDraft) {
    draft.batch = chance.chance(0.3).then(|| {
        let most = *chance.pick(&[2, 3, 5]);
        let wait = *chance.pick(&[millis(20), millis(300), seconds(2)]);
        Batching::new(most, wait)
    });
}

/// A filter, and what events it is for.
pub(crate) struct Filter {
    pub(crate) text: &'static str,
    pub(crate) lets_through: fn(&Event) -> bool,
}

/// What endpoints filter by.
pub(crate) const FILTERS: &[Filter] = &[
    Filter {
        text: "type == 'thing.happened'",
        lets_through: |event| event.event_type.as_str() == "thing.happened",
    },
    Filter {
        text: "size(data) > 100",
        // Its data is a text, with a quotation mark on either side.
        lets_through: |event| event.data.len() > 102,
    },
    // Always an error: the data has no members.
    Filter {
        text: "data.amount > 100",
        lets_through: |_| false,
    },
];

/// Gives an endpoint a filter, or none.
pub(crate) fn filter(chance: &Seeded, draft: &mut EndpointDraft) {
    let has_one = chance.chance(0.3);
    draft.filter = has_one.then(|| chance.pick(FILTERS).text.to_owned());
}

/// None, or one that opens after few failures in a row and for nothing else, so that the rules can tell
/// when it is open.
fn breaker(chance: &Seeded) -> BreakerPatch {
    if chance.chance(0.5) {
        return BreakerPatch::off();
    }
    BreakerPatch {
        enabled: Some(true),
        failures: Some(2 + chance.below(5) as u32),
        failure_rate: Some(1.0),
        least_attempts: Some(100_000),
        first_wait: Some(seconds(1 + chance.below(4))),
        longest_wait: Some(seconds(10)),
        ..BreakerPatch::default()
    }
}

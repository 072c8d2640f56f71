use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn answered(status: u16) -> AttemptResult {
    AttemptResult {
        status: Some(status),
        error: None,
        retry_after: None,
        ended_at: START,
    }
}

fn due(decision: Decision) -> Duration {
    match decision.verdict {
        Verdict::Retry { due_at } => due_at.since(START),
        other => panic!("no retry but {other:?}"),
    }
}

#[test]
fn only_2xx_is_success() {
    let policy = DeliveryPolicy::native();
    for status in [200, 201, 204, 299] {
        assert_eq!(
            policy.decide(&answered(status), 1, START, 0.0).verdict,
            Verdict::Delivered
        );
    }
    for status in [100, 199, 300, 302, 304, 400, 404, 429, 500, 503] {
        assert!(
            matches!(
                policy.decide(&answered(status), 1, START, 0.0).verdict,
                Verdict::Retry { .. }
            ),
            "{status}"
        );
    }
}

#[test]
fn an_answer_that_broke_off_is_no_success_whatever_its_status() {
    let result = AttemptResult {
        error: Some(ErrorKind::Timeout),
        ..answered(200)
    };
    assert!(matches!(
        DeliveryPolicy::native()
            .decide(&result, 1, START, 0.0)
            .verdict,
        Verdict::Retry { .. }
    ));
}

#[test]
fn the_native_waits_are_those_of_the_standard_and_ten_attempts_are_all() {
    let policy = DeliveryPolicy::native();
    let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (number, wait) in (1u16..).zip(expected) {
        assert_eq!(
            due(policy.decide(&answered(500), number, START, 0.0)),
            Duration::from_secs(wait)
        );
    }
    assert_eq!(
        policy.decide(&answered(500), 10, START, 0.0).verdict,
        Verdict::Failed(FailedReason::Exhausted)
    );
}

#[test]
fn jitter_only_stretches() {
    let policy = DeliveryPolicy::native();
    assert_eq!(
        due(policy.decide(&answered(500), 2, START, 1.0)),
        Duration::from_secs(330)
    );
    assert_eq!(
        due(policy.decide(&answered(500), 2, START, -3.0)),
        Duration::from_secs(300)
    );
}

#[test]
fn retry_after_puts_off_but_never_brings_forward_and_not_past_a_day() {
    let policy = DeliveryPolicy::native();
    let with = |wish| AttemptResult {
        retry_after: Some(wish),
        ..answered(503)
    };
    let seconds = |n| RetryAfter::Delay(Duration::from_secs(n));
    assert_eq!(
        due(policy.decide(&with(seconds(60)), 1, START, 0.0)),
        Duration::from_secs(60)
    );
    assert_eq!(
        due(policy.decide(&with(seconds(1)), 1, START, 0.0)),
        Duration::from_secs(5)
    );
    assert_eq!(
        due(policy.decide(&with(seconds(999_999)), 1, START, 0.0)),
        Duration::from_secs(86_400)
    );
    let date = RetryAfter::Date(START.after(Duration::from_secs(90)));
    assert_eq!(
        due(policy.decide(&with(date), 1, START, 0.0)),
        Duration::from_secs(90)
    );
}

#[test]
fn gone_ends_the_delivery_and_disables_the_endpoint_where_the_policy_says_so() {
    let native = DeliveryPolicy::native();
    let decision = native.decide(&answered(410), 1, START, 0.0);
    assert_eq!(decision.verdict, Verdict::Failed(FailedReason::Gone));
    assert_eq!(decision.disable, Some(DisabledReason::Gone));
    let other = DeliveryPolicy {
        gone_disables: false,
        ..native
    };
    assert!(matches!(
        other.decide(&answered(410), 1, START, 0.0).verdict,
        Verdict::Retry { .. }
    ));
}

#[test]
fn a_doubling_schedule_ends_with_the_total_time() {
    let policy = DeliveryPolicy {
        schedule: Schedule::Doubling {
            first: Duration::from_secs(30),
            limit: Duration::from_secs(7_200),
        },
        total_time: Some(Duration::from_secs(86_400)),
        exhausted_disables: true,
        ..DeliveryPolicy::native()
    };
    assert_eq!(
        due(policy.decide(&answered(500), 1, START, 0.0)),
        Duration::from_secs(30)
    );
    assert_eq!(
        due(policy.decide(&answered(500), 3, START, 0.0)),
        Duration::from_secs(120)
    );
    assert_eq!(
        due(policy.decide(&answered(500), 40, START, 0.0)),
        Duration::from_secs(7_200)
    );
    let late = START.before(Duration::from_secs(86_400 - 7_199));
    let end = policy.decide(&answered(500), 20, late, 0.0);
    assert_eq!(end.verdict, Verdict::Failed(FailedReason::Exhausted));
    assert_eq!(end.disable, Some(DisabledReason::Exhausted));
}

#[test]
fn retry_after_reads_seconds_and_dates() {
    assert_eq!(
        RetryAfter::parse(" 120 "),
        Some(RetryAfter::Delay(Duration::from_secs(120)))
    );
    let date = Timestamp::parse("2026-10-21T07:28:00Z").unwrap();
    assert_eq!(
        RetryAfter::parse("Wed, 21 Oct 2026 07:28:00 GMT"),
        Some(RetryAfter::Date(date))
    );
    assert!(matches!(
        RetryAfter::parse("99999999999999999999999"),
        Some(RetryAfter::Delay(_))
    ));
    for text in ["", "soon", "-1", "1.5"] {
        assert_eq!(RetryAfter::parse(text), None, "{text}");
    }
}

#[test]
fn durations_have_units_and_read_back() {
    for (text, millis) in [
        ("15s", 15_000),
        ("1h30m", 5_400_000),
        ("250ms", 250),
        ("0s", 0),
        ("7d", 604_800_000),
    ] {
        let duration = parse_duration(text).unwrap();
        assert_eq!(duration, Duration::from_millis(millis));
        assert_eq!(format_duration(duration), text);
    }
    for text in [
        "",
        "15",
        "s",
        "1.5s",
        "-1s",
        "5 parsecs",
        "99999999999999999999s",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn an_impossible_policy_names_its_member() {
    let patch = PolicyPatch {
        timeout: Some(Duration::ZERO),
        waits: Some(Vec::new()),
        jitter: Some(f64::NAN),
        ..PolicyPatch::default()
    };
    let members: Vec<_> = patch.faults().iter().map(|fault| fault.member).collect();
    assert_eq!(members, ["timeout", "waits", "jitter"]);
}

#[test]
fn retry_after_of_an_overloaded_endpoint_slows_the_others_for_five_minutes_at_most() {
    let policy = DeliveryPolicy::native();
    let asking = |status, seconds| AttemptResult {
        retry_after: Some(RetryAfter::Delay(Duration::from_secs(seconds))),
        ..answered(status)
    };
    let slowed = |policy: &DeliveryPolicy, result| {
        let until = policy.slowed_until(&result);
        until.map(|until| until.since(START).as_secs())
    };
    for status in [429, 502, 503, 504] {
        assert_eq!(slowed(&policy, asking(status, 90)), Some(90), "{status}");
        assert_eq!(slowed(&policy, asking(status, 86_400)), Some(300));
    }
    assert_eq!(slowed(&policy, asking(500, 90)), None);
    assert_eq!(slowed(&policy, asking(503, 0)), None);
    assert_eq!(slowed(&policy, answered(503)), None);
    let deaf = DeliveryPolicy {
        retry_after_limit: None,
        ..policy
    };
    assert_eq!(slowed(&deaf, asking(503, 90)), None);
}

#[test]
fn a_delivery_waits_behind_an_open_breaker_for_its_total_time_or_as_long_as_its_waits() {
    let hours = |count: u64| Duration::from_secs(count * 3_600);
    let native = DeliveryPolicy::native();
    let waits = hours(75) + Duration::from_secs(35 * 60 + 5);
    assert_eq!(native.patience(), waits.mul_f64(1.1));
    let with = |patch: PolicyPatch| native.with(&patch).patience();
    let total = PolicyPatch {
        total_time: Some(hours(2)),
        ..PolicyPatch::default()
    };
    assert_eq!(with(total), hours(2));
    let single = PolicyPatch {
        waits: Some(vec![Duration::ZERO]),
        ..PolicyPatch::default()
    };
    assert_eq!(with(single), hours(1));

    let due = START;
    let end = due.after(native.patience());
    let later = end.after(Duration::from_micros(1));
    assert!(!native.is_out_of_patience(None, due, end));
    assert!(native.is_out_of_patience(None, due, later));
    let tried = START.before(hours(1));
    assert!(native.is_out_of_patience(Some(tried), due, end));
}

#[test]
fn the_total_time_is_over_only_where_there_is_one_and_an_attempt_was_made() {
    let policy = DeliveryPolicy {
        total_time: Some(Duration::from_secs(60)),
        ..DeliveryPolicy::native()
    };
    let after = |seconds| START.after(Duration::from_secs(seconds));
    assert!(!policy.is_over(Some(START), after(60)));
    assert!(policy.is_over(Some(START), after(61)));
    assert!(!policy.is_over(None, after(61)));
    assert!(!DeliveryPolicy::native().is_over(Some(START), after(1_000_000)));
}

#[test]
fn disabling_after_failures_is_patched_and_switched_off_by_zero() {
    let native = DeliveryPolicy::native();
    let days = |count: u64| Duration::from_secs(count * 24 * 3_600);
    let with = |span| {
        let patch = PolicyPatch {
            disable_after: Some(span),
            ..PolicyPatch::default()
        };
        assert!(patch.faults().is_empty());
        native.with(&patch).disable_after
    };
    assert_eq!(native.disable_after, Some(days(5)));
    assert_eq!(with(days(2)), Some(days(2)));
    assert_eq!(with(Duration::ZERO), None);
    let patch = PolicyPatch {
        disable_after: Some(Duration::from_secs(60)),
        ..PolicyPatch::default()
    };
    assert_eq!(patch.faults()[0].member, "disable_after");
}

#[test]
fn after_429_or_no_answer_in_time_it_waits_at_least_as_long_as_the_policy_says() {
    let policy = DeliveryPolicy {
        overloaded_wait: Duration::from_secs(60),
        jitter: 0.0,
        ..DeliveryPolicy::native()
    };
    let wait = |status, error| {
        let result = AttemptResult {
            status,
            error,
            retry_after: None,
            ended_at: START,
        };
        match policy.decide(&result, 1, START, 0.0).verdict {
            Verdict::Retry { due_at } => due_at.since(START).as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(Some(500), None), 5);
    assert_eq!(wait(Some(429), None), 60);
    assert_eq!(wait(None, Some(ErrorKind::Timeout)), 60);
    assert_eq!(wait(None, Some(ErrorKind::ConnectionRefused)), 5);
}

#[test]
fn retry_after_can_be_bounded_by_the_planned_wait() {
    let policy = DeliveryPolicy {
        retry_after_waits: Some(2.0),
        jitter: 0.0,
        ..DeliveryPolicy::native()
    };
    let wait = |wish| {
        let result = AttemptResult {
            status: Some(503),
            error: None,
            retry_after: Some(RetryAfter::Delay(Duration::from_secs(wish))),
            ended_at: START,
        };
        match policy.decide(&result, 2, START, 0.0).verdict {
            Verdict::Retry { due_at } => due_at.since(START).as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(10), 300);
    assert_eq!(wait(400), 400);
    assert_eq!(wait(10_000), 600);
}

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn ended(succeeded: bool, seconds: u64) -> Ended {
    Ended {
        succeeded,
        began: at(seconds),
        at: at(seconds),
        probe: false,
    }
}

fn probe(succeeded: bool, seconds: u64) -> Ended {
    Ended {
        probe: true,
        ..ended(succeeded, seconds)
    }
}

fn rules() -> BreakerRules {
    BreakerRules::native()
}

/// One that has just opened at the second 0.
fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..rules().failures {
        breaker.learn(&rules(), &ended(false, 0), 0.0);
    }
    assert!(!breaker.is_closed());
    breaker
}

fn next_probe(breaker: &Breaker) -> Duration {
    match breaker.state() {
        BreakerState::Open { next_probe_at, .. } => next_probe_at.since(START),
        other => panic!("{other:?}"),
    }
}

#[test]
fn failures_in_a_row_open_it_and_one_fewer_do_not() {
    let mut breaker = Breaker::default();
    for _ in 1..rules().failures {
        assert_eq!(breaker.learn(&rules(), &ended(false, 0), 0.0), None);
    }
    assert_eq!(breaker.passage(at(0)), Passage::Free);
    let change = breaker.learn(&rules(), &ended(false, 1), 0.0);
    assert!(
        matches!(change, Some(Change::Opened(opened)) if opened.reason == OpenReason::FailuresInARow)
    );
    assert_eq!(breaker.passage(at(1)), Passage::Shut(Some(at(3))));
}

#[test]
fn a_success_in_between_begins_the_row_anew() {
    let mut breaker = Breaker::default();
    for round in 0..4 {
        for _ in 1..rules().failures {
            breaker.learn(&rules(), &ended(false, 100 * round), 0.0);
        }
        breaker.learn(&rules(), &ended(true, 100 * round), 0.0);
    }
    assert!(breaker.is_closed());
}

#[test]
fn a_mostly_healthy_endpoint_keeps_it_closed_however_many_attempts_fail() {
    let mut breaker = Breaker::default();
    for number in 0..100_000u64 {
        let failed = number % 10 < 4;
        breaker.learn(&rules(), &ended(!failed, number / 1_000), 0.0);
    }
    assert!(breaker.is_closed());
}

#[test]
fn the_share_of_failures_opens_it_once_there_are_enough_attempts() {
    let mut breaker = Breaker::default();
    let mut learned = 0;
    let change = loop {
        learned += 1;
        let change = breaker.learn(&rules(), &ended(learned % 10 == 0, 0), 0.0);
        if let Some(change) = change {
            break change;
        }
    };
    assert!(matches!(change, Change::Opened(opened) if opened.reason == OpenReason::FailureRate));
    // The 50th was a success; it opens by a failure.
    assert_eq!(learned, rules().least_attempts + 1);
}

#[test]
fn failures_of_an_hour_ago_do_not_count_for_the_share() {
    let mut breaker = Breaker::default();
    for hour in 0..100 {
        for number in 0..10 {
            breaker.learn(&rules(), &ended(number == 9, 3_600 * hour), 0.0);
        }
    }
    assert!(breaker.is_closed());
}

#[test]
fn one_probe_passes_at_a_time_and_nothing_else() {
    let mut breaker = opened();
    assert_eq!(breaker.passage(at(1)), Passage::Shut(Some(at(2))));
    assert_eq!(breaker.passage(at(2)), Passage::Probe);
    breaker.begin_probe();
    assert_eq!(breaker.passage(at(3_600)), Passage::Shut(None));
}

#[test]
fn waits_double_up_to_the_longest() {
    let mut breaker = opened();
    let mut now = 2;
    let mut waits = Vec::new();
    for _ in 0..11 {
        breaker.begin_probe();
        breaker.learn(&rules(), &probe(false, now), 0.0);
        waits.push(next_probe(&breaker).as_secs() - now);
        now = next_probe(&breaker).as_secs();
    }
    assert_eq!(waits, [4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
}

#[test]
fn chance_takes_up_to_a_fifth_off_a_wait() {
    assert_eq!(rules().wait(3, 0.0), Duration::from_secs(16));
    assert_eq!(rules().wait(3, 1.0), Duration::from_millis(12_800));
    assert_eq!(rules().wait(u32::MAX, 0.0), Duration::from_secs(600));
}

#[test]
fn a_probe_that_arrives_closes_it_and_all_is_forgotten() {
    let mut breaker = opened();
    breaker.begin_probe();
    let change = breaker.learn(&rules(), &probe(true, 5), 0.0);
    assert!(matches!(change, Some(Change::Closed(opened)) if opened.since == at(0)));
    assert_eq!(breaker, Breaker::default());
}

#[test]
fn what_was_under_way_when_it_opened_changes_nothing() {
    let mut breaker = opened();
    let before = breaker.clone();
    for succeeded in [true, false] {
        let late = Ended {
            began: START,
            ..ended(succeeded, 30)
        };
        assert_eq!(breaker.learn(&rules(), &late, 0.0), None);
    }
    assert_eq!(breaker, before);
}

#[test]
fn an_attempt_that_somebody_asked_for_closes_it_by_success_and_changes_nothing_by_failure() {
    let mut breaker = opened();
    let before = breaker.clone();
    assert_eq!(breaker.learn(&rules(), &ended(false, 1), 0.0), None);
    assert_eq!(breaker, before);
    let change = breaker.learn(&rules(), &ended(true, 1), 0.0);
    assert!(matches!(change, Some(Change::Closed(_))));
}

#[test]
fn a_probe_that_was_not_made_leaves_the_next_due_at_once() {
    let mut breaker = opened();
    breaker.begin_probe();
    breaker.probe_now(at(9));
    assert_eq!(breaker.passage(at(9)), Passage::Probe);
}

#[test]
fn an_endpoint_that_failed_before_the_start_begins_with_a_probe() {
    let breaker = Breaker::failing_before(START);
    assert_eq!(breaker.passage(START), Passage::Probe);
}

#[test]
fn that_another_ones_opened_lets_one_attempt_find_out() {
    let mut breaker = Breaker::default();
    assert!(breaker.opened_elsewhere(at(1)));
    assert_eq!(breaker.passage(at(1)), Passage::Probe);
    breaker.begin_probe();
    assert!(!breaker.opened_elsewhere(at(2)), "it finds out already");
    assert_eq!(breaker.closed_elsewhere(at(2)), None);
    assert_eq!(breaker.passage(at(2)), Passage::Shut(None));
}

#[test]
fn that_another_ones_closed_is_found_out_by_a_probe_where_more_was_known_than_that_it_had_opened() {
    let mut breaker = opened();
    assert_eq!(breaker.closed_elsewhere(at(9)), None);
    assert_eq!(breaker.passage(at(9)), Passage::Probe);
    let mut heard = Breaker::default();
    heard.opened_elsewhere(at(1));
    let closed = heard.closed_elsewhere(at(2));
    assert!(matches!(closed, Some(Change::Closed(_))), "{closed:?}");
    assert_eq!(heard, Breaker::default());
}

#[test]
fn it_is_at_rest_a_window_after_the_last_failure() {
    let mut breaker = Breaker::default();
    assert!(breaker.is_at_rest(&rules(), START));
    breaker.learn(&rules(), &ended(false, 0), 0.0);
    assert!(!breaker.is_at_rest(&rules(), at(100)));
    breaker.learn(&rules(), &ended(true, 1), 0.0);
    assert!(!breaker.is_at_rest(&rules(), at(59)) && breaker.is_at_rest(&rules(), at(60)));
}

#[test]
fn a_patch_switches_it_off_on_and_over() {
    let native = BreakerRules::native();
    let none = BreakerPatch::default();
    assert_eq!(none.over(None), None);
    assert_eq!(none.over(Some(&native)), Some(native.clone()));
    let off = BreakerPatch::off();
    assert_eq!(off.over(Some(&native)), None);
    let fewer = BreakerPatch {
        failures: Some(3),
        ..BreakerPatch::default()
    };
    let wanted = BreakerRules {
        failures: 3,
        ..native
    };
    assert_eq!(fewer.over(None), Some(wanted));
}

#[test]
fn impossible_rules_are_refused_with_the_member() {
    let patch = BreakerPatch {
        enabled: None,
        failures: Some(0),
        failure_rate: Some(f64::NAN),
        least_attempts: Some(0),
        window: Some(Duration::ZERO),
        first_wait: Some(Duration::from_secs(20)),
        longest_wait: Some(Duration::from_secs(10)),
    };
    let members: Vec<_> = patch.faults().iter().map(|fault| fault.member).collect();
    let wanted = [
        "breaker/failures",
        "breaker/failure_rate",
        "breaker/least_attempts",
        "breaker/window",
        "breaker/longest_wait",
    ];
    assert_eq!(members, wanted);
}

proptest! {
    /// Whatever happens, at most one probe is under way, it is let through only when its time has
    /// come, and a closed breaker lets everything through.
    #[test]
    fn whatever_happens_no_attempt_passes_an_open_breaker_but_one_probe_at_its_time(
        steps in prop::collection::vec((0u64..40, any::<bool>(), 0.0f64..1.0), 1..400),
    ) {
        let rules = BreakerRules { failures: 3, ..rules() };
        let mut breaker = Breaker::default();
        let mut now = 0;
        for (gap, succeeded, chance) in steps {
            now += gap;
            let state = breaker.state();
            match (state, breaker.passage(at(now))) {
                (BreakerState::Closed, Passage::Free) => {
                    breaker.learn(&rules, &ended(succeeded, now), chance);
                }
                (BreakerState::Open { next_probe_at, .. }, Passage::Probe) => {
                    prop_assert!(next_probe_at <= at(now));
                    breaker.begin_probe();
                    prop_assert_eq!(breaker.passage(at(now)), Passage::Shut(None));
                    breaker.learn(&rules, &probe(succeeded, now), chance);
                    prop_assert_eq!(breaker.is_closed(), succeeded);
                }
                (BreakerState::Open { next_probe_at, .. }, Passage::Shut(Some(until))) => {
                    prop_assert_eq!(next_probe_at, until);
                    prop_assert!(until > at(now));
                    prop_assert!(until <= at(now).after(rules.longest_wait));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

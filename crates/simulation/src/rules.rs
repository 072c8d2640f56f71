//! What must hold in every run, a rule a file.

use std::fmt;

use crate::history::History;
use crate::story::{Place, Story};

mod a_batch_keeps_its_members;
mod a_batch_stays_within_its_size;
mod a_delivery_is_under_way_once_at_a_time;
mod a_gone_endpoint_is_disabled;
mod a_held_order_stands_still;
mod a_job_takes_each_delivery_once;
mod a_replay_is_made_once_for_each_asking;
mod a_row_changes_for_a_reason;
mod an_ended_delivery_stays_as_it_is;
mod an_event_goes_where_filters_let_it;
mod an_extra_attempt_is_made_soon;
mod attempts_are_numbered_without_gaps;
mod every_accepted_delivery_comes_to_its_end;
mod memory_is_empty_at_the_end;
mod memory_stays_within_its_bounds;
mod nothing_is_sent_after_it_expired;
mod nothing_is_sent_after_its_end;
mod nothing_is_sent_against_its_order;
mod nothing_is_sent_before_its_time;
mod nothing_is_sent_to_a_closed_endpoint;
mod nothing_is_sent_while_the_breaker_is_open;
mod pressure_lowers_the_limit;
mod rates_are_kept;
mod requests_at_a_time_stay_within_the_limit;
mod requests_in_all_stay_within_the_limit;
mod retry_after_slows_the_lane;
mod tallies_add_up;
mod the_policy_decides_what_follows;
mod the_rows_reach_as_far_as_is_said;
mod what_is_accepted_was_committed_before;
mod what_is_due_is_sent_in_time;
mod what_is_recorded_was_sent;
mod what_is_sent_is_recorded;

/// A rule: looks for what breaks it.
pub struct Rule {
    /// What it says.
    pub says: &'static str,
    /// Answers where and how it was broken.
    pub check: fn(&Story<'_>) -> Vec<Broken>,
}

/// A place where a rule was broken, and how.
pub type Broken = (Option<Place>, String);

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What the rule says.
    pub rule: &'static str,
    /// The fact that breaks it; none when it is something at the end, or something missing.
    pub place: Option<Place>,
    /// How.
    pub how: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{:?} at {place}: {}", self.rule, self.how),
            None => write!(f, "{:?}: {}", self.rule, self.how),
        }
    }
}

/// Every rule.
pub const RULES: &[Rule] = &[
    every_accepted_delivery_comes_to_its_end::RULE,
    what_is_accepted_was_committed_before::RULE,
    an_ended_delivery_stays_as_it_is::RULE,
    nothing_is_sent_after_its_end::RULE,
    nothing_is_sent_before_its_time::RULE,
    nothing_is_sent_against_its_order::RULE,
    a_held_order_stands_still::RULE,
    nothing_is_sent_to_a_closed_endpoint::RULE,
    a_delivery_is_under_way_once_at_a_time::RULE,
    an_event_goes_where_filters_let_it::RULE,
    a_batch_keeps_its_members::RULE,
    a_batch_stays_within_its_size::RULE,
    what_is_sent_is_recorded::RULE,
    what_is_recorded_was_sent::RULE,
    attempts_are_numbered_without_gaps::RULE,
    a_row_changes_for_a_reason::RULE,
    the_policy_decides_what_follows::RULE,
    a_gone_endpoint_is_disabled::RULE,
    nothing_is_sent_after_it_expired::RULE,
    a_job_takes_each_delivery_once::RULE,
    a_replay_is_made_once_for_each_asking::RULE,
    an_extra_attempt_is_made_soon::RULE,
    what_is_due_is_sent_in_time::RULE,
    requests_at_a_time_stay_within_the_limit::RULE,
    requests_in_all_stay_within_the_limit::RULE,
    pressure_lowers_the_limit::RULE,
    rates_are_kept::RULE,
    nothing_is_sent_while_the_breaker_is_open::RULE,
    retry_after_slows_the_lane::RULE,
    the_rows_reach_as_far_as_is_said::RULE,
    tallies_add_up::RULE,
    memory_stays_within_its_bounds::RULE,
    memory_is_empty_at_the_end::RULE,
];

/// Judges a run by every rule; answers what broke one.
#[must_use]
pub fn judge(history: &History) -> Vec<Breach> {
    let story = Story::of(history);
    let breaches = RULES.iter().flat_map(|rule| {
        let broken = (rule.check)(&story).into_iter();
        broken.map(|(place, how)| Breach {
            rule: rule.says,
            place,
            how,
        })
    });
    breaches.collect()
}

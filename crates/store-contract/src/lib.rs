//! What every store must do, as a suite: one function for each behaviour, run for each engine.
//!
//! An engine's tests say how a store is made, see [`Engine`], and expand the suite:
//!
//! ```ignore
//! fanfare_store_contract::contract_suite!(MyEngine);
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "a suite of tests: an error is a failure of the test"
)]

pub mod append;
pub mod batch;
pub mod configuration;
pub mod engine;
pub mod event_retention;
pub mod events;
pub mod feed;
pub mod jobs;
pub mod listing;
mod made;
pub mod model;
pub mod order;
pub mod recovery;
pub mod retention;
pub mod settle;
pub mod tallies;
pub mod twins;
pub mod waiting;

pub use engine::{Engine, OpenStore};

/// Expands to a test for each behaviour. The expression gives an [`Engine`]; the tests need tokio
/// with its macros and its runtime of several threads.
#[macro_export]
macro_rules! contract_suite {
    ($engine:expr) => {
        $crate::behaviours! { $engine;
            append::{
                events_are_read_back_as_they_were_appended,
                positions_rise_in_the_order_of_the_call,
                calls_at_the_same_time_get_positions_of_their_own,
                nothing_to_append_is_answered_with_nothing,
                what_was_acknowledged_is_there_after_a_crash,
                a_large_event_with_many_targets_is_kept_whole,
            }
            twins::{
                the_same_id_and_content_is_a_twin,
                the_same_id_with_other_content_is_refused,
                an_id_belongs_to_its_tenant,
                the_same_key_and_content_is_a_twin,
                a_reused_key_is_refused_until_it_expires,
                twins_are_found_within_one_call,
                of_twins_at_the_same_time_one_is_appended,
                twins_are_found_after_a_restart_and_a_crash,
                an_id_is_free_again_when_its_event_is_forgotten,
                a_refused_event_uses_up_no_key,
            }
            events::{
                the_log_is_read_in_order_page_by_page,
                positions_are_told_without_their_events,
                an_event_is_found_by_its_tenant_only,
                events_are_listed_newest_first_page_by_page,
                events_are_filtered_by_type_and_time,
                events_are_found_by_their_ids,
                events_are_walked_through_oldest_first,
                events_with_their_payload_are_told_apart,
                the_end_of_the_log_is_the_highest_position_ever,
            }
            event_retention::{
                old_events_are_found_in_order_page_by_page,
                an_event_without_its_payload_is_still_an_event,
                payloads_past_a_time_of_their_own_are_found_the_longest_past_first,
                a_forgotten_event_is_gone_from_every_look_up,
                a_position_is_never_used_again,
                expired_keys_are_forgotten_in_steps,
            }
            configuration::{
                a_document_is_read_as_it_was_written,
                changes_are_made_all_or_none,
                a_change_that_does_not_fit_is_refused,
                revisions_rise_and_never_come_again,
                documents_are_listed_newest_first_page_by_page,
                documents_are_listed_by_id_in_both_directions,
                lists_keep_kinds_environments_and_tenants_apart,
                a_replaced_document_keeps_its_place,
                a_tenants_end_takes_all_of_its_documents_but_itself,
                a_removed_document_can_be_made_anew,
                no_changes_are_done_at_once,
                documents_survive_a_restart_and_a_crash,
                of_replacements_at_the_same_time_one_is_made,
            }
            feed::{
                the_feed_gives_each_changed_document_once_as_it_is_now,
                the_feed_is_read_page_by_page,
                the_feed_survives_a_restart,
            }
            settle::{
                a_delivery_is_read_as_it_was_settled,
                what_an_attempt_was_answered_can_be_replaced,
                a_waiting_delivery_is_replaced,
                a_delivery_ends_once,
                an_ended_delivery_never_waits_again,
                a_late_settlement_never_undoes_a_recorded_attempt,
                the_order_within_a_call_counts,
                what_arrived_is_settled_beside_all_else,
                attempts_are_read_oldest_first_as_they_were_made,
                settling_the_same_again_changes_nothing,
                the_materialised_position_only_rises,
                settlements_belong_to_their_tenant,
                many_settlements_go_in_one_call,
            }
            tallies::{
                tallies_add_up_for_each_endpoint_and_minute,
                an_attempt_recorded_twice_counts_once,
                an_end_that_came_too_late_is_not_counted,
                tallies_are_read_for_the_minutes_asked_for,
                a_discard_is_counted,
            }
            waiting::{
                what_is_due_comes_longest_due_first,
                the_next_due_time_is_that_of_the_first_one_left_out,
                lanes_are_listed_by_endpoint_page_by_page,
                the_backlog_counts_what_waits,
                waiting_deliveries_are_discarded_in_steps,
                events_with_a_waiting_delivery_are_told_apart,
                rows_that_exist_are_told_apart,
                what_waits_past_its_end_is_found,
                what_waits_is_counted_for_each_tenant,
                what_waits_is_counted_exactly_up_to_a_bound,
            }
            order::{
                a_strand_is_read_in_order_whatever_is_due,
                what_is_of_a_strand_is_not_found_by_its_time,
                strands_are_listed_page_by_page,
                lanes_say_whether_something_waits_in_turn,
                a_turn_is_kept_however_often_it_is_settled,
                a_failed_delivery_holds_its_strand_until_it_is_lifted,
                a_delivered_replay_lifts_the_hold_of_its_event_only,
                what_is_out_of_turn_is_found_and_placed,
                a_discard_ends_what_waits_in_turn_too,
                retention_leaves_what_holds,
                positions_are_found_by_event,
            }
            batch::{
                members_are_read_in_their_order,
                what_is_bound_or_has_ended_is_not_bound_again,
                where_the_first_is_not_free_none_is_bound,
                a_place_in_a_batch_is_kept_to_the_end,
                a_batch_is_of_one_strand,
                a_batch_survives_a_restart_and_a_crash,
            }
            listing::{
                deliveries_are_listed_newest_first_page_by_page,
                each_filter_narrows_the_list,
                filters_work_together,
                an_events_replays_are_listed_with_its_first_deliveries,
            }
            jobs::{
                a_job_is_read_as_it_was_made,
                a_step_is_made_of_the_job_as_it_is_only,
                jobs_are_listed_newest_first_page_by_page,
                open_jobs_are_bounded,
                jobs_that_run_are_found_and_old_ones_forgotten,
                a_walk_goes_through_all_that_fit,
                repetitions_are_told_with_their_state,
            }
            retention::{
                what_waits_is_never_taken,
                expired_deliveries_go_with_their_attempts_in_steps,
                expired_attempts_go_and_their_deliveries_stay,
                old_tallies_go,
                nothing_is_taken_before_its_time,
            }
            recovery::{
                deliveries_without_a_row_are_found_in_the_log,
                everything_survives_a_restart,
                everything_acknowledged_survives_a_crash,
            }
            model::{
                deliveries_do_what_a_simple_model_does,
                the_log_does_what_a_simple_model_does,
            }
        }
    };
}

/// A module of tests for each module of behaviours; see [`contract_suite`].
#[doc(hidden)]
#[macro_export]
macro_rules! behaviours {
    ($engine:expr; $($module:ident::{ $($name:ident,)* })*) => {
        $(mod $module {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::$module::$name(&$engine).await;
            })*
        })*
    };
}

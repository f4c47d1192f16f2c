//! The behaviour of every store, one function for each part. It runs on SQLite (a file and in memory) and on PostgreSQL.
//!
//! `behaviours!` lists them all. For a new behaviour, add a function and a line there.

pub mod actors;
pub mod adopts;
pub mod assigns;
pub mod audits;
pub mod batches;
pub mod begins;
pub mod catalog;
pub mod ends;
pub mod events;
pub mod extensions;
mod fixture;
pub mod keys;
pub mod listing;
pub mod older;
pub mod order_races;
pub mod order_transitions;
mod ordering;
pub mod orders;
pub mod previews;
pub mod races;
pub mod releases;
pub mod replacements;
pub mod searches;
pub mod sessions;
pub mod settlements;
pub mod sim_audits;
pub mod sims;
pub mod statistics;
pub mod stories;
pub mod sweeps;
pub mod tenants;
pub mod transitions;
pub mod unsettled;

pub use self::fixture::Fixture;

/// Emits a test for each behaviour with data that another program wrote, which needs a database that the test can reach.
#[macro_export]
macro_rules! older_behaviours {
    ($open:expr) => {
        $crate::behaviours!(@list $open;
            older: a_number_of_a_preview_is_released_under_its_id, a_number_without_a_preview_is_given_back,
                a_number_that_another_program_put_on_a_line_stays, a_number_on_a_line_elsewhere_is_taken,
                a_ported_in_number_is_not_looked_for_in_sigan, it_belongs_to_the_brand_that_there_was,
                the_lock_is_in_the_database, a_state_that_does_not_exist_is_refused,
                a_preview_that_gave_a_number_before_gives_no_other, one_unreadable_row_does_not_stop_the_others,
                a_number_of_an_unknown_status_is_left_alone,
                a_preview_that_a_held_number_came_from_is_kept, a_number_without_a_hold_is_not_extended,
                numbers_without_a_reservation_are_listed, an_order_names_what_another_program_knows;
            batches: a_refused_preview_fails_alone, a_refused_begin_fails_alone, a_refused_random_begin_fails_alone,
                a_refused_confirmation_fails_alone, a_refused_release_fails_alone, a_refused_delivery_fails_alone;
        );
    };
}

/// Emits a test for each behaviour, on the fixture that `$open` makes.
#[macro_export]
macro_rules! behaviours {
    ($open:expr) => {
        $crate::behaviours!(@list $open;
            previews: is_stored_once, replaces_another, says_whether_it_is_in_use, knows_numbers_that_were_just_returned,
                knows_the_area_codes;
            begins: starts_once, may_be_repeated_by_its_own_id, gives_the_held_number_again, gives_it_again_after_expiry,
                waits_for_the_same_number, bars_the_other_numbers, refuses_an_unknown_preview_or_index, ends_with_the_preview,
                refuses_a_number_held_elsewhere, starts_again_with_a_returned_number, resumes_a_doubt,
                resumes_a_lapsed_lease, resumes_once_by_its_own_id, gives_no_expired_hold_again,
                ends_a_lease_that_was_not_used, ends_an_unused_lease_of_an_older_attempt, only_looks_without_a_lease, takes_a_random_number_once;
            ends: a_confirmed_hold_is_recorded, a_hold_without_a_row_is_released, a_hold_that_another_attempt_has_is_not_lost,
                an_attempt_learns_of_the_lost_call_before_it,
                a_late_confirmation_spares_the_attempt_that_has_the_hold, a_hold_may_be_confirmed_again, a_doubt_keeps_the_number,
                a_doubt_of_an_older_call_changes_nothing, a_refusal_leaves_nothing,
                an_attempt_is_cancelled_before_it_is_rejected,
                a_number_held_again_is_not_touched_by_an_old_cancellation, an_attempt_of_a_newer_call_is_not_cancelled,
                an_attempt_that_is_being_cancelled_is_not_confirmed, a_refusal_of_an_older_call_changes_nothing,
                a_hold_confirmed_after_it_was_given_up_is_released, a_hold_confirmed_after_it_was_released_stays_released;
            releases: a_number_is_given_back_once, only_a_reserved_number_is_given_back, a_call_under_way_bars_a_release,
                a_doubt_is_released, a_released_preview_gives_no_number, a_released_number_may_be_held_again,
                a_delivery_is_settled, a_look_at_a_release_changes_nothing;
            extensions: a_hold_is_extended_up_to_its_longest_time, an_extension_shortens_nothing,
                an_extended_hold_is_not_abandoned, only_a_hold_is_extended, a_hold_is_extended_by_its_brand_alone,
                every_answer_has_the_end_of_the_hold, a_preview_has_its_end, an_extension_and_an_expiry;
            batches: each_preview_is_stored_with_its_own_numbers, each_attempt_begins_with_its_own_number,
                each_brand_sees_its_own, each_doubt_is_taken_up_by_its_own_call, each_random_number_is_begun_once,
                each_hold_is_confirmed_to_its_own_caller, late_holds_of_one_preview_are_all_released,
                each_number_is_released_to_its_own_caller, each_delivery_is_recorded_once;
            listing: numbers_are_listed_by_status_and_by_state, a_list_comes_in_pages, numbers_are_listed_by_area_code,
                a_brand_lists_its_numbers_alone, numbers_are_listed_by_age_and_by_expiry, a_number_is_listed_by_its_sim,
                a_page_of_few_numbers_goes_on;
            searches: a_number_is_found_by_each_key, a_refused_number_is_found, a_search_stays_within_the_brand, a_preview_is_found,
                an_esim_is_found_by_the_chip_that_it_is_on;
            unsettled: attempts_without_a_certain_outcome_are_listed, an_attempt_stays_unsettled_until_its_outcome_is_certain,
                unsettled_attempts_come_in_pages, an_order_of_a_brand_without_an_attempt_is_listed;
            transitions: each_step_moves_each_state_as_the_machine_says;
            events: a_number_tells_its_life, a_release_is_no_expiry, a_doubt_is_told_once, a_sim_tells_its_life,
                a_reader_of_a_brand_sees_its_brand_alone, events_come_in_pages, events_come_backwards_too, an_expiry_is_announced_once,
                old_events_are_purged, events_are_found_by_their_time, an_event_that_is_committed_late_is_not_missed,
                restored_events_come_before_later_ones, events_come_after_restored_places,
                a_place_of_another_database_is_told_apart, a_change_by_any_role_has_its_event, an_unreadable_event_stops_nobody;
            actors: each_step_of_a_number_names_its_client, an_extension_that_changes_nothing_is_not_told,
                each_outcome_of_an_attempt_names_its_client, an_operator_s_step_names_its_client,
                each_step_of_a_sim_names_its_client, each_caller_at_once_is_named,
                a_step_of_the_service_or_of_an_older_server_names_nobody;
            statistics: the_counts_follow_each_change, events_are_counted_once_by_many, old_changes_are_forgotten,
                what_is_due_is_a_backlog, a_long_backlog_is_counted_in_part, draws_are_added_up_by_hour, the_latest_audit_is_kept;
            stories: a_call_is_stored_once_with_all_of_it, a_number_has_the_calls_of_its_holds_and_sims,
                a_story_is_told_to_its_brand_alone, a_request_has_the_calls_that_it_caused,
                the_attempts_of_a_number_say_for_whom, the_events_of_a_number_and_of_a_sim_are_found,
                a_pre_reserve_that_led_to_nothing_is_purged, an_old_pre_reserve_stays_with_the_number_that_was_reserved,
                a_call_that_cannot_be_read_whole_stops_nobody;
            assigns: a_held_number_goes_on_a_line, only_a_confirmed_number_goes_on_a_line, a_number_shows_its_history,
                a_sim_has_one_number, only_an_active_sim_gets_a_number, an_assignment_is_in_the_history;
            adopts: an_unknown_number_is_put_on_a_line, a_returned_number_is_put_on_a_line, a_reserved_number_keeps_its_hold,
                a_repeated_adoption_changes_nothing, a_hold_without_an_id_is_not_recorded,
                a_number_that_is_held_otherwise_is_not_adopted, a_hold_that_is_over_is_not_adopted,
                an_unsettled_number_is_not_adopted, an_adopted_number_belongs_to_its_brand,
                a_preview_finds_the_number_that_was_adopted_from_it, of_fifty_adoptions_one_is_recorded,
                a_sim_that_has_a_number_is_not_adopted, only_an_active_sim_is_adopted;
            sessions: a_session_is_found_until_it_ends, a_session_that_is_over_is_not_found_and_is_forgotten;
            sweeps: an_abandoned_number_is_given_back, a_number_on_a_line_is_not_abandoned,
                an_attempt_whose_caller_died_is_in_doubt, a_batch_has_a_limit, a_doubt_is_claimed_like_a_call,
                a_random_doubt_can_be_named_only_by_a_key, a_claim_that_lapsed_is_made_again, each_row_is_claimed_by_one,
                unfinished_attempts_are_counted,
                an_old_preview_is_forgotten;
            settlements: a_doubt_is_claimed_before_it_is_due, a_call_under_way_is_left_until_its_lease_ends,
                a_delivery_is_claimed_unless_another_call_may_have_it, a_settled_number_is_not_claimed,
                a_number_is_claimed_for_its_brand_alone, each_number_is_claimed_by_one,
                an_order_is_claimed_before_it_is_due, a_release_waits_for_the_last_sim, a_lapsed_call_is_told_when_it_is_claimed,
                an_unreadable_number_is_set_aside;
            keys: a_key_finds_its_preview, a_key_finds_its_number, a_key_takes_a_doubt_up_again,
                an_expired_hold_spends_its_key, a_key_takes_a_doubt_up_once_by_its_own_id,
                an_attempt_that_left_nothing_frees_its_key, fifty_calls_with_one_key_begin_once;
            audits: a_listed_hold_is_found_by_number_and_id, held_numbers_come_in_pages,
                a_stray_is_recorded_before_it_is_released, a_stray_of_an_open_preview_bars_its_reserve,
                a_stray_of_a_used_preview_bars_its_reserve, a_stray_is_left_to_the_reserve_that_began_first,
                a_number_that_is_held_here_is_no_stray,
                only_an_idle_hold_is_given_back_as_lost;
            tenants: a_preview_is_replaced_by_its_brand_alone, a_preview_is_reserved_from_by_its_brand_alone,
                a_number_is_given_back_by_its_brand_alone, a_number_goes_on_a_line_for_its_brand_alone,
                a_number_is_shown_to_its_brand_alone, a_number_shows_no_times_of_another_brand, a_number_changes_hands, a_key_is_of_one_brand,
                the_brands_with_live_holds_are_listed, a_number_changes_hands_under_a_call,
                a_number_of_the_sim_is_named_to_its_brand_alone;
            catalog: knows_the_devices, a_choice_is_kept_once, another_catalogue_takes_its_place_and_back,
                a_changed_line_is_changed, an_import_that_was_overtaken_changes_nothing,
                of_two_imports_at_once_one_is_written, another_list_of_localities_takes_its_place;
            races: fifty_callers_for_one_number, fifty_callers_for_one_preview, fifty_releases_of_one_number,
                a_release_and_an_assignment, fifty_numbers_for_one_sim, a_stray_is_released_or_reserved, a_release_and_a_call_that_takes_a_doubt_up, a_caller_who_goes_away_leaves_no_transaction;
            orders: an_esim_is_issued, a_card_is_activated, a_repeated_begin_finds_its_lease,
                the_same_wish_takes_a_doubt_up_again, the_same_wish_takes_a_lapsed_order_up_again,
                the_answer_of_an_older_call_issues_the_sim, a_wish_for_the_sim_that_a_number_has_gets_it,
                one_order_of_a_number_is_under_way, a_number_under_order_waits, a_random_number_under_order_waits,
                only_a_reserved_number_gets_a_first_sim, a_refused_order_leaves_the_number_as_it_was, an_older_call_changes_no_order,
                an_order_is_cancelled_before_it_is_rejected, an_order_without_a_row_is_missing,
                an_iccid_is_that_of_one_active_sim, an_order_key_finds_its_order, a_refused_order_frees_its_key,
                an_order_is_of_its_brand_alone;
            replacements: a_sim_is_replaced, a_refused_replacement_changes_nothing, a_repeated_replacement_gets_the_same_sim,
                a_dead_profile_is_replaced, a_line_ends, only_a_number_on_a_line_ends, a_line_ends_whose_sim_was_not_ordered,
                a_line_ends_while_a_replaced_sim_waits,
                a_sim_that_was_not_ordered_is_replaced, due_orders_are_claimed, each_order_is_claimed_by_one,
                an_unreadable_order_is_set_aside;
            sims: a_sim_is_found_by_each_identifier, a_sim_is_shown_to_its_brand_alone, an_activation_code_is_read,
                a_code_is_read_as_often_as_it_may, an_old_code_is_not_read, a_code_ends_with_its_use,
                a_report_changes_a_profile_once, a_late_report_switches_no_profile_back, a_long_reason_is_cut,
                of_many_reports_at_once_each_is_kept, a_silent_profile_is_asked_about;
            sim_audits: our_record_of_a_listed_sim_is_read, active_sims_come_in_pages, only_a_sim_that_nobody_can_have_is_a_stray;
            order_transitions: each_step_moves_each_order_as_the_machine_says, a_claim_moves_each_order_as_the_machine_says;
            order_races: thirty_orders_for_one_number, thirty_calls_for_one_doubt, an_order_and_a_release,
                an_order_and_an_expiry, an_order_and_an_assignment, a_replacement_and_an_end, an_issue_and_a_cancellation,
                thirty_ends_of_one_line;
        );
    };
    (@list $open:expr; $($module:ident: $($behaviour:ident),+;)+) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                $crate::conformance::$module::$behaviour(&$open.await).await;
            })+
        })+
    };
}

//! What every store must do, one behaviour for each function. Run on SQLite (a file and in memory) and on PostgreSQL.
//!
//! `behaviours!` is the one list. A new behaviour is a function and a line there.

pub mod assigns;
pub mod begins;
pub mod catalog;
pub mod ends;
mod fixture;
pub mod older;
pub mod previews;
pub mod races;
pub mod releases;

pub use self::fixture::Fixture;

/// Emits a test for each behaviour of data that another program wrote, which needs a database it can reach.
#[macro_export]
macro_rules! older_behaviours {
    ($open:expr) => {
        $crate::behaviours!(@list $open;
            older: a_number_of_a_preview_is_released_under_its_id, a_number_without_a_preview_is_given_back,
                a_number_that_another_program_put_on_a_line_stays, a_number_on_a_line_elsewhere_is_taken,
                the_lock_is_in_the_database, a_state_that_does_not_exist_is_refused;
        );
    };
}

/// Emits a test for each behaviour, on the fixture that `$open` makes.
#[macro_export]
macro_rules! behaviours {
    ($open:expr) => {
        $crate::behaviours!(@list $open;
            previews: is_stored_once, replaces_another, tells_whether_it_is_in_use, knows_the_area_codes;
            begins: starts_once, may_be_repeated_by_its_own_id, gives_the_held_number_again, gives_it_again_after_expiry,
                waits_for_the_same_number, bars_the_other_numbers, knows_no_unknown, ends_with_the_preview,
                refuses_a_number_held_elsewhere, starts_again_with_a_returned_number, resumes_a_doubt,
                resumes_a_lapsed_lease, takes_a_random_number_once;
            ends: a_confirmed_hold_is_recorded, a_hold_may_be_confirmed_again, a_doubt_keeps_the_number,
                a_doubt_of_an_older_call_changes_nothing, a_refusal_leaves_nothing, a_refusal_after_a_doubt_returns_the_number,
                a_refusal_of_an_older_call_changes_nothing, a_hold_confirmed_after_it_was_given_up_is_released,
                a_hold_confirmed_after_it_was_released_stays_released;
            releases: a_number_is_given_back_once, only_a_reserved_number_is_given_back, a_call_under_way_bars_a_release,
                a_doubt_is_released, a_released_preview_gives_no_number, a_released_number_may_be_held_again,
                a_delivery_is_settled;
            assigns: a_held_number_goes_on_a_line, only_what_is_certain_goes_on_a_line, a_number_shows_its_history;
            catalog: knows_the_devices, a_choice_is_kept_once, another_catalogue_takes_its_place_and_back,
                a_changed_line_is_changed, an_import_that_was_overtaken_changes_nothing,
                of_two_imports_at_once_one_is_written, another_list_of_localities_takes_its_place;
            races: fifty_callers_for_one_number, fifty_callers_for_one_preview, fifty_releases_of_one_number,
                a_release_and_an_assignment, a_caller_who_goes_away_leaves_no_transaction;
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

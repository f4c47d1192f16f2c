//! The reservations of a number.

use oss_tests::model::{Attempt, Faults, Safeguard, Safeguards, Scenario, Sight, Violation, explore};

use super::{assert_nothing_wrong, assert_violation};

/// Two customers, one after the other, on a bad network.
const LOSSES: Scenario = Scenario {
    attempts: &[Attempt::First, Attempt::Second],
    foreign_hold: false,
    faults: Faults { network: 2, pauses: 1, ..Faults::NONE },
};

/// Two customers, one after the other, while a worker is killed.
const KILLS: Scenario =
    Scenario { faults: Faults { network: 1, kills: 1, pauses: 1, ..Faults::NONE }, ..LOSSES };

/// The first customer is rejected, and asks again from the same preview, under the same external id.
const SECOND_ATTEMPT: Scenario = Scenario {
    attempts: &[Attempt::First, Attempt::Again, Attempt::Second],
    foreign_hold: false,
    faults: Faults { network: 2, pauses: 1, ..Faults::NONE },
};

/// Two customers, while the audit runs.
const AUDIT: Scenario =
    Scenario { faults: Faults { network: 1, pauses: 1, audits: 1, ..Faults::NONE }, ..LOSSES };

/// A hold that is unknown here, as after the restore of an old backup. A customer gets the number after the audit has released
/// it.
const FOREIGN_HOLD: Scenario = Scenario {
    attempts: &[Attempt::Second],
    foreign_hold: true,
    faults: Faults { network: 1, kills: 1, pauses: 1, audits: 2, ..Faults::NONE },
};

/// Sigan holds the number under external id A, which has no row here, and the preview of A is still open. This happens after a
/// restore, or after a refusal that was wrongly believed. The first customer asks for the number while the audit releases the
/// hold as a stray one.
const STRAY: Scenario = Scenario {
    attempts: &[Attempt::First, Attempt::Again, Attempt::Second],
    foreign_hold: true,
    faults: Faults { network: 1, kills: 1, audits: 2, ..Faults::NONE },
};

/// Two customers, while Sigan or a gateway sometimes refuses our credentials, before or after a reserve had its effect.
const CREDENTIALS: Scenario = Scenario {
    attempts: &[Attempt::First, Attempt::Again, Attempt::Second],
    foreign_hold: false,
    faults: Faults { network: 1, credentials: 2, ..Faults::NONE },
};

/// Two customers, while the database fails over and loses the row of an attempt whose worker is at Sigan.
const FAILOVER: Scenario = Scenario {
    attempts: &[Attempt::First, Attempt::Again, Attempt::Second],
    foreign_hold: false,
    faults: Faults { network: 1, failovers: 1, ..Faults::NONE },
};

fn assert_safe(scenario: Scenario, states: usize, sights: &[Sight]) {
    assert_nothing_wrong(&explore(scenario, Safeguards::ALL), states, sights);
}

/// Checks that the scenario goes wrong in this way without these safeguards.
fn assert_unsafe_without(safeguards: &[Safeguard], scenario: Scenario, violation: Violation) {
    let left = safeguards.iter().fold(Safeguards::ALL, |all, safeguard| all.without(*safeguard));
    assert_violation(&explore(scenario, left), &violation);
}

/// Emits a test for each safeguard: the scenario that needs it, and the violation without it. If another safeguard would prevent the
/// violation too, both are left out.
macro_rules! missed {
    ($($test:ident: $($safeguard:ident)+, $scenario:ident => $violation:ident;)+) => {
        mod missed {
            use super::*;

            $(#[test]
            fn $test() {
                assert_unsafe_without(&[$(Safeguard::$safeguard),+], $scenario, Violation::$violation);
            })+
        }
    };
}

missed! {
    the_intent_row: IntentRow, KILLS => Leak;
    the_index_of_live_rows: OneLiveRow, LOSSES => Double;
    the_guard_of_a_confirmation: GuardedConfirmation, LOSSES => Kill;
    the_guard_of_a_denial: GuardedDenial, LOSSES => Kill;
    the_call_number_of_a_denial: CallNumber, LOSSES => Leak;
    the_cancel_before_the_rejection: CancelBeforeRejecting, LOSSES => Leak;
    the_commit_before_the_cancel: CommitBeforeCancel, LOSSES => Kill;
    the_id_in_a_release: ReleaseById, LOSSES => Kill;
    the_id_in_a_release_by_the_audit: ReleaseById, FOREIGN_HOLD => Kill;
    the_order_of_the_audit: AuditListsFirst OneRowPerHold, AUDIT => Kill;
    the_order_of_an_audit_that_has_work: AuditListsFirst OneRowPerHold, FOREIGN_HOLD => Kill;
    the_second_look_of_the_audit: AuditAsksAgain, AUDIT => Kill;
    the_rule_that_an_ended_hold_never_returns: OverForEver, LOSSES => Leak;
    the_cancel_after_a_refusal: CancelAfterRefusal, LOSSES => Leak;
    the_index_of_holds: OneRowPerHold, STRAY => Kill;
    the_doubt_after_refused_credentials: CredentialsAreDoubt, CREDENTIALS => Leak;
    the_release_of_a_lost_row: LostRowIsReleased, FAILOVER => Leak;
    the_notice_to_the_replacement_of_a_lost_row: ReplacementIsTold, FAILOVER => Leak;
}

/// The sights of every scenario in which requests are lost and workers pause.
const RECOVERY: &[Sight] = &[
    Sight::LateReserveBarred,
    Sight::ReserveRepeated,
    Sight::ReleaseRepeated,
    Sight::ReleaseMissedNewerHold,
    Sight::RecoveryAdopted,
    Sight::RecoveryGaveUp,
    Sight::OlderCallConfirmed,
    Sight::ConfirmedTooLate,
    Sight::OlderDenialIgnored,
    Sight::SecondCustomerHeld,
];

#[test]
fn two_customers_on_a_bad_network() {
    assert_safe(LOSSES, 200_000, RECOVERY);
}

#[test]
fn a_worker_is_killed() {
    assert_safe(KILLS, 200_000, RECOVERY);
}

#[test]
fn a_second_attempt_of_one_preview() {
    assert_safe(SECOND_ATTEMPT, 400_000, &[RECOVERY, &[Sight::SecondAttemptHeld]].concat());
}

#[test]
fn an_audit_meanwhile() {
    assert_safe(
        AUDIT,
        100_000,
        &[RECOVERY, &[Sight::AuditSparedUnsettled, Sight::AuditListWasOlder]].concat(),
    );
}

#[test]
fn a_foreign_hold() {
    let audit = [Sight::AuditFoundOrphan, Sight::AuditSparedUnsettled, Sight::SecondCustomerHeld];
    assert_safe(FOREIGN_HOLD, 40_000, &audit);
}

#[test]
fn a_stray_hold_with_an_open_preview() {
    let races = [Sight::StrayBarredAttempt, Sight::AttemptBarredStray, Sight::AuditFoundOrphan];
    assert_safe(STRAY, 100_000, &[&races[..], &[Sight::SecondCustomerHeld]].concat());
}

#[test]
fn credentials_are_refused() {
    let refused = [Sight::ForbiddenAfterEffect, Sight::ForbiddenRepeat, Sight::RecoveryAdopted];
    assert_safe(CREDENTIALS, 20_000, &refused);
}

#[test]
fn a_failover_loses_a_row() {
    assert_safe(
        FAILOVER,
        20_000,
        &[Sight::LostRowReleased, Sight::LostRowReplaced, Sight::SecondCustomerHeld],
    );
}

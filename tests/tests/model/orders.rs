//! The orders of SIMs and the ends of lines.

use oss_tests::model::Faults;
use oss_tests::model::orders::{Number, Safeguard, Scenario, Sight, Sim, Violation, Wish, explore};

use super::{assert_nothing_wrong, assert_violation};

const FIRST: Wish = Wish { number: Number::One, replaces: None, on_card: false };
const REPLACEMENT: Wish = Wish { replaces: Some(Sim::A), ..FIRST };
const CARD: Wish = Wish { on_card: true, ..FIRST };
const OTHER_CARD: Wish = Wish { number: Number::Two, ..CARD };

/// One order of a SIM, and the end of its line, on a bad network.
const ONE_ORDER: Scenario =
    Scenario { wishes: &[FIRST], faults: Faults { network: 2, kills: 1, pauses: 1, ..Faults::NONE } };

/// One order that GSIM makes later, on a bad network.
const MADE_LATER: Scenario =
    Scenario { faults: Faults { network: 1, pauses: 1, delays: 2, ..Faults::NONE }, ..ONE_ORDER };

/// Two customers want the same number.
const TWO_ORDERS: Scenario =
    Scenario { wishes: &[FIRST, FIRST], faults: Faults { network: 2, kills: 1, pauses: 1, ..Faults::NONE } };

/// A SIM is replaced, and the line ends.
const NEW_PHONE: Scenario =
    Scenario { wishes: &[FIRST, REPLACEMENT], faults: Faults { network: 2, pauses: 1, ..Faults::NONE } };

/// A SIM is replaced, while a worker is killed.
const KILLS: Scenario =
    Scenario { faults: Faults { network: 1, kills: 1, pauses: 1, ..Faults::NONE }, ..NEW_PHONE };

/// Two customers want to replace the same SIM.
const TWO_PHONES: Scenario = Scenario {
    wishes: &[FIRST, REPLACEMENT, REPLACEMENT],
    faults: Faults { network: 2, pauses: 1, ..Faults::NONE },
};

/// Two customers with two numbers have one card.
const ONE_CARD: Scenario =
    Scenario { wishes: &[CARD, OTHER_CARD], faults: Faults { network: 1, pauses: 1, ..Faults::NONE } };

/// Emits a test for each safeguard: the scenario that needs it, and the violation without it. If another safeguard would prevent the
/// violation too, all of them are left out.
macro_rules! missed {
    ($($test:ident: $($safeguard:ident)+, $scenario:ident => $violation:ident;)+) => {
        mod missed {
            use super::*;

            $(#[test]
            fn $test() {
                let found = explore($scenario, &[$(Safeguard::$safeguard),+]);
                assert_violation(&found, &Violation::$violation);
            })+
        }
    };
}

missed! {
    the_intent_row: IntentRow, ONE_ORDER => Leak;
    the_index_of_open_orders: OneOpenOrder OneOrderForReservation, TWO_ORDERS => GivenAway;
    the_guard_of_an_issue: GuardedIssue, ONE_ORDER => Torn;
    the_guard_of_a_denial: GuardedDenial, ONE_ORDER => Torn;
    the_call_number_of_a_denial: CallNumber, ONE_ORDER => Leak;
    the_first_call: RejectOnlyFirstCall, ONE_ORDER => Leak;
    the_cancel_after_a_refusal: CancelAfterRefusal, ONE_ORDER => Leak;
    the_cancel_before_the_rejection: CancelBeforeRejecting, ONE_ORDER => Leak;
    the_doubt_about_an_accepted_order: AcceptedIsInDoubt, MADE_LATER => Leak;
    the_commit_before_the_cancel: CommitBeforeCancel, ONE_ORDER => Dead;
    the_order_that_keeps_the_number: OrderBlocksGiveBack, ONE_ORDER => Torn;
    the_order_that_keeps_the_line: OrderBlocksEnd, NEW_PHONE => Torn;
    the_end_of_a_replaced_sim: ReplacedIsReleased, NEW_PHONE => Torn;
    the_time_at_which_sigan_is_told: SiganAfterGsim SiganAfterEverySim, ONE_ORDER => GivenAway;
    the_delivery_of_a_replaced_sim: SiganAfterEverySim, NEW_PHONE => GivenAway;
    the_rule_that_a_cancelled_order_never_returns: BarredForEver, ONE_ORDER => Leak;
    the_rule_that_orders_are_idempotent: IdempotentOrders, ONE_ORDER => Leak;
    the_rule_of_one_sim_for_a_number: OneSimPerNumber OneOpenOrder OneOrderForReservation, TWO_ORDERS => Shared;
    the_rule_of_one_number_for_a_card: OneNumberPerCard, ONE_CARD => Shared;
}

/// The sights of every scenario in which requests are lost and workers pause.
const RECOVERY: &[Sight] = &[
    Sight::LateOrderBarred,
    Sight::OrderRepeated,
    Sight::CancelRepeated,
    Sight::RecoveryIssued,
    Sight::RecoveryGaveUp,
    Sight::OlderCallIssued,
    Sight::IssuedTooLate,
    Sight::OlderDenialIgnored,
    Sight::NumberSurvivedCancel,
    Sight::LineEnded,
];

fn assert_safe(scenario: Scenario, states: usize, sights: &[Sight]) {
    assert_nothing_wrong(&explore(scenario, &[]), states, sights);
}

#[test]
fn one_order() {
    assert_safe(ONE_ORDER, 20_000, &[RECOVERY, &[Sight::CancelCameFirst]].concat());
}

#[test]
fn one_order_that_gsim_makes_later() {
    let sights = [Sight::AcceptedCancelled, Sight::RecoveryWaited, Sight::RecoveryIssued, Sight::LineEnded];
    assert_safe(MADE_LATER, 1_000, &sights);
}

#[test]
fn two_orders_for_a_number() {
    assert_safe(TWO_ORDERS, 100_000, RECOVERY);
}

#[test]
fn a_sim_is_replaced() {
    assert_safe(NEW_PHONE, 50_000, &[RECOVERY, &[Sight::Replaced]].concat());
}

#[test]
fn a_sim_is_replaced_while_a_worker_is_killed() {
    assert_safe(KILLS, 50_000, &[RECOVERY, &[Sight::Replaced]].concat());
}

#[test]
fn two_customers_replace_a_sim() {
    assert_safe(TWO_PHONES, 150_000, &[Sight::Replaced, Sight::LineEnded]);
}

#[test]
fn one_card_for_two_numbers() {
    assert_safe(ONE_CARD, 50_000, &[Sight::RefusedByGsim, Sight::CardMoved]);
}

//! What must hold when everything has settled.

use std::collections::BTreeSet;
use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::store::{HeldNumber, Range, Store, Tenant};
use oss_core::{AuditOptions, Msisdn, NumberStatus, ReservationState as State};
use tokio::time::sleep;

use super::NUMBERS;
use super::world::World;

/// Waits, in calm weather, until nothing is under way or due any more.
pub(super) async fn settle(world: &World) {
    for _ in 0..20 {
        sleep(Duration::from_secs(30)).await;
        if world.nothing_flies() && unsettled(world).is_empty() {
            return;
        }
    }
    world.violated(&format!("not settled after ten minutes: {:?}", unsettled(world)));
}

fn every_number() -> impl Iterator<Item = Msisdn> {
    ["11", "21"]
        .into_iter()
        .flat_map(|ddd| (0..NUMBERS).filter_map(move |at| format!("{ddd}9{}", 99_950_001 + at).parse().ok()))
}

fn unsettled(world: &World) -> Vec<(Msisdn, State)> {
    let states = |msisdn| {
        let history = world.number(msisdn).map(|number| number.history).unwrap_or_default();
        history.into_iter().map(move |hold| (msisdn, hold.state))
    };
    let is_under_way = |state: &State| {
        matches!(state, State::Pending | State::InDoubt | State::Releasing | State::Cancelling)
    };
    every_number().flat_map(states).filter(|(_, state)| is_under_way(state)).collect()
}

/// No leak, no kill, no double.
pub(super) async fn compare(world: &World) {
    let all = Range { after: None, until: None };
    let tenant = Tenant::new("acme".parse().expect("a brand"), true);
    let held = world.database(world.store.held_numbers(&tenant, all, Duration::ZERO, 10_000));
    let held = held.expect("the database in memory answers").numbers;
    for number in &held {
        if !agrees_with_itself(number) {
            world.violated(&format!("the rows of a number differ: {number:?}"));
        }
    }
    let here: BTreeSet<String> = held.iter().filter_map(hold).map(|hold| named(&hold)).collect();
    let there: BTreeSet<String> = world.inventory().reserved().iter().map(named).collect();
    for leaked in there.difference(&here) {
        world.violated(&format!("leak: Sigan holds {leaked} for us, and we do not know of it"));
    }
    for killed in here.difference(&there) {
        world.violated(&format!("kill: we hold {killed}, and Sigan does not"));
    }
    let now = world.now();
    for (msisdn, claim) in world.claims() {
        let lasts = claim.until.is_none_or(|until| until > now);
        if lasts && !held.iter().any(|number| number.msisdn == msisdn) {
            world.violated(&format!("{msisdn} was given in story {} and is lost", claim.story));
        }
    }
    let oss = world.instance().await.oss;
    // A hold may expire while the audit walks.
    let options = AuditOptions { fix: false, force: false, young: Duration::from_secs(30) };
    let audited = oss.audit(options, |_| ()).await.expect("an audit in calm weather");
    if audited.differences() > 0 {
        world.violated(&format!("the audit finds {audited:?}"));
    }
}

fn agrees_with_itself(number: &HeldNumber) -> bool {
    matches!(
        (&number.status, number.live.as_ref().map(|live| live.state)),
        (NumberStatus::Reserved, Some(State::Held)) | (NumberStatus::InUse, Some(State::Assigned))
    )
}

fn hold(number: &HeldNumber) -> Option<Hold> {
    let external_id = number.live.as_ref()?.external_id.clone();
    Some(Hold { external_id, msisdn: number.msisdn })
}

fn named(hold: &Hold) -> String {
    format!("{} under {}", hold.msisdn, hold.external_id)
}

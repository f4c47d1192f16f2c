//! The checks when everything has settled.

use std::collections::BTreeSet;
use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::store::{AuditStore, HeldNumber, Range, Tenant};
use oss_core::{
    AttemptState as State, AuditOptions, Difference, DifferenceKind, Found, Msisdn, NumberStatus,
};
use tokio::time::sleep;

use super::world::{World, YOUNG};
use super::{NUMBERS, brands};

/// Waits without new mishaps until nothing is in flight or due any more.
pub(super) async fn settle(world: &World) {
    for _ in 0..20 {
        sleep(Duration::from_secs(30)).await;
        if world.nothing_in_flight() && unsettled(world).is_empty() && world.unsettled_orders() == 0 {
            return;
        }
    }
    let orders = world.unsettled_orders();
    world
        .record_violation(&format!("not settled after ten minutes: {:?}, {orders} orders", unsettled(world)));
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

/// Audits like an operator until everything is settled, because Sigan still has holds without a row.
pub(super) async fn audit_until_clean(world: &World) {
    for _ in 0..5 {
        if audit(world, true).await.is_empty() {
            return;
        }
        settle(world).await;
    }
}

/// Every difference that an audit finds, except those of the unusual rows that the world put in.
async fn audit(world: &World, fix: bool) -> Vec<Difference> {
    let oss = world.instance().await.oss;
    // A hold may expire while the audit walks.
    let options = AuditOptions::default().fix(fix).force(fix).min_age(YOUNG);
    let (mut differences, mut unreadable) = (Vec::new(), 0);
    let tell = |found| {
        world.check_finding(&found);
        match found {
            Found::Difference(found) if found.kind == DifferenceKind::Unreadable => unreadable += 1,
            Found::Difference(found) if found.msisdn.is_some_and(World::is_unusual) => {}
            // While somebody holds its number here, an audit leaves a SIM to an operator.
            Found::Difference(found) if found.sim.is_some_and(|id| world.is_lost_order(id)) => {}
            Found::Difference(found) => differences.push(found),
            Found::Brand(_) | Found::Progress(_) => {}
        }
    };
    if let Err(error) = oss.audit(options, tell).await {
        world.record_violation(&format!("an audit in calm weather ended early: {error}"));
    }
    if unreadable != world.unreadable_rows() {
        let left = world.unreadable_rows();
        world.record_violation(&format!(
            "the audit tells of {unreadable} unreadable rows, and there are {left}"
        ));
    }
    differences
}

/// Checks that there is no leak, no kill and no double.
pub(super) async fn compare(world: &World) {
    for (brand, has_older_data) in brands().into_iter().zip([true, false]) {
        compare_brand(world, &Tenant::new(brand, has_older_data));
    }
    world.compare_sims();
    let differences = audit(world, false).await;
    if !differences.is_empty() {
        world.record_violation(&format!("the audit finds {differences:?}"));
    }
}

fn compare_brand(world: &World, tenant: &Tenant) {
    let all = Range { after: None, until: None };
    let brand = tenant.brand();
    let held = match world.database(world.store.held_numbers(tenant, all, Duration::ZERO, 10_000)) {
        Ok(held) => held.numbers,
        Err(error) => return world.record_violation(&format!("what {brand} holds cannot be read: {error}")),
    };
    let held: Vec<_> = held.into_iter().filter(|number| !World::is_unusual(number.msisdn)).collect();
    for number in &held {
        if !agrees_with_itself(number) {
            world.record_violation(&format!("the rows of a number differ: {number:?}"));
        }
    }
    let here: BTreeSet<String> = held.iter().filter_map(hold).map(|hold| named(&hold)).collect();
    let of_brand = |hold: &Hold| world.brand_of_hold(&hold.external_id).as_ref() == Some(brand);
    let there: BTreeSet<String> =
        world.inventory().reserved().iter().filter(|hold| of_brand(hold)).map(named).collect();
    for leaked in there.difference(&here) {
        world.record_violation(&format!("leak: Sigan holds {leaked} for {brand}, and we do not know of it"));
    }
    for killed in here.difference(&there) {
        world.record_violation(&format!("kill: we hold {killed} for {brand}, and Sigan does not"));
    }
    let now = world.now();
    for (msisdn, claim) in world.claims() {
        let lasts = claim.brand == *brand && claim.until.is_none_or(|until| until > now);
        if lasts && !held.iter().any(|number| number.msisdn == msisdn) {
            world.record_violation(&format!("{msisdn} was given in story {} and is lost", claim.story));
        }
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

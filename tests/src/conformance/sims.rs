//! SIMs as they are stored: searches, activation codes, and the reports on profiles.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use oss_core::store::{CodeAnswer, CodeLimits, CodeReading, NewOrder, ProfileRecorded, Scope};
use oss_core::{ProfileReport, ProfileState, Sim, SimFilter, SimId};

use super::Fixture;
use super::fixture::{LEASE, acme, other};
use super::ordering::{made, matching_id, replacement};

async fn find(db: &Fixture, filter: &SimFilter) -> Vec<Sim> {
    db.store.find_sims(Scope::AllBrands, filter).await.unwrap()
}

fn ids(sims: &[Sim]) -> Vec<SimId> {
    sims.iter().map(|sim| sim.id).collect()
}

pub async fn a_sim_is_found_by_each_identifier(db: &Fixture) {
    let first = db.in_use().await;
    let lease = db.ordered(&replacement(&db.wish(first.msisdn).await, db.card().await)).await;
    let made = made(&lease);
    db.store.issue(&lease, &made, LEASE).await.unwrap();
    db.in_use().await;

    let (old, new) = (db.record(first.order).await.sim, db.record(lease.order).await.sim);
    assert_eq!(old.line_id, new.line_id);
    for filter in [SimFilter::Iccid(made.iccid), SimFilter::Imsi(made.imsi), SimFilter::Msisdn(first.msisdn)]
    {
        assert_eq!(find(db, &filter).await, std::slice::from_ref(&new), "{filter:?}");
    }
    let on_line = find(db, &SimFilter::Line(new.line_id)).await;
    assert_eq!(ids(&on_line), [lease.order, first.order], "the latest first");
    let nobodys = db.reserved().await;
    assert_eq!(find(db, &SimFilter::Msisdn(nobodys)).await, []);
    db.store.end_line(Scope::AllBrands, first.msisdn, LEASE).await.unwrap();
    assert_eq!(find(db, &SimFilter::Msisdn(first.msisdn)).await, []);
}

pub async fn a_sim_is_shown_to_its_brand_alone(db: &Fixture) {
    let lease = db.in_use().await;
    let filter = SimFilter::Line(db.record(lease.order).await.sim.line_id);
    for (tenant, sees) in [(acme(), true), (other(), false)] {
        let scope = Scope::Brand(&tenant);
        assert_eq!(db.store.sim(scope, lease.order).await.unwrap().is_some(), sees);
        assert_eq!(db.store.find_sims(scope, &filter).await.unwrap().len(), usize::from(sees));
        assert_eq!(db.store.associations(scope, lease.msisdn).await.unwrap().len(), usize::from(sees));
        let code = db.store.read_code(scope, &reading(lease.order, 9)).await.unwrap();
        assert_eq!(code == CodeAnswer::Unknown, !sees);
    }
    assert_eq!(db.store.sim(Scope::AllBrands, SimId::new()).await.unwrap(), None);
}

/// A wish to read a code that may be read so often.
fn reading(sim: SimId, reads: u32) -> CodeReading {
    let limits = CodeLimits { reads, age: LEASE };
    CodeReading { sim, client: "acquisition".parse().expect("a name"), limits }
}

async fn read(db: &Fixture, reading: &CodeReading) -> CodeAnswer {
    db.store.read_code(Scope::AllBrands, reading).await.unwrap()
}

pub async fn an_activation_code_is_read(db: &Fixture) {
    let lease = db.in_use().await;
    let support = CodeReading { client: "support".parse().unwrap(), ..reading(lease.order, 9) };
    for reading in [&reading(lease.order, 9), &support] {
        let CodeAnswer::Code(code) = read(db, reading).await else { panic!("it may be read") };
        assert_eq!(code.matching_id().reveal(), matching_id(lease.order));
        assert_eq!(code.address().as_str(), "smdp.example");
    }
    let reads = db.record(lease.order).await.code_reads;
    let clients: Vec<_> = reads.iter().map(|read| read.client.as_str()).collect();
    assert_eq!(clients, ["support", "acquisition"], "the latest first");
    assert!(reads[0].read_at >= reads[1].read_at);
}

pub async fn a_code_is_read_as_often_as_it_may(db: &Fixture) {
    let lease = db.in_use().await;
    let reading = reading(lease.order, 3);
    let answers = join_all((0..30).map(|_| read(db, &reading))).await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, CodeAnswer::Code(_))).count(), 3);
    assert_eq!(answers.iter().filter(|answer| **answer == CodeAnswer::LimitReached).count(), 27);
    assert_eq!(db.record(lease.order).await.code_reads.len(), 3);
}

pub async fn an_old_code_is_not_read(db: &Fixture) {
    let lease = db.in_use().await;
    let limits = CodeLimits { reads: 9, age: Duration::ZERO };
    let too_old = CodeReading { limits, ..reading(lease.order, 9) };
    assert_eq!(read(db, &too_old).await, CodeAnswer::LimitReached);
    assert_eq!(db.record(lease.order).await.code_reads, [], "nobody read it");
}

pub async fn a_code_ends_with_its_use(db: &Fixture) {
    for (state, is_over) in [
        (ProfileState::Downloaded, false),
        (ProfileState::Installed, true),
        (ProfileState::Enabled, true),
        (ProfileState::Disabled, true),
        (ProfileState::Deleted, true),
        (ProfileState::Error, true),
    ] {
        let lease = db.in_use().await;
        report(db, lease.order, state, 1).await;
        let answer = read(db, &reading(lease.order, 9)).await;
        assert_eq!(answer == CodeAnswer::Used(state), is_over, "{answer:?}");
        assert_eq!(db.record(lease.order).await.code_reads.is_empty(), is_over, "{state}");
        db.store.end_line(Scope::AllBrands, lease.msisdn, LEASE).await.unwrap();
        assert_eq!(read(db, &reading(lease.order, 9)).await, CodeAnswer::Deprogrammed);
    }
    let card = NewOrder { wanted: db.card().await, ..db.wish(db.reserved().await).await };
    db.issued(&card).await;
    assert_eq!(read(db, &reading(card.id, 9)).await, CodeAnswer::NoCode);
    assert_eq!(read(db, &reading(SimId::new(), 9)).await, CodeAnswer::Unknown);
    assert_eq!(db.record(card.id).await.code_reads, []);
}

/// A second of the day on which a report was made.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time")
}

async fn report(db: &Fixture, sim: SimId, state: ProfileState, second: i64) -> ProfileRecorded {
    let report = ProfileReport::new(sim, state, at(second), Some("told"));
    db.store.record_profile(&report).await.unwrap()
}

pub async fn a_report_changes_a_profile_once(db: &Fixture) {
    let sim = db.in_use().await.order;
    assert_eq!(report(db, sim, ProfileState::Downloaded, 1).await, ProfileRecorded::Applied);
    assert_eq!(report(db, sim, ProfileState::Downloaded, 1).await, ProfileRecorded::Kept, "twice");
    assert_eq!(report(db, sim, ProfileState::Enabled, 3).await, ProfileRecorded::Applied, "a jump");
    assert_eq!(report(db, sim, ProfileState::Installed, 2).await, ProfileRecorded::Kept, "late");
    let record = db.record(sim).await;
    assert_eq!(record.sim.profile_state, Some(ProfileState::Enabled));
    let reports: Vec<_> =
        record.profile_reports.iter().map(|kept| (kept.state, kept.at, kept.applied)).collect();
    assert_eq!(
        reports,
        [
            (ProfileState::Installed, at(2), false),
            (ProfileState::Enabled, at(3), true),
            (ProfileState::Downloaded, at(1), true),
        ],
        "the latest first"
    );
    assert!(record.profile_reports.iter().all(|kept| kept.reason.as_deref() == Some("told")));
    assert_eq!(report(db, SimId::new(), ProfileState::Enabled, 1).await, ProfileRecorded::Unknown);
}

/// A profile may be switched on and off again and again, so the time of a report decides whether it is a late one.
pub async fn a_late_report_switches_no_profile_back(db: &Fixture) {
    let sim = db.in_use().await.order;
    let state = async || db.record(sim).await.sim.profile_state;
    assert_eq!(report(db, sim, ProfileState::Enabled, 1).await, ProfileRecorded::Applied);
    assert_eq!(report(db, sim, ProfileState::Disabled, 2).await, ProfileRecorded::Applied);
    assert_eq!(report(db, sim, ProfileState::Enabled, 1).await, ProfileRecorded::Kept, "told twice");
    assert_eq!(state().await, Some(ProfileState::Disabled));
    assert_eq!(report(db, sim, ProfileState::Enabled, 5).await, ProfileRecorded::Applied);
    assert_eq!(report(db, sim, ProfileState::Disabled, 4).await, ProfileRecorded::Kept, "out of order");
    assert_eq!(state().await, Some(ProfileState::Enabled));
    assert_eq!(report(db, sim, ProfileState::Deleted, 3).await, ProfileRecorded::Applied, "no way back");
    assert_eq!(report(db, sim, ProfileState::Enabled, 9).await, ProfileRecorded::Kept);
    assert_eq!(state().await, Some(ProfileState::Deleted));
}

/// GSIM's reason may be longer than the column.
pub async fn a_long_reason_is_cut(db: &Fixture) {
    let sim = db.in_use().await.order;
    let reason = "é".repeat(500);
    let report = ProfileReport::new(sim, ProfileState::Error, at(1), Some(&reason));
    assert_eq!(db.store.record_profile(&report).await.unwrap(), ProfileRecorded::Applied);
    let kept = db.record(sim).await.profile_reports[0].reason.clone().expect("a reason");
    assert!(!kept.is_empty() && reason.starts_with(&kept), "{kept}");
}

pub async fn of_many_reports_at_once_each_is_kept(db: &Fixture) {
    let sim = db.in_use().await.order;
    let states = [ProfileState::Downloaded, ProfileState::Enabled];
    let reports = (0..10).map(|nr| report(db, sim, states[nr % 2], i64::try_from(nr % 2).expect("small")));
    let recorded = join_all(reports).await;
    let applied = recorded.iter().filter(|recorded| **recorded == ProfileRecorded::Applied).count();
    let record = db.record(sim).await;
    assert_eq!(record.sim.profile_state, Some(ProfileState::Enabled));
    assert_eq!(record.profile_reports.len(), 2);
    assert_eq!(record.profile_reports.iter().filter(|kept| kept.applied).count(), applied);
}

pub async fn a_silent_profile_is_asked_about(db: &Fixture) {
    let (sim, ended) = (db.in_use().await, db.in_use().await);
    let silent = async |silent_for| {
        let silent = db.store.claim_silent(9, silent_for).await.unwrap();
        silent.into_iter().map(|silent| (silent.sim, silent.state)).collect::<Vec<_>>()
    };
    assert_eq!(silent(Duration::ZERO).await, [], "nobody has read a code");
    for lease in [&sim, &ended] {
        let code = db.store.read_code(Scope::AllBrands, &reading(lease.order, 9)).await.unwrap();
        assert!(matches!(code, CodeAnswer::Code(_)), "{code:?}");
    }
    db.store.end_line(Scope::AllBrands, ended.msisdn, LEASE).await.unwrap();
    assert_eq!(silent(LEASE).await, [], "not yet");
    assert_eq!(silent(Duration::ZERO).await, [(sim.order, Some(ProfileState::Released))]);

    let told = async |state, second| {
        let report = ProfileReport::new(sim.order, state, at(second), None);
        db.store.record_profile(&report).await.unwrap();
    };
    told(ProfileState::Downloaded, 1).await;
    assert_eq!(silent(Duration::ZERO).await, [(sim.order, Some(ProfileState::Downloaded))]);
    told(ProfileState::Installed, 2).await;
    assert_eq!(silent(Duration::ZERO).await, [], "its code has no more use");
}

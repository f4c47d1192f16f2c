//! Statistics: the counts agree with the rows, and each event is counted once.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oss_core::store::{COUNTED, DrawBatch, DrawTally, NewDraws, Scope};
use oss_core::{AttemptCount, AttemptState as State};

use super::Fixture;
use super::fixture::{LEASE, acme};
use crate::eventually::eventually;

const DAY: Duration = Duration::from_hours(24);

impl Fixture {
    /// Counts events until there are none, and compares the counts with the rows. An event is readable once every older transaction of
    /// the server has ended.
    async fn assert_counts_agree(&self) {
        const STORED: &str = "
            select brand_id || ' ' || substr(msisdn, 1, 2) || ' '
                || case when state = 'PENDING' then 'IN_DOUBT' else state end || ' ' || count(*)
            from reservation
            where state <> 'PENDING' or attempts > 1
            group by brand_id, substr(msisdn, 1, 2), case when state = 'PENDING' then 'IN_DOUBT' else state end";
        const TOLD: &str =
            "select brand_id || ' ' || kind || ' ' || count(*) from event group by brand_id, kind";
        let stored: BTreeSet<String> = self.database.texts(STORED).await.into_iter().collect();
        eventually(async || {
            while self.store.count_events(3).await.unwrap() > 0 {}
            let counts = self.store.attempt_counts().await.unwrap();
            let counted: BTreeSet<_> = counts.iter().filter(|count| count.attempts > 0).map(words).collect();
            if counted == stored { Ok(()) } else { Err(format!("counted {counted:?}, stored {stored:?}")) }
        })
        .await;
        let told: BTreeSet<String> = self.database.texts(TOLD).await.into_iter().collect();
        assert_eq!(self.changes().await, told);
    }

    /// The changes of the last day, by brand and kind.
    async fn changes(&self) -> BTreeSet<String> {
        let mut changes = BTreeMap::<_, u64>::new();
        for count in self.store.changes(DAY).await.unwrap() {
            *changes.entry(format!("{} {}", count.brand_id, count.kind)).or_default() += count.changes;
        }
        changes.into_iter().map(|(of, changes)| format!("{of} {changes}")).collect()
    }

    async fn count_of(&self, state: State) -> u64 {
        let counts = self.store.attempt_counts().await.unwrap();
        counts.iter().filter(|count| count.state == state).map(|count| count.attempts).sum()
    }
}

fn words(count: &AttemptCount) -> String {
    let AttemptCount { brand_id, area_code, state, attempts, .. } = count;
    format!("{brand_id} {area_code} {state} {attempts}")
}

pub async fn the_counts_follow_each_change(db: &Fixture) {
    let (held, released, assigned) = (db.preview().await, db.preview().await, db.preview().await);
    db.held(&held, 1).await;
    db.started(&db.preview().await, 2).await;
    db.assert_counts_agree().await;
    let before = (db.count_of(State::Held).await, db.count_of(State::Released).await);

    let gone = db.held(&released, 1).await;
    db.store.release(Scope::AllBrands, gone.hold.msisdn, LEASE).await.unwrap();
    db.store.record_delivery(gone.reservation).await.unwrap();
    let on_line = db.held(&assigned, 1).await.hold.msisdn;
    db.store.assign(Scope::AllBrands, on_line, db.sim().await).await.unwrap();
    let doubtful = db.started(&db.preview().await, 1).await;
    db.store.doubt(&doubtful, "no answer", LEASE).await.unwrap();
    let refused = db.started(&db.preview().await, 1).await;
    db.store.reject(&refused, "taken").await.unwrap();
    db.assert_counts_agree().await;
    assert_eq!(
        (db.count_of(State::Held).await, db.count_of(State::Released).await),
        (before.0, before.1 + 1)
    );
}

pub async fn events_are_counted_once_by_many(db: &Fixture) {
    for _ in 0..8 {
        let lease = db.held(&db.preview().await, 1).await;
        db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    }
    let count = || async {
        for _ in 0..20 {
            db.store.count_events(2).await.unwrap();
        }
    };
    futures::join!(count(), count(), count(), count());
    db.assert_counts_agree().await;
}

pub async fn old_changes_are_forgotten(db: &Fixture) {
    let (now, day) = (db.database.now(), if db.is_sqlite() { "86400000000" } else { "interval '1 day'" });
    for days in [89, 91] {
        let old = format!(
            "insert into hourly_changes values ({now} - {days} * {day}, 'acme', 'number.released', 7)"
        );
        db.database.execute(&old).await;
    }
    let shown = db.changes().await;
    db.held(&db.preview().await, 1).await;
    db.assert_counts_agree().await;
    assert_ne!(db.changes().await, shown, "the old ones are not shown");
    assert_eq!(db.database.count("select count(*) from hourly_changes where changes = 7").await, 1);
}

pub async fn what_is_due_is_a_backlog(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, lease.hold.msisdn, Duration::ZERO).await.unwrap();
    let backlogs = db.store.backlogs().await.unwrap();
    let backlog = backlogs.iter().find(|backlog| backlog.state == State::Releasing).expect("a backlog");
    assert_eq!((&*backlog.of, backlog.due, backlog.at_least), ("numbers", 1, false));
    assert!(backlog.oldest_seconds < 3600);
    db.store.record_delivery(lease.reservation).await.unwrap();
    assert!(db.store.backlogs().await.unwrap().iter().all(|backlog| backlog.state != State::Releasing));
}

pub async fn a_long_backlog_is_counted_in_part(db: &Fixture) {
    let (now, hour, id) = if db.is_sqlite() {
        (db.database.now(), "3600000000", "randomblob(16)")
    } else {
        (db.database.now(), "interval '1 hour'", "gen_random_uuid()")
    };
    let rows = format!(
        "with recursive row as (select 0 as n union all select n + 1 from row where n < {COUNTED}),
         number as (select n, '1198' || (1000000 + n) as msisdn from row)"
    );
    let numbers = format!(
        "insert into phone_number (msisdn, origin, status, unrecorded, created_at, updated_at)
         {rows} select msisdn, 'VIVO', 'RETURNED', '0', {now}, {now} from number"
    );
    // The row that is due first is due longest: for an hour and COUNTED seconds.
    let releases = format!(
        "insert into reservation (id, external_id, brand_id, msisdn, state, attempts, due_at, created_at, updated_at)
         {rows} select {id}, 'LONG-' || n, 'acme', msisdn, 'RELEASING', 1, {now} - {hour} - n * {hour} / 3600, {now}, {now}
         from number"
    );
    db.database.execute(&numbers).await;
    db.database.execute(&releases).await;
    let backlogs = db.store.backlogs().await.unwrap();
    let releasing = backlogs.iter().find(|backlog| backlog.state == State::Releasing).expect("a backlog");
    let counted = COUNTED.unsigned_abs();
    assert_eq!((&*releasing.of, releasing.due, releasing.at_least), ("numbers", counted, true));
    let oldest = 3600 + counted;
    assert!((oldest..oldest + 3600).contains(&releasing.oldest_seconds), "it is exact: {releasing:?}");
}

pub async fn draws_are_added_up_by_hour(db: &Fixture) {
    let [first, second] = ["11", "21"].map(|ddd| ddd.parse().unwrap());
    let new = |draws, none_left| NewDraws { draws, none_left };
    let process = uuid::Uuid::now_v7();
    // The second batch is repeated, because its answer was lost. A process that began later counts for itself.
    for (process, number) in [(process, 1), (process, 2), (process, 2), (uuid::Uuid::now_v7(), 1)] {
        let tally = DrawTally::from([(first, new(3, 1)), (second, new(1, 0))]);
        db.store.add_draws(&DrawBatch { process, number, tally }).await.unwrap();
    }
    let draws = db.store.draws(DAY).await.unwrap();
    let of = |ddd| {
        let of_ddd = draws.iter().filter(|count| count.area_code == ddd);
        of_ddd.fold((0, 0), |(draws, none_left), count| (draws + count.draws, none_left + count.none_left))
    };
    assert_eq!((of(first), of(second)), ((9, 3), (3, 0)));
}

pub async fn the_latest_audit_is_kept(db: &Fixture) {
    db.store.record_audit(acme().brand(), 7).await.unwrap();
    db.store.record_audit(acme().brand(), 0).await.unwrap();
    let audits = db.store.last_audits().await.unwrap();
    assert_eq!(
        audits.iter().map(|audit| (audit.brand_id.as_str(), audit.differences)).collect::<Vec<_>>(),
        [("acme", 0)]
    );
}

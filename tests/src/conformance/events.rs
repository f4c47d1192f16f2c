//! Events: each change of a number or a SIM is told once, in the order of the commits.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use chrono::TimeDelta;
use oss_core::store::{Due, EventCursor, EventRow, NewOrder, NewPreview, Scope};
use oss_core::{Msisdn, ProfileReport, ProfileState, SimId};
use sqlx::{Connection, Executor, PgConnection};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, other};
use super::ordering::replacement;
use crate::events::{Known, read_all};

const MANY: u32 = 1000;

impl Fixture {
    /// The place after everything that was written so far.
    pub(super) async fn now(&self) -> EventCursor {
        let all = read_all(&self.database, &*self.store, EventCursor::default()).await;
        all.last().map(|event| event.cursor).unwrap_or_default()
    }

    /// Checks that the states follow from the events. An existing database has rows from before there were events.
    pub(super) async fn assert_events_agree(&self) {
        let is_whole = !self.is_existing();
        let events = self.events_after(EventCursor::default()).await;
        Known::from_events(&events, is_whole).assert_stored(&self.database, is_whole).await;
    }

    pub(super) async fn events_after(&self, after: EventCursor) -> Vec<EventRow> {
        read_all(&self.database, &*self.store, after).await
    }
}

/// The kinds of events, with the states before and after.
fn changes(events: &[EventRow]) -> Vec<(&str, Option<&str>, &str)> {
    events.iter().map(|event| (event.kind.as_str(), event.before.as_deref(), &*event.after)).collect()
}

fn kinds(events: &[EventRow]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

pub async fn a_number_tells_its_life(db: &Fixture) {
    let start = db.now().await;
    let lease = db.started(&db.preview().await, 1).await;
    assert_eq!(db.events_after(start).await, [], "nothing is certain yet");
    db.store.confirm(&lease, LEASE).await.unwrap();
    db.store.confirm(&lease, LEASE).await.unwrap();
    let (msisdn, sim) = (lease.hold.msisdn, db.sim().await);
    db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    db.store.end_line(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    db.store.record_sim_delivery(sim).await.unwrap();
    db.store.record_delivery(lease.reservation).await.unwrap();
    let events = db.events_after(start).await;
    let (of_number, of_sim): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| event.reservation.is_some());
    let expected = [
        ("number.reserved", None, "HELD"),
        ("number.assigned", Some("HELD"), "ASSIGNED"),
        ("line.ended", Some("ASSIGNED"), "RELEASING"),
        ("number.returned", Some("RELEASING"), "RELEASED"),
    ];
    assert_eq!(changes(&of_number), expected);
    let expected = [("sim.ended", None, "RELEASING"), ("sim.deprogrammed", Some("RELEASING"), "RELEASED")];
    assert_eq!(changes(&of_sim), expected);
    for event in &of_number {
        assert_eq!((event.reservation, event.msisdn), (Some(lease.reservation), Some(msisdn)));
        assert_eq!(event.brand.as_str(), "acme");
    }
    assert_eq!(of_number[1].sim, Some(sim), "the SIM of the line");
    assert!(of_sim.iter().all(|event| event.sim == Some(sim) && event.msisdn == Some(msisdn)));
}

pub async fn a_release_is_no_expiry(db: &Fixture) {
    let start = db.now().await;
    let released = db.held(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, released.hold.msisdn, LEASE).await.unwrap();
    let expired = db.started(&db.preview().await, 1).await;
    db.store.confirm(&expired, LAPSED).await.unwrap();
    db.store.settle_overdue(MANY).await.unwrap();
    let events = db.events_after(start).await;
    assert_eq!(kinds(&events), ["number.reserved", "number.released", "number.reserved", "number.expired"]);
    assert_eq!(events[3].reservation, Some(expired.reservation));
}

/// An attempt in doubt that is asked about again and again tells that once.
pub async fn a_doubt_is_told_once(db: &Fixture) {
    let start = db.now().await;
    let lease = db.started(&db.preview().await, 1).await;
    db.store.doubt(&lease, "no answer in time", LAPSED).await.unwrap();
    for _ in 0..3 {
        let due = db.store.claim_due(MANY, LAPSED).await.unwrap().due;
        let [Due::Doubtful { lease, .. }] = &due[..] else { panic!("{due:?}") };
        db.store.doubt(lease, "no answer in time", LAPSED).await.unwrap();
    }
    let due = db.store.claim_due(MANY, LEASE).await.unwrap().due;
    let [Due::Doubtful { lease, .. }] = &due[..] else { panic!("{due:?}") };
    db.store.cancel(lease, "not held in Sigan", LEASE).await.unwrap();
    db.store.record_delivery(lease.reservation).await.unwrap();
    let expected = [
        ("number.in_doubt", None, "IN_DOUBT"),
        ("number.cancelled", Some("IN_DOUBT"), "CANCELLING"),
        ("number.rejected", Some("CANCELLING"), "REJECTED"),
    ];
    assert_eq!(changes(&db.events_after(start).await), expected);
}

pub async fn a_sim_tells_its_life(db: &Fixture) {
    let start = db.now().await;
    let wish = db.wish(db.reserved().await).await;
    let doubtful = db.ordered(&NewOrder { lease: LAPSED, ..wish.clone() }).await;
    db.store.doubt_order(&doubtful, "x", LAPSED).await.unwrap();
    db.store.issue(&doubtful, &super::ordering::made(&doubtful), LEASE).await.unwrap();
    if db.database.is_postgres() {
        // Two triggers ran in that transaction. The second one must not take the event of the first one for that of another server.
        assert_eq!(db.database.count("select added from event_offset").await, 0);
    }
    for state in [
        ProfileState::Downloaded,
        ProfileState::Downloaded,
        ProfileState::Installed,
        ProfileState::Enabled,
        ProfileState::Disabled,
        ProfileState::Deleted,
    ] {
        let at = db.record(wish.id).await.sim.updated_at + TimeDelta::seconds(1);
        db.store.record_profile(&ProfileReport::new(wish.id, state, at, None)).await.unwrap();
    }
    let newer = db.issued(&replacement(&wish, db.card().await)).await;
    db.store.record_sim_delivery(wish.id).await.unwrap();
    let events = db.events_after(start).await;
    let of = |sim: SimId| events.iter().filter(|event| event.sim == Some(sim)).collect::<Vec<_>>();
    let kinds: Vec<_> = of(wish.id).iter().map(|event| event.kind.as_str()).collect();
    let expected = [
        "sim.in_doubt",
        "number.assigned",
        "sim.issued",
        "sim.downloaded",
        "sim.installed",
        "sim.enabled",
        "sim.disabled",
        "sim.deleted",
        "sim.ended",
        "sim.deprogrammed",
    ];
    assert_eq!(sorted(&kinds), sorted(&expected), "{kinds:?}");
    assert!(of(wish.id).iter().all(|event| event.msisdn == Some(wish.msisdn)));
    assert_eq!(of(newer.order).len(), 1, "the number stays on its line");
    drop(Known::from_events(&events, true));
}

fn sorted<'a>(kinds: &[&'a str]) -> Vec<&'a str> {
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    kinds
}

pub async fn a_reader_of_a_brand_sees_its_brand_alone(db: &Fixture) {
    let start = db.now().await;
    let own = db.held(&db.preview().await, 1).await;
    let (acme, other) = (acme(), other());
    let others = NewPreview { brand: "other".parse().unwrap(), ..db.offer() };
    assert!(db.store.create_preview(&others).await.unwrap().is_some());
    db.held(&others, 1).await;
    let last = db.events_after(start).await.pop().expect("an event").cursor;
    for (tenant, count) in [(&acme, 1), (&other, 1)] {
        let page = db.store.events(Scope::Brand(tenant), start, 10).await.unwrap();
        assert_eq!(page.events.len(), count);
        assert!(page.events.iter().all(|event| event.brand == *tenant.brand()));
        assert_eq!(page.next, last, "events of others are passed over");
        let page = db.store.events(Scope::Brand(tenant), page.next, 10).await.unwrap();
        assert_eq!((page.events, page.next), (Vec::new(), last));
    }
    let page = db.store.events(Scope::Brand(&acme), start, 1).await.unwrap();
    assert_eq!(page.events[0].reservation, Some(own.reservation));
    assert_eq!(page.next, page.events[0].cursor, "a full page ends with its last event");
}

pub async fn events_come_in_pages(db: &Fixture) {
    let start = db.now().await;
    for _ in 0..5 {
        db.held(&db.preview().await, 1).await;
    }
    let all = db.events_after(start).await;
    let (mut after, mut read) = (start, Vec::new());
    for count in [2, 2, 1, 0] {
        let page = db.store.events(Scope::AllBrands, after, 2).await.unwrap();
        assert_eq!(page.events.len(), count);
        after = page.next;
        read.extend(page.events);
    }
    assert_eq!(read, all);
    assert_eq!(db.store.last_event().await.unwrap(), after);
    assert!(all.is_sorted_by(|one, next| one.cursor < next.cursor));
}

pub async fn events_come_backwards_too(db: &Fixture) {
    let start = db.now().await;
    let others = NewPreview { brand: "other".parse().unwrap(), ..db.offer() };
    assert!(db.store.create_preview(&others).await.unwrap().is_some());
    for _ in 0..5 {
        db.held(&db.preview().await, 1).await;
    }
    db.held(&others, 1).await;
    let mut all = db.events_after(start).await;
    all.reverse();
    let (mut before, mut read) = (EventCursor::END, Vec::new());
    for count in [2, 2, 2, 0] {
        let page = db.store.events_before(Scope::AllBrands, (start, before), 2).await.unwrap();
        assert_eq!(page.events.len(), count);
        assert_eq!(page.next == before, count == 0, "only the last page ends where it begins");
        before = page.next;
        read.extend(page.events);
    }
    assert_eq!(read, all);
    let acme = acme();
    let between = (all[5].cursor, all[1].cursor);
    let page = db.store.events_before(Scope::Brand(&acme), between, 10).await.unwrap();
    assert_eq!(page.events, all[2..5], "neither end is included");
    let page =
        db.store.events_before(Scope::Brand(&acme), (all[1].cursor, EventCursor::END), 10).await.unwrap();
    assert_eq!(
        (page.events, page.next),
        (Vec::new(), all[0].cursor),
        "the event of another brand is passed over"
    );
}

pub async fn a_place_of_another_database_is_told_apart(db: &Fixture) {
    let has = async |place| db.store.has_place(place).await.unwrap();
    assert!(has(EventCursor::default()).await);
    db.held(&db.preview().await, 1).await;
    let last = db.now().await;
    assert!(has(last).await);
    let since = db.store.events_since("2100-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    assert!(has(since).await, "the place of a time to come");
    let foreign = EventCursor { transaction: last.transaction + 1_000_000_000, ..last };
    assert!(!has(foreign).await);
    if db.is_sqlite() {
        assert!(
            !has(EventCursor { position: last.position + 1, ..last }).await,
            "a copy of the file is older"
        );
        db.database.execute("delete from event").await;
        assert!(has(last).await, "the event is purged");
    }
}

/// A number that expires within the notice.
async fn expiring(db: &Fixture, within: Duration) -> Msisdn {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.confirm(&lease, within).await.unwrap();
    lease.hold.msisdn
}

pub async fn an_expiry_is_announced_once(db: &Fixture) {
    const NOTICE: Duration = Duration::from_hours(1);
    let start = db.now().await;
    let (soon, later) = (expiring(db, NOTICE / 2).await, expiring(db, NOTICE * 2).await);
    let announce = async || db.store.announce_expiring(NOTICE, MANY).await.unwrap();
    assert_eq!(announce().await, 0, "the whole time of the first one is shorter than the notice");
    let long_ago = |msisdn: Msisdn| {
        let day = if db.is_sqlite() { "86400000000" } else { "interval '1 day'" };
        format!("update reservation set created_at = created_at - {day} where msisdn = '{msisdn}'")
    };
    db.database.execute(&long_ago(soon)).await;
    db.database.execute(&long_ago(later)).await;
    assert_eq!((announce().await, announce().await), (1, 0), "once");
    let hour = if db.is_sqlite() { "3600000000" } else { "interval '1 hour'" };
    for msisdn in [soon, later] {
        let sql = format!("update reservation set due_at = due_at + {hour} where msisdn = '{msisdn}'");
        db.database.execute(&sql).await;
    }
    assert_eq!(announce().await, 0, "it was extended");
    let sql = format!(
        "update reservation set due_at = due_at - {hour} + 1 * ({hour} / 60) where msisdn = '{soon}'"
    );
    db.database.execute(&sql).await;
    assert_eq!(announce().await, 1, "another expiry");
    let events = db.events_after(start).await;
    let announced: Vec<_> = events.iter().filter(|event| event.kind.as_str() == "number.expiring").collect();
    assert_eq!(announced.iter().map(|event| event.msisdn).collect::<Vec<_>>(), [Some(soon); 2]);
    assert_eq!(announced[0].before.as_deref(), Some("HELD"));
    drop(Known::from_events(&events, true));
}

pub async fn old_events_are_purged(db: &Fixture) {
    let start = db.now().await;
    for _ in 0..3 {
        db.held(&db.preview().await, 1).await;
    }
    let before = db.events_after(EventCursor::default()).await.len();
    assert_eq!(db.store.purge_events(LEASE, MANY).await.unwrap(), 0, "none is old");
    let all = db.events_after(start).await;
    db.database.execute(&aged(db, &all[..2])).await;
    let old = u64::try_from(before - 1).expect("a count");
    assert_eq!(db.store.purge_events(LEASE, 1).await.unwrap(), 1, "a batch has a limit");
    assert_eq!(db.store.purge_events(LEASE, MANY).await.unwrap(), old - 1);
    assert_eq!(db.events_after(EventCursor::default()).await, all[2..]);
}

/// The statement that makes events a day older.
fn aged(db: &Fixture, events: &[EventRow]) -> String {
    let day = if db.is_sqlite() { "86400000000" } else { "interval '1 day'" };
    let last = events.last().expect("an event").cursor.position;
    // The existing database has events from its migration before them.
    format!("update event set recorded_at = recorded_at - {day} where position <= {last}")
}

pub async fn events_are_found_by_their_time(db: &Fixture) {
    let start = db.now().await;
    for _ in 0..9 {
        db.held(&db.preview().await, 1).await;
    }
    let all = db.events_after(start).await;
    db.database.execute(&aged(db, &all[..4])).await;
    let since = db.store.events_since(all[8].recorded_at - TimeDelta::hours(1)).await.unwrap();
    assert_eq!(db.events_after(since).await, all[4..]);
    let since = db.store.events_since(all[8].recorded_at + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(db.events_after(since).await, []);
    let since = db.store.events_since(all[8].recorded_at - TimeDelta::days(900)).await.unwrap();
    assert!(since < all[0].cursor);
}

/// A connection of another program in a transaction that releases a number.
async fn open_release(db: &Fixture, msisdn: Msisdn) -> PgConnection {
    let mut connection = PgConnection::connect(db.database.url()).await.expect("PostgreSQL answers");
    let sql = format!(
        "begin; update reservation set state = 'RELEASING', due_at = now() where msisdn = '{msisdn}' and state = 'HELD'"
    );
    connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("the statement runs");
    connection
}

/// An event with a lower position may be committed later. A reader that went by positions alone would miss it for ever.
pub async fn an_event_that_is_committed_late_is_not_missed(db: &Fixture) {
    // On SQLite only one transaction writes.
    if db.is_sqlite() {
        return;
    }
    let (slow, quick) = (db.reserved().await, db.reserved().await);
    let start = db.now().await;
    let mut late = open_release(db, slow).await;
    db.store.release(Scope::AllBrands, quick, LEASE).await.unwrap();
    let page = db.store.events(Scope::AllBrands, start, 10).await.unwrap();
    assert_eq!((page.events, page.next), (Vec::new(), start), "an older transaction is not over");
    late.execute("commit").await.unwrap();
    let numbers: Vec<_> = db.events_after(start).await.iter().map(|event| event.msisdn).collect();
    assert_eq!(numbers, [Some(slow), Some(quick)]);
}

/// A dump is restored on a server that has not had as many transactions.
pub async fn restored_events_come_before_later_ones(db: &Fixture) {
    if db.is_sqlite() {
        return;
    }
    db.held(&db.preview().await, 1).await;
    db.now().await;
    db.database.execute("update event set transaction_id = transaction_id + 1000000000000").await;
    let restored = db.events_after(EventCursor::default()).await;
    let last = restored.last().expect("an event").cursor;
    assert_eq!(db.store.last_event().await.unwrap(), last);
    let later = [db.reserved().await, db.reserved().await];
    let numbers: Vec<_> = db.events_after(last).await.iter().map(|event| event.msisdn).collect();
    assert_eq!(numbers, later.map(Some), "a reader goes on");
    assert_eq!(db.events_after(EventCursor::default()).await.len(), restored.len() + 2);
}

/// A dump without the events is restored on a server that has not had as many transactions: those who keep their places here go on.
pub async fn events_come_after_restored_places(db: &Fixture) {
    if db.is_sqlite() {
        return;
    }
    for table in ["counted_events", "webhook"] {
        let number = db.reserved().await;
        db.now().await;
        while db.store.count_events(MANY).await.unwrap() > 0 {}
        let far =
            "insert into webhook (name, transaction_id, position) values ('w', 0, 0) on conflict do nothing";
        db.database.execute(far).await;
        let ahead = format!(
            "delete from event; update {table} set transaction_id = (select added from event_offset) + 1000000000000"
        );
        db.database.execute(&ahead).await;
        db.store.release(Scope::AllBrands, number, LEASE).await.unwrap();
        db.reserved().await;
        db.now().await;
        let after = format!(
            "select count(*) from event e, {table} place
             where (e.transaction_id, e.position) > (place.transaction_id, place.position)"
        );
        assert_eq!(db.database.count(&after).await, 2, "{table}");
        assert_eq!(db.store.count_events(MANY).await.unwrap(), 2, "{table}");
    }
}

/// A server of the version before, and other programs, may have a role that knows nothing of events.
pub async fn a_change_by_any_role_has_its_event(db: &Fixture) {
    if db.is_sqlite() {
        return;
    }
    let start = db.now().await;
    let msisdn = db.reserved().await;
    let role = format!("role_{}", uuid::Uuid::new_v4().simple());
    let sql = format!(
        "create role {role}; grant usage on schema public to {role};
         grant select, insert, update, delete on reservation, phone_number, sim, sim_order to {role};
         begin; set local role {role};
         update reservation set state = 'RELEASING', due_at = now() where msisdn = '{msisdn}' and state = 'HELD';
         commit; drop owned by {role}; drop role {role}"
    );
    db.database.execute(&sql).await;
    assert_eq!(kinds(&db.events_after(start).await), ["number.reserved", "number.released"]);
}

/// A row that another program spoilt does not stop a reader.
pub async fn an_unreadable_event_stops_nobody(db: &Fixture) {
    let start = db.now().await;
    let (first, second) = (db.reserved().await, db.reserved().await);
    let spoilt = format!(
        "update event set msisdn = 'x', kind = 'later.kind', brand_id = 'no brand' where msisdn = '{first}'"
    );
    db.database.execute(&spoilt).await;
    let events = db.events_after(start).await;
    assert_eq!(
        (events[0].msisdn, events[0].brand.as_str(), events[0].kind.as_str()),
        (None, "unknown", "later.kind")
    );
    assert_eq!(events[1].msisdn, Some(second));
}

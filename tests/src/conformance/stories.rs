//! The calls to Sigan and GSIM, and the stories of numbers and SIMs.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::store::{CallSubject, CodeLimits, CodeReading, EventRow, NewCall, Origin, Scope, Tenant};
use oss_core::{CallId, Msisdn, SimId, UpstreamCall};
use uuid::Uuid;

use super::Fixture;
use super::fixture::{LEASE, acme, hold, other};

const MANY: u32 = 1000;

/// A call that was sent some seconds ago.
fn call(name: &'static str, subject: CallSubject, age: u64) -> NewCall {
    NewCall {
        id: CallId::new(),
        system: if subject.sim.is_some() { "gsim" } else { "sigan" },
        call: name,
        subject,
        age: Duration::from_secs(age),
        duration: Duration::from_millis(1500),
        outcome: "ok",
        origin: None,
    }
}

fn of_hold(hold: &Hold) -> CallSubject {
    CallSubject { external_id: Some(hold.external_id.clone()), msisdn: Some(hold.msisdn), sim: None }
}

fn of_offer(hold: &Hold) -> CallSubject {
    CallSubject { msisdn: None, ..of_hold(hold) }
}

fn of_sim(sim: SimId) -> CallSubject {
    CallSubject { sim: Some(sim), ..CallSubject::default() }
}

fn names(calls: &[UpstreamCall]) -> Vec<&str> {
    calls.iter().map(|call| call.call.as_str()).collect()
}

/// The kinds of events, sorted, because one statement writes several.
fn kinds(events: &[EventRow]) -> Vec<&str> {
    let mut kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds
}

impl Fixture {
    async fn store_calls(&self, calls: &[NewCall]) {
        self.store.record_calls(calls).await.unwrap();
    }

    async fn calls_of(&self, scope: Scope<'_>, msisdn: Msisdn) -> Vec<UpstreamCall> {
        self.store.calls_of_number(scope, msisdn, MANY).await.unwrap()
    }
}

pub async fn a_call_is_stored_once_with_all_of_it(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let origin = Origin {
        brand: acme().brand().clone(),
        client: Some("acquisition".parse().unwrap()),
        request: Some(Uuid::now_v7()),
    };
    let call = NewCall {
        outcome: "timeout",
        origin: Some(origin.clone()),
        ..call("reserve", of_hold(&lease.hold), 30)
    };
    db.store_calls(&[]).await;
    db.store_calls(std::slice::from_ref(&call)).await;
    db.store_calls(&[call.clone(), self::call("holder", of_hold(&lease.hold), 10)]).await;
    let calls = db.calls_of(Scope::AllBrands, lease.hold.msisdn).await;
    assert_eq!(names(&calls), ["holder", "reserve"], "the latest first");
    let [holder, reserve] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(
        (reserve.id, reserve.system.as_str(), reserve.duration_ms, &*reserve.outcome),
        (call.id, "sigan", 1500, "timeout")
    );
    assert_eq!((&reserve.external_id, reserve.msisdn), (&call.subject.external_id, call.subject.msisdn));
    assert_eq!((&reserve.client, reserve.request_id), (&origin.client, origin.request));
    assert_eq!((&holder.client, holder.request_id), (&None, None));
    // The clock of the database does not go back between two statements.
    let apart = (holder.sent_at - reserve.sent_at).num_seconds();
    assert!(apart >= 20, "{apart} s");
}

pub async fn a_number_has_the_calls_of_its_holds_and_sims(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.started(&preview, 1).await;
    db.store.reject(&first, "taken").await.unwrap();
    let second = db.held(&preview, 2).await;
    let order = db.issued(&db.wish(second.hold.msisdn).await).await;
    let strange = db.held(&db.preview().await, 1).await;
    db.store_calls(&[
        call("pre_reserve", of_offer(&first.hold), 90),
        call("reserve", of_hold(&first.hold), 80),
        call("reserve", of_hold(&second.hold), 70),
        call("order_esim", of_sim(order.order), 60),
        call("pre_reserve", of_offer(&strange.hold), 50),
        call("reserve", of_hold(&strange.hold), 40),
        call("pre_reserve", CallSubject::default(), 30),
    ])
    .await;
    let of_number = db.calls_of(Scope::AllBrands, second.hold.msisdn).await;
    assert_eq!(names(&of_number), ["order_esim", "reserve", "pre_reserve"]);
    assert_eq!(of_number[0].sim_id, Some(order.order));
    assert_eq!(names(&db.calls_of(Scope::AllBrands, first.hold.msisdn).await), ["reserve", "pre_reserve"]);
    let latest = db.store.calls_of_number(Scope::AllBrands, second.hold.msisdn, 1).await.unwrap();
    assert_eq!(names(&latest), ["order_esim"]);
    assert_eq!(names(&db.store.calls_of_sim(order.order, MANY).await.unwrap()), ["order_esim"]);
    assert_eq!(db.store.calls_of_sim(SimId::new(), MANY).await.unwrap(), []);
}

pub async fn a_story_is_told_to_its_brand_alone(db: &Fixture) {
    let order = db.in_use().await;
    let msisdn = order.msisdn;
    let external_id = db.number(msisdn).await.unwrap().history[0].external_id.clone().unwrap();
    db.store_calls(&[
        call("reserve", of_hold(&Hold { external_id, msisdn }), 9),
        call("order", of_sim(order.order), 8),
    ])
    .await;
    let reading = CodeReading {
        sim: order.order,
        client: "support".parse().unwrap(),
        limits: CodeLimits { reads: 9, age: LEASE },
    };
    db.store.read_code(Scope::AllBrands, &reading).await.unwrap();
    let counts = async |tenant: &Tenant| {
        let scope = Scope::Brand(tenant);
        let reads = db.store.code_reads_of_number(scope, msisdn, MANY).await.unwrap();
        assert!(reads.iter().all(|(sim, read)| (*sim, &*read.client) == (order.order, "support")));
        [
            db.store.attempts_of_number(scope, msisdn, MANY).await.unwrap().len(),
            db.calls_of(scope, msisdn).await.len(),
            db.store.events_of_number(scope, msisdn, MANY).await.unwrap().len(),
            reads.len(),
        ]
    };
    assert_eq!(counts(&acme()).await, [1, 2, 3, 1]);
    assert_eq!(counts(&other()).await, [0; 4]);
}

pub async fn a_request_has_the_calls_that_it_caused(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let request = Uuid::new_v4();
    let caused_by = |brand: &Tenant, request| {
        let origin = Origin { brand: brand.brand().clone(), client: None, request };
        NewCall { origin: Some(origin), ..call("reserve", of_hold(&lease.hold), 1) }
    };
    // Callers choose the ids of their requests, so two brands may have the same one.
    db.store_calls(&[
        caused_by(&acme(), Some(request)),
        caused_by(&other(), Some(request)),
        caused_by(&acme(), None),
    ])
    .await;
    let (own, strange) = (acme(), Tenant::new("third".parse().unwrap(), true));
    for (scope, count) in [(Scope::AllBrands, 2), (Scope::Brand(&own), 1), (Scope::Brand(&strange), 0)] {
        let calls = db.store.calls_of_request(scope, request, MANY).await.unwrap();
        assert_eq!(calls.len(), count, "{scope:?}");
        assert!(calls.iter().all(|call| call.msisdn == Some(lease.hold.msisdn)));
    }
    assert_eq!(db.store.calls_of_request(Scope::AllBrands, Uuid::new_v4(), MANY).await.unwrap(), []);
}

pub async fn the_attempts_of_a_number_say_for_whom(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.started(&preview, 1).await;
    db.store.reject(&first, "taken").await.unwrap();
    let second = db.held(&preview, 1).await;
    let attempts = db.store.attempts_of_number(Scope::AllBrands, second.hold.msisdn, MANY).await.unwrap();
    let [held, rejected] = &attempts[..] else { panic!("{attempts:?}") };
    assert_eq!((held.hold.id, rejected.hold.id), (second.reservation, first.reservation));
    assert_eq!((held.hold.preview, held.brand.as_str()), (Some(preview.id), "acme"));
    assert_eq!((held.due_at.is_some(), held.ended_at), (true, None));
    assert_eq!((rejected.due_at, rejected.ended_at), (None, Some(rejected.hold.updated_at)));
    assert_eq!(rejected.hold.reason.as_deref(), Some("taken"));
}

pub async fn the_events_of_a_number_and_of_a_sim_are_found(db: &Fixture) {
    let order = db.in_use().await;
    db.store.end_line(Scope::AllBrands, order.msisdn, LEASE).await.unwrap();
    db.in_use().await;
    let of_number = db.store.events_of_number(Scope::AllBrands, order.msisdn, MANY).await.unwrap();
    let expected = ["line.ended", "number.assigned", "number.reserved", "sim.ended", "sim.issued"];
    assert_eq!(kinds(&of_number), expected);
    let of_sim = db.store.events_of_sim(order.order, MANY).await.unwrap();
    assert_eq!(kinds(&of_sim), ["number.assigned", "sim.ended", "sim.issued"]);
    assert_eq!(db.store.events_of_number(Scope::AllBrands, order.msisdn, 2).await.unwrap().len(), 2);
}

pub async fn a_pre_reserve_that_led_to_nothing_is_purged(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let unused = hold(&db.preview().await, 1);
    let order = db.in_use().await;
    db.store_calls(&[
        call("pre_reserve", of_offer(&lease.hold), 3600),
        call("reserve", of_hold(&lease.hold), 3600),
        call("pre_reserve", of_offer(&unused), 3600),
        call("pre_reserve", CallSubject::default(), 3600),
        call("pre_reserve", of_offer(&unused), 60),
        call("cancel", of_sim(order.order), 3600),
    ])
    .await;
    let (half, none) = (Duration::from_mins(30), Duration::from_hours(2));
    assert_eq!(db.store.purge_calls(none, MANY).await.unwrap(), 0, "none is so old");
    assert_eq!(db.store.purge_calls(half, 1).await.unwrap(), 1, "a batch has a limit");
    assert_eq!(db.store.purge_calls(half, MANY).await.unwrap(), 2);
    assert_eq!(db.store.purge_calls(half, MANY).await.unwrap(), 0, "one that stays is looked at once");
    let of_number = db.calls_of(Scope::AllBrands, lease.hold.msisdn).await;
    assert_eq!(of_number.len(), 2, "a number keeps its calls: {of_number:?}");
    let left = "select call from upstream_call order by call";
    assert_eq!(db.database.texts(left).await, ["cancel", "pre_reserve", "pre_reserve", "reserve"]);
}

pub async fn an_old_pre_reserve_stays_with_the_number_that_was_reserved(db: &Fixture) {
    let preview = db.preview().await;
    let taken = db.started(&preview, 1).await;
    db.store.reject(&taken, "taken").await.unwrap();
    let held = db.held(&preview, 2).await;
    let refused = |age| NewCall { outcome: "taken", ..call("reserve", of_hold(&taken.hold), age) };
    db.store_calls(&[
        call("pre_reserve", of_offer(&held.hold), 3600),
        refused(3500),
        call("reserve", of_hold(&held.hold), 3400),
        refused(3300),
    ])
    .await;
    assert_eq!(db.store.purge_calls(Duration::from_mins(59), MANY).await.unwrap(), 1);
    let calls = db.calls_of(Scope::AllBrands, held.hold.msisdn).await;
    assert_eq!(names(&calls), ["reserve", "pre_reserve"]);
}

pub async fn a_call_that_cannot_be_read_whole_stops_nobody(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    db.store_calls(&[call("reserve", of_hold(&lease.hold), 9)]).await;
    db.database
        .execute("update upstream_call set client = 'no name', system = 'later', call = 'later'")
        .await;
    let calls = db.calls_of(Scope::AllBrands, lease.hold.msisdn).await;
    assert_eq!(
        (calls[0].client.as_ref(), calls[0].system.as_str(), &*calls[0].call),
        (None, "later", "later")
    );
}

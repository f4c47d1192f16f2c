//! Callers that wait at the same time, whose steps a store may execute together: each gets its own answer.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use futures::future::join_all;
use oss_core::store::{
    Begin, BeginRandom, Confirmed, Delivery, Intent, Lease, NewPreview, Release, Scope, StoreError,
};
use oss_core::{AttemptState as State, Choice, Msisdn, NumberStatus, PreviewId, ReservationId};

use super::Fixture;
use super::fixture::{LEASE, acme, choice, hold, other};
use super::keys::key;

const CALLERS: usize = 64;

/// The member of a batch that the database refuses.
const REFUSED: usize = 37;

/// Takes a step for each input at once. The first ones may be sent alone, so those that meet each other come later.
async fn at_once<I, T, F: Future<Output = T>>(
    inputs: impl IntoIterator<Item = I>,
    step: impl Fn(I) -> F,
) -> Vec<T> {
    join_all(inputs.into_iter().map(step)).await
}

async fn previews(db: &Fixture) -> Vec<NewPreview> {
    let previews: Vec<NewPreview> = (0..CALLERS).map(|_| db.offer()).collect();
    create(db, &previews).await.into_iter().for_each(|stored| assert!(stored.unwrap()));
    previews
}

async fn leases(db: &Fixture) -> Vec<Lease> {
    let begun = at_once(previews(db).await, async |preview| db.started(&preview, 1).await);
    begun.await
}

async fn held(db: &Fixture) -> Vec<Lease> {
    let leases = leases(db).await;
    let confirmed = confirm(db, &leases).await;
    assert!(confirmed.iter().all(|confirmed| matches!(confirmed, Ok(Confirmed::Held(_)))), "{confirmed:?}");
    leases
}

async fn create(db: &Fixture, previews: &[NewPreview]) -> Vec<Result<bool, StoreError>> {
    let stored = at_once(previews, |preview| db.store.create_preview(preview)).await;
    stored.into_iter().map(|stored| Ok(stored?.is_some())).collect()
}

async fn begin(db: &Fixture, wishes: &[(PreviewId, Choice)]) -> Vec<Result<Begin, StoreError>> {
    let (id, intent) = (ReservationId::new, Intent::Take(LEASE));
    at_once(wishes, |(preview, choice)| {
        db.store.begin_reservation(Scope::AllBrands, id(), *preview, *choice, intent)
    })
    .await
}

async fn confirm(db: &Fixture, leases: &[Lease]) -> Vec<Result<Confirmed, StoreError>> {
    at_once(leases, |lease| db.store.confirm(lease, LEASE)).await
}

async fn release(db: &Fixture, leases: &[Lease]) -> Vec<Result<Release, StoreError>> {
    at_once(leases, |lease| db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE)).await
}

async fn deliver(db: &Fixture, leases: &[Lease]) -> Vec<Result<Option<State>, StoreError>> {
    at_once(leases, |lease| db.store.record_delivery(lease.reservation)).await
}

pub async fn each_preview_is_stored_with_its_own_numbers(db: &Fixture) {
    let replaced = db.preview().await;
    let mut offers: Vec<NewPreview> = (0..CALLERS).map(|_| db.offer()).collect();
    let keyed = NewPreview { key: Some(key("used")), ..db.offer() };
    assert!(db.store.create_preview(&keyed).await.unwrap().is_some());
    // One step comes twice, two calls have one key, one call has a key that is in use, and two calls replace one preview.
    offers[11] = offers[10].clone();
    offers[2].key = Some(key("k"));
    offers[3].key = Some(key("k"));
    offers[4].previous = Some(replaced.id);
    offers[5].previous = Some(replaced.id);
    offers[6].key = keyed.key;
    let stored: Vec<bool> = create(db, &offers).await.into_iter().map(Result::unwrap).collect();
    let refused: Vec<usize> = (0..CALLERS).filter(|at| !stored[*at]).collect();
    assert!(refused == [2, 6] || refused == [3, 6], "one key, one preview: {refused:?}");
    assert_eq!(db.begin(&replaced, 1).await, Begin::Expired);
    for (at, offer) in offers.iter().enumerate().filter(|(at, _)| stored[*at] && *at != 11) {
        for index in 1..=3 {
            let looked = db.store.begin_reservation(
                Scope::AllBrands,
                ReservationId::new(),
                offer.id,
                choice(index),
                Intent::Look,
            );
            assert_eq!(looked.await.unwrap(), Begin::Free, "{at}");
        }
        assert_eq!(db.started(offer, 2).await.hold, hold(offer, 2));
    }
}

pub async fn each_attempt_begins_with_its_own_number(db: &Fixture) {
    let mut previews = previews(db).await;
    let expired = db.expired().await;
    // Two previews with the same numbers, two calls for the same preview, an expired one and an unknown one.
    previews[11] = db.same_numbers(&previews[10]).await;
    previews[3] = previews[2].clone();
    previews[4] = expired;
    previews[5].id = PreviewId::new();
    let wishes: Vec<_> = previews.iter().map(|preview| (preview.id, choice(3))).collect();
    let begun: Vec<Begin> = begin(db, &wishes).await.into_iter().map(Result::unwrap).collect();

    let shared = previews[10].msisdns[2];
    let (one, two) = (&begun[10], &begun[11]);
    assert!(
        matches!((one, two), (Begin::Started(_), Begin::Unsettled(n)) | (Begin::Unsettled(n), Begin::Started(_)) if *n == shared),
        "{one:?} {two:?}"
    );
    assert!(matches!(
        (&begun[2], &begun[3]),
        (Begin::Started(_), Begin::InFlight) | (Begin::InFlight, Begin::Started(_))
    ));
    assert_eq!((&begun[4], &begun[5]), (&Begin::Expired, &Begin::UnknownPreview));
    for (preview, begun) in previews.iter().zip(&begun).skip(12) {
        let Begin::Started(lease) = begun else { panic!("{begun:?}") };
        assert_eq!(lease.hold, hold(preview, 3));
        assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Pending]);
    }
}

pub async fn each_brand_sees_its_own(db: &Fixture) {
    let (previews, own, stranger) = (previews(db).await, acme(), other());
    let begun = at_once(previews.iter().enumerate(), async |(at, preview)| {
        let scope = Scope::Brand(if at % 2 == 0 { &own } else { &stranger });
        let intent = if at % 4 == 0 { Intent::Look } else { Intent::Take(LEASE) };
        db.store.begin_reservation(scope, ReservationId::new(), preview.id, choice(1), intent).await.unwrap()
    })
    .await;
    for (at, begun) in begun.iter().enumerate() {
        let is_right = match at % 4 {
            0 => *begun == Begin::Free,
            2 => matches!(begun, Begin::Started(lease) if lease.hold == hold(&previews[at], 1)),
            _ => *begun == Begin::UnknownPreview,
        };
        assert!(is_right, "{at}: {begun:?}");
    }
}

pub async fn each_doubt_is_taken_up_by_its_own_call(db: &Fixture) {
    let (mut doubts, previews) = (Vec::new(), previews(db).await);
    for preview in &previews {
        doubts.push(db.doubtful(preview, 1).await);
    }
    let wishes: Vec<_> = previews.iter().map(|preview| (preview.id, choice(1))).collect();
    for (begun, doubt) in begin(db, &wishes).await.into_iter().zip(doubts) {
        assert_eq!(begun, Ok(Begin::Started(Lease { call: 2, ..doubt })));
    }
}

pub async fn each_random_number_is_begun_once(db: &Fixture) {
    let mut offers: Vec<NewPreview> = (0..CALLERS).map(|_| db.offer()).collect();
    offers[11] = NewPreview { msisdns: offers[10].msisdns.clone(), ..db.offer() };
    let taken = held(db).await.remove(0).hold.msisdn;
    offers[2].msisdns[0] = taken;
    let keys: Vec<_> = (0..CALLERS).map(|at| key(&format!("k{}", if at == 4 { 3 } else { at }))).collect();
    let begun = at_once(offers.iter().zip(&keys), async |(offer, key)| {
        let hold = hold(offer, 1);
        db.store.begin_random(ReservationId::new(), &hold, &offer.brand, Some(key), LEASE).await.unwrap()
    })
    .await;
    let is_one_of = |one: usize, loser: &BeginRandom| {
        let pair = (&begun[one], &begun[one + 1]);
        matches!(pair, (BeginRandom::Started(_), lost) | (lost, BeginRandom::Started(_)) if lost == loser)
    };
    assert!(is_one_of(10, &BeginRandom::Unsettled), "{begun:?}");
    assert_eq!(begun[2], BeginRandom::Taken);
    assert!(is_one_of(3, &BeginRandom::KeyInUse), "{begun:?}");
    for (offer, begun) in offers.iter().zip(&begun).skip(12) {
        assert!(matches!(begun, BeginRandom::Started(lease) if lease.hold == hold(offer, 1)), "{begun:?}");
    }
}

pub async fn each_hold_is_confirmed_to_its_own_caller(db: &Fixture) {
    let mut leases = leases(db).await;
    // One step comes twice, one attempt has no row, and one was given up.
    leases[11] = leases[10].clone();
    leases[2].reservation = ReservationId::new();
    db.store.reject(&leases[3], "lease over").await.unwrap();
    let confirmed: Vec<_> = confirm(db, &leases).await.into_iter().map(Result::unwrap).collect();
    assert!(
        matches!(confirmed[..3], [Confirmed::Held(_), Confirmed::Held(_), Confirmed::Missing]),
        "{confirmed:?}"
    );
    assert!(matches!(&confirmed[3], Confirmed::GivenUp(delivery) if delivery.hold == leases[3].hold));
    assert_eq!(db.states(leases[3].hold.msisdn).await.1, [State::Releasing, State::Rejected]);
    assert!(confirmed[4..].iter().all(|confirmed| matches!(confirmed, Confirmed::Held(_))), "{confirmed:?}");
    for lease in &leases[4..] {
        assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    }
}

/// Of several attempts of a preview that are confirmed too late, the release of one carries the preview.
pub async fn late_holds_of_one_preview_are_all_released(db: &Fixture) {
    let (preview, mut late) = (db.preview().await, Vec::new());
    for index in 1..=3 {
        let lease = db.started(&preview, index).await;
        db.store.reject(&lease, "lease over").await.unwrap();
        late.push(lease);
    }
    // The first two callers are sent at once, so that the others wait.
    let others = leases(db).await;
    let all: Vec<Lease> = others[..4].iter().chain(&late).cloned().collect();
    let confirmed = confirm(db, &all).await;
    assert!(
        confirmed[4..].iter().all(|confirmed| matches!(confirmed, Ok(Confirmed::GivenUp(_)))),
        "{confirmed:?}"
    );
}

pub async fn each_number_is_released_to_its_own_caller(db: &Fixture) {
    let mut held = held(db).await;
    held[11] = held[10].clone();
    held[2].hold.msisdn = db.offer().msisdns[0];
    db.store.assign(Scope::AllBrands, held[3].hold.msisdn, db.sim().await).await.unwrap();
    let released: Vec<_> = release(db, &held).await.into_iter().map(Result::unwrap).collect();
    let expected = |lease: &Lease| {
        let Lease { reservation, hold, .. } = lease.clone();
        Release::Returned(Some(Delivery { reservation, hold, attempts: 0 }))
    };
    let (first, again) = (expected(&held[10]), Release::AlreadyReturned);
    assert!(released[10..12] == [first.clone(), again.clone()] || released[10..12] == [again, first]);
    assert_eq!(released[2..4], [Release::Unknown, Release::Forbidden(NumberStatus::InUse)]);
    for (released, lease) in released.iter().zip(&held).skip(12) {
        assert_eq!(*released, expected(lease));
        assert_eq!(
            db.states(lease.hold.msisdn).await,
            (Some(NumberStatus::Returned), vec![State::Releasing])
        );
    }
}

pub async fn each_delivery_is_recorded_once(db: &Fixture) {
    let mut held = held(db).await;
    release(db, &held[1..]).await;
    held[11] = held[10].clone();
    let preview = db.preview().await;
    db.doubtful(&preview, 1).await;
    let cancelled = db.started(&preview, 1).await;
    db.store.cancel(&cancelled, "x", LEASE).await.unwrap();
    held[2] = cancelled;
    let recorded: Vec<_> = deliver(db, &held).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((recorded[0], recorded[2]), (None, Some(State::Rejected)), "the first is still held");
    let pair = [recorded[10], recorded[11]];
    assert!(pair == [Some(State::Released), None] || pair == [None, Some(State::Released)], "{pair:?}");
    assert!(recorded[12..].iter().all(|state| *state == Some(State::Released)), "{recorded:?}");
}

/// Lets the database refuse a write to a row of one number or preview, as no other row of the batch.
async fn refuse(db: &Fixture, event: &str, row: &str) {
    let database = &db.database;
    if db.is_sqlite() {
        let body = "begin select raise(abort, 'refused'); end";
        database.execute(&format!("create trigger refuse before {event} when {row} {body}")).await;
        return;
    }
    database
        .execute(&format!(
            "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'refused' using errcode = '22000'; end $$;
             create trigger refuse before {event} for each row when ({row}) execute function refuse()"
        ))
        .await;
}

/// Only the caller whose row is refused fails.
fn only_one_fails<T: std::fmt::Debug>(answers: &[Result<T, StoreError>], is_right: impl Fn(&T) -> bool) {
    for (at, answer) in answers.iter().enumerate() {
        let is_expected = match answer {
            Ok(answer) => at != REFUSED && is_right(answer),
            Err(StoreError::Failed { .. }) => at == REFUSED,
            Err(StoreError::Unavailable { .. }) => false,
        };
        assert!(is_expected, "{at}: {answer:?}");
    }
}

fn is(msisdn: Msisdn) -> String {
    format!("new.msisdn = '{msisdn}'")
}

pub async fn a_refused_preview_fails_alone(db: &Fixture) {
    let offers: Vec<NewPreview> = (0..CALLERS).map(|_| db.offer()).collect();
    let row = format!("new.external_id = '{}'", offers[REFUSED].external_id);
    refuse(db, "insert on preview", &row).await;
    only_one_fails(&create(db, &offers).await, |stored| *stored);
}

pub async fn a_refused_begin_fails_alone(db: &Fixture) {
    let previews = previews(db).await;
    refuse(db, "insert on reservation", &is(previews[REFUSED].msisdns[0])).await;
    let wishes: Vec<_> = previews.iter().map(|preview| (preview.id, choice(1))).collect();
    only_one_fails(&begin(db, &wishes).await, |begun| matches!(begun, Begin::Started(_)));
}

pub async fn a_refused_random_begin_fails_alone(db: &Fixture) {
    let offers: Vec<NewPreview> = (0..CALLERS).map(|_| db.offer()).collect();
    refuse(db, "insert on reservation", &is(offers[REFUSED].msisdns[0])).await;
    let begun = at_once(&offers, async |offer| {
        db.store.begin_random(ReservationId::new(), &hold(offer, 1), &offer.brand, None, LEASE).await
    });
    only_one_fails(&begun.await, |begun| matches!(begun, BeginRandom::Started(_)));
}

pub async fn a_refused_confirmation_fails_alone(db: &Fixture) {
    let leases = leases(db).await;
    refuse(db, "update on reservation", &is(leases[REFUSED].hold.msisdn)).await;
    only_one_fails(&confirm(db, &leases).await, |confirmed| matches!(confirmed, Confirmed::Held(_)));
}

pub async fn a_refused_release_fails_alone(db: &Fixture) {
    let held = held(db).await;
    refuse(db, "update on phone_number", &is(held[REFUSED].hold.msisdn)).await;
    only_one_fails(&release(db, &held).await, |released| matches!(released, Release::Returned(Some(_))));
}

pub async fn a_refused_delivery_fails_alone(db: &Fixture) {
    let held = held(db).await;
    release(db, &held).await;
    refuse(db, "update on reservation", &is(held[REFUSED].hold.msisdn)).await;
    only_one_fails(&deliver(db, &held).await, |state| *state == Some(State::Released));
}

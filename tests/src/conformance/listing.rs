//! Lists of numbers.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use chrono::TimeDelta;
use oss_core::store::{NewPreview, Scope, Tenant};
use oss_core::{AttemptState as State, ListOptions, ListedNumber, Msisdn, NumberStatus, Timestamp};

use super::Fixture;
use super::fixture::{LEASE, acme, other};

/// The numbers of a list, read in pages of two. No number of another test is in it.
pub(super) async fn listed(
    db: &Fixture,
    scope: Scope<'_>,
    options: &ListOptions,
    own: &[Msisdn],
) -> Vec<ListedNumber> {
    let mut options = options.clone();
    options.limit = Some("2".parse().unwrap());
    let mut numbers = Vec::new();
    loop {
        let page = db.store.list_numbers(scope, &options.list().unwrap()).await.unwrap();
        assert!(page.numbers.len() <= 2);
        numbers.extend(page.numbers.into_iter().filter(|number| own.contains(&number.msisdn)));
        let Some(next) = page.next else { return numbers };
        options.after = Some(next);
    }
}

fn msisdns(numbers: &[ListedNumber]) -> Vec<Msisdn> {
    numbers.iter().map(|number| number.msisdn).collect()
}

pub(super) fn with_status(status: NumberStatus) -> ListOptions {
    let mut options = ListOptions::default();
    options.status = Some(status);
    options
}

fn in_state(state: State) -> ListOptions {
    let mut options = ListOptions::default();
    options.state = Some(state);
    options
}

async fn held(db: &Fixture) -> Msisdn {
    db.held(&db.preview().await, 1).await.hold.msisdn
}

async fn released(db: &Fixture, preview: &NewPreview) -> Msisdn {
    let lease = db.held(preview, 1).await;
    db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    db.store.record_delivery(lease.reservation).await.unwrap();
    lease.hold.msisdn
}

pub async fn numbers_are_listed_by_status_and_by_state(db: &Fixture) {
    let (first, doubt) = (held(db).await, db.doubtful(&db.preview().await, 1).await.hold.msisdn);
    let (line, begun) = (held(db).await, db.started(&db.preview().await, 1).await.hold.msisdn);
    let sim = db.sim().await;
    db.store.assign(Scope::AllBrands, line, sim).await.unwrap();
    let gone = released(db, &db.preview().await).await;
    let releasing = held(db).await;
    db.store.release(Scope::AllBrands, releasing, LEASE).await.unwrap();
    let own = [first, doubt, line, begun, gone, releasing];
    let tenant = acme();
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        for (status, expected) in [
            (NumberStatus::Reserved, vec![first, doubt]),
            (NumberStatus::InUse, vec![line]),
            (NumberStatus::Returned, vec![gone, releasing]),
        ] {
            let numbers = listed(db, scope, &with_status(status.clone()), &own).await;
            assert_eq!(msisdns(&numbers), expected, "{status} {scope:?}");
            assert!(numbers.iter().all(|number| number.status.as_ref() == Some(&status)));
        }
        for (state, expected) in [
            (State::Held, vec![first]),
            (State::InDoubt, vec![doubt]),
            (State::Assigned, vec![line]),
            (State::Pending, vec![begun]),
            (State::Released, vec![gone]),
            (State::Releasing, vec![releasing]),
            (State::Cancelling, vec![]),
        ] {
            let numbers = listed(db, scope, &in_state(state), &own).await;
            assert_eq!(msisdns(&numbers), expected, "{state} {scope:?}");
            assert!(numbers.iter().all(|number| number.state == Some(state)));
        }
        let all = listed(db, scope, &ListOptions::default(), &own).await;
        assert_eq!(msisdns(&all), [first, doubt, line, gone, releasing], "those that are or were ours");
        let shown = db.number(first).await.unwrap().history.remove(0);
        assert_eq!(
            (all[0].state, all[0].expires_at, all[0].created_at, all[0].updated_at),
            (Some(State::Held), shown.hold_expires_at, shown.created_at, Some(shown.updated_at))
        );
        assert_eq!((all[2].assigned_sim_id, all[2].expires_at), (Some(sim), None));
        assert_eq!(all[1].reason.as_deref(), Some("no answer in time"));
    }
}

/// Inserts numbers that the first brand gave back, and the second one after it.
async fn changed_hands(db: &Fixture, count: u32, [first, second]: [&Tenant; 2]) {
    let (id, hour) = if db.is_sqlite() {
        ("randomblob(16)", "3600000000")
    } else {
        ("gen_random_uuid()", "interval '1 hour'")
    };
    let now = db.database.now();
    let numbers = format!(
        "with recursive series (n) as (select 1 union all select n + 1 from series where n < {count}),
              number (n, msisdn) as (select n, '119' || (50000000 + n) from series)"
    );
    db.database
        .execute(&format!(
            "insert into phone_number (msisdn, origin, status, unrecorded, created_at, updated_at)
             {numbers} select msisdn, 'VIVO', 'RETURNED', '0', {now}, {now} from number"
        ))
        .await;
    for (tenant, hours) in [(first, 2), (second, 1)] {
        let brand = tenant.brand();
        db.database
            .execute(&format!(
                "insert into reservation (id, external_id, brand_id, msisdn, state, attempts, created_at, updated_at)
                 {numbers} select {id}, 'M-' || n, '{brand}', msisdn, 'RELEASED', 1, {now} - {hours} * {hour}, {now} from number"
            ))
            .await;
    }
}

/// A brand whose numbers mostly went to another one.
pub async fn a_page_of_few_numbers_goes_on(db: &Fixture) {
    const GONE: u32 = 2500;
    let (former, present) = (acme(), other());
    changed_hands(db, GONE, [&former, &present]).await;
    let mut own = vec![held(db).await];
    for msisdn in ["11952000000", "11960000000"] {
        let preview = NewPreview { msisdns: vec![msisdn.parse().unwrap()], ..db.offer() };
        db.store.create_preview(&preview).await.unwrap();
        own.push(released(db, &preview).await);
    }
    for options in [ListOptions::default(), with_status(NumberStatus::Returned)] {
        let expected = &own[usize::from(options.status.is_some())..];
        assert_eq!(msisdns(&listed(db, Scope::Brand(&former), &options, &own).await), expected);
        let page = db.store.list_numbers(Scope::Brand(&former), &options.list().unwrap()).await.unwrap();
        assert!(page.numbers.len() < 2 && page.next.is_some(), "it ends before it has read everything");
    }
    let mut options = with_status(NumberStatus::Returned);
    options.limit = Some("1000".parse().unwrap());
    let mut pages = Vec::new();
    loop {
        let page = db.store.list_numbers(Scope::Brand(&present), &options.list().unwrap()).await.unwrap();
        pages.push(page.numbers.len());
        options.after = page.next;
        if options.after.is_none() {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<usize>(), 2500, "{pages:?}");
}

pub async fn a_list_comes_in_pages(db: &Fixture) {
    let mut own = Vec::new();
    for _ in 0..7 {
        own.push(held(db).await);
    }
    let tenant = acme();
    let mut aged = in_state(State::Held);
    aged.created_before = Some("2100-01-01T00:00:00Z".parse().unwrap());
    let mut expiring = ListOptions::default();
    expiring.expires_before = aged.created_before;
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        for options in [&ListOptions::default(), &in_state(State::Held), &aged, &expiring] {
            assert_eq!(msisdns(&listed(db, scope, options, &own).await), own, "{options:?} {scope:?}");
        }
    }
}

pub async fn numbers_are_listed_by_area_code(db: &Fixture) {
    let mut own = vec![held(db).await];
    for msisdn in ["21999950001", "99999950001", "12999950001"] {
        let msisdns = vec![msisdn.parse().unwrap()];
        let preview = NewPreview { msisdns, ..db.offer() };
        db.store.create_preview(&preview).await.unwrap();
        own.push(db.held(&preview, 1).await.hold.msisdn);
    }
    let tenant = acme();
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        for number in &own {
            for options in
                [ListOptions::default(), with_status(NumberStatus::Reserved), in_state(State::Held)]
            {
                let mut options = options;
                options.ddd = Some(number.ddd());
                assert_eq!(msisdns(&listed(db, scope, &options, &own).await), [*number], "{options:?}");
            }
        }
    }
}

pub async fn a_brand_lists_its_numbers_alone(db: &Fixture) {
    let (mine, stays) = (held(db).await, db.preview().await);
    let changes_hands = released(db, &stays).await;
    let strangers = NewPreview { brand: other().brand().clone(), ..db.offer() };
    db.store.create_preview(&strangers).await.unwrap();
    let theirs = db.held(&strangers, 1).await.hold.msisdn;
    let own = [mine, changes_hands, theirs];
    let (owner, stranger) = (acme(), other());
    let list = async |tenant: &Tenant, options: &ListOptions| {
        msisdns(&listed(db, Scope::Brand(tenant), options, &own).await)
    };
    assert_eq!(list(&owner, &ListOptions::default()).await, [mine, changes_hands]);
    assert_eq!(list(&stranger, &ListOptions::default()).await, [theirs]);

    // The other brand holds the number now, and gives it back twice.
    for _ in 0..2 {
        let again =
            NewPreview { brand: stranger.brand().clone(), msisdns: stays.msisdns.clone(), ..db.offer() };
        db.store.create_preview(&again).await.unwrap();
        let lease = db.started(&again, 1).await;
        assert_eq!(
            list(&owner, &ListOptions::default()).await,
            [mine],
            "it is not the first brand's any more"
        );
        db.store.confirm(&lease, LEASE).await.unwrap();
        assert_eq!(list(&stranger, &with_status(NumberStatus::Reserved)).await, [changes_hands, theirs]);
        let over = listed(db, Scope::Brand(&owner), &in_state(State::Released), &own).await;
        assert_eq!(msisdns(&over), [changes_hands], "the attempt is the first brand's");
        assert_eq!((&over[0].status, over[0].assigned_sim_id), (&None, None), "and the number is another's");
        db.store.release(Scope::AllBrands, changes_hands, LEASE).await.unwrap();
        db.store.record_delivery(lease.reservation).await.unwrap();
    }
    assert_eq!(list(&stranger, &with_status(NumberStatus::Returned)).await, [changes_hands], "once");
    assert_eq!(list(&owner, &with_status(NumberStatus::Returned)).await, []);
    assert_eq!(list(&stranger, &in_state(State::Released)).await, [changes_hands; 2], "each attempt");
    assert_eq!(list(&owner, &in_state(State::Released)).await, [changes_hands], "its own attempt");
}

pub async fn numbers_are_listed_by_age_and_by_expiry(db: &Fixture) {
    let early = held(db).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let late = db.started(&db.preview().await, 1).await;
    db.store.confirm(&late, LEASE / 2).await.unwrap();
    let late = late.hold.msisdn;
    let own = [early, late];
    let [first, second] =
        [early, late].map(|msisdn| async move { db.number(msisdn).await.unwrap().history.remove(0) });
    let (first, second) = (first.await, second.await);
    let tenant = acme();
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        let list = async |options: &ListOptions| msisdns(&listed(db, scope, options, &own).await);
        let mut options = in_state(State::Held);
        options.created_after = Some(Timestamp(first.created_at));
        assert_eq!(list(&options).await, [late]);
        options.created_after = Some(Timestamp(first.created_at - TimeDelta::microseconds(1)));
        options.created_before = Some(Timestamp(second.created_at));
        assert_eq!(list(&options).await, [early]);

        let mut options = ListOptions::default();
        options.expires_before = Some(Timestamp(first.hold_expires_at.unwrap() + TimeDelta::seconds(1)));
        assert_eq!(list(&options).await, [late, early], "the next to end first");
        options.expires_before = first.hold_expires_at.map(Timestamp);
        assert_eq!(list(&options).await, [late]);
    }
}

pub async fn a_number_is_listed_by_its_sim(db: &Fixture) {
    let (line, sim, free) = (held(db).await, db.sim().await, db.sim().await);
    db.store.assign(Scope::AllBrands, line, sim).await.unwrap();
    let (owner, stranger) = (acme(), other());
    for (scope, sim, expected) in [
        (Scope::AllBrands, sim, vec![line]),
        (Scope::Brand(&owner), sim, vec![line]),
        (Scope::Brand(&stranger), sim, vec![]),
        (Scope::AllBrands, free, vec![]),
    ] {
        let mut options = ListOptions::default();
        options.sim = Some(sim);
        assert_eq!(msisdns(&listed(db, scope, &options, &[line]).await), expected);
    }
}

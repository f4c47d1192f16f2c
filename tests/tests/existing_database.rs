//! The database that is there already, with the tables and rows of the contract: it is migrated and worked on.

use std::time::Duration;

use oss_core::store::{Begin, PostgresStore, Release, Store};
use oss_core::{Msisdn, NumberStatus, PreviewId, ReservationId, ReservationState};
use oss_tests::postgres::Postgres;
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection};

/// As the contract lists them.
const EXISTING: &str = "
    create table preview (
        id uuid primary key, external_id varchar(64) not null, reserved_msisdn char(11), created_at timestamptz not null
    );
    create table preview_number (
        preview_id uuid not null references preview (id), msisdn char(11) not null, index smallint not null,
        primary key (preview_id, msisdn)
    );
    create index on preview_number (msisdn);
    create table phone_number (
        msisdn char(11) primary key, origin varchar(32) not null, status varchar(32) not null, assigned_sim_id uuid,
        assigned_at timestamptz, created_at timestamptz not null, updated_at timestamptz not null
    );
    create table location_ddd (location_cnl integer primary key, ddd char(2) not null);
    create index on location_ddd (ddd);
    create table device_model (
        hash char(32) primary key, tac varchar(128), model varchar(128), code varchar(128), created_at timestamptz not null
    );
    insert into preview values
        ('018f0000-0000-7000-8000-000000000001', 'OLD-1', '11999950001', now() - interval '1 hour'),
        ('018f0000-0000-7000-8000-000000000002', 'OLD-2', null, now());
    insert into preview_number values
        ('018f0000-0000-7000-8000-000000000001', '11999950001', 1),
        ('018f0000-0000-7000-8000-000000000002', '11999950002', 1);
    insert into phone_number values
        ('11999950001', 'VIVO', 'RESERVED', null, null, now(), now()),
        ('11999950009', 'CLARO', 'IN_USE', gen_random_uuid(), now(), now(), now());
    insert into location_ddd values (11000, '11');";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_stays_and_goes_on() {
    let url = Postgres::shared().await.empty_database().await;
    let mut connection = PgConnection::connect(url.expose_secret()).await.unwrap();
    connection.execute(EXISTING).await.unwrap();
    for _ in 0..2 {
        PostgresStore::migrate(&url, Duration::from_hours(24)).await.unwrap();
    }
    let store = PostgresStore::new(&url, 2).unwrap();
    store.check().await.unwrap();
    assert!(store.ddd_exists("11".parse().unwrap()).await.unwrap());
    assert!(
        !store.ddd_exists("21".parse().unwrap()).await.unwrap(),
        "the list that was there is not mixed with another"
    );

    let number = |text: &str| text.parse::<Msisdn>().unwrap();
    let preview = |text: &str| text.parse::<PreviewId>().unwrap();
    let lease = std::time::Duration::from_mins(10);
    let begin = async |id: &str| {
        let (attempt, choice) = (ReservationId::new(), 1.try_into().unwrap());
        store.begin_reservation(None, attempt, preview(id), choice, Some(lease)).await.unwrap()
    };
    assert_eq!(begin("018f0000-0000-7000-8000-000000000001").await, Begin::Expired);
    let Begin::Started(taken) = begin("018f0000-0000-7000-8000-000000000002").await else {
        panic!("no lease")
    };
    store.confirm(&taken, lease).await.unwrap();

    let released = store.release(None, number("11999950001"), lease).await.unwrap();
    let Release::Returned(Some(delivery)) = released else { panic!("{released:?}") };
    assert_eq!(delivery.hold.external_id.as_str(), "OLD-1");
    let told = store.delivered(delivery.reservation).await.unwrap();
    assert_eq!(told, Some(ReservationState::Released));
    let ported = store.release(None, number("11999950009"), lease).await.unwrap();
    assert_eq!(ported, Release::Forbidden(NumberStatus::InUse));
}

//! Migrates a database to this version: a new one, one of an earlier version, or one from before this service.

use std::time::Duration;

use secrecy::SecretString;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};

use super::borrowing::open;
use super::catalog::devices_edition;
use super::connections::{migration_options, store_error};
use super::faults::Target;
use super::require_utf8;
use crate::domain::INVISIBLE;
use crate::store::StoreError;
use crate::store::catalog::first_edition;
use crate::store::live::live;
use crate::store::migrations::VERSIONS;
use crate::store::migrator::{self, Applied, MigrationReport};
use crate::store::rows::to_json;

/// Migrates on a connection of its own.
pub(super) async fn migrate(
    url: &SecretString,
    reservation_ttl: Duration,
) -> Result<MigrationReport, StoreError> {
    let options = migration_options(url).await?.disable_statement_logging();
    let target = Target::of(&options);
    let mut connection = open(&options, &target).await?;
    let migrated = migrate_on(&mut connection, &target, reservation_ttl).await;
    // Closing releases the lock of the migrations, even if they failed.
    let _ = connection.close().await;
    migrated
}

async fn migrate_on(
    connection: &mut PgConnection,
    target: &Target,
    reservation_ttl: Duration,
) -> Result<MigrationReport, StoreError> {
    let encoding = connection.fetch_one("select current_setting('server_encoding')").await;
    let encoding =
        encoding.and_then(|row| row.try_get::<String, _>(0)).map_err(|error| store_error(&error))?;
    require_utf8(&encoding)?;
    run(connection, target, &migrator::postgres()?).await?;
    fill_catalogue(connection).await?;
    let adopted = adopt(connection, reservation_ttl).await.map_err(|error| store_error(&error))?;
    report(connection, adopted).await.map_err(|error| store_error(&error))
}

/// Runs the migrations that are not applied yet. Takes the lock before it reads the versions.
async fn run(connection: &mut PgConnection, target: &Target, migrator: &Migrator) -> Result<(), StoreError> {
    let ran = async {
        connection.lock().await?;
        connection.ensure_migrations_table(VERSIONS).await?;
        record_earlier_versions(connection, migrator).await?;
        migrator.run(&mut *connection).await?;
        connection.unlock().await
    };
    ran.await.map_err(|error: MigrateError| {
        let cause = migrator::cause(&error).and_then(|cause| target.migration_error(cause));
        cause.unwrap_or_else(|| migrator::failure(&error))
    })
}

/// Records the migrations of an earlier version of this service, which kept its versions in sqlx's own table. That table may
/// belong to another program, so the existing tables show which versions were applied.
async fn record_earlier_versions(
    connection: &mut PgConnection,
    migrator: &Migrator,
) -> Result<(), MigrateError> {
    const SQL: &str = "
        select exists (select from oss_migrations) as recorded, to_regclass('reservation') is not null as numbers,
               to_regclass('reference_data') is not null as devices";
    let row = connection.fetch_one(SQL).await?;
    if row.try_get("recorded")? {
        return Ok(());
    }
    let applied = Applied { numbers: row.try_get("numbers")?, devices: row.try_get("devices")? };
    for migration in migrator.iter().filter(|migration| applied.has(migration.version)) {
        connection.skip(VERSIONS, migration).await?;
    }
    Ok(())
}

/// Creates a reservation for each number that is held without one, under the external id of the preview that it was chosen from.
/// So the number expires, the audit includes it, and its preview may be deleted. The id of the reservation is derived from the id
/// of the preview, so that a repeated migration creates no second one, and from the preview's time, so that it comes first in the
/// number's history.
async fn adopt(connection: &mut PgConnection, reservation_ttl: Duration) -> Result<u64, sqlx::Error> {
    const SQL: &str = concat!("
        insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, hold_expires_at, created_at)
        select (
                   lpad(to_hex((extract(epoch from p.created_at) * 1000)::bigint), 12, '0')
                   || '7' || left(md5(p.id::text), 3) || '8' || substr(md5(p.id::text), 4, 15)
               )::uuid,
               p.id, p.external_id, p.brand_id, n.msisdn,
               case n.status when 'IN_USE' then 'ASSIGNED' else 'HELD' end,
               case n.status when 'RESERVED' then clock_timestamp() + make_interval(secs => $1) end,
               case n.status when 'RESERVED' then clock_timestamp() + make_interval(secs => $1) end,
               p.created_at
        from phone_number n
        cross join lateral (
            select p.id, p.external_id, p.brand_id, p.created_at
            from preview p
            where p.reserved_msisdn = n.msisdn
              and not exists (select from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
            order by p.created_at desc
            limit 1
        ) p
        where n.status in ('RESERVED', 'IN_USE') and n.origin = 'VIVO' and n.msisdn ~ '^[1-9]{2}9[0-9]{8}$'
          and not exists (
              select from reservation r
              where r.msisdn = n.msisdn and ", live!("r.state"), "
          )
        on conflict do nothing");
    let adopted = connection.execute(sqlx::query(SQL).bind(reservation_ttl.as_secs_f64())).await?;
    Ok(adopted.rows_affected())
}

/// Counts the rows that this service cannot act on.
async fn report(connection: &mut PgConnection, adopted: u64) -> Result<MigrationReport, sqlx::Error> {
    const SQL: &str = concat!(
        r"
        select (
                   select count(*) from phone_number
                   where status <> 'RETURNED' and origin = 'VIVO' and msisdn !~ '^[1-9]{2}9[0-9]{8}$'
               ) + (
                   select count(*) from preview where external_id in ('', '.', '..') or external_id ~ $1
               ) + (
                   select count(*) from reservation
                   where state not in ('RELEASED', 'REJECTED')
                     and (external_id in ('', '.', '..') or external_id ~ $1 or msisdn !~ '^[1-9]{2}9[0-9]{8}$')
               ) as unreadable,
               (
                   select count(*) from phone_number n
                   where n.status = 'RESERVED' and n.origin = 'VIVO' and n.msisdn ~ '^[1-9]{2}9[0-9]{8}$'
                     and not exists (
                         select from reservation r
                         where r.msisdn = n.msisdn and ",
        live!("r.state"),
        "
                     )
               ) as without_id,
               (select count(*) from phone_number where status = 'IN_USE' and shares_sim) as sharing_sim"
    );
    let range = |(first, last): &(u32, u32)| format!(r"\u{:04x}-\u{last:04x}", first.max(&1));
    let ranges: Vec<_> = INVISIBLE.iter().map(range).collect();
    let row = connection.fetch_one(sqlx::query(SQL).bind(format!("^ | $|[{}]", ranges.concat()))).await?;
    let count = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    Ok(MigrationReport {
        adopted,
        without_external_id: count("without_id")?,
        unreadable: count("unreadable")?,
        sharing_sim: count("sharing_sim")?,
    })
}

/// Fills the catalogue of a database that never had one.
async fn fill_catalogue(connection: &mut PgConnection) -> Result<(), StoreError> {
    let edition = first_edition()?;
    let filled = async {
        let changes = to_json(&edition.changes)?;
        connection.execute(devices_edition(&edition, changes)).await
    };
    filled.await.map(drop).map_err(|error| store_error(&error))
}

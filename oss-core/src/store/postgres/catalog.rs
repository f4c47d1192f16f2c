//! The reference data. An import is one statement, whatever its size: the database takes the changes apart itself.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Executor, Row};
use uuid::Uuid;

use super::connections::{Connections, Statement, store_error};
use crate::domain::{
    Assortment, DataVersion, DataVersions, DeviceBrand, DeviceChoice, DeviceCode, DeviceHash, DeviceModel,
    Edition, EsimAnswer,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};
use crate::store::StoreError;
use crate::store::catalog::first_edition;
use crate::store::rows::{assorted, esim_answer, from_json, maybe_parsed, parsed, to_json};

pub(super) async fn versions(connections: &Connections) -> Result<DataVersions, StoreError> {
    const SQL: &str = "
        select (select version from reference_data where name = 'devices') as devices,
               (select version from reference_data where name = 'ddds') as ddds,
               id as installation
        from oss_installation";
    let row = connections.one(|| sqlx::query(SQL)).await?;
    let read = || {
        let installation = row.try_get::<Uuid, _>("installation")?.into();
        Ok(DataVersions { installation, devices: version(&row, "devices")?, ddds: version(&row, "ddds")? })
    };
    read().map_err(|error: sqlx::Error| store_error(&error))
}

fn version(row: &PgRow, column: &'static str) -> Result<DataVersion, sqlx::Error> {
    row.try_get::<Uuid, _>(column).map(DataVersion::from)
}

pub(super) async fn assortments(connections: &Connections) -> Result<Vec<Assortment>, StoreError> {
    const SQL: &str = "
        select b.id, b.slug, b.name, m.model, m.name as model_name, m.homologated
        from device_brand b
        left join device_catalog_model m on m.brand_id = b.id and m.supports_esim
        order by b.id";
    let rows = connections.all(|| sqlx::query(SQL)).await?;
    assorted(rows.iter().map(brand_and_model)).map_err(|error| store_error(&error))
}

fn brand_and_model(row: &PgRow) -> Result<(DeviceBrand, Option<DeviceModel>), sqlx::Error> {
    let id = row.try_get::<Uuid, _>("id")?.into();
    let brand = DeviceBrand { id, slug: parsed(row, "slug")?, name: parsed(row, "name")? };
    let Some(model) = maybe_parsed(row, "model")? else { return Ok((brand, None)) };
    let (name, homologated) = (parsed(row, "model_name")?, row.try_get("homologated")?);
    Ok((brand, Some(DeviceModel { model, name, homologated })))
}

pub(super) async fn device_codes(connections: &Connections) -> Result<Vec<DeviceCode>, StoreError> {
    let rows = connections.all(|| sqlx::query("select code from device_code")).await?;
    rows.iter().map(|row| parsed(row, "code")).collect::<Result<_, _>>().map_err(|error| store_error(&error))
}

pub(super) async fn esim_support(
    connections: &Connections,
    choice: &DeviceChoice,
) -> Result<EsimAnswer, StoreError> {
    // One statement, so that the answer and the version belong together. It always has one row.
    const BY_TAC: &str = "
        select r.version, m.supports_esim, m.source from reference_data r
        left join device_tac t on t.tac = $1::char(8)
        left join device_catalog_model m on m.model = t.model
        where r.name = 'devices'";
    const BY_CODE: &str = "
        select r.version, m.supports_esim, m.source from reference_data r
        left join device_code c on c.code = $1
        left join device_catalog_model m on m.model = c.model
        where r.name = 'devices'";
    const BY_MODEL: &str = "
        select r.version, m.supports_esim, m.source from reference_data r
        left join device_catalog_model m on m.model = $1
        where r.name = 'devices'";
    let row = connections.one(|| match choice {
        DeviceChoice::Tac(tac) => sqlx::query(BY_TAC).bind(tac.as_str()),
        DeviceChoice::Code(code) => sqlx::query(BY_CODE).bind(code.as_str()),
        DeviceChoice::Model(model) => sqlx::query(BY_MODEL).bind(model.as_str()),
    });
    let row = row.await?;
    version(&row, "version")
        .and_then(|version| esim_answer(version, &row))
        .map_err(|error| store_error(&error))
}

pub(super) async fn keep_choice(
    connections: &Connections,
    choice: &DeviceChoice,
    hash: DeviceHash,
) -> Result<(), StoreError> {
    const SQL: &str = "
        insert into device_model (hash, tac, code, model) values ($1::char(32), $2, $3, $4)
        on conflict (hash) do nothing";
    let (tac, code, model) = choice.columns();
    let statement = || sqlx::query(SQL).bind(hash.to_string()).bind(tac).bind(code).bind(model);
    connections.all(statement).await?;
    Ok(())
}

pub(super) async fn devices(connections: &Connections) -> Result<(DataVersion, DeviceData), StoreError> {
    const SQL: &str = "
        select version, json_build_object(
            'brands', (
                select coalesce(json_object_agg(slug, json_build_object('id', id, 'name', name)), '{}')
                from device_brand
            ),
            'models', (
                select coalesce(json_object_agg(model, json_build_object(
                    'brand', brand_id, 'name', name, 'supportsEsim', supports_esim, 'homologated', homologated,
                    'source', source
                )), '{}')
                from device_catalog_model
            ),
            'codes', (select coalesce(json_object_agg(code, model), '{}') from device_code),
            'tacs', (
                select coalesce(json_object_agg(tac, json_build_object('model', model, 'source', source)), '{}')
                from device_tac
            )
        )::text as data
        from reference_data where name = 'devices'";
    let row = connections.one(|| sqlx::query(SQL)).await?;
    let read = || Ok((version(&row, "version")?, from_json(row.try_get("data")?)?));
    read().map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn change_devices(
    connections: &Connections,
    edition: &Edition<DeviceChanges>,
) -> Result<bool, StoreError> {
    let changes = to_json(&edition.changes).map_err(|error| store_error(&error))?;
    let row = connections.on_own_connection(devices_edition(edition, changes)).await?;
    row.try_get(0).map_err(|error| store_error(&error))
}

/// Where the list has another version, `given` has no row, and nothing else does anything. References are looked at when the
/// whole statement is done, so its parts may come in any order.
fn devices_edition(edition: &Edition<DeviceChanges>, changes: String) -> Statement<'static> {
    const SQL: &str = "
        with edition as (
            update reference_data set version = $2 where name = 'devices' and version = $1 returning true
        ), given as (
            select $3::jsonb as changes from edition
        ), removed_tacs as (
            delete from device_tac t
            using given, jsonb_array_elements_text(given.changes #> '{tacs,removed}') removed (tac)
            where t.tac = removed.tac::char(8)
        ), removed_codes as (
            delete from device_code c
            using given, jsonb_array_elements_text(given.changes #> '{codes,removed}') removed (code)
            where c.code = removed.code
        ), removed_models as (
            delete from device_catalog_model m
            using given, jsonb_array_elements_text(given.changes #> '{models,removed}') removed (model)
            where m.model = removed.model
        ), removed_brands as (
            delete from device_brand b
            using given, jsonb_array_elements_text(given.changes #> '{brands,removed}') removed (slug)
            where b.slug = removed.slug
        ), put_brands as (
            insert into device_brand (id, slug, name)
            select (value ->> 'id')::uuid, key, value ->> 'name'
            from given, jsonb_each(given.changes #> '{brands,put}')
            on conflict (id) do update set slug = excluded.slug, name = excluded.name
        ), put_models as (
            insert into device_catalog_model (model, brand_id, name, supports_esim, homologated, source)
            select key, (value ->> 'brand')::uuid, value ->> 'name', (value ->> 'supportsEsim')::boolean,
                   (value ->> 'homologated')::boolean, value ->> 'source'
            from given, jsonb_each(given.changes #> '{models,put}')
            on conflict (model) do update
                set brand_id = excluded.brand_id, name = excluded.name, supports_esim = excluded.supports_esim,
                    homologated = excluded.homologated, source = excluded.source
        ), put_codes as (
            insert into device_code (code, model)
            select key, value from given, jsonb_each_text(given.changes #> '{codes,put}')
            on conflict (code) do update set model = excluded.model
        ), put_tacs as (
            insert into device_tac (tac, model, source)
            select key, value ->> 'model', value ->> 'source'
            from given, jsonb_each(given.changes #> '{tacs,put}')
            on conflict (tac) do update set model = excluded.model, source = excluded.source
        )
        select exists (select from edition)";
    sqlx::query(SQL).bind(edition.over.as_uuid()).bind(edition.version.as_uuid()).bind(changes)
}

pub(super) async fn ddds(connections: &Connections) -> Result<(DataVersion, DddData), StoreError> {
    const SQL: &str = "
        select version, json_build_object(
            'localities', (select coalesce(json_object_agg(location_cnl, ddd), '{}') from location_ddd)
        )::text as data
        from reference_data where name = 'ddds'";
    let row = connections.one(|| sqlx::query(SQL)).await?;
    let read = || Ok((version(&row, "version")?, from_json(row.try_get("data")?)?));
    read().map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn change_ddds(
    connections: &Connections,
    edition: &Edition<DddChanges>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        with edition as (
            update reference_data set version = $2 where name = 'ddds' and version = $1 returning true
        ), given as (
            select $3::jsonb as changes from edition
        ), removed as (
            delete from location_ddd l
            using given, jsonb_array_elements(given.changes #> '{localities,removed}') removed (cnl)
            where l.location_cnl = removed.cnl::integer
        ), put as (
            insert into location_ddd (location_cnl, ddd)
            select key::integer, value from given, jsonb_each_text(given.changes #> '{localities,put}')
            on conflict (location_cnl) do update set ddd = excluded.ddd
        )
        select exists (select from edition)";
    let changes = to_json(&edition.changes).map_err(|error| store_error(&error))?;
    let statement =
        sqlx::query(SQL).bind(edition.over.as_uuid()).bind(edition.version.as_uuid()).bind(changes);
    let row = connections.on_own_connection(statement).await?;
    row.try_get(0).map_err(|error| store_error(&error))
}

/// Fills the catalogue of a database that never had one.
pub(super) async fn fill(connection: &mut PgConnection) -> Result<(), StoreError> {
    let edition = first_edition()?;
    let filled = async {
        let changes = to_json(&edition.changes)?;
        connection.execute(devices_edition(&edition, changes)).await
    };
    filled.await.map(drop).map_err(|error| store_error(&error))
}

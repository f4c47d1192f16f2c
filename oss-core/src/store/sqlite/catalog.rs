//! The reference data. An import is a handful of statements in one transaction: the database takes the changes apart itself.

use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::{
    Assortment, DataVersion, DataVersions, DeviceBrand, DeviceChoice, DeviceCode, DeviceHash, DeviceModel,
    Edition, EsimAnswer,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};
use crate::store::rows::{assorted, esim_answer, from_json, maybe_parsed, parsed, to_json};

pub(super) async fn versions(connection: &mut SqliteConnection) -> Result<DataVersions, sqlx::Error> {
    const SQL: &str = "
        select (select version from reference_data where name = 'devices') as devices,
               (select version from reference_data where name = 'ddds') as ddds,
               id as installation
        from oss_installation";
    let row = sqlx::query(SQL).fetch_one(connection).await?;
    let installation = row.try_get::<Uuid, _>("installation")?.into();
    Ok(DataVersions { installation, devices: version(&row, "devices")?, ddds: version(&row, "ddds")? })
}

fn version(row: &SqliteRow, column: &'static str) -> Result<DataVersion, sqlx::Error> {
    row.try_get::<Uuid, _>(column).map(DataVersion::from)
}

pub(super) async fn assortments(connection: &mut SqliteConnection) -> Result<Vec<Assortment>, sqlx::Error> {
    const SQL: &str = "
        select b.id, b.slug, b.name, m.model, m.name as model_name, m.homologated
        from device_brand b
        left join device_catalog_model m on m.brand_id = b.id and m.supports_esim
        order by b.id";
    assorted(sqlx::query(SQL).fetch_all(connection).await?.iter().map(brand_and_model))
}

fn brand_and_model(row: &SqliteRow) -> Result<(DeviceBrand, Option<DeviceModel>), sqlx::Error> {
    let id = row.try_get::<Uuid, _>("id")?.into();
    let brand = DeviceBrand { id, slug: parsed(row, "slug")?, name: parsed(row, "name")? };
    let Some(model) = maybe_parsed(row, "model")? else { return Ok((brand, None)) };
    let (name, homologated) = (parsed(row, "model_name")?, row.try_get("homologated")?);
    Ok((brand, Some(DeviceModel { model, name, homologated })))
}

pub(super) async fn device_codes(connection: &mut SqliteConnection) -> Result<Vec<DeviceCode>, sqlx::Error> {
    let rows = sqlx::query("select code from device_code").fetch_all(connection).await?;
    rows.iter().map(|row| parsed(row, "code")).collect()
}

pub(super) async fn esim_support(
    connection: &mut SqliteConnection,
    choice: DeviceChoice,
) -> Result<EsimAnswer, sqlx::Error> {
    // One statement, so that the answer and the version belong together. It always has one row.
    const BY_TAC: &str = "
        select r.version, m.supports_esim, m.source from reference_data r
        left join device_tac t on t.tac = $1
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
    let query = match &choice {
        DeviceChoice::Tac(tac) => sqlx::query(BY_TAC).bind(tac.as_str()),
        DeviceChoice::Code(code) => sqlx::query(BY_CODE).bind(code.as_str()),
        DeviceChoice::Model(model) => sqlx::query(BY_MODEL).bind(model.as_str()),
    };
    let row = query.fetch_one(connection).await?;
    esim_answer(version(&row, "version")?, &row)
}

pub(super) async fn keep_choice(
    connection: &mut SqliteConnection,
    now: Micros,
    choice: DeviceChoice,
    hash: DeviceHash,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        insert into device_model (hash, tac, code, model, created_at) values ($1, $2, $3, $4, $5)
        on conflict (hash) do nothing";
    let (tac, code, model) = choice.columns();
    let query = sqlx::query(SQL).bind(hash.to_string()).bind(tac).bind(code).bind(model).bind(now.0);
    query.execute(connection).await.map(drop)
}

pub(super) async fn devices(
    connection: &mut SqliteConnection,
) -> Result<(DataVersion, DeviceData), sqlx::Error> {
    const SQL: &str = "
        select version, json_object(
            'brands', (
                select json_group_object(slug, json_object('id', lower(hex(id)), 'name', name)) from device_brand
            ),
            'models', (
                select json_group_object(model, json_object(
                    'brand', lower(hex(brand_id)), 'name', name,
                    'supportsEsim', json(iif(supports_esim, 'true', 'false')),
                    'homologated', json(iif(homologated, 'true', 'false')), 'source', source
                ))
                from device_catalog_model
            ),
            'codes', (select json_group_object(code, model) from device_code),
            'tacs', (
                select json_group_object(tac, json_object('model', model, 'source', source)) from device_tac
            )
        ) as data
        from reference_data where name = 'devices'";
    let row = sqlx::query(SQL).fetch_one(connection).await?;
    Ok((version(&row, "version")?, from_json(row.try_get("data")?)?))
}

/// References are looked at row by row, so what is referred to comes first and goes last.
pub(super) async fn change_devices(
    connection: &mut SqliteConnection,
    edition: Edition<DeviceChanges>,
) -> Result<bool, sqlx::Error> {
    const CHANGES: [&str; 8] = [
        "insert into device_brand (id, slug, name)
         select unhex(replace(value ->> 'id', '-', '')), key, value ->> 'name' from json_each($1, '$.brands.put')
         where true on conflict (id) do update set slug = excluded.slug, name = excluded.name",
        "insert into device_catalog_model (model, brand_id, name, supports_esim, homologated, source)
         select key, unhex(replace(value ->> 'brand', '-', '')), value ->> 'name', value ->> 'supportsEsim',
                value ->> 'homologated', value ->> 'source'
         from json_each($1, '$.models.put')
         where true on conflict (model) do update
             set brand_id = excluded.brand_id, name = excluded.name, supports_esim = excluded.supports_esim,
                 homologated = excluded.homologated, source = excluded.source",
        "insert into device_code (code, model)
         select key, value from json_each($1, '$.codes.put')
         where true on conflict (code) do update set model = excluded.model",
        "insert into device_tac (tac, model, source)
         select key, value ->> 'model', value ->> 'source' from json_each($1, '$.tacs.put')
         where true on conflict (tac) do update set model = excluded.model, source = excluded.source",
        "delete from device_tac where tac in (select value from json_each($1, '$.tacs.removed'))",
        "delete from device_code where code in (select value from json_each($1, '$.codes.removed'))",
        "delete from device_catalog_model where model in (select value from json_each($1, '$.models.removed'))",
        "delete from device_brand where slug in (select value from json_each($1, '$.brands.removed'))",
    ];
    change(connection, "devices", edition, &CHANGES).await
}

pub(super) async fn ddds(connection: &mut SqliteConnection) -> Result<(DataVersion, DddData), sqlx::Error> {
    const SQL: &str = "
        select version, json_object(
            'localities', (select json_group_object(location_cnl, ddd) from location_ddd)
        ) as data
        from reference_data where name = 'ddds'";
    let row = sqlx::query(SQL).fetch_one(connection).await?;
    Ok((version(&row, "version")?, from_json(row.try_get("data")?)?))
}

pub(super) async fn change_ddds(
    connection: &mut SqliteConnection,
    edition: Edition<DddChanges>,
) -> Result<bool, sqlx::Error> {
    const CHANGES: [&str; 2] = [
        "insert into location_ddd (location_cnl, ddd)
         select cast(key as integer), value from json_each($1, '$.localities.put')
         where true on conflict (location_cnl) do update set ddd = excluded.ddd",
        "delete from location_ddd
         where location_cnl in (select value from json_each($1, '$.localities.removed'))",
    ];
    change(connection, "ddds", edition, &CHANGES).await
}

/// Runs the statements, each on the changes in JSON, where the list has the version that they were made for.
async fn change(
    connection: &mut SqliteConnection,
    list: &str,
    edition: Edition<impl Serialize>,
    statements: &[&'static str],
) -> Result<bool, sqlx::Error> {
    const VERSION: &str = "update reference_data set version = $3 where name = $1 and version = $2";
    let version =
        sqlx::query(VERSION).bind(list).bind(edition.over.as_uuid()).bind(edition.version.as_uuid());
    if version.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let changes = to_json(&edition.changes)?;
    for &statement in statements {
        sqlx::query(statement).bind(&changes).execute(&mut *connection).await?;
    }
    Ok(true)
}

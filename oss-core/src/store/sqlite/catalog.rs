//! The reference data on SQLite. An import is a few statements in one transaction, which read the changes from JSON.

use async_trait::async_trait;
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use crate::domain::{
    Assortment, DataVersion, DataVersions, DddSet, DeviceChoice, DeviceCode, DeviceHash, Edition, EsimAnswer,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};
use crate::store::StoreError;
use crate::store::catalog::{
    ASSORTMENTS, CatalogStore, DDDS_IN_USE, VERSIONS, assortments, ddds_in_use, esim_answer, esim_query,
    list, versions,
};
use crate::store::rows::{DataRow, to_json};

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn ddds_in_use(&self) -> Result<DddSet, StoreError> {
        self.connections.read(sqlx::query(DDDS_IN_USE), ddds_in_use).await
    }

    async fn data_versions(&self) -> Result<DataVersions, StoreError> {
        self.connections.one(sqlx::query(VERSIONS), versions).await
    }

    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError> {
        self.connections.read(sqlx::query(ASSORTMENTS), assortments).await
    }

    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError> {
        self.connections.all(sqlx::query("select code from device_code"), |row| row.parsed("code")).await
    }

    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let (sql, device) = esim_query(choice);
        self.connections.one(sqlx::query(sql).bind(device), esim_answer).await
    }

    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into device_model (hash, tac, code, model, created_at) values ($1, $2, $3, $4, $5)
            on conflict (hash) do nothing";
        let choice = choice.clone();
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let (tac, code, model) = choice.columns();
                    let statement = sqlx::query(SQL).bind(hash.to_string()).bind(tac).bind(code).bind(model);
                    step.run(statement.bind(step.now.0)).await.map(drop)
                })
            })
            .await
    }

    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError> {
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
        self.connections.one(sqlx::query(SQL), list).await
    }

    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError> {
        self.connections.write(move |step| Box::pin(change_devices(step.connection, edition))).await
    }

    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError> {
        const SQL: &str = "
            select version, json_object(
                'localities', (select json_group_object(location_cnl, ddd) from location_ddd)
            ) as data
            from reference_data where name = 'ddds'";
        self.connections.one(sqlx::query(SQL), list).await
    }

    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError> {
        const CHANGES: [&str; 2] = [
            "insert into location_ddd (location_cnl, ddd)
             select cast(key as integer), value from json_each($1, '$.localities.put')
             where true on conflict (location_cnl) do update set ddd = excluded.ddd",
            "delete from location_ddd
             where location_cnl in (select value from json_each($1, '$.localities.removed'))",
        ];
        self.connections.write(move |step| Box::pin(change(step.connection, "ddds", edition, &CHANGES))).await
    }
}

/// SQLite checks references row by row, so rows that others refer to are inserted first and deleted last.
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

/// Runs the statements, each on the changes in JSON, if the list has the version that they were made for.
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

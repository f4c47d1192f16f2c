//! The reference data on PostgreSQL. An import of any size is one statement, which reads the changes from JSON.

use async_trait::async_trait;

use super::PostgresStore;
use super::connections::{Statement, store_error};
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
impl CatalogStore for PostgresStore {
    async fn ddds_in_use(&self) -> Result<DddSet, StoreError> {
        self.connections.read(|| sqlx::query(DDDS_IN_USE), ddds_in_use).await
    }

    async fn data_versions(&self) -> Result<DataVersions, StoreError> {
        self.connections.one(|| sqlx::query(VERSIONS), versions).await
    }

    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError> {
        self.connections.read(|| sqlx::query(ASSORTMENTS), assortments).await
    }

    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError> {
        self.connections.all(|| sqlx::query("select code from device_code"), |row| row.parsed("code")).await
    }

    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let (sql, device) = esim_query(choice);
        self.connections.one(|| sqlx::query(sql).bind(device), esim_answer).await
    }

    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into device_model (hash, tac, code, model) values ($1::char(32), $2, $3, $4)
            on conflict (hash) do nothing";
        let (tac, code, model) = choice.columns();
        let statement = || sqlx::query(SQL).bind(hash.to_string()).bind(tac).bind(code).bind(model);
        self.connections.rows(statement).await.map(drop)
    }

    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError> {
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
        self.connections.one(|| sqlx::query(SQL), list).await
    }

    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError> {
        let changes = to_json(&edition.changes).map_err(|error| store_error(&error))?;
        let statement = devices_edition(&edition, changes);
        self.connections.on_own_connection(statement, |row| row.flag("changed")).await
    }

    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError> {
        const SQL: &str = "
            select version, json_build_object(
                'localities', (select coalesce(json_object_agg(location_cnl, ddd), '{}') from location_ddd)
            )::text as data
            from reference_data where name = 'ddds'";
        self.connections.one(|| sqlx::query(SQL), list).await
    }

    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError> {
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
            select exists (select from edition) as changed";
        let changes = to_json(&edition.changes).map_err(|error| store_error(&error))?;
        let statement =
            sqlx::query(SQL).bind(edition.over.as_uuid()).bind(edition.version.as_uuid()).bind(changes);
        self.connections.on_own_connection(statement, |row| row.flag("changed")).await
    }
}

/// If the list has another version, `given` has no row, so that no part changes anything. The parts may come in any order,
/// because references are checked when the whole statement is done.
pub(super) fn devices_edition(edition: &Edition<DeviceChanges>, changes: String) -> Statement<'static> {
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
        select exists (select from edition) as changed";
    sqlx::query(SQL).bind(edition.over.as_uuid()).bind(edition.version.as_uuid()).bind(changes)
}

//! The reference data: the device catalogue, the area codes and their versions.

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    Assortment, DataVersion, DataVersions, Ddd, DddSet, DeviceBrand, DeviceChoice, DeviceCode, DeviceHash,
    DeviceModel, Edition, EsimAnswer,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};

/// The steps of look-ups and imports.
#[async_trait]
pub trait CatalogStore {
    /// Reads the area codes that a locality has (`location_ddd`).
    async fn ddds_in_use(&self) -> Result<DddSet, StoreError>;

    /// Reads the current versions of the lists.
    async fn data_versions(&self) -> Result<DataVersions, StoreError>;

    /// Reads every brand with those of its models that support eSIM, in no order.
    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError>;

    /// Reads every device code of the catalogue, in no order.
    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError>;

    /// Reads whether a device supports eSIM by the current version of the catalogue; unknown if it is not in the catalogue.
    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError>;

    /// Stores a choice under its hash (`device_model`), unless it is stored already.
    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError>;

    /// Reads the whole device catalogue and its version.
    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError>;

    /// Changes the device catalogue. Returns false, and changes nothing, if it has another version than the changes were made
    /// for.
    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError>;

    /// Reads the whole list of localities (`location_ddd`) and its version.
    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError>;

    /// Changes the list of localities, as [`CatalogStore::change_devices`] does.
    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError>;
}

/// The built-in catalogue as changes for a database that never had one.
#[cfg(feature = "import")]
pub(super) fn first_edition() -> Result<Edition<DeviceChanges>, StoreError> {
    let built_in =
        DeviceData::built_in().map_err(|_| StoreError::failed("the built-in device catalogue has faults"))?;
    let changes = DeviceChanges::between(&DeviceData::default(), &built_in);
    Ok(Edition { over: DataVersion::of_migration(), version: DataVersion::new(), changes })
}

/// Reads each area code that a locality has, once.
pub(super) const DDDS_IN_USE: &str = "select distinct ddd from location_ddd";

/// Leaves out what is no area code: such a row must not hide the others.
pub(super) fn ddds_in_use<R: DataRow>(rows: &[R]) -> Result<DddSet, sqlx::Error> {
    let ddds = rows.iter().map(|row| Ok(row.maybe_text("ddd")?.and_then(|ddd| ddd.parse().ok())));
    let ddds: Result<Vec<Option<Ddd>>, sqlx::Error> = ddds.collect();
    Ok(ddds?.into_iter().flatten().collect())
}

/// Reads the versions of the lists. The result always has one row.
pub(super) const VERSIONS: &str = "
    select (select version from reference_data where name = 'devices') as devices,
           (select version from reference_data where name = 'ddds') as ddds,
           id as installation
    from oss_installation";

pub(super) fn versions(row: &impl DataRow) -> Result<DataVersions, sqlx::Error> {
    Ok(DataVersions {
        installation: row.id("installation")?,
        devices: row.id("devices")?,
        ddds: row.id("ddds")?,
    })
}

/// Reads the brands, each with a row for each model that supports eSIM, or one row without a model.
pub(super) const ASSORTMENTS: &str = "
    select b.id, b.slug, b.name, m.model, m.name as model_name, m.homologated
    from device_brand b
    left join device_catalog_model m on m.brand_id = b.id and m.supports_esim
    order by b.id";

pub(super) fn assortments<R: DataRow>(rows: &[R]) -> Result<Vec<Assortment>, sqlx::Error> {
    let mut assortments: Vec<Assortment> = Vec::new();
    for row in rows {
        let (brand, model) = (brand(row)?, model(row)?);
        match assortments.last_mut() {
            Some(last) if last.brand == brand => last.models.extend(model),
            _ => assortments.push(Assortment { brand, models: model.into_iter().collect() }),
        }
    }
    Ok(assortments)
}

fn brand(row: &impl DataRow) -> Result<DeviceBrand, sqlx::Error> {
    Ok(DeviceBrand { id: row.id("id")?, slug: row.parsed("slug")?, name: row.parsed("name")? })
}

fn model(row: &impl DataRow) -> Result<Option<DeviceModel>, sqlx::Error> {
    let Some(model) = row.maybe_parsed("model")? else { return Ok(None) };
    let (name, homologated) = (row.parsed("model_name")?, row.flag("homologated")?);
    Ok(Some(DeviceModel { model, name, homologated }))
}

/// The statement that looks a device up, and its parameter. It is one statement, so that the answer and the version belong
/// together. The result always has one row.
pub(super) fn esim_query(choice: &DeviceChoice) -> (&'static str, &str) {
    const BY_TAC: &str = "
        select r.version, m.supports_esim, m.source from reference_data r
        left join device_tac t on t.tac = cast($1 as char(8))
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
    match choice {
        DeviceChoice::Tac(tac) => (BY_TAC, tac.as_str()),
        DeviceChoice::Code(code) => (BY_CODE, code.as_str()),
        DeviceChoice::Model(model) => (BY_MODEL, model.as_str()),
    }
}

/// Reads the catalogue's answer about a device from a row whose columns are null if the device is not in the catalogue.
pub(super) fn esim_answer(row: &impl DataRow) -> Result<EsimAnswer, sqlx::Error> {
    let listed = row.maybe_flag("supports_esim")?.zip(row.maybe_parsed("source")?);
    Ok(EsimAnswer::of_catalogue(row.id("version")?, listed))
}

/// Reads a whole list with its version from a row whose `data` is JSON that the database built.
pub(super) fn list<T: DeserializeOwned>(row: &impl DataRow) -> Result<(DataVersion, T), sqlx::Error> {
    Ok((row.id("version")?, from_json(row.text("data")?)?))
}

/// Parses JSON. The error leaves the text out.
fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text)
        .map_err(|_| sqlx::Error::Decode("the JSON does not have the form of its type".into()))
}

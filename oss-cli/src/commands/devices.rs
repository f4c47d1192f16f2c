//! `oss brands`, `oss models`, `oss esim`

use oss_core::{DeviceBrand, DeviceChoice, DeviceModel, EsimCheck, EsimSource, EsimSupport, Imei};
use serde::Serialize;

use crate::args::EsimArgs;
use crate::exit::Failure;
use crate::output::{Answer, lines_of, table};
use crate::service::Service;

pub(crate) async fn brands(service: &impl Service) -> Result<Brands, Failure> {
    Ok(Brands { brands: service.brands().await? })
}

pub(crate) async fn models(service: &impl Service, brand: &str) -> Result<Models, Failure> {
    let brand = service.find_brand(brand).await?;
    Ok(Models { models: service.models(brand).await? })
}

pub(crate) async fn esim(service: &impl Service, device: EsimArgs) -> Result<Compatibility, Failure> {
    let tac = device.tac.or(device.imei.map(Imei::tac));
    // The parser lets nothing else through.
    let choice = DeviceChoice::one_of(tac, device.device_code, device.model).map_err(Failure::usage)?;
    Ok(service.check_esim(&choice).await?.into())
}

#[derive(Debug, Serialize)]
pub(crate) struct Brands {
    brands: Vec<DeviceBrand>,
}

impl Answer for Brands {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["brand", "slug", "id"]);
        for DeviceBrand { id, slug, name, .. } in &self.brands {
            table.add_row([name.to_string(), slug.to_string(), id.to_string()]);
        }
        format!("{table}\nTo see the models of a brand: {oss} models SLUG")
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.brands)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Models {
    models: Vec<DeviceModel>,
}

impl Answer for Models {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["name", "model", "homologated"]);
        for DeviceModel { model, name, homologated, .. } in &self.models {
            let homologated = if *homologated { "yes" } else { "no" };
            table.add_row([name.as_str(), model.as_str(), homologated]);
        }
        table.to_string()
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.models)
    }
}

/// The fields of the HTTP answer, and the origin of the answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compatibility {
    supports_esim: bool,
    known: bool,
    #[serde(flatten)]
    check: EsimCheck,
}

impl From<EsimCheck> for Compatibility {
    fn from(check: EsimCheck) -> Self {
        Self { supports_esim: check.supports_esim(), known: check.support.is_known(), check }
    }
}

impl Answer for Compatibility {
    fn table(&self, _oss: &str) -> String {
        let answer = match self.check.support {
            EsimSupport::Yes => "Supports eSIM",
            EsimSupport::No => "Does not support eSIM",
            EsimSupport::Unknown => "Unknown: no source has this device",
        };
        let hash = self.check.hash.map(|hash| format!("; ask for one with the hash {hash}"));
        format!("{answer}{}\n{}", hash.unwrap_or_default(), origin(&self.check))
    }
}

fn origin(check: &EsimCheck) -> String {
    let catalogue = format!("device catalogue, version {}", check.list_version);
    match &check.source {
        Some(EsimSource::Catalogue { lists }) if lists.as_str().is_empty() => format!("Source: {catalogue}"),
        Some(EsimSource::Catalogue { lists }) => format!("Source: {catalogue} ({lists})"),
        Some(EsimSource::Gsim) => format!("Source: GSIM; the {catalogue}, does not have this device"),
        None => format!("Looked in: {catalogue}"),
    }
}

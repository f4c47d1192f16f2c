//! `oss brands`, `oss models`, `oss esim`

use oss_core::{DeviceBrand, DeviceChoice, DeviceModel, EsimCheck, Imei, Oss};
use serde::Serialize;

use crate::args::EsimArgs;
use crate::exit::Failure;
use crate::output::{Answer, table};

pub(crate) async fn brands(oss: &Oss) -> Result<Brands, Failure> {
    Ok(Brands { brands: oss.brands().await? })
}

pub(crate) async fn models(oss: &Oss, brand: &str) -> Result<Models, Failure> {
    let brand = oss.brand_called(brand).await?;
    Ok(Models { models: oss.models(brand).await? })
}

pub(crate) async fn esim(oss: &Oss, device: EsimArgs) -> Result<EsimCheck, Failure> {
    let tac = device.tac.or(device.imei.map(Imei::tac));
    let choice = DeviceChoice::one_of(tac, device.device_code, device.model)
        // The parser lets nothing else through.
        .map_err(|malformed| Failure::usage(malformed.to_string()))?;
    Ok(oss.check_esim(&choice).await?)
}

#[derive(Debug, Serialize)]
pub(crate) struct Brands {
    brands: Vec<DeviceBrand>,
}

impl Answer for Brands {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["brand", "slug", "id"]);
        for DeviceBrand { id, slug, name } in &self.brands {
            table.add_row([name.to_string(), slug.to_string(), id.to_string()]);
        }
        format!("{table}\nTo see the models of one: {oss} models SLUG")
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Models {
    models: Vec<DeviceModel>,
}

impl Answer for Models {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["name", "model", "homologated"]);
        for DeviceModel { model, name, homologated } in &self.models {
            let homologated = if *homologated { "yes" } else { "no" };
            table.add_row([name.as_str(), model.as_str(), homologated]);
        }
        table.to_string()
    }
}

impl Answer for EsimCheck {
    fn table(&self, _oss: &str) -> String {
        match self.hash {
            Some(hash) => format!("Supports eSIM; ask for one under the hash {hash}"),
            None => "Does not support eSIM, as far as is known".to_owned(),
        }
    }
}

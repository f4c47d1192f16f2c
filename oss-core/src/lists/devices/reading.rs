//! Reads a device catalogue from four CSV files.

use std::collections::HashMap;
use std::path::Path;

use super::{BrandEntry, DeviceData, ModelEntry, TacEntry};
use crate::domain::{BrandSlug, DeviceBrandId, DeviceCode, DeviceModelId, Tac};
use crate::lists::{CsvFile, Folder, ImportFault, ImportFaults, Progress};

/// The names of the files, in the order in which they are read. Each file refers only to earlier ones.
pub(super) const BRANDS: &str = "device_brands.csv";
pub(super) const MODELS: &str = "device_models.csv";
pub(super) const CODES: &str = "device_codes.csv";
pub(super) const TACS: &str = "device_tacs.csv";

/// The built-in catalogue, made from public lists. The column `source` names the lists that agree on a line.
const BUILT_IN: &[(&str, &str)] = &[
    (BRANDS, include_str!("../../../../migrations/data/device_brands.csv")),
    (MODELS, include_str!("../../../../migrations/data/device_models.csv")),
    (CODES, include_str!("../../../../migrations/data/device_codes.csv")),
    (TACS, include_str!("../../../../migrations/data/device_tacs.csv")),
];

impl DeviceData {
    /// Reads and checks a catalogue: `device_brands.csv` (`slug,name`), `device_models.csv`
    /// (`brand_slug,model,name,supports_esim,source[,homologated]`), `device_codes.csv` (`code,model`) and `device_tacs.csv`
    /// (`tac,model,source`). `report` receives the progress in the current file.
    ///
    /// # Errors
    ///
    /// [`ImportFaults`] with every fault of every file.
    pub fn read(folder: &Path, mut report: impl FnMut(Progress)) -> Result<Self, ImportFaults> {
        Self::read_from(Folder::Disk(folder), &mut report)
    }

    /// The built-in catalogue, for a database that has none yet.
    pub(crate) fn built_in() -> Result<Self, ImportFaults> {
        Self::read_from(Folder::Built(BUILT_IN), &mut |_| {})
    }

    fn read_from(folder: Folder<'_>, report: &mut dyn FnMut(Progress)) -> Result<Self, ImportFaults> {
        let mut reading = Reading { folder, report, data: Self::default(), faults: Vec::new() };
        let brands = reading.brands();
        let models = reading.models(brands.as_ref());
        reading.codes(models.as_ref());
        reading.tacs(models.as_ref());
        let Reading { data, faults, .. } = reading;
        if faults.is_empty() { Ok(data) } else { Err(ImportFaults { faults }) }
    }
}

/// A catalogue that is being read. Later files may refer only to the keys of the files before them.
struct Reading<'a> {
    folder: Folder<'a>,
    report: &'a mut dyn FnMut(Progress),
    data: DeviceData,
    faults: Vec<ImportFault>,
}

type Keys<K> = HashMap<K, u64>;

impl Reading<'_> {
    fn brands(&mut self) -> Option<Keys<BrandSlug>> {
        let Self { folder, report, data, faults } = self;
        let file = CsvFile::open(*folder, BRANDS, &["slug", "name"], &[], faults)?;
        file.not_empty().rows("slug", *report, |slug: &BrandSlug, row| {
            let Some(name) = row.get("name") else { return };
            data.brands.insert(slug.clone(), BrandEntry { id: DeviceBrandId::of(slug), name });
        })
    }

    fn models(&mut self, brands: Option<&Keys<BrandSlug>>) -> Option<Keys<DeviceModelId>> {
        let columns = &["brand_slug", "model", "name", "supports_esim", "source"];
        let Self { folder, report, data, faults } = self;
        let file = CsvFile::open(*folder, MODELS, columns, &["homologated"], faults)?;
        file.not_empty().rows("model", *report, |model: &DeviceModelId, row| {
            let brand = row.reference("brand_slug", brands, BRANDS);
            let (name, source) = (row.get("name"), row.get("source"));
            let (supports_esim, homologated) =
                (row.flag("supports_esim", false), row.flag("homologated", true));
            let entry = || {
                Some(ModelEntry {
                    brand: DeviceBrandId::of(&brand?),
                    name: name?,
                    supports_esim: supports_esim?,
                    homologated: homologated?,
                    source: source?,
                })
            };
            data.models.extend(entry().map(|entry| (model.clone(), entry)));
        })
    }

    fn codes(&mut self, models: Option<&Keys<DeviceModelId>>) -> Option<Keys<DeviceCode>> {
        let Self { folder, report, data, faults } = self;
        let file = CsvFile::open(*folder, CODES, &["code", "model"], &[], faults)?;
        file.rows("code", *report, |code: &DeviceCode, row| {
            let model = row.reference("model", models, MODELS);
            data.codes.extend(model.map(|model| (code.clone(), model)));
        })
    }

    fn tacs(&mut self, models: Option<&Keys<DeviceModelId>>) -> Option<Keys<Tac>> {
        let Self { folder, report, data, faults } = self;
        let file = CsvFile::open(*folder, TACS, &["tac", "model", "source"], &[], faults)?;
        file.rows("tac", *report, |tac: &Tac, row| {
            let (model, source) = (row.reference("model", models, MODELS), row.get("source"));
            let entry = model.zip(source).map(|(model, source)| TacEntry { model, source });
            data.tacs.extend(entry.map(|entry| (*tac, entry)));
        })
    }
}

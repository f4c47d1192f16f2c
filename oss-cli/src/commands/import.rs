//! `oss devices import` and `oss ddd import`

use std::path::PathBuf;

use oss_core::{
    Count, DddData, DddSummary, DeviceData, DeviceSummary, ImportMode, Progress, ReferenceData, RemovalLimit,
};
use serde::Serialize;

use crate::args::ImportOptions;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::status_line::{draw, style};

/// The number of rows after which the displayed count changes.
const SHOWN_ROWS: u64 = 100;

/// A list that was read and has no faults.
#[derive(Debug)]
pub(crate) struct Import {
    list: List,
    mode: ImportMode,
    limit: RemovalLimit,
}

#[derive(Debug)]
enum List {
    Devices(DeviceData),
    Ddds(DddData),
}

/// The file or folder of a list.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder with the files of a device catalogue.
    Devices(PathBuf),
    /// A file of localities.
    Ddds(PathBuf),
}

impl Import {
    /// Reads a whole list before any database is used.
    pub(crate) fn read(place: &Place, options: ImportOptions) -> Result<Self, Failure> {
        let line = draw(style("{spinner} reading {bar:30} {percent} %, {msg} rows"));
        let mut rows = 0_u64;
        let show_progress = |Progress { done, total, .. }| {
            rows += 1;
            // Setting a length redraws the line, so set it once per file.
            if line.length() != Some(total) {
                line.set_length(total);
            }
            if rows.is_multiple_of(SHOWN_ROWS) {
                line.set_message(rows.to_string());
            }
            line.set_position(done);
        };
        let list = match place {
            Place::Devices(folder) => DeviceData::read(folder, show_progress).map(List::Devices),
            Place::Ddds(file) => DddData::read(file, show_progress).map(List::Ddds),
        };
        drop(line);
        let mode = if options.dry_run { ImportMode::DryRun } else { ImportMode::Write };
        let limit = if options.force { RemovalLimit::Unlimited } else { RemovalLimit::Tenth };
        Ok(Self { list: list?, mode, limit })
    }

    pub(crate) async fn run(&self, reference: &ReferenceData, output: Output) -> Result<(), Failure> {
        let line = draw(style(&format!("{{spinner}} comparing and writing {} rows", self.list.rows())));
        let dry_run = self.mode == ImportMode::DryRun;
        let (mode, limit) = (self.mode, self.limit);
        let summary = match &self.list {
            List::Devices(data) => reference.import_devices(data, mode, limit).await.map(Summary::Devices),
            List::Ddds(data) => reference.import_ddds(data, mode, limit).await.map(Summary::Ddds),
        };
        drop(line);
        output.write_answer(&Imported { dry_run, summary: summary? })
    }
}

impl List {
    fn rows(&self) -> usize {
        match self {
            Self::Devices(DeviceData { brands, models, codes, tacs, .. }) => {
                brands.len() + models.len() + codes.len() + tacs.len()
            }
            Self::Ddds(DddData { localities }) => localities.len(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    dry_run: bool,
    #[serde(flatten)]
    summary: Summary,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Summary {
    Devices(DeviceSummary),
    Ddds(DddSummary),
}

impl Summary {
    fn counts(&self) -> Vec<(&'static str, Count)> {
        match self {
            Self::Devices(summary) => summary.kinds().to_vec(),
            Self::Ddds(summary) => summary.kinds().to_vec(),
        }
    }
}

impl Answer for Imported {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["kind", "read", "added", "changed", "unchanged", "removed"]);
        for (kind, Count { added, changed, removed, total, .. }) in self.summary.counts() {
            let unchanged = total - added - changed;
            table.add_row([
                kind.to_owned(),
                total.to_string(),
                added.to_string(),
                changed.to_string(),
                unchanged.to_string(),
                removed.to_string(),
            ]);
        }
        let done = if self.dry_run {
            "Dry run: nothing was written"
        } else {
            "Written; every server sees it within seconds"
        };
        format!("{table}\n{done}")
    }
}

//! `oss sim`

use oss_core::sims::{Activation, qr_text};
use oss_core::{ActivationCode, CodeRead, RecordedReport, Sim, SimRecord, SimType, WantedSim};
use serde::Serialize;

use super::show::time;
use crate::args::SimCommand;
use crate::exit::Failure;
use crate::form::Form;
use crate::output::{Answer, Output, lines_of};
use crate::service::Service;

pub(crate) async fn run(service: &impl Service, command: SimCommand, output: Output) -> Result<(), Failure> {
    match command {
        SimCommand::Issue { msisdn, line, device, idempotency_key } => {
            let wanted = WantedSim::Esim(device);
            output.write_answer(&service.order_sim(msisdn, line, wanted, idempotency_key).await?)
        }
        SimCommand::Activate { msisdn, line, iccid, address, idempotency_key } => {
            let wanted = WantedSim::Card { iccid, address };
            output.write_answer(&service.order_sim(msisdn, line, wanted, idempotency_key).await?)
        }
        SimCommand::Show { id } => output.write_answer(&service.sim(id).await?),
        SimCommand::Find(names) => {
            let filter = names.filter().ok_or_else(|| Failure::usage("give one name of the SIM"))?;
            output.write_answer(&FoundSims { sims: service.find_sims(&filter).await? })
        }
        SimCommand::Code { id } => write_code(&service.activation_code(id).await?, output),
        SimCommand::Replace(args) => {
            let wanted = args.wanted().ok_or_else(|| Failure::usage("give --device, or --iccid"))?;
            let sim = service.replace_sim(args.msisdn, wanted, args.idempotency_key).await?;
            output.write_answer(&sim)
        }
    }
}

impl Answer for Sim {
    fn table(&self, oss: &str) -> String {
        let next = match self.sim_type {
            SimType::Esim => format!("\nTo get its activation code: {oss} sim code {}", self.id),
            SimType::SimCard => String::new(),
        };
        sim(self) + &next
    }
}

/// A SIM as text, with one field a line, because ids are long and a terminal is narrow.
pub(super) fn sim(sim: &Sim) -> String {
    let Sim { id, line_id, iccid, imsi, sim_type, technology, status, .. } = sim;
    let fields = [
        ("number", sim.msisdn.map(|msisdn| msisdn.to_string())),
        ("line", Some(line_id.to_string())),
        ("ICCID", Some(iccid.clone())),
        ("IMSI", Some(imsi.clone())),
        ("type", Some(format!("{sim_type}, {technology}"))),
        ("profile", sim.profile_state.map(|state| state.to_string())),
        ("issued", Some(time(sim.created_at))),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("\n  {name:<8}  {}", value?)));
    let since = time(sim.updated_at);
    std::iter::once(format!("SIM {id}: {status} since {since}")).chain(fields).collect()
}

impl Answer for SimRecord {
    fn table(&self, _oss: &str) -> String {
        let reads = self.code_reads.iter().map(read);
        let reports = self.profile_reports.iter().map(report);
        std::iter::once(sim(&self.sim)).chain(reports).chain(reads).collect::<Vec<_>>().join("\n")
    }
}

fn read(read: &CodeRead) -> String {
    format!("{}  activation code read by {}", time(read.read_at), read.client)
}

fn report(report: &RecordedReport) -> String {
    let reason = report.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let ignored = if report.applied { "" } else { ", which changed nothing" };
    format!("{}  profile {}{reason}{ignored}", time(report.at), report.state)
}

#[derive(Debug, Serialize)]
struct FoundSims {
    sims: Vec<Sim>,
}

impl Answer for FoundSims {
    fn table(&self, _oss: &str) -> String {
        if self.sims.is_empty() {
            return "No SIM found".to_owned();
        }
        self.sims.iter().map(sim).collect::<Vec<_>>().join("\n\n")
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.sims)
    }
}

fn write_code(code: &ActivationCode, output: Output) -> Result<(), Failure> {
    if output.form == Form::Table {
        output.write_part(&on_paper(&qr_text(code)?))?;
    }
    output.write_answer(&Activation::from(code))
}

/// The modules of a QR code in black on white, whatever the colours of the terminal are, because cameras expect that.
fn on_paper(modules: &str) -> String {
    const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
    const RESET: &str = "\u{1b}[0m";
    let lines: Vec<String> = modules.lines().map(|line| format!("{BLACK_ON_WHITE}{line}{RESET}")).collect();
    lines.join("\n")
}

impl Answer for Activation {
    fn table(&self, _oss: &str) -> String {
        let Self { code, confirmation_code_required, install_urls, .. } = self;
        let confirmation = if *confirmation_code_required { "required" } else { "not required" };
        format!(
            "{code}\nConfirmation code: {confirmation}\niPhone:  {}\nAndroid: {}",
            install_urls.ios, install_urls.android
        )
    }
}

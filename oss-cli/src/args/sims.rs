//! The commands about SIMs and lines.

use clap::{ArgGroup, Subcommand};
use oss_core::{
    AddressHash, DeviceHash, Eid, Iccid, IdempotencyKey, Imsi, LineId, Msisdn, SimFilter, SimId, Timestamp,
    WantedSim,
};

use super::key;
use crate::examples;

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Order an eSIM for a reserved number, and put the number on a line.
    #[command(after_help = examples::SIM_ISSUE)]
    Issue {
        /// The number.
        msisdn: Msisdn,
        /// The line.
        #[arg(long, value_name = "UUID")]
        line: LineId,
        /// The device, by the hash that `oss esim` shows.
        #[arg(long, value_name = "HASH")]
        device: DeviceHash,
        /// A key that the same order has if it is repeated.
        #[arg(long, value_name = "KEY", value_parser = key)]
        idempotency_key: Option<IdempotencyKey>,
    },
    /// Activate a plastic card for a reserved number, and put the number on a line.
    #[command(after_help = examples::SIM_ACTIVATE)]
    Activate {
        /// The number.
        msisdn: Msisdn,
        /// The line.
        #[arg(long, value_name = "UUID")]
        line: LineId,
        /// The number that is printed on the card.
        #[arg(long)]
        iccid: Iccid,
        /// The hash of the address to which the card was sent.
        #[arg(long, value_name = "HASH")]
        address: AddressHash,
        /// A key that the same order has if it is repeated.
        #[arg(long, value_name = "KEY", value_parser = key)]
        idempotency_key: Option<IdempotencyKey>,
    },
    /// Show a SIM, the reads of its activation code, and GSIM's reports on its profile.
    #[command(after_help = examples::SIM_SHOW)]
    Show {
        /// The SIM.
        id: SimId,
    },
    /// Find SIMs, at most a hundred, the latest first.
    #[command(after_help = examples::SIM_FIND)]
    Find(FindArgs),
    /// Show the activation code of an eSIM: a QR code, its text, and links that install the profile.
    ///
    /// Anyone who has the code can take the line. Each read is recorded.
    #[command(after_help = examples::SIM_CODE)]
    Code {
        /// The eSIM.
        id: SimId,
    },
    /// Put a number in use on another SIM: for a new phone or a lost card.
    ///
    /// The number stays on its line, and the old SIM is deprogrammed. Repeating the command for the same device gives the same SIM,
    /// unless its profile was deleted or failed, or an idempotency key asks for another one.
    #[command(after_help = examples::SIM_REPLACE)]
    Replace(ReplaceArgs),
}

/// The SIMs to find, by one of their names.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct FindArgs {
    /// The number of the SIM. It belongs to several SIMs if GSIM has used it again.
    #[arg(long)]
    iccid: Option<Iccid>,
    /// The number of the subscriber in the network.
    #[arg(long)]
    imsi: Option<Imsi>,
    /// The number of the phone's chip that an eSIM was last reported to be on.
    #[arg(long)]
    eid: Option<Eid>,
    /// The phone number that is on the SIM.
    #[arg(long)]
    msisdn: Option<Msisdn>,
    /// The line of the SIMs.
    #[arg(long, value_name = "UUID")]
    line: Option<LineId>,
}

impl FindArgs {
    /// The filter; none if there is no name, which the parser does not let through.
    pub(crate) fn filter(self) -> Option<SimFilter> {
        let Self { iccid, imsi, eid, msisdn, line } = self;
        let filter = iccid.map(SimFilter::Iccid).or(imsi.map(SimFilter::Imsi)).or(eid.map(SimFilter::Eid));
        filter.or(msisdn.map(SimFilter::Msisdn)).or(line.map(SimFilter::Line))
    }
}

/// A number, and its new SIM: an eSIM for a device, or a card.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("sim").required(true).args(["device", "iccid"]))]
pub(crate) struct ReplaceArgs {
    /// The number.
    pub(crate) msisdn: Msisdn,
    /// An eSIM for this device, by the hash that `oss esim` shows.
    #[arg(long, value_name = "HASH")]
    device: Option<DeviceHash>,
    /// The number that is printed on the card.
    #[arg(long, requires = "address")]
    iccid: Option<Iccid>,
    /// The hash of the address to which the card was sent.
    #[arg(long, value_name = "HASH", requires = "iccid", conflicts_with = "device")]
    address: Option<AddressHash>,
    /// A key that asks for another SIM; the same key gives the same SIM.
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) idempotency_key: Option<IdempotencyKey>,
}

impl ReplaceArgs {
    /// The new SIM; none if it is not named, which the parser does not let through.
    pub(crate) fn wanted(&self) -> Option<WantedSim> {
        let card = || Some(WantedSim::Card { iccid: self.iccid.clone()?, address: self.address? });
        self.device.map(WantedSim::Esim).or_else(card)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum LineCommand {
    /// End the line of a number: its SIM is deprogrammed, and the number is given back.
    #[command(after_help = examples::LINE_END)]
    End {
        /// The number.
        msisdn: Msisdn,
    },
    /// List the SIMs and lines that a number was on, the latest first.
    #[command(after_help = examples::LINE_HISTORY)]
    History {
        /// The number.
        msisdn: Msisdn,
        /// Show only the SIM that the number was on at this time.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
}

//! Orders of SIMs: the values that operations give to a store, and the answers of a store.
//!
//! An order is an attempt to get a SIM from GSIM, with the states and transitions of an attempt to hold a number: `HELD` says that
//! GSIM has the SIM for us. Its id is also that of the SIM, and our reference at GSIM.

use std::time::Duration;

use super::{
    AddressHash, BrandId, DeviceHash, Iccid, IdempotencyKey, Imsi, LineId, MatchingId, Msisdn, NumberStatus,
    ProfileState, SimId, SimType, SmdpAddress, Technology,
};

/// The SIM that is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedSim {
    /// An eSIM for a device choice.
    Esim(DeviceHash),
    /// A plastic card that was sent to a customer.
    Card {
        /// The card.
        iccid: Iccid,
        /// The address to which it was sent.
        address: AddressHash,
    },
}

impl WantedSim {
    /// Its kind.
    #[must_use]
    pub fn sim_type(&self) -> SimType {
        match self {
            Self::Esim(_) => SimType::Esim,
            Self::Card { .. } => SimType::SimCard,
        }
    }

    /// The columns `device_model_hash`, `iccid` and `delivery_address_hash`.
    pub(crate) fn columns(&self) -> (Option<String>, Option<String>, Option<String>) {
        match self {
            Self::Esim(device) => (Some(device.to_string()), None, None),
            Self::Card { iccid, address } => (None, Some(iccid.to_string()), Some(address.to_string())),
        }
    }
}

/// The purpose of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPurpose {
    /// The first SIM of a reserved number, which goes on this line.
    FirstSim(LineId),
    /// Another SIM for a number in use, which stays on its line.
    Replacement,
}

/// A wish for a SIM.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id, and that of the SIM. The caller chooses it, so that a repeated step stores it once.
    pub id: SimId,
    /// The number.
    pub msisdn: Msisdn,
    /// The reason for the order.
    pub purpose: OrderPurpose,
    /// The SIM.
    pub wanted: WantedSim,
    /// The radio technology.
    pub technology: Technology,
    /// The brand, if the number has no recorded one.
    pub brand: BrandId,
    /// The idempotency key of the call, if it has one.
    pub key: Option<IdempotencyKey>,
    /// The time for which the lease is taken.
    pub lease: Duration,
}

impl NewOrder {
    /// The lease of the first call of the order.
    pub(crate) fn first_lease(&self, brand: BrandId, replaces: Option<SimId>) -> OrderLease {
        OrderLease {
            order: self.id,
            call: 1,
            msisdn: self.msisdn,
            brand,
            wanted: self.wanted.clone(),
            technology: self.technology.clone(),
            replaces,
        }
    }
}

/// The right to ask GSIM for one SIM, for a limited time: a row of `sim_order` in state `PENDING`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLease {
    /// The order.
    pub order: SimId,
    /// Counts the calls to GSIM of this order, from 1. The outcome of an older call cannot overwrite that of a newer one.
    pub call: i32,
    /// The number.
    pub msisdn: Msisdn,
    /// The brand.
    pub brand: BrandId,
    /// The SIM.
    pub wanted: WantedSim,
    /// The radio technology.
    pub technology: Technology,
    /// The SIM that it replaces.
    pub replaces: Option<SimId>,
}

impl OrderLease {
    /// Whether an earlier call of this order may have taken effect in GSIM.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.call > 1
    }

    /// The cancellation of this order.
    pub(crate) fn delivery(&self) -> SimDelivery {
        SimDelivery { order: self.order, sim_type: self.wanted.sim_type(), attempts: self.call }
    }
}

/// The answer to a wish for a SIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginOrder {
    /// GSIM may be asked. The caller has the lease.
    Started(OrderLease),
    /// The number has this very SIM already.
    Issued(SimId),
    /// This very order is under way in another call, or is being cancelled.
    InFlight,
    /// Another order for the number is under way.
    OtherInFlight,
    /// The number is not known.
    UnknownNumber,
    /// No device choice has this hash.
    UnknownDevice,
    /// The database has no such line.
    UnknownLine,
    /// The database has no such address.
    UnknownAddress,
    /// The database has no such brand.
    UnknownBrand,
    /// It is not certain yet whether Sigan holds the number.
    InDoubt,
    /// The status of the number forbids the order.
    Forbidden(NumberStatus),
    /// The key came with another request.
    KeyReused,
    /// The SIM that was ordered under the key is not used any more.
    KeySpent,
}

/// A SIM that GSIM issued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuedSim {
    /// Its ICCID.
    pub iccid: Iccid,
    /// Its IMSI.
    pub imsi: Imsi,
    /// The rest, which depends on its type.
    pub details: SimDetails,
}

/// The details of a SIM, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimDetails {
    /// The details of an eSIM.
    Esim {
        /// The server from which the phone downloads its profile.
        smdp_address: SmdpAddress,
        /// The token by which the server finds the profile. It is a secret.
        matching_id: MatchingId,
        /// The state of the profile.
        profile_state: ProfileState,
    },
    /// The details of a plastic card.
    Card {
        /// The stand-in IMSI that the card has until it is active, if GSIM names it.
        hrs_imsi: Option<Imsi>,
    },
}

impl IssuedSim {
    /// A SIM of an own provider.
    #[must_use]
    pub fn new(iccid: Iccid, imsi: Imsi, details: SimDetails) -> Self {
        Self { iccid, imsi, details }
    }

    /// The type of the SIM.
    #[must_use]
    pub fn sim_type(&self) -> SimType {
        match self.details {
            SimDetails::Esim { .. } => SimType::Esim,
            SimDetails::Card { .. } => SimType::SimCard,
        }
    }

    /// The columns `profile_state`, `matching_id`, `smdp_plus_address` and `hrs_imsi`.
    pub(crate) fn columns(&self) -> [Option<&str>; 4] {
        match &self.details {
            SimDetails::Esim { smdp_address, matching_id, profile_state } => {
                [Some(profile_state.as_str()), Some(matching_id.reveal()), Some(smdp_address.as_str()), None]
            }
            SimDetails::Card { hrs_imsi } => [None, None, None, hrs_imsi.as_ref().map(Imsi::as_str)],
        }
    }
}

/// The result of recording a SIM that GSIM made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuedOrder {
    /// It is recorded: the number is on the SIM. The SIM that it replaced has to be deprogrammed.
    Issued(Option<SimDelivery>),
    /// The order was given up meanwhile, so the SIM is to be deprogrammed.
    GivenUp(Option<SimDelivery>),
    /// The order has no row: a failover of the database lost it.
    Missing,
    /// Another active SIM has the ICCID.
    IccidInUse,
}

/// A SIM that GSIM has to be told to deprogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimDelivery {
    /// The order.
    pub order: SimId,
    /// Its kind.
    pub sim_type: SimType,
    /// Counts the claims of this delivery.
    pub attempts: i32,
}

/// An order that the sweep has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueOrder {
    /// Its outcome is in doubt; the sweep has the lease to ask GSIM.
    Doubtful(OrderLease),
    /// GSIM has to be told to deprogram the SIM.
    Delivery(SimDelivery),
}

/// The answer to a request to end a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndLine {
    /// The line has ended. GSIM has to be told, if the number was on a SIM.
    Ended(Option<SimDelivery>),
    /// It had ended before.
    AlreadyEnded,
    /// The number is not known.
    Unknown,
    /// The number is not on a line.
    NotOnLine(NumberStatus),
    /// An order for the number is under way.
    InFlight,
}

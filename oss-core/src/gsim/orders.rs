//! Orders of SIMs: what we ask of GSIM, and what its answers mean.

use std::fmt;

use async_trait::async_trait;

use crate::domain::{BrandId, Iccid, Imsi, IssuedSim, Msisdn, ProfileState, SimId, Technology};
use crate::remote::CallError;

/// An order of an eSIM for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EsimOrder {
    /// Our reference. Never used for another order.
    pub reference: SimId,
    /// The number that the eSIM gets.
    pub msisdn: Msisdn,
    /// The brand on whose behalf it is ordered.
    pub brand: BrandId,
    /// The radio technology of the device.
    pub technology: Technology,
    /// The SIM that the number has now, if this one replaces it. Both exist until the old one is deprogrammed.
    pub replaces: Option<SimId>,
}

/// An activation of a plastic card for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardActivation {
    /// Our reference. Never used for another order.
    pub reference: SimId,
    /// The number that the card gets.
    pub msisdn: Msisdn,
    /// The ICCID that is printed on the card.
    pub iccid: Iccid,
    /// The brand on whose behalf it is activated.
    pub brand: BrandId,
    /// The SIM that the number has now, if this one replaces it. Both exist until the old one is deprogrammed.
    pub replaces: Option<SimId>,
}

impl EsimOrder {
    /// An order for a number that has no SIM.
    #[must_use]
    pub fn new(reference: SimId, msisdn: Msisdn, brand: BrandId, technology: Technology) -> Self {
        Self { reference, msisdn, brand, technology, replaces: None }
    }

    /// The order, as a replacement of the SIM that the number has now.
    #[must_use]
    pub fn replacing(self, replaced: Option<SimId>) -> Self {
        Self { replaces: replaced, ..self }
    }
}

impl CardActivation {
    /// An activation for a number that has no SIM.
    #[must_use]
    pub fn new(reference: SimId, msisdn: Msisdn, brand: BrandId, iccid: Iccid) -> Self {
        Self { reference, msisdn, iccid, brand, replaces: None }
    }

    /// The activation, as a replacement of the SIM that the number has now.
    #[must_use]
    pub fn replacing(self, replaced: Option<SimId>) -> Self {
        Self { replaces: replaced, ..self }
    }
}

/// The progress of an order that GSIM has not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderProgress {
    /// The SIM is issued.
    Issued(IssuedSim),
    /// GSIM has accepted the order and is still at work. [`SimProvider::order`] tells later.
    Accepted,
}

/// The state of an order, when GSIM is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// The SIM is issued.
    Issued(IssuedSim),
    /// GSIM has accepted the order and is still at work.
    Accepted,
    /// GSIM has no such order: it never arrived, it is still on its way, or it was cancelled or deprogrammed.
    Unknown,
}

/// A page of the SIMs that GSIM has for a brand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrdersPage {
    /// The SIMs, in the order of their references, each once.
    pub orders: Vec<ListedOrder>,
    /// The count of further entries on the page, which cannot be read.
    pub unreadable: u64,
    /// The reference after which the next page begins; none on the last page.
    pub next: Option<SimId>,
}

/// An entry of the list of our SIMs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedOrder {
    /// Our reference.
    pub reference: SimId,
    /// The ICCID.
    pub iccid: Iccid,
    /// The IMSI.
    pub imsi: Imsi,
    /// The number.
    pub msisdn: Msisdn,
    /// The state of the profile.
    pub profile_state: ProfileState,
}

impl OrdersPage {
    /// A page that can be read as a whole.
    #[must_use]
    pub fn new(orders: Vec<ListedOrder>, next: Option<SimId>) -> Self {
        Self { orders, unreadable: 0, next }
    }
}

impl ListedOrder {
    /// An entry of an own provider.
    #[must_use]
    pub fn new(
        reference: SimId,
        iccid: Iccid,
        imsi: Imsi,
        msisdn: Msisdn,
        profile_state: ProfileState,
    ) -> Self {
        Self { reference, iccid, imsi, msisdn, profile_state }
    }
}

/// The reason why a call to GSIM about an order did not succeed.
pub type SimError = CallError<SimRefusal>;

/// The reason for which GSIM refused a call about an order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, strum::IntoStaticStr, thiserror::Error,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SimRefusal {
    /// No profiles are left.
    #[error("no profiles are left")]
    NoneLeft,
    /// The number has a SIM, and the order does not replace it.
    #[error("the number has another SIM")]
    NumberHasSim,
    /// No card with this ICCID is ours.
    #[error("no card has this ICCID")]
    UnknownIccid,
    /// The card is active for another order.
    #[error("the card is in use")]
    CardInUse,
    /// The order was cancelled or its SIM deprogrammed, for ever.
    #[error("the order was cancelled")]
    Cancelled,
    /// GSIM has no order under the reference.
    #[error("the order is unknown")]
    UnknownOrder,
}

impl SimRefusal {
    /// Whether a copy of the same request can never be granted later. The contract promises that only for a cancelled order.
    pub(crate) fn is_final(self) -> bool {
        self == Self::Cancelled
    }

    /// A short, stable name, for programs: `none-left`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The calls to GSIM about orders. [`Gsim`](super::Gsim) has the call about devices, which needs no such promises.
#[async_trait]
pub trait SimProvider: Send + Sync + fmt::Debug {
    /// Orders an eSIM. It costs money and may be repeated: an order with a reference that GSIM knows is answered as the first time.
    async fn order_esim(&self, order: &EsimOrder) -> Result<OrderProgress, SimError>;

    /// Activates a plastic card. It may be repeated, as [`SimProvider::order_esim`].
    async fn activate_card(&self, activation: &CardActivation) -> Result<OrderProgress, SimError>;

    /// Asks for the order under a reference of ours.
    async fn order(&self, reference: SimId) -> Result<OrderState, SimError>;

    /// Cancels an order, or deprograms its SIM, and bars the reference for ever. Succeeds also if that was done before.
    async fn cancel(&self, reference: SimId) -> Result<(), SimError>;

    /// Lists at most `limit` of the SIMs that GSIM has for a brand, from the reference after `after` on.
    async fn orders(
        &self,
        brand: &BrandId,
        after: Option<SimId>,
        limit: usize,
    ) -> Result<OrdersPage, SimError>;
}

/// The provider of a client without a GSIM: it sends nothing.
#[derive(Debug)]
pub(crate) struct NoSims;

#[async_trait]
impl SimProvider for NoSims {
    async fn order_esim(&self, _order: &EsimOrder) -> Result<OrderProgress, SimError> {
        Err(SimError::NotSent)
    }

    async fn activate_card(&self, _activation: &CardActivation) -> Result<OrderProgress, SimError> {
        Err(SimError::NotSent)
    }

    async fn order(&self, _reference: SimId) -> Result<OrderState, SimError> {
        Err(SimError::NotSent)
    }

    async fn cancel(&self, _reference: SimId) -> Result<(), SimError> {
        Err(SimError::NotSent)
    }

    async fn orders(
        &self,
        _brand: &BrandId,
        _after: Option<SimId>,
        _limit: usize,
    ) -> Result<OrdersPage, SimError> {
        Err(SimError::NotSent)
    }
}

//! The rows that a store reads before it begins an order, and the decision that follows from them.

use super::{
    AttemptState, BeginOrder, BrandId, LineId, Msisdn, NewOrder, NumberRow, NumberStatus, OrderLease,
    OrderPurpose, ProfileState, SimId, Technology, WantedSim,
};

/// A number, and the orders that decide about another one.
#[derive(Debug)]
pub(crate) struct OrderedNumber {
    pub(crate) number: NumberRow,
    /// The brand of the number, or none if it has no recorded one.
    pub(crate) brand: Option<BrandId>,
    /// The line of the SIM that the number is on.
    pub(crate) line: Option<LineId>,
    /// The order under way, the one that came with the key, and the one of the current SIM, as far as there are any.
    pub(crate) orders: Vec<OrderRow>,
    /// Whether the device choice exists.
    pub(crate) has_device: bool,
}

/// An order of the number, or one that came with the key of the call.
#[derive(Debug, Clone)]
pub(crate) struct OrderRow {
    pub(crate) id: SimId,
    pub(crate) msisdn: Msisdn,
    pub(crate) line: LineId,
    pub(crate) wanted: WantedSim,
    pub(crate) technology: Technology,
    pub(crate) brand: BrandId,
    pub(crate) replaces: Option<SimId>,
    pub(crate) state: AttemptState,
    pub(crate) attempts: i32,
    /// Whether its lease ran out.
    pub(crate) due: bool,
    /// Whether the caller's call has its lease already: then its statement is being repeated.
    pub(crate) leased: bool,
    /// Whether it came with the key of the call.
    pub(crate) keyed: bool,
    /// How far its profile has come.
    pub(crate) profile: Option<ProfileState>,
}

/// The decision about a wish for a SIM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OrderVerdict {
    /// A new order may begin, on this line.
    Start(OrderLease, LineId),
    /// The order may be taken up again.
    Resume(OrderLease),
    /// Write nothing, and answer this.
    Answer(BeginOrder),
}

impl OrderRow {
    /// Whether it is what the wish asks for.
    fn is_for(&self, wish: &NewOrder) -> bool {
        let same_purpose = match wish.purpose {
            OrderPurpose::FirstSim(line) => self.replaces.is_none() && self.line == line,
            OrderPurpose::Replacement => self.replaces.is_some(),
        };
        same_purpose && self.msisdn == wish.msisdn && self.wanted == wish.wanted
    }

    fn is_open(&self) -> bool {
        matches!(self.state, AttemptState::Pending | AttemptState::InDoubt | AttemptState::Cancelling)
    }

    /// Whether a new profile is needed, because the customer deleted this one or it failed.
    fn has_dead_profile(&self) -> bool {
        matches!(self.profile, Some(ProfileState::Deleted | ProfileState::Error))
    }

    /// The lease for a call of this order.
    pub(crate) fn lease(&self, call: i32) -> OrderLease {
        OrderLease {
            order: self.id,
            call,
            msisdn: self.msisdn,
            brand: self.brand.clone(),
            wanted: self.wanted.clone(),
            technology: self.technology.clone(),
            replaces: self.replaces,
        }
    }

    /// Decides for a call that wants this very order.
    fn verdict(&self) -> OrderVerdict {
        match self.state {
            AttemptState::Held | AttemptState::Assigned => OrderVerdict::Answer(BeginOrder::Issued(self.id)),
            AttemptState::Pending if self.leased => {
                OrderVerdict::Answer(BeginOrder::Started(self.lease(self.attempts)))
            }
            AttemptState::Pending if !self.due => OrderVerdict::Answer(BeginOrder::InFlight),
            AttemptState::Pending | AttemptState::InDoubt => {
                OrderVerdict::Resume(self.lease(self.attempts + 1))
            }
            AttemptState::Cancelling => OrderVerdict::Answer(BeginOrder::InFlight),
            AttemptState::Releasing | AttemptState::Released | AttemptState::Rejected => {
                OrderVerdict::Answer(BeginOrder::KeySpent)
            }
        }
    }
}

impl OrderedNumber {
    /// Decides about a wish.
    pub(crate) fn verdict(&self, wish: &NewOrder) -> OrderVerdict {
        if let Some(keyed) = self.orders.iter().find(|order| order.keyed) {
            return if keyed.is_for(wish) {
                keyed.verdict()
            } else {
                OrderVerdict::Answer(BeginOrder::KeyReused)
            };
        }
        if let Some(open) = self.orders.iter().find(|order| order.msisdn == wish.msisdn && order.is_open()) {
            return if open.is_for(wish) {
                open.verdict()
            } else {
                OrderVerdict::Answer(BeginOrder::OtherInFlight)
            };
        }
        if let Some(issued) = self.repeated(wish) {
            return OrderVerdict::Answer(BeginOrder::Issued(issued));
        }
        if !self.has_device {
            return OrderVerdict::Answer(BeginOrder::UnknownDevice);
        }
        match (wish.purpose, &self.number.status, self.line) {
            (OrderPurpose::FirstSim(_), NumberStatus::Reserved, _) if self.is_unsettled() => {
                OrderVerdict::Answer(BeginOrder::InDoubt)
            }
            (OrderPurpose::FirstSim(line), NumberStatus::Reserved, _)
            | (OrderPurpose::Replacement, NumberStatus::InUse, Some(line)) => self.start(wish, line),
            (_, status, _) => OrderVerdict::Answer(BeginOrder::Forbidden(status.clone())),
        }
    }

    /// The current SIM of the number, if the wish asks for the same again. A call with a key is a new one, unless its key is known.
    fn repeated(&self, wish: &NewOrder) -> Option<SimId> {
        let current = self.number.assigned_sim.filter(|_| self.number.status == NumberStatus::InUse)?;
        let order = self.orders.iter().find(|order| order.id == current)?;
        let is_new =
            wish.purpose == OrderPurpose::Replacement && (wish.key.is_some() || order.has_dead_profile());
        (order.is_for(wish) && !is_new).then_some(current)
    }

    /// Whether it is not certain yet that Sigan holds the number.
    fn is_unsettled(&self) -> bool {
        let unsettled = [AttemptState::Pending, AttemptState::InDoubt];
        self.number.live.as_ref().is_some_and(|live| unsettled.contains(&live.state))
    }

    fn start(&self, wish: &NewOrder, line: LineId) -> OrderVerdict {
        let replaces = match wish.purpose {
            OrderPurpose::FirstSim(_) => None,
            OrderPurpose::Replacement => self.number.assigned_sim,
        };
        let brand = self.brand.clone().unwrap_or_else(|| wish.brand.clone());
        let lease = wish.first_lease(brand, replaces);
        OrderVerdict::Start(lease, line)
    }
}

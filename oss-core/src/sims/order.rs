//! Orders of SIMs: an eSIM or a plastic card for a reserved number, and another SIM for a number in use.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::calls::{Call, LeaseClock, retry_within_lease};
use crate::domain::{
    BeginOrder, IdempotencyKey, LineId, Msisdn, NewOrder, OrderPurpose, Sim, SimId, Technology, WantedSim,
};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// The radio technology of an order. Neither the catalogue nor GSIM tells which devices support 5G, and every device that supports
/// eSIM supports this one.
const TECHNOLOGY: Technology = Technology::FourG;

/// The shortest time after which a waiting call looks again whether the call before it has finished in another process.
const POLL: Duration = Duration::from_millis(250);

/// A call of [`Oss::order_sim`] or [`Oss::replace_sim`].
#[derive(Debug)]
#[must_use = "nothing is done until it is awaited"]
pub struct OrderSim<'a> {
    oss: &'a Oss,
    msisdn: Msisdn,
    purpose: OrderPurpose,
    wanted: WantedSim,
    key: Option<IdempotencyKey>,
}

impl OrderSim<'_> {
    /// Names the call, so that a repeated call gives the same SIM, and another key asks for another one.
    pub fn idempotency_key(self, key: impl Into<Option<IdempotencyKey>>) -> Self {
        Self { key: key.into(), ..self }
    }
}

impl<'a> IntoFuture for OrderSim<'a> {
    type Output = Result<Sim, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { oss, msisdn, purpose, wanted, key } = self;
        let operation = match purpose {
            OrderPurpose::FirstSim(_) => Operation::OrderSim,
            OrderPurpose::Replacement => Operation::ReplaceSim,
        };
        let work = move |oss: Oss| async move { oss.order(msisdn, purpose, wanted, key).await };
        Box::pin(oss.run_to_end(operation, work))
    }
}

impl Oss {
    /// Orders an eSIM, or activates a plastic card, for a reserved number, and puts the number on the line.
    ///
    /// A repeated call for the same number, line and SIM gives the same SIM. If the outcome of a call is unknown, the same call learns
    /// it, and so does the sweep; never are there two SIMs.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumberInBody`], [`Error::UnknownDevice`], [`Error::UnknownLine`], [`Error::UnknownAddress`],
    /// [`Error::UnknownCard`]; [`Error::NumberState`] if the number is not reserved; [`Error::NumberInDoubt`];
    /// [`Error::OrderInFlight`]; [`Error::NoProfilesLeft`], [`Error::CardInUse`] and the other refusals of GSIM, after which the number
    /// is still reserved; [`Error::SimOutcomeUnknown`], after which the same call learns the outcome.
    pub fn order_sim(&self, msisdn: Msisdn, line: LineId, wanted: WantedSim) -> OrderSim<'_> {
        OrderSim { oss: self, msisdn, purpose: OrderPurpose::FirstSim(line), wanted, key: None }
    }

    /// Orders another SIM for a number in use: for a new phone, a lost card, or a change between card and eSIM. The number stays on
    /// its line, and the old SIM is deprogrammed.
    ///
    /// A repeated call for the same SIM gives the same SIM, unless its profile was deleted or failed. An idempotency key asks for
    /// another one.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::NotOnLine`]; otherwise as [`Oss::order_sim`].
    pub fn replace_sim(&self, msisdn: Msisdn, wanted: WantedSim) -> OrderSim<'_> {
        OrderSim { oss: self, msisdn, purpose: OrderPurpose::Replacement, wanted, key: None }
    }

    async fn order(
        &self,
        msisdn: Msisdn,
        purpose: OrderPurpose,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Error> {
        let call = Call::Order(msisdn);
        let patience = Instant::now() + self.settings().gsim_call;
        loop {
            // The turn is taken before the lease, so that no lease runs while a caller queues.
            let turn = self.gsim_turn(wanted.sim_type(), self.caller_lane()).await?;
            let clock = LeaseClock::start(self.settings().lease());
            let wish = NewOrder {
                id: SimId::new(),
                msisdn,
                purpose,
                wanted: wanted.clone(),
                technology: TECHNOLOGY,
                brand: self.brand().clone(),
                key: key.clone(),
                lease: self.settings().lease(),
            };
            let begun = self.store().begin_order(self.scope(), &wish).await;
            if begun.is_err() {
                self.abandon_order_in_background(&wish, clock);
            }
            match begun? {
                BeginOrder::Started(lease) => {
                    // The callers that wait for this call are woken when the guard is dropped.
                    let _guard = self.in_flight().enter(call);
                    return self.ask_gsim(&turn, &lease, clock).await;
                }
                BeginOrder::Issued(sim) => return self.issued_sim(sim).await,
                BeginOrder::InFlight if Instant::now() < patience => {
                    drop(turn);
                    let Some(_waits) = self.join_waiters(&call)? else {
                        return Err(Error::OrderInFlight(msisdn.masked()));
                    };
                    let poll = POLL.mul_f64(1.0 + fastrand::f64());
                    self.in_flight().wait_until_finished(&call, poll, patience).await;
                }
                refusal => return Err(refused(refusal, &wish)),
            }
        }
    }

    /// Ends the lease of an order if it was taken although its answer was lost, so that a repeat need not wait for its end. GSIM was
    /// certainly not asked.
    fn abandon_order_in_background(&self, wish: &NewOrder, clock: LeaseClock) {
        let (oss, lease) = (self.clone(), wish.first_lease(wish.brand.clone(), None));
        self.spawn(async move {
            let reject = || oss.store().reject_order(&lease, "its lease was not used");
            if let Err(error) = retry_within_lease(clock, reject).await {
                tracing::debug!(sim.id = %lease.order, %error, "An unused lease could not be ended.");
            }
        });
    }

    /// The SIM of an order that is recorded.
    pub(super) async fn issued_sim(&self, id: SimId) -> Result<Sim, Error> {
        let found = self.store().sim(self.scope(), id).await?;
        found.map(|record| record.sim).ok_or_else(|| {
            tracing::error!(sim.id = %id, "A SIM that was issued is not recorded any more: another program deleted it.");
            Error::Internal
        })
    }
}

/// The error for a wish that cannot begin.
fn refused(answer: BeginOrder, wish: &NewOrder) -> Error {
    let number = wish.msisdn.masked();
    match (answer, &wish.wanted, wish.purpose) {
        (BeginOrder::UnknownNumber, _, OrderPurpose::FirstSim(_)) => Error::UnknownNumberInBody(number),
        (BeginOrder::UnknownNumber, _, OrderPurpose::Replacement) => Error::UnknownNumber(number),
        (BeginOrder::UnknownDevice, WantedSim::Esim(device), _) => Error::UnknownDevice(*device),
        (BeginOrder::UnknownAddress, WantedSim::Card { address, .. }, _) => Error::UnknownAddress(*address),
        (BeginOrder::UnknownLine, _, OrderPurpose::FirstSim(line)) => Error::UnknownLine(line),
        (BeginOrder::UnknownBrand, ..) => Error::UnknownCarrier(wish.brand.clone()),
        (BeginOrder::InDoubt, ..) => Error::NumberInDoubt(number),
        (BeginOrder::Forbidden(status), _, OrderPurpose::FirstSim(_)) => {
            Error::NumberState { number, status }
        }
        (BeginOrder::Forbidden(status), _, OrderPurpose::Replacement) => Error::NotOnLine { number, status },
        (BeginOrder::KeyReused, ..) => Error::KeyReused,
        (BeginOrder::KeySpent, ..) => Error::SimKeySpent,
        // The rest is in flight, or cannot be: only an eSIM has a device, only a card an address.
        _ => Error::OrderInFlight(number),
    }
}

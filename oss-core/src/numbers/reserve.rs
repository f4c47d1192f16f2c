//! Reserving a number: one of a preview, or a random one.
//!
//! Specification: "Reservar número de uma pré-reserva" and "Reservar número aleatório".

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::calls::Call;
use crate::calls::LeaseClock;
use crate::domain::{Choice, Ddd, IdempotencyKey, Intent, PreviewId, Reservation, ReservationId};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Doubt, Hold, Turn};
use crate::store::{Begin, BeginRandom, Keyed, StoreError};
use crate::telemetry::Operation;

/// The shortest time after which a waiting call looks again whether the call before it has finished in another process.
const POLL: Duration = Duration::from_millis(250);

/// The most numbers that a random reserve asks Sigan for, if earlier attempts at the offered ones are not settled.
const OFFERS: u32 = 3;

/// The time until a waiting call looks again. It is random, so that not all calls look at the same moment.
fn poll_delay() -> Duration {
    POLL.mul_f64(1.0 + fastrand::f64())
}

/// A call of [`Oss::reserve_random`].
#[derive(Debug)]
#[must_use = "nothing is done until it is awaited"]
pub struct ReserveRandom<'a> {
    oss: &'a Oss,
    ddd: Ddd,
    key: Option<IdempotencyKey>,
}

impl ReserveRandom<'_> {
    /// Names the call, so that a repeated call gives the same number, and resolves an unknown outcome.
    pub fn idempotency_key(self, key: impl Into<Option<IdempotencyKey>>) -> Self {
        Self { key: key.into(), ..self }
    }
}

impl<'a> IntoFuture for ReserveRandom<'a> {
    type Output = Result<Reservation, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { oss, ddd, key } = self;
        let work = move |oss: Oss| async move {
            match key {
                Some(key) => oss.one_call_per_key(&key, oss.reserve_any_with_key(ddd, &key)).await,
                None => oss.reserve_any(ddd).await,
            }
        };
        Box::pin(oss.run_to_end(Operation::ReserveRandom, work))
    }
}

impl Oss {
    /// Reserves the chosen number of a preview.
    ///
    /// A repeated call gives the same number, also after the preview expired. While another call reserves the same number, this
    /// one waits for its outcome, for as long as a call to Sigan may take.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPreview`], [`Error::UnknownChoice`]; [`Error::PreviewExpired`]; [`Error::PreviewUsed`] if the preview gave
    /// another number, or its number was released or expired; [`Error::ReserveInFlight`]; [`Error::NumberTaken`];
    /// [`Error::NumberUnsettled`]; [`Error::SiganRefused`] and [`Error::SiganBusy`], after which nothing is held;
    /// [`Error::OutcomeUnknown`], after which the same call learns the outcome.
    pub async fn reserve(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Error> {
        self.run_to_end(Operation::Reserve, move |oss| async move {
            oss.reserve_of_preview(preview, choice).await
        })
        .await
    }

    /// Reserves a random number of an area code, without a preview.
    ///
    /// Without an idempotency key a repeated call reserves another number. If the outcome of a call without a key is unknown, the
    /// sweep gives its number back, because nobody can name it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDdd`], [`Error::NoNumbersLeft`], [`Error::NumberTaken`], [`Error::NumberUnsettled`]; [`Error::KeyReused`],
    /// [`Error::KeyInFlight`], [`Error::KeySpent`]; [`Error::OutcomeUnknown`]; and the errors of Sigan and of the store.
    pub fn reserve_random(&self, ddd: Ddd) -> ReserveRandom<'_> {
        ReserveRandom { oss: self, ddd, key: None }
    }

    async fn reserve_of_preview(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Error> {
        let call = Call::Reserve(preview);
        let patience = Instant::now() + self.settings().sigan_call;
        loop {
            // The turn is taken before the lease, so that no lease runs while a caller queues. Without a turn the caller only
            // looks, and gets the number if it is held already.
            let turn = self.sigan_turn(self.caller_lane()).await;
            let intent = if turn.is_ok() { Intent::Take(self.settings().lease()) } else { Intent::Look };
            // Lock da pré-reserva; busca preview, preview_number e phone_number: one statement.
            let clock = LeaseClock::start(self.settings().lease());
            let attempt = ReservationId::new();
            let begun = self.store().begin_reservation(self.scope(), attempt, preview, choice, intent).await;
            match (self.or_abandon(attempt, clock, begun)?, turn) {
                // se preview não existe, emite 404
                (Begin::UnknownPreview, _) => return Err(Error::UnknownPreview(preview)),
                (Begin::UnknownChoice, _) => return Err(Error::UnknownChoice(preview)),
                // se preview está expirada, emite 410
                (Begin::Expired, _) => return Err(Error::PreviewExpired(preview)),
                // se phone_number existe e não está no status RETURNED, emite 500
                (Begin::Taken(msisdn), _) => return Err(Error::NumberTaken(msisdn.masked())),
                (Begin::Unsettled(msisdn), _) => return Err(Error::NumberUnsettled(msisdn.masked())),
                (Begin::Held(reservation), _) => return Ok(reservation),
                (Begin::Used, _) => return Err(Error::PreviewUsed(preview)),
                (_, Err(busy)) => return Err(busy.into()),
                (Begin::Started(lease), Ok(turn)) => {
                    // The callers that wait for this call are woken when the guard is dropped.
                    let _guard = self.in_flight().enter(call);
                    return self.reserve_in_sigan(&turn, &lease, clock).await;
                }
                (Begin::InFlight, Ok(turn)) if Instant::now() < patience => {
                    drop(turn);
                    let Some(_waits) = self.join_waiters(&call)? else { return Err(Error::ReserveInFlight) };
                    self.in_flight().wait_until_finished(&call, poll_delay(), patience).await;
                }
                (Begin::InFlight | Begin::OtherInFlight | Begin::Free, Ok(_)) => {
                    return Err(Error::ReserveInFlight);
                }
            }
        }
    }

    async fn reserve_any(&self, ddd: Ddd) -> Result<Reservation, Error> {
        self.require_ddd(ddd).await?;
        let turn = self.sigan_turn(self.caller_lane()).await?;
        match self.reserve_offered(&turn, ddd, None).await {
            Err(Error::OutcomeUnknown(doubt)) => Err(Error::OutcomeUnnamed(doubt)),
            reserved => reserved?.ok_or(Error::KeyInFlight),
        }
    }

    /// Reserves a random number for a call with an idempotency key. The outcome of an earlier call with the key decides.
    async fn reserve_any_with_key(&self, ddd: Ddd, key: &IdempotencyKey) -> Result<Reservation, Error> {
        self.require_ddd(ddd).await?;
        let patience = Instant::now() + self.settings().sigan_call;
        loop {
            let turn = self.sigan_turn(self.caller_lane()).await;
            let intent = if turn.is_ok() { Intent::Take(self.settings().lease()) } else { Intent::Look };
            let clock = LeaseClock::start(self.settings().lease());
            let attempt = ReservationId::new();
            let earlier = self.store().resume_keyed(self.scope(), attempt, key, ddd, intent).await;
            match (self.or_abandon(attempt, clock, earlier)?, turn) {
                (Some(Keyed::Held(reservation)), _) => return Ok(reservation),
                (Some(Keyed::OtherRequest), _) => return Err(Error::KeyReused),
                (Some(Keyed::Spent), _) => return Err(Error::KeySpent),
                (_, Err(busy)) => return Err(busy.into()),
                (Some(Keyed::Resumed(lease)), Ok(turn)) => {
                    return self.reserve_in_sigan(&turn, &lease, clock).await;
                }
                (Some(Keyed::InFlight | Keyed::InDoubt), Ok(turn)) => {
                    drop(turn);
                    let waits = self.join_waiters(&Call::Keyed(key.clone()))?;
                    if waits.is_none() || Instant::now() >= patience {
                        return Err(Error::KeyInFlight);
                    }
                    tokio::time::sleep(poll_delay()).await;
                }
                // If another process was faster, the next look finds its row.
                (None, Ok(turn)) => {
                    if let Some(reservation) = self.reserve_offered(&turn, ddd, Some(key)).await? {
                        return Ok(reservation);
                    }
                }
            }
        }
    }

    /// Reserves any number that Sigan offers. Returns none if another call came with the same key. If an earlier attempt at the
    /// number is not settled yet, Sigan is asked for another number, and its offer lapses by itself.
    async fn reserve_offered(
        &self,
        turn: &Turn<'_>,
        ddd: Ddd,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Reservation>, Error> {
        let mut offers = 1..=OFFERS;
        loop {
            let hold = self.pre_reserve_one(turn, ddd).await?;

            // Busca phone_number; se existe e está em status de uso, emite 500
            let lease_for = self.settings().lease();
            let (clock, attempt) = (LeaseClock::start(lease_for), ReservationId::new());
            let begun = self.store().begin_random(attempt, &hold, self.brand(), key, lease_for).await;
            offers.next();
            match self.or_abandon(attempt, clock, begun)? {
                BeginRandom::Taken => return Err(Error::NumberTaken(hold.msisdn.masked())),
                BeginRandom::KeyInUse => return Ok(None),
                BeginRandom::Started(lease) => {
                    return self.reserve_in_sigan(turn, &lease, clock).await.map(Some);
                }
                BeginRandom::Unsettled if offers.is_empty() => {
                    return Err(Error::NumberUnsettled(hold.msisdn.masked()));
                }
                BeginRandom::Unsettled => {}
            }
        }
    }

    /// Asks Sigan for one number ("Chama Sigan para pré-reservar um único número").
    async fn pre_reserve_one(&self, turn: &Turn<'_>, ddd: Ddd) -> Result<Hold, Error> {
        let pre_reservation = self.pre_reserve(turn, ddd, 1, None).await?;
        let [msisdn] = pre_reservation.msisdns[..] else {
            return Err(Error::SiganNonsense(Doubt::Unreadable));
        };
        Ok(Hold { external_id: pre_reservation.external_id, msisdn })
    }

    /// Passes on the database's answer to a step that may take a lease. If the answer was lost, the step may have taken the lease,
    /// but Sigan was certainly not asked. The lease is then ended in the background, so that a repeat need not wait.
    fn or_abandon<T>(
        &self,
        attempt: ReservationId,
        clock: LeaseClock,
        answer: Result<T, StoreError>,
    ) -> Result<T, Error> {
        if answer.is_err() {
            self.abandon_in_background(attempt, clock);
        }
        Ok(answer?)
    }

    /// Lets one call with a key work at a time in this process. Another call with the key waits, for as long as a call to Sigan may
    /// take.
    pub(super) async fn one_call_per_key<T>(
        &self,
        key: &IdempotencyKey,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let call = Call::Keyed(key.clone());
        let patience = Instant::now() + self.settings().sigan_call;
        loop {
            if let Some(_guard) = self.in_flight().enter(call.clone()) {
                return work.await;
            }
            let waits = self.join_waiters(&call)?;
            if waits.is_none() || Instant::now() >= patience {
                return Err(Error::KeyInFlight);
            }
            self.in_flight().wait_until_finished(&call, poll_delay(), patience).await;
        }
    }
}

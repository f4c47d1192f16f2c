//! The mock's state machine behind a simulated network: requests and answers are lost, delayed and doubled.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oss_core::sigan::mock::{Request, Response};
use oss_core::sigan::wire::{
    self, Holding, HoldingState, PreReserveBody, PreReserved, RefusalBody, Reserved,
};
use oss_core::sigan::{
    Doubt, Hold, Holder, HoldsPage, ListedHold, PreReservation, PreReserve, Sigan, SiganError,
};
use oss_core::{BrandId, Msisdn};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::CALL;
use super::world::{Life, World};

/// Sigan behind the connection of one instance.
#[derive(Debug)]
pub(super) struct SimulatedSigan {
    world: Arc<World>,
    life: Life,
}

/// The fate of a call.
enum Fate {
    /// No connection is opened.
    NotSent,
    /// The request is lost on its way.
    Vanishes,
    /// Something in front of Sigan answers instead.
    Fails,
    /// The request arrives after a while: perhaps too late for its sender, perhaps twice, perhaps its answer is lost.
    Arrives { takes: Duration, again: Option<Duration>, answer_is_lost: bool },
}

impl SimulatedSigan {
    pub(super) fn new(world: Arc<World>, life: Life) -> Self {
        Self { world, life }
    }

    fn fate(&self) -> Fate {
        let world = &self.world;
        if world.sigan_is_cut_off() {
            return if world.pick(2) == 0 { Fate::NotSent } else { Fate::Vanishes };
        }
        if world.mishap(0.03) {
            return Fate::NotSent;
        }
        if world.mishap(0.05) {
            return Fate::Vanishes;
        }
        if world.mishap(0.05) {
            return Fate::Fails;
        }
        let slowest = if world.mishap(0.1) { Duration::from_mins(1) } else { Duration::from_secs(2) };
        Fate::Arrives {
            takes: world.up_to(slowest),
            again: world.mishap(0.1).then(|| world.up_to(Duration::from_mins(2))),
            answer_is_lost: world.mishap(0.1),
        }
    }

    async fn call(&self, request: Request) -> Result<Response, SiganError> {
        self.life.pass_time(&self.world).await;
        let answered = self.send(request).await;
        self.life.pass_time(&self.world).await;
        answered
    }

    /// Answers that our credentials are not accepted, before the request had its effect or after it.
    async fn refuse_credentials(&self, request: Request) -> SiganError {
        let takes = self.world.up_to(Duration::from_secs(2));
        if self.world.pick(2) == 0 {
            self.world.count("credentials were refused");
            sleep(takes).await;
        } else {
            self.world.count("credentials were refused after the effect");
            drop(self.world.send(request, takes).await);
        }
        CREDENTIALS
    }

    async fn send(&self, request: Request) -> Result<Response, SiganError> {
        let lost = |doubt| Err(SiganError::NoAnswer(doubt));
        if self.world.credentials_are_refused(&request) {
            return Err(self.refuse_credentials(request).await);
        }
        match self.fate() {
            Fate::NotSent => {
                // The connection is refused at once, or after a wait.
                if self.world.pick(2) == 0 {
                    self.world.rest(Duration::from_secs(2)).await;
                }
                Err(SiganError::NotSent)
            }
            Fate::Fails => lost(Doubt::Status(503)),
            Fate::Vanishes => {
                sleep(CALL).await;
                lost(Doubt::Timeout)
            }
            Fate::Arrives { takes, again, answer_is_lost } => {
                if let Some(later) = again {
                    self.world.count("a request was doubled");
                    drop(self.world.send(request.clone(), takes + later));
                }
                match timeout(CALL, self.world.send(request, takes)).await {
                    Ok(Ok(response)) if !answer_is_lost => Ok(response),
                    Ok(_) => {
                        self.world.count("an answer of Sigan was lost");
                        lost(Doubt::ConnectionLost)
                    }
                    Err(_) => lost(Doubt::Timeout),
                }
            }
        }
    }
}

/// The meaning of a bare 401 or 403.
const CREDENTIALS: SiganError = SiganError::NoAnswer(Doubt::Credentials);

/// The body of success, or the refusal.
fn read<T: DeserializeOwned>(response: &Response) -> Result<T, SiganError> {
    if response.status < 300 {
        return Ok(serde_json::from_slice(&response.body).expect("the mock speaks the contract"));
    }
    Err(refused(response))
}

fn refused(response: &Response) -> SiganError {
    let RefusalBody { code, .. } = serde_json::from_slice(&response.body).expect("a typed refusal");
    SiganError::Refused(code.into())
}

#[async_trait]
impl Sigan for SimulatedSigan {
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        let body = PreReserveBody {
            area_code: wish.ddd,
            quantity: wish.quantity,
            brand_id: wish.brand.clone(),
            hold_seconds: wish.hold_for.as_secs(),
            previous_external_id: wish.previous.clone(),
        };
        let PreReserved { external_id, msisdns, .. } = read(&self.call(Request::PreReserve(body)).await?)?;
        Ok(PreReservation::new(external_id, msisdns))
    }

    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        read::<Reserved>(&self.call(Request::Reserve(hold.clone())).await?).map(drop)
    }

    async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        // A number that Sigan does not hold any more counts as released.
        self.call(Request::Release(hold.clone())).await.map(drop)
    }

    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        let response = self.call(Request::Holder(hold.clone())).await?;
        if response.status == 404 {
            return Ok(Holder::Nobody);
        }
        let Holding { state } = read(&response)?;
        Ok(match state {
            HoldingState::Reserved => Holder::Reserved,
            HoldingState::PreReserved => Holder::PreReserved,
        })
    }

    async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        let request = Request::Holds { brand: brand.clone(), after, limit };
        let wire::HoldsPage { reservations, next } = read(&self.call(request).await?)?;
        let holds = reservations.into_iter().map(|Reserved { external_id, msisdn, reserved_at }| {
            ListedHold::new(Hold { external_id, msisdn }, reserved_at)
        });
        Ok(HoldsPage::new(holds.collect(), next))
    }
}

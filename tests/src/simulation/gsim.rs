//! The mock of GSIM behind a simulated network: orders are lost, delayed and doubled, and so are their answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oss_core::gsim::mock::InProcess;
use oss_core::gsim::{
    CardActivation, Doubt, EsimOrder, GsimClient, OrderProgress, OrderState, OrdersPage, SimError,
    SimProvider,
};
use oss_core::{BrandId, SimId};
use tokio::time::{sleep, timeout};

use super::CALL;
use super::world::{Life, World};

/// GSIM behind the connection of one instance.
#[derive(Debug)]
pub(super) struct SimulatedGsim {
    world: Arc<World>,
    life: Life,
    client: Arc<GsimClient<InProcess>>,
}

impl SimulatedGsim {
    pub(super) fn new(world: Arc<World>, life: Life) -> Self {
        let client = Arc::new(world.gsim.client(CALL));
        Self { world, life, client }
    }

    /// Makes a call, which may be lost on its way or arrive twice, and whose answer may be lost or come too late.
    async fn call<T, F>(&self, call: impl Fn(Arc<GsimClient<InProcess>>) -> F) -> Result<T, SimError>
    where
        F: Future<Output = Result<T, SimError>> + Send + 'static,
        T: Send + 'static,
    {
        self.life.pass_time(&self.world).await;
        let answered = self.carry(call).await;
        self.life.pass_time(&self.world).await;
        answered
    }

    async fn carry<T, F>(&self, call: impl Fn(Arc<GsimClient<InProcess>>) -> F) -> Result<T, SimError>
    where
        F: Future<Output = Result<T, SimError>> + Send + 'static,
        T: Send + 'static,
    {
        let world = &self.world;
        if world.mishap(0.03) {
            return Err(SimError::NotSent);
        }
        if world.mishap(0.05) {
            sleep(CALL).await;
            return Err(SimError::NoAnswer(Doubt::Timeout));
        }
        let slowest = if world.mishap(0.1) { Duration::from_mins(1) } else { Duration::from_secs(2) };
        let takes = world.up_to(slowest);
        if world.mishap(0.1) {
            world.count("a request to GSIM was doubled");
            let later = takes + world.up_to(Duration::from_mins(2));
            drop(world.arrive(call(self.client.clone()), later));
        }
        match timeout(CALL, world.arrive(call(self.client.clone()), takes)).await {
            Ok(Ok(answer)) if !world.mishap(0.1) => answer,
            Ok(_) => {
                world.count("an answer of GSIM was lost");
                Err(SimError::NoAnswer(Doubt::ConnectionLost))
            }
            Err(_) => Err(SimError::NoAnswer(Doubt::Timeout)),
        }
    }
}

#[async_trait]
impl SimProvider for SimulatedGsim {
    async fn order_esim(&self, order: &EsimOrder) -> Result<OrderProgress, SimError> {
        let order = order.clone();
        self.call(|client| {
            let order = order.clone();
            async move { client.order_esim(&order).await }
        })
        .await
    }

    async fn activate_card(&self, activation: &CardActivation) -> Result<OrderProgress, SimError> {
        let activation = activation.clone();
        self.call(|client| {
            let activation = activation.clone();
            async move { client.activate_card(&activation).await }
        })
        .await
    }

    async fn order(&self, reference: SimId) -> Result<OrderState, SimError> {
        self.call(|client| async move { client.order(reference).await }).await
    }

    async fn cancel(&self, reference: SimId) -> Result<(), SimError> {
        self.call(|client| async move { client.cancel(reference).await }).await
    }

    async fn orders(
        &self,
        brand: &BrandId,
        after: Option<SimId>,
        limit: usize,
    ) -> Result<OrdersPage, SimError> {
        let brand = brand.clone();
        self.call(|client| {
            let brand = brand.clone();
            async move { client.orders(&brand, after, limit).await }
        })
        .await
    }
}

//! The client of GSIM.
//!
//! It sends a call and hands the answer to a classifier: [`devices`] for the call about devices, [`orders`] for those about orders.
//! A call about a device is tried once. A call about an order is tried again only if nothing was sent, or if it is a `PUT` whose
//! kept connection closed before the answer.

mod devices;
mod http;
mod orders;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

pub(super) use self::http::Http;
use super::wire::{CardActivationBody, EsimOrderBody};
use super::{
    CardActivation, EsimOrder, Gsim, GsimError, OrderProgress, OrderState, OrdersPage, SimError, SimProvider,
};
use crate::domain::{BrandId, DeviceChoice, SimId};
use crate::http::Received;

/// The settings of the client of GSIM.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GsimConfig {
    /// The address under which its paths lie.
    pub url: Url,
    /// The bearer token that shows who we are.
    pub token: Option<SecretString>,
    /// The longest that one call about a device may take, connecting included.
    pub timeout: Duration,
    /// The longest that one call about an order may take, connecting included.
    pub order_timeout: Duration,
}

/// The client of GSIM over HTTP.
pub type HttpGsim = GsimClient<Http>;

/// A client of GSIM, over a carrier of requests.
#[derive(Debug)]
pub struct GsimClient<C> {
    carrier: C,
}

/// A request of the contract, independent of its carrier. It has no `Debug`, because its body has numbers in clear.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub(crate) body: Option<Vec<u8>>,
}

/// The result of carrying a request to GSIM.
pub(crate) struct Carried {
    pub(crate) received: Received,
    /// Whether it was sent a second time. Then only a success is certain.
    pub(crate) is_repeated: bool,
}

/// A way for requests to GSIM.
#[async_trait]
pub(crate) trait Carry: Send + Sync + fmt::Debug {
    /// Carries a question about a device, once.
    async fn carry_question(&self, request: &Outgoing) -> Received;

    /// Carries a call about an order.
    async fn carry(&self, request: &Outgoing) -> Carried;
}

impl<C> GsimClient<C> {
    #[cfg(feature = "mock")]
    pub(crate) fn over(carrier: C) -> Self {
        Self { carrier }
    }
}

impl Outgoing {
    fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(ToString::to_string).collect();
        Self { method, path, query: Vec::new(), body: None }
    }

    fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    fn with_query(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    fn put(path: &str, reference: SimId, body: &impl Serialize) -> Self {
        // The wire types have text keys only, so they can always be written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { body: Some(body), ..Self::new(Method::PUT, &[path, &reference.to_string()]) }
    }
}

#[async_trait]
impl<C: Carry> Gsim for GsimClient<C> {
    async fn supports_esim(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        devices::classify(self.carrier.carry_question(&devices::request(choice)).await)
    }
}

#[async_trait]
impl<C: Carry> SimProvider for GsimClient<C> {
    async fn order_esim(&self, order: &EsimOrder) -> Result<OrderProgress, SimError> {
        let body = EsimOrderBody {
            msisdn: order.msisdn,
            brand_id: order.brand.clone(),
            technology: order.technology.clone(),
            replaces: order.replaces,
        };
        let Carried { received, is_repeated } =
            self.carrier.carry(&Outgoing::put("esim-orders", order.reference, &body)).await;
        orders::of_repeated(is_repeated, orders::esim_result(order, received))
    }

    async fn activate_card(&self, activation: &CardActivation) -> Result<OrderProgress, SimError> {
        let body = CardActivationBody {
            msisdn: activation.msisdn,
            iccid: activation.iccid.clone(),
            brand_id: activation.brand.clone(),
            replaces: activation.replaces,
        };
        let Carried { received, is_repeated } =
            self.carrier.carry(&Outgoing::put("card-activations", activation.reference, &body)).await;
        orders::of_repeated(is_repeated, orders::card_result(activation, received))
    }

    async fn order(&self, reference: SimId) -> Result<OrderState, SimError> {
        let request = Outgoing::get(&["orders", &reference.to_string()]);
        orders::order_result(reference, self.carrier.carry(&request).await.received)
    }

    async fn cancel(&self, reference: SimId) -> Result<(), SimError> {
        let request = Outgoing::new(Method::DELETE, &["orders", &reference.to_string()]);
        orders::cancel_result(reference, self.carrier.carry(&request).await.received)
    }

    async fn orders(
        &self,
        brand: &BrandId,
        after: Option<SimId>,
        limit: usize,
    ) -> Result<OrdersPage, SimError> {
        let request = Outgoing::get(&["orders"]).with_query("brandId", brand).with_query("limit", &limit);
        let request = after.into_iter().fold(request, |request, after| request.with_query("after", &after));
        orders::orders_result(after, self.carrier.carry(&request).await.received)
    }
}

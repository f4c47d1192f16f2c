//! The network to Sigan, and the checks when a request arrives.

use std::sync::Arc;
use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::sigan::mock::{Inventory, Request, Response};
use oss_core::sigan::wire::PreReserved;
use oss_core::{AttemptState as State, BrandId, ExternalId};
use tokio::time::sleep;

use super::World;
use crate::simulation::CALL;

impl World {
    /// Sends a request, which arrives even if its sender dies.
    pub(in crate::simulation) fn send(
        self: &Arc<Self>,
        request: Request,
        takes: Duration,
    ) -> tokio::sync::oneshot::Receiver<Response> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let world = self.clone();
        self.shared().in_flight += 1;
        tokio::spawn(async move {
            sleep(takes).await;
            world.shared().in_flight -= 1;
            // Perhaps nobody waits for the answer any more.
            let _ = answer.send(world.deliver(&request, takes > CALL));
        });
        answered
    }

    /// Lets a request to another system arrive after a while, even if its sender dies.
    pub(in crate::simulation) fn arrive<T: Send + 'static>(
        self: &Arc<Self>,
        request: impl Future<Output = T> + Send + 'static,
        takes: Duration,
    ) -> tokio::sync::oneshot::Receiver<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let world = self.clone();
        self.shared().in_flight += 1;
        tokio::spawn(async move {
            sleep(takes).await;
            let response = request.await;
            world.shared().in_flight -= 1;
            // Perhaps nobody waits for the answer any more.
            let _ = answer.send(response);
        });
        answered
    }

    pub(in crate::simulation) fn nothing_in_flight(&self) -> bool {
        let shared = self.shared();
        shared.in_flight == 0 && shared.asleep == 0
    }

    fn deliver(&self, request: &Request, late: bool) -> Response {
        if let Request::Release(hold) = request
            && self.shared().inventory.holder_of(hold.msisdn).as_ref() == Some(&hold.external_id)
        {
            self.check_not_held_here(hold);
        }
        let response = self.execute_at_sigan(request);
        self.record_event(&format!("{request:?}: {}", response.status));
        match request {
            Request::Reserve(_) if late && response.status == 410 => self.count("a late reserve was barred"),
            Request::Reserve(_) if late && response.status == 200 => self.count("a late reserve took effect"),
            Request::Release(_) if response.status == 404 => self.count("a release was repeated"),
            _ => {}
        }
        response
    }

    /// Makes Sigan execute a request.
    pub(super) fn execute_at_sigan(&self, request: &Request) -> Response {
        let now = self.now();
        let mut shared = self.shared();
        let response = shared.inventory.handle(now, request);
        if let (Request::PreReserve(wish), 201) = (request, response.status) {
            let PreReserved { external_id, .. } =
                serde_json::from_slice(&response.body).expect("the mock speaks the contract");
            shared.brands.insert(external_id, wish.brand_id.clone());
        }
        response
    }

    /// The brand for which Sigan has a pre-reservation.
    pub(in crate::simulation) fn brand_of_hold(&self, external_id: &ExternalId) -> Option<BrandId> {
        self.shared().brands.get(external_id).cloned()
    }

    /// Whether Sigan, or a gateway in front of it, refuses our credentials for this request.
    pub(in crate::simulation) fn credentials_are_refused(&self, request: &Request) -> bool {
        let brand = match request {
            Request::PreReserve(wish) => Some(wish.brand_id.clone()),
            Request::Holds { brand, .. } => Some(brand.clone()),
            Request::Reserve(hold) | Request::Holder(hold) | Request::Release(hold) => {
                self.brand_of_hold(&hold.external_id)
            }
        };
        let by_chance = self.mishap(0.005);
        by_chance || brand.is_some() && brand == self.shared().refused_brand
    }

    /// Checks that there is no kill: a number that Sigan has to release is held by nobody here.
    fn check_not_held_here(&self, hold: &Hold) {
        let live = self.number(hold.msisdn).and_then(|number| {
            let of_hold = number.history.into_iter();
            let of_hold = of_hold.filter(|record| record.external_id.as_ref() == Some(&hold.external_id));
            of_hold.map(|record| record.state).find(|state| {
                matches!(state, State::Pending | State::InDoubt | State::Held | State::Assigned)
            })
        });
        if let Some(state) = live {
            self.record_violation(&format!("Sigan released {hold:?}, which is {state} here"));
        }
    }

    pub(in crate::simulation) fn inventory(&self) -> Inventory {
        self.shared().inventory.clone()
    }
}

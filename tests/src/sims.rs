//! A server with a Sigan and a GSIM, and the steps in the life of a line.

use oss_core::gsim::mock::{GsimMock, OrderBook, RunningGsim};
use oss_core::sigan::mock::RunningSigan;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::Database;
use crate::eventually::eventually;
use crate::http::{Answer, Http};
use crate::server::Server;
use crate::settle::settle;

/// The hash of a delivery address.
pub const ADDRESS: &str = "014338fee969ef8655b64f83fcee7a89";

/// A server, and the systems that it calls.
#[derive(Debug)]
pub struct Lines {
    /// The server. Anyone may call it.
    pub server: Server,
    /// Its Sigan.
    pub sigan: RunningSigan,
    /// Its GSIM.
    pub gsim: RunningGsim,
}

impl Lines {
    /// Starts all three.
    pub async fn on(database: &Database, more: &[(&str, &str)]) -> Self {
        let gsim = GsimMock::new(OrderBook::new()).start().await;
        let url = gsim.url();
        let (server, sigan) =
            Server::with_sigan(database, &[&[("OSS_GSIM_URL", url.as_str())], more].concat()).await;
        Self { server, sigan, gsim }
    }

    /// Waits until GSIM has this many SIMs for us and Sigan this many numbers, because both are told in the background.
    pub async fn wait_until_held(&self, sims: usize, numbers: usize) {
        eventually(async || {
            let held = (self.gsim.book().sims().len(), self.sigan.inventory().reserved().len());
            if held == (sims, numbers) { Ok(()) } else { Err(format!("{held:?} are held")) }
        })
        .await;
    }
}

/// Reserves a number.
pub async fn reserve(http: &Http) -> String {
    let reserved = http.post("/reservations", json!({ "areaCode": "11" })).await;
    reserved.body["msisdn"].as_str().unwrap_or_else(|| panic!("{reserved:?}")).to_owned()
}

/// The hash of a device that supports eSIM.
pub async fn device(http: &Http) -> String {
    let checked = http.put_json("/device-models", json!({ "deviceCode": "iPhone15,2" })).await;
    checked.body["hash"].as_str().unwrap_or_else(|| panic!("{checked:?}")).to_owned()
}

/// A new line.
#[must_use]
pub fn line() -> String {
    Uuid::now_v7().to_string()
}

/// Orders an eSIM.
pub async fn order(http: &Http, msisdn: &str, line: &str, device: &str) -> Answer {
    http.post("/esims", json!({ "msisdn": msisdn, "lineId": line, "deviceModelHash": device })).await
}

/// Puts a new number on an eSIM, and returns the answer's body.
pub async fn esim(http: &Http) -> Value {
    let (msisdn, device) = (reserve(http).await, device(http).await);
    let ordered = order(http, &msisdn, &line(), &device).await;
    assert_eq!(ordered.status, 201, "{ordered:?}");
    ordered.body
}

/// Activates a card.
pub async fn activate(http: &Http, msisdn: &str, line: &str, serial: u64) -> Answer {
    let iccid = OrderBook::card(serial).to_string();
    let body = json!({ "msisdn": msisdn, "lineId": line, "iccid": iccid, "deliveryAddressHash": ADDRESS });
    http.post("/sim-cards", body).await
}

/// Reports on a profile, as GSIM does.
pub async fn notify(http: &Http, reference: &str, state: &str, at: &str) -> Answer {
    http.post("/gsim/notifications", json!({ "reference": reference, "profileState": state, "at": at })).await
}

/// Sends a request with an idempotency key.
pub async fn keyed(http: &Http, method: Method, path: &str, key: &str, body: Value) -> Answer {
    http.send(http.request(method, path).header("idempotency-key", key).json(&body)).await
}

/// The status and the code of a problem.
#[must_use]
pub fn problem(answer: &Answer) -> (u16, &str) {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    (answer.status, kind.strip_prefix("urn:oss:problem:").unwrap_or(kind))
}

/// The status of a number, and the SIM that it is on.
pub async fn number(http: &Http, msisdn: &str) -> (Value, Value) {
    let number = http.get(&format!("/numbers/{msisdn}")).await;
    (number.body["status"].clone(), number.body["assignedSimId"].clone())
}

/// Replaces the SIM of a number.
pub async fn replace(http: &Http, msisdn: &str, body: Value) -> Answer {
    http.put_json(&format!("/numbers/{msisdn}/sim"), body).await
}

/// Ends the line of a number.
pub async fn end(http: &Http, msisdn: &str) -> Answer {
    http.delete(&format!("/numbers/{msisdn}/line")).await
}

/// Reads the activation code of a SIM.
pub async fn code(http: &Http, sim: &str) -> Answer {
    http.get(&format!("/sims/{sim}/activation")).await
}

/// The id of a SIM.
#[must_use]
pub fn id(sim: &Value) -> String {
    sim["id"].as_str().unwrap_or_else(|| panic!("{sim}")).to_owned()
}

/// Sweeps until no order is open.
pub async fn settle_orders(http: &Http, database: &Database) {
    eventually(async || {
        settle(http, database).await;
        let open = "select count(*) from sim_order where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')";
        let left = database.count(open).await;
        if left == 0 { Ok(()) } else { Err(format!("{left} orders do not settle")) }
    })
    .await;
}

//! Calls Sigan with the HTTP client of the service, on kept connections.

use oss_tests::http::plain_client;
use reqwest::{Client, Error};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Sigan {
    base: String,
    client: Client,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    external_id: String,
    msisdns: Vec<String>,
}

impl Sigan {
    pub(crate) fn new(base: String) -> Result<Self, Error> {
        let client = plain_client().http1_only().build()?;
        Ok(Self { base, client })
    }

    /// Pre-reserves numbers. Returns an external id, and the numbers under it.
    pub(crate) async fn pre_reserve(
        &self,
        area_code: &Value,
        quantity: u8,
    ) -> Result<(String, Vec<String>), Error> {
        let wish =
            json!({ "areaCode": area_code, "quantity": quantity, "brandId": "acme", "holdSeconds": 960 });
        let call = self.client.post(format!("{}/pre-reservations", self.base)).json(&wish);
        let Offered { external_id, msisdns } = call.send().await?.error_for_status()?.json().await?;
        Ok((external_id, msisdns))
    }

    pub(crate) async fn reserve(&self, external_id: &str, msisdn: &str) -> Result<(), Error> {
        let answer = self.client.put(self.hold(external_id, msisdn)).send().await?;
        answer.error_for_status()?.bytes().await.map(drop)
    }

    pub(crate) async fn release(&self, external_id: &str, msisdn: &str) -> Result<(), Error> {
        let answer = self.client.delete(self.hold(external_id, msisdn)).send().await?;
        answer.error_for_status()?.bytes().await.map(drop)
    }

    fn hold(&self, external_id: &str, msisdn: &str) -> String {
        format!("{}/pre-reservations/{external_id}/reservations/{msisdn}", self.base)
    }
}

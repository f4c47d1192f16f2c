//! Calls to Sigan and GSIM as they are recorded, and who caused them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::hold::Hold;
use super::ids::{BrandId, CallId, ClientName, ExternalId, SimId};
use super::msisdn::Msisdn;
use super::words::open_words;

open_words! {
    /// The system that a call was sent to.
    UpstreamSystem {
        /// Sigan, which holds the numbers.
        Sigan = "sigan",
        /// GSIM, which makes the SIMs.
        Gsim = "gsim",
    }
}

/// The cause of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The brand on whose behalf it was made.
    pub brand: BrandId,
    /// The client of a server that asked for it; none if this program itself did.
    pub client: Option<ClientName>,
    /// The id of the client's request.
    pub request: Option<Uuid>,
}

/// The hold or the order that a call is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallSubject {
    /// Sigan's id of the pre-reservation. A pre-reserve that was refused has none.
    pub external_id: Option<ExternalId>,
    /// The number. A pre-reserve has none yet.
    pub msisdn: Option<Msisdn>,
    /// The SIM, or the order that is to make it.
    pub sim: Option<SimId>,
}

impl CallSubject {
    pub(crate) fn of_offer(external_id: Option<&ExternalId>) -> Self {
        Self { external_id: external_id.cloned(), ..Self::default() }
    }

    pub(crate) fn of_hold(hold: &Hold) -> Self {
        Self { msisdn: Some(hold.msisdn), ..Self::of_offer(Some(&hold.external_id)) }
    }

    pub(crate) fn of_order(sim: SimId, msisdn: Option<Msisdn>) -> Self {
        Self { sim: Some(sim), msisdn, external_id: None }
    }
}

/// A call that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Its id. A record that is written twice is stored once.
    pub id: CallId,
    /// The system.
    pub system: &'static str,
    /// The name of the call, as in metrics.
    pub call: &'static str,
    /// The hold or the order.
    pub subject: CallSubject,
    /// The time since it was sent. The database tells the time, so it computes when that was.
    pub age: Duration,
    /// The time until it was answered or given up.
    pub duration: Duration,
    /// `ok`, or the code of the error.
    pub outcome: &'static str,
    /// The cause; none for the sweep.
    pub origin: Option<Origin>,
}

/// A call to Sigan or GSIM, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "id": "01920e4c-02b2-7a10-8b7d-5f0c1d2e3a4b",
    "system": "sigan",
    "call": "reserve",
    "sentAt": "2026-11-25T13:30:41Z",
    "durationMs": 1840,
    "outcome": "ok",
    "externalId": "PR-0001",
    "msisdn": "11999950002",
    "simId": null,
    "client": "acquisition",
    "requestId": "01920e4c-0290-7c31-9d55-2b7e8f9a0c1d",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UpstreamCall {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub id: CallId,
    /// The system that it was sent to.
    pub system: UpstreamSystem,
    /// Its name: `pre_reserve`, `reserve`, `holder` and `release` of Sigan; `order_esim`, `activate_card`, `order` and `cancel` of GSIM.
    /// Later versions may have more.
    pub call: String,
    /// The time at which it was sent, by the clock of the database. It may be late by the time that the record waited for a connection.
    pub sent_at: DateTime<Utc>,
    /// The time until it was answered or given up, in milliseconds.
    pub duration_ms: u64,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// Sigan's id of the pre-reservation, for calls to Sigan. A pre-reserve that failed has none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub external_id: Option<ExternalId>,
    /// The number, if the call named it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub msisdn: Option<Msisdn>,
    /// The SIM or its order, for calls to GSIM.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>, required = true))]
    pub sim_id: Option<SimId>,
    /// The client that caused it. The sweep has none, and neither has a command line.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub client: Option<ClientName>,
    /// The id of the request that caused it.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub request_id: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_call_shows_its_number() {
        let hold = Hold { external_id: "PR-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() };
        let subject = CallSubject::of_hold(&hold);
        assert_eq!(subject.msisdn, Some(hold.msisdn));
        assert!(!format!("{subject:?}").contains("99995"), "{subject:?}");
    }
}

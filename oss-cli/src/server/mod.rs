//! The operations through a server: each is one request, and its answer is decoded into the values of the library.

mod access;
mod audits;
mod exchange;
mod lists;
mod problem;
mod profile;
mod releases;

use std::time::Duration;

use chrono::{DateTime, Utc};
use oss_core::search::{SearchResults, SearchTerm};
use oss_core::{
    ActivationCode, Association, AuditReport, BulkMode, Choice, ClientName, Ddd, DeviceBrand, DeviceBrandId,
    DeviceChoice, DeviceModel, Error, EsimCheck, EventPage, Found, IdempotencyKey, LineId, Msisdn, Number,
    NumberHistory, NumberList, NumberPage, Preview, PreviewId, Reservation, Settings, Settlement, Sim,
    SimFilter, SimId, SimRecord, Statistics, SweepReport, WantedSim, WebhookStatus,
};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::access::ServerAccess;
pub(crate) use self::exchange::Server;
use self::exchange::{lasting, unusable};
use crate::exit::Failure;
use crate::service::{Audit, EventStart, Release, Service};

/// The brands in an answer.
#[derive(Deserialize)]
struct Brands {
    brands: Vec<DeviceBrand>,
}

/// The models in an answer.
#[derive(Deserialize)]
struct Models {
    models: Vec<DeviceModel>,
}

/// The SIMs in an answer.
#[derive(Deserialize)]
struct FoundSims {
    sims: Vec<Sim>,
}

/// The SIMs and lines in an answer.
#[derive(Deserialize)]
struct Associations {
    associations: Vec<Association>,
}

/// The webhooks in an answer.
#[derive(Deserialize)]
struct Webhooks {
    webhooks: Vec<WebhookStatus>,
}

/// The activation code in an answer. The links in it are made of the code.
#[derive(Deserialize)]
struct CodeText {
    code: String,
}

impl Service for Server {
    async fn create_preview(
        &self,
        ddd: Ddd,
        previous: Option<PreviewId>,
        key: Option<IdempotencyKey>,
    ) -> Result<Preview, Failure> {
        let mut body = json!({ "areaCode": ddd });
        if let Some(previous) = previous {
            body["previousId"] = json!(previous);
        }
        self.read(with_key(self.request(Method::POST, &["previews"]), key).json(&body)).await
    }

    async fn reserve(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Failure> {
        let (preview, index) = (preview.to_string(), choice.to_string());
        self.read(self.request(Method::PUT, &["previews", &preview, "reservations", &index])).await
    }

    async fn reserve_random(&self, ddd: Ddd, key: Option<IdempotencyKey>) -> Result<Reservation, Failure> {
        let request = with_key(self.request(Method::POST, &["reservations"]), key);
        self.read(request.json(&json!({ "areaCode": ddd }))).await
    }

    async fn release_all(&self, msisdns: Vec<Msisdn>, mode: BulkMode) -> Result<Vec<Release>, Failure> {
        self.release_numbers(&msisdns, mode).await
    }

    async fn extend_reservation(&self, msisdn: Msisdn) -> Result<Reservation, Failure> {
        self.read(self.request(Method::POST, &["reservations", msisdn.as_str(), "extension"])).await
    }

    async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<(), Failure> {
        let request = self.request(Method::PUT, &["reservations", msisdn.as_str(), "assignment"]);
        self.finish(request.json(&json!({ "simId": sim }))).await
    }

    async fn number(&self, msisdn: Msisdn) -> Result<Number, Failure> {
        self.read(self.request(Method::GET, &["numbers", msisdn.as_str()])).await
    }

    async fn number_history(&self, msisdn: Msisdn) -> Result<NumberHistory, Failure> {
        self.read(self.request(Method::GET, &["numbers", msisdn.as_str(), "history"])).await
    }

    async fn list_numbers(&self, list: &NumberList) -> Result<NumberPage, Failure> {
        let parameters = lists::parameters(list);
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.read(self.query(&["numbers"], &parameters)).await
    }

    async fn search(&self, term: &SearchTerm) -> Result<SearchResults, Failure> {
        self.read(self.request(Method::POST, &["searches"]).json(&json!({ "text": term.to_string() }))).await
    }

    async fn order_sim(
        &self,
        msisdn: Msisdn,
        line: LineId,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure> {
        let path = match &wanted {
            WantedSim::Esim(_) => "esims",
            WantedSim::Card { .. } => "sim-cards",
        };
        let mut body = fields_of(&wanted);
        body["msisdn"] = json!(msisdn);
        body["lineId"] = json!(line);
        self.read(with_key(self.request(Method::POST, &[path]), key).json(&body)).await
    }

    async fn replace_sim(
        &self,
        msisdn: Msisdn,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure> {
        let request = self.request(Method::PUT, &["numbers", msisdn.as_str(), "sim"]);
        self.read(with_key(request, key).json(&fields_of(&wanted))).await
    }

    async fn sim(&self, id: SimId) -> Result<SimRecord, Failure> {
        self.read(self.request(Method::GET, &["sims", &id.to_string()])).await
    }

    async fn find_sims(&self, filter: &SimFilter) -> Result<Vec<Sim>, Failure> {
        let (name, value) = match filter {
            SimFilter::Iccid(iccid) => ("iccid", iccid.as_str().to_owned()),
            SimFilter::Imsi(imsi) => ("imsi", imsi.as_str().to_owned()),
            SimFilter::Eid(eid) => ("eid", eid.as_str().to_owned()),
            SimFilter::Msisdn(msisdn) => ("msisdn", msisdn.to_string()),
            SimFilter::Line(line) => ("lineId", line.to_string()),
        };
        let found: FoundSims = self.read(self.query(&["sims"], &[(name, &value)])).await?;
        Ok(found.sims)
    }

    async fn activation_code(&self, id: SimId) -> Result<ActivationCode, Failure> {
        let request = self.request(Method::GET, &["sims", &id.to_string(), "activation"]);
        let text: CodeText = self.read(request).await?;
        text.code.parse().map_err(|_| unusable())
    }

    async fn end_line(&self, msisdn: Msisdn) -> Result<(), Failure> {
        self.finish(self.request(Method::DELETE, &["numbers", msisdn.as_str(), "line"])).await
    }

    async fn associations(
        &self,
        msisdn: Msisdn,
        at: Option<DateTime<Utc>>,
    ) -> Result<Vec<Association>, Failure> {
        let at = at.map(|time| time.to_rfc3339());
        let parameters: Vec<_> = at.iter().map(|time| ("at", time.as_str())).collect();
        let request = self.query(&["numbers", msisdn.as_str(), "associations"], &parameters);
        let listed: Associations = self.read(request).await?;
        Ok(listed.associations)
    }

    async fn statistics(&self) -> Result<Statistics, Failure> {
        self.read(self.request(Method::GET, &["stats"])).await
    }

    async fn settle(&self, msisdn: Msisdn) -> Result<Settlement, Failure> {
        self.read(self.request(Method::POST, &["reservations", msisdn.as_str(), "settlement"])).await
    }

    async fn sweep(&self) -> Result<SweepReport, Failure> {
        self.read(lasting(self.request(Method::POST, &["sweeps"]))).await
    }

    /// The server's own interval is not known, so this is that of a server without settings.
    fn sweep_interval(&self) -> Duration {
        Settings::default().sweep_interval
    }

    async fn audit(
        &self,
        options: Audit,
        on_found: impl FnMut(Found) + Send,
    ) -> Result<AuditReport, Failure> {
        self.audit_in_lines(options, on_found).await
    }

    /// A count would need a request of its own, and only the status line shows it.
    async fn count_held_numbers(&self) -> Result<Option<u64>, Failure> {
        Ok(None)
    }

    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, Failure> {
        let listed: Webhooks = self.read(self.request(Method::GET, &["webhooks"])).await?;
        Ok(listed.webhooks)
    }

    async fn replay_webhook(&self, name: &ClientName, from: DateTime<Utc>) -> Result<bool, Failure> {
        let request = self.request(Method::POST, &["webhooks", name.as_str(), "replays"]);
        is_known(self.finish(request.json(&json!({ "from": from }))).await, "unknown-webhook")
    }

    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, Failure> {
        let unknown = Error::UnknownDdd(ddd).code();
        is_known(self.finish(self.request(Method::GET, &["ddds", ddd.as_str()])).await, unknown)
    }

    async fn brands(&self) -> Result<Vec<DeviceBrand>, Failure> {
        let listed: Brands = self.read(self.request(Method::GET, &["brands"])).await?;
        Ok(listed.brands)
    }

    async fn find_brand(&self, text: &str) -> Result<DeviceBrandId, Failure> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let brands = self.brands().await?;
        let found = brands.iter().find(|brand| brand.is_called(text)).map(|brand| brand.id);
        found.ok_or_else(|| Error::UnknownBrandName.into())
    }

    async fn models(&self, brand: DeviceBrandId) -> Result<Vec<DeviceModel>, Failure> {
        let request = self.request(Method::GET, &["brands", &brand.to_string(), "models"]);
        let listed: Models = self.read(request).await?;
        Ok(listed.models)
    }

    async fn check_esim(&self, choice: &DeviceChoice) -> Result<EsimCheck, Failure> {
        let body = match choice {
            DeviceChoice::Tac(tac) => json!({ "tac": tac }),
            DeviceChoice::Code(code) => json!({ "deviceCode": code }),
            DeviceChoice::Model(model) => json!({ "deviceModel": model }),
        };
        self.read(self.request(Method::PUT, &["device-models"]).json(&body)).await
    }

    async fn events(&self, start: EventStart, limit: u32, wait: Duration) -> Result<EventPage, Failure> {
        let ((name, place), limit, wait) = (place(start), limit.to_string(), format!("{}s", wait.as_secs()));
        self.read(self.query(&["events"], &[(name, &place), ("limit", &limit), ("wait", &wait)])).await
    }
}

/// Whether the subject of a request exists: the code `unknown` says that it does not.
fn is_known(finished: Result<(), Failure>, unknown: &str) -> Result<bool, Failure> {
    match finished {
        Ok(()) => Ok(true),
        Err(failure) if failure.code == unknown => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// The parameter that names a place. No event is later than the last time, so that one names the end.
fn place(start: EventStart) -> (&'static str, String) {
    const LAST: &str = "9999-12-31T23:59:59Z";
    match start {
        EventStart::After(cursor) => ("after", cursor.to_string()),
        EventStart::Since(time) => ("since", time.to_rfc3339()),
        EventStart::Latest => ("since", LAST.to_owned()),
    }
}

fn fields_of(wanted: &WantedSim) -> Value {
    match wanted {
        WantedSim::Esim(device) => json!({ "deviceModelHash": device }),
        WantedSim::Card { iccid, address } => json!({ "iccid": iccid, "deliveryAddressHash": address }),
    }
}

/// Names a request, so that a repeat has no second effect. The server adds the client, whose key it is.
fn with_key(request: RequestBuilder, key: Option<IdempotencyKey>) -> RequestBuilder {
    match key {
        Some(key) => request.header("Idempotency-Key", key.text()),
        None => request,
    }
}

//! The calls to Sigan and GSIM, and the stories of numbers and SIMs.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use super::lines::hold;
use super::rows::DataRow;
use super::sim_records::code_read;
use crate::domain::{
    AttemptRecord, BrandId, ClientName, CodeRead, EventRow, ExternalId, Msisdn, NewCall, Origin, Scope,
    SimId, UpstreamCall,
};

/// The steps of calls and stories. Each list has the latest entries first, at most `limit`.
#[async_trait]
pub trait StoryStore {
    /// Stores calls. One that is stored already stays as it is.
    async fn record_calls(&self, calls: &[NewCall]) -> Result<(), StoreError>;

    /// Deletes at most `limit` pre-reserves that are older than `retention` and of which no number was reserved. Returns how many were
    /// looked at.
    async fn purge_calls(&self, retention: Duration, limit: u32) -> Result<u64, StoreError>;

    /// The attempts to hold a number.
    async fn attempts_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<AttemptRecord>, StoreError>;

    /// The calls about the holds and the SIMs of a number.
    async fn calls_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError>;

    /// The events of the attempts and the SIMs of a number.
    async fn events_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError>;

    /// The reads of the activation codes of the SIMs of a number.
    async fn code_reads_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<(SimId, CodeRead)>, StoreError>;

    /// The calls about a SIM of any brand.
    async fn calls_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<UpstreamCall>, StoreError>;

    /// The events of a SIM of any brand, and those of its number that name it.
    async fn events_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<EventRow>, StoreError>;

    /// The calls about a pre-reservation or a hold of any brand, by Sigan's id of it.
    async fn calls_of_hold(
        &self,
        external_id: &ExternalId,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError>;

    /// The calls that a request caused.
    async fn calls_of_request(
        &self,
        scope: Scope<'_>,
        request: Uuid,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError>;
}

/// An SQL query: the reservations of the number `$1` of the brands `$2` and `$3`.
macro_rules! own_attempts {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            " from reservation r
            where r.msisdn = cast($1 as char(11)) and (cast($2 as text) is null or r.brand_id in ($2, $3))"
        )
    };
}

/// An SQL query: the SIMs and the orders of SIMs for the number `$1` of the brands `$2` and `$3`.
macro_rules! own_sims {
    () => {
        "select o.id from sim_order o
            where o.msisdn = cast($1 as char(11)) and (cast($2 as text) is null or o.carrier_tag in ($2, $3))
            union
            select s.id from association_history h
            join sim s on s.id = h.sim_id
            where h.msisdn = cast($1 as char(11)) and (cast($2 as text) is null or s.carrier_tag in ($2, $3))"
    };
}

pub(super) const ATTEMPTS_OF_NUMBER: &str = concat!(
    own_attempts!(
        "r.id, r.preview_id, r.external_id, r.state, coalesce(r.set_aside, r.last_error) as last_error, r.hold_expires_at,
         r.created_at, r.updated_at, r.due_at, r.brand_id, r.client"
    ),
    "
    order by r.id desc
    limit $4"
);

/// Every call about a hold names Sigan's id of it. The pre-reserve names that id alone, and belongs to each of its numbers.
pub(super) const CALLS_OF_NUMBER: &str = concat!(
    "
    select * from (
        select c.* from (",
    own_attempts!("distinct r.external_id"),
    ") held
        join upstream_call c on c.external_id = held.external_id
        where c.msisdn is null or c.msisdn = cast($1 as char(11))
        union all
        select c.* from (",
    own_sims!(),
    ") own
        join upstream_call c on c.sim_id = own.id
        where c.msisdn is null or c.msisdn = cast($1 as char(11))
    ) made
    order by sent_at desc, id desc
    limit $4"
);

/// An event of a number and its SIM has both ids, and is read by the first. A SIM may have had another number.
pub(super) const EVENTS_OF_NUMBER: &str = concat!(
    "
    select * from (
        select e.* from (",
    own_attempts!("r.id"),
    ") own
        join event e on e.reservation_id = own.id
        union all
        select e.* from (",
    own_sims!(),
    ") own
        join event e on e.sim_id = own.id
        where e.reservation_id is null and (e.msisdn is null or e.msisdn = cast($1 as char(11)))
    ) happened
    order by transaction_id desc, position desc
    limit $4"
);

pub(super) const CODE_READS_OF_NUMBER: &str = concat!(
    "
    select a.sim_id, a.client, a.read_at from (",
    own_sims!(),
    ") own
    join activation_read a on a.sim_id = own.id
    order by a.read_at desc, a.id desc
    limit $4"
);

pub(super) const CALLS_OF_SIM: &str =
    "select * from upstream_call where sim_id = $1 order by sent_at desc, id desc limit $2";

pub(super) const CALLS_OF_HOLD: &str =
    "select * from upstream_call where external_id = $1 order by sent_at desc, id desc limit $2";

pub(super) const EVENTS_OF_SIM: &str =
    "select * from event where sim_id = $1 order by transaction_id desc, position desc limit $2";

pub(super) const CALLS_OF_REQUEST: &str = "
    select * from upstream_call
    where request_id = $1 and (cast($2 as text) is null or brand_id in ($2, $3))
    order by sent_at desc, id desc
    limit $4";

/// Reads an attempt. A brand or a client that cannot be read is that of older data, so that no row stops a reader.
pub(super) fn attempt(row: &impl DataRow) -> Result<Option<AttemptRecord>, sqlx::Error> {
    let Some(hold) = hold(row)? else { return Ok(None) };
    let brand = row.parsed("brand_id").unwrap_or_else(|_| BrandId::of_older_data());
    let client = row.maybe_text("client")?.and_then(|text| text.parse().ok());
    Ok(Some(AttemptRecord::new(hold, brand, client, row.maybe_time("due_at")?)))
}

/// Reads a call. An identifier that cannot be read is left out.
pub(super) fn upstream_call(row: &impl DataRow) -> Result<UpstreamCall, sqlx::Error> {
    Ok(UpstreamCall {
        id: row.id("id")?,
        system: row.text("system")?.into(),
        call: row.text("call")?.to_owned(),
        sent_at: row.time("sent_at")?,
        duration_ms: row.count("duration_ms")?.unsigned_abs(),
        outcome: row.text("outcome")?.to_owned(),
        external_id: row.maybe_text("external_id")?.and_then(|text| text.parse().ok()),
        msisdn: row.maybe_text("msisdn")?.and_then(|text| Msisdn::exact(text).ok()),
        sim_id: row.maybe_id("sim_id")?,
        client: row.maybe_text("client")?.and_then(|text| text.parse().ok()),
        request_id: row.maybe_uuid("request_id")?,
    })
}

pub(super) fn code_read_of_sim(row: &impl DataRow) -> Result<(SimId, CodeRead), sqlx::Error> {
    Ok((row.id("sim_id")?, code_read(row)?))
}

/// The texts of a call that may be null: Sigan's id, the number, the brand and the client.
pub(super) fn texts(call: &NewCall) -> [Option<&str>; 4] {
    let origin = call.origin.as_ref();
    [
        call.subject.external_id.as_ref().map(ExternalId::as_str),
        call.subject.msisdn.as_ref().map(Msisdn::as_str),
        origin.map(|origin| origin.brand.as_str()),
        origin.and_then(|Origin { client, .. }| client.as_ref()).map(ClientName::as_str),
    ]
}

/// The ids of a call that may be null: the SIM and the request.
pub(super) fn ids(call: &NewCall) -> [Option<Uuid>; 2] {
    [call.subject.sim.map(SimId::as_uuid), call.origin.as_ref().and_then(|origin| origin.request)]
}

/// The duration of a call, as it is stored.
pub(super) fn duration_ms(call: &NewCall) -> i64 {
    i64::try_from(call.duration.as_millis()).unwrap_or(i64::MAX)
}

//! SIMs as they are stored: searches, activation codes, reports on profiles, and the numbers that were on them.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    ActivationCode, Association, CodeAnswer, CodeRead, CodeReading, CodeRow, Msisdn, ProfileRecorded,
    ProfileReport, ProfileRow, RecordedReport, Scope, SilentProfile, Sim, SimFilter, SimId, SimRecord,
};

/// The steps of SIMs that are there already.
#[async_trait]
pub trait SimStore {
    /// Reads a SIM and its history. Returns none if there is no such SIM.
    async fn sim(&self, scope: Scope<'_>, id: SimId) -> Result<Option<SimRecord>, StoreError>;

    /// Finds SIMs, the latest first, at most a hundred.
    async fn find_sims(&self, scope: Scope<'_>, filter: &SimFilter) -> Result<Vec<Sim>, StoreError>;

    /// Reads the activation code of a SIM, and records who read it.
    async fn read_code(&self, scope: Scope<'_>, reading: &CodeReading) -> Result<CodeAnswer, StoreError>;

    /// Records a report on a profile. The state changes only if the report tells a later one.
    async fn record_profile(&self, report: &ProfileReport) -> Result<ProfileRecorded, StoreError>;

    /// Claims at most `limit` eSIMs whose code was read, and of which GSIM has told nothing for `silent_for`. They are claimed again
    /// only after that time.
    async fn claim_silent(&self, limit: u32, silent_for: Duration) -> Result<Vec<SilentProfile>, StoreError>;

    /// Reads which SIMs a number was on, the latest first.
    async fn associations(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Vec<Association>, StoreError>;
}

/// An SQL query: SIMs, each with its number. `$column` is the condition on a column, with the parameter `$1`.
macro_rules! sims {
    ($condition:literal) => {
        concat!(
            "
            select s.id, s.iccid, s.vivo_imsi, s.line_id, s.sim_type, s.technology, s.status, s.profile_state, s.created_at,
                   s.updated_at, p.msisdn
            from sim s
            left join phone_number p on p.assigned_sim_id = s.id and p.status = 'IN_USE' and not p.shares_sim
            where ",
            $condition,
            " and ($2 is null or s.carrier_tag in ($2, $3))
            order by s.created_at desc
            limit 100"
        )
    };
}

pub(super) const SIM: &str = sims!("s.id = $1");
/// Reads the profile of the SIM `$1`, and whether there is a report of the state `$2` at the time `$3` already.
pub(super) const PROFILE: &str = "
    select s.profile_state, s.profile_reported_at,
           exists (
               select 1 from profile_report r where r.sim_id = s.id and r.state = $2 and r.reported_at = $3
           ) as is_repeated
    from sim s
    where s.id = $1 and s.sim_type = 'ESIM'";
pub(super) const CODE_READS: &str =
    "select client, read_at from activation_read where sim_id = $1 order by id desc";
pub(super) const REPORTS: &str =
    "select state, reported_at, reason, applied from profile_report where sim_id = $1 order by id desc";

/// The query of a search, and its text or id.
pub(super) fn search(filter: &SimFilter) -> (&'static str, Searched) {
    match filter {
        SimFilter::Iccid(iccid) => (sims!("s.iccid = $1"), Searched::Text(iccid.to_string())),
        SimFilter::Imsi(imsi) => (sims!("s.vivo_imsi = $1"), Searched::Text(imsi.to_string())),
        SimFilter::Eid(eid) => {
            (sims!("s.id in (select sim_id from esim where eid = $1)"), Searched::Text(eid.to_string()))
        }
        SimFilter::Msisdn(msisdn) => (
            sims!("s.id = (select assigned_sim_id from phone_number where msisdn = cast($1 as char(11)))"),
            Searched::Text(msisdn.to_string()),
        ),
        SimFilter::Line(line) => (sims!("s.line_id = $1"), Searched::Id(line.as_uuid())),
    }
}

/// The parameter of a search.
pub(super) enum Searched {
    Text(String),
    Id(uuid::Uuid),
}

pub(super) fn sim(row: &impl DataRow) -> Result<Sim, sqlx::Error> {
    Ok(Sim {
        id: row.id("id")?,
        msisdn: row.maybe_parsed("msisdn")?,
        line_id: row.id("line_id")?,
        iccid: row.text("iccid")?.to_owned(),
        imsi: row.text("vivo_imsi")?.to_owned(),
        sim_type: row.parsed("sim_type")?,
        technology: row.text("technology")?.into(),
        status: row.text("status")?.into(),
        profile_state: row.maybe_parsed("profile_state")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) fn code_read(row: &impl DataRow) -> Result<CodeRead, sqlx::Error> {
    Ok(CodeRead { client: row.text("client")?.to_owned(), read_at: row.time("read_at")? })
}

pub(super) fn report(row: &impl DataRow) -> Result<RecordedReport, sqlx::Error> {
    Ok(RecordedReport {
        state: row.parsed("state")?,
        at: row.time("reported_at")?,
        reason: row.maybe_text("reason")?.map(str::to_owned),
        applied: row.flag("applied")?,
    })
}

/// Reads a SIM and the parts of its code. A code that cannot be read is none.
pub(super) fn code_row(row: &impl DataRow) -> Result<CodeRow, sqlx::Error> {
    let address = row.maybe_text("smdp_plus_address")?.and_then(|text| text.parse().ok());
    let matching_id = row.maybe_text("matching_id")?.and_then(|text| text.parse().ok());
    Ok(CodeRow {
        status: row.text("status")?.into(),
        profile: row.maybe_parsed("profile_state")?,
        code: address.zip(matching_id).map(|(address, id)| ActivationCode::new(address, id)),
        within_limits: row.flag("within_limits")?,
    })
}

pub(super) fn profile_row(row: &impl DataRow) -> Result<ProfileRow, sqlx::Error> {
    Ok(ProfileRow {
        state: row.maybe_parsed("profile_state")?,
        reported_at: row.maybe_time("profile_reported_at")?,
        is_repeated: row.flag("is_repeated")?,
    })
}

pub(super) fn association(row: &impl DataRow) -> Result<Association, sqlx::Error> {
    Ok(Association { sim_id: row.id("sim_id")?, line_id: row.id("line_id")?, since: row.time("created_at")? })
}

/// Reads a silent eSIM and its last known state; none if it is not active any more.
pub(super) fn silent(row: &impl DataRow) -> Result<Option<SilentProfile>, sqlx::Error> {
    let silent = SilentProfile {
        sim: row.id("id")?,
        state: row.maybe_parsed("profile_state")?,
        asked_at: row.time("asked_at")?,
    };
    Ok(row.flag("active")?.then_some(silent))
}

//! Adoptions: a number is on a line, but this database does not say so.

use async_trait::async_trait;

use super::StoreError;
use super::live::{is_ordered, live};
use super::rows::{DataRow, other_number};
use super::sims::other_number_of_sim;
use crate::domain::{AdoptOutcome, Adoption, AdoptionRow, LiveRow, ReservationId, Tenant};

/// The steps of adoptions.
#[async_trait]
pub trait AdoptionStore {
    /// Records that a number is on a line for a tenant. If the number has no attempt, creates the attempt `id`.
    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError>;
}

/// Reads the number `$1`, its hold `$2`, and the SIM `$3`, as the decision needs them. The result always has one row.
pub(super) const ADOPTION: &str = concat!(
    "
    select p.status, p.assigned_sim_id, r.id, r.external_id, r.brand_id, r.state,
           exists (
               select 1 from reservation o
               where o.msisdn = named.msisdn and o.external_id = $2
                 and o.state in ('RELEASING', 'CANCELLING', 'RELEASED')
           ) as hold_is_over,
           ",
    is_ordered!("named.msisdn"),
    " as ordered,
           (select s.status from sim s where s.id = $3) as sim_status,
           (
               select preview.brand_id
               from preview_number n
               join preview on preview.id = n.preview_id
               where n.msisdn = named.msisdn and preview.external_id = $2
               limit 1
           ) as offered_to,
           (select o.msisdn from (",
    other_number_of_sim!("$3", "named.msisdn"),
    ") o) as other_number
    from (select cast($1 as char(11)) as msisdn) named
    left join phone_number p on p.msisdn = named.msisdn
    left join reservation r
        on r.msisdn = named.msisdn and ",
    live!("r.state")
);

pub(super) fn adoption_row(row: &impl DataRow) -> Result<AdoptionRow, sqlx::Error> {
    let live = match row.maybe_id("id")? {
        Some(id) => Some(LiveRow {
            id,
            external_id: row.parsed("external_id")?,
            brand: row.text("brand_id")?.to_owned(),
            state: row.parsed("state")?,
        }),
        None => None,
    };
    Ok(AdoptionRow {
        status: row.maybe_status("status")?,
        sim: row.maybe_id("assigned_sim_id")?,
        sim_status: row.maybe_text("sim_status")?.map(Into::into),
        live,
        hold_is_over: row.flag("hold_is_over")?,
        ordered: row.flag("ordered")?,
        offered_to: row.maybe_text("offered_to")?.map(str::to_owned),
        other_number: other_number(row, "other_number")?,
    })
}

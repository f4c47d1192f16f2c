//! Assignments of numbers to lines, and the view of one number.

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, other_number};
use crate::domain::{
    Assign, HoldRecord, Line, LiveAttempt, Msisdn, Number, NumberRow, OtherNumber, Scope, SimId, SimStatus,
};

/// The steps of assignments and of the view of a number.
#[async_trait]
pub trait LineStore {
    /// Puts a reserved number on a line.
    async fn assign(&self, scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError>;

    /// Reads the current state of a number and every hold it has had, the latest first. Returns none for a number that was never
    /// recorded. A tenant gets only its own holds.
    async fn number(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Option<Number>, StoreError>;
}

/// An SQL query: the number `$msisdn`, if it belongs to the brands `$2` and `$3`, and the live reservation that has it. `$now` is the
/// time.
macro_rules! read_number {
    ($msisdn:literal, $now:literal) => {
        concat!(
            "
            select p.status, p.assigned_sim_id, r.id as live_id, r.state as live_state, r.due_at <= ",
            $now,
            " as live_due,
                   r.order_id is not null or ",
            $crate::store::live::is_ordered!("p.msisdn"),
            " as ordered
            from phone_number p
            left join reservation r
                on r.msisdn = p.msisdn and ",
            $crate::store::live::live!("r.state"),
            "
            where p.msisdn = ",
            $msisdn,
            " and (cast($2 as text) is null or ",
            $crate::store::tenant::brand_of_number!("p.msisdn", "p.status"),
            " in ($2, $3))"
        )
    };
}
pub(super) use read_number;

/// Reads a number, and the live reservation that has it.
pub(super) fn number_row(row: &impl DataRow) -> Result<NumberRow, sqlx::Error> {
    let live = match row.maybe_id("live_id")? {
        Some(id) => Some(LiveAttempt { id, state: row.parsed("live_state")?, due: row.flag("live_due")? }),
        None => None,
    };
    Ok(NumberRow {
        status: row.status("status")?,
        assigned_sim: row.maybe_id("assigned_sim_id")?,
        live,
        ordered: row.flag("ordered")?,
    })
}

/// Reads the status of the SIM, and its other number, which is hidden unless the caller may see it.
pub(super) fn sim_of_assignment(
    row: &impl DataRow,
) -> Result<(Option<SimStatus>, Option<OtherNumber>), sqlx::Error> {
    let status = row.maybe_text("sim_status")?.map(SimStatus::from);
    let is_shown = row.flag("shows_other")?;
    let other = other_number(row, "other_number")?;
    Ok((status, other.map(|other| if is_shown { other } else { OtherNumber::Hidden })))
}

/// Reads a number and its holds. There is a row for each hold, each with the number's own columns, or one row without a hold.
pub(super) fn number<R: DataRow>(msisdn: Msisdn, rows: &[R]) -> Result<Option<Number>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(None) };
    let holds: Result<Vec<_>, _> = rows.iter().map(hold).collect();
    Ok(Some(Number::new(msisdn, line(first)?, holds?.into_iter().flatten().collect())))
}

fn line(row: &impl DataRow) -> Result<Option<Line>, sqlx::Error> {
    let Some(status) = row.maybe_status("status")? else { return Ok(None) };
    Ok(Some(Line {
        origin: row.text("origin")?.to_owned(),
        status,
        assigned_sim_id: row.maybe_id("assigned_sim_id")?,
        assigned_at: row.maybe_time("assigned_at")?,
        created_at: row.time("line_created_at")?,
        updated_at: row.maybe_time("line_updated_at")?,
    }))
}

pub(super) fn hold<R: DataRow>(row: &R) -> Result<Option<HoldRecord>, sqlx::Error> {
    let Some(id) = row.maybe_id("id")? else { return Ok(None) };
    Ok(Some(HoldRecord {
        id,
        preview: row.maybe_id("preview_id")?,
        external_id: row.parsed("external_id").ok(),
        state: row.parsed("state")?,
        reason: row.maybe_text("last_error")?.map(str::to_owned),
        hold_expires_at: row.maybe_time("hold_expires_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    }))
}

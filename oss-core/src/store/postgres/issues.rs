//! SIMs that GSIM issued, on PostgreSQL: one statement records all that follows.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::connections::is_unique_violation;
use crate::domain::{AttemptState, IssuedOrder, IssuedSim, OrderLease, RACES, SimDelivery};
use crate::store::StoreError;
use crate::store::orders::{ACTIVE_ICCID, ended_sim};
use crate::store::rows::DataRow;

impl PostgresStore {
    pub(super) async fn issue_sim(
        &self,
        lease: &OrderLease,
        issued: &IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, StoreError> {
        // Rows are written in the order in which every statement locks them: the order, the reservation, the number.
        const SQL: &str = "
            with issued as (
                update sim_order
                set state = 'HELD', due_at = null, last_error = null, updated_at = clock_timestamp(), changed_by = $9,
                    named_changes = named_changes + 1
                where id = $1 and state in ('PENDING', 'IN_DOUBT')
                returning *
            ), sim as (
                insert into sim (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status, profile_state, changed_by)
                select id, $2, carrier_tag, line_id, $3, sim_type, technology, 'ACTIVE', $4, changed_by from issued
            ), esim as (
                insert into esim (sim_id, matching_id, smdp_plus_address, device_model_hash)
                select id, $5, $6, device_model_hash from issued where sim_type = 'ESIM'
            ), card as (
                insert into sim_card (sim_id, hrs_imsi, delivery_address_hash)
                select id, $7, delivery_address_hash from issued where sim_type = 'SIM_CARD'
            ), hold as (
                update reservation r
                set state = 'ASSIGNED', due_at = null, order_id = null, updated_at = clock_timestamp(),
                    changed_by = issued.changed_by, named_changes = r.named_changes + 1
                from issued
                where r.order_id = issued.id and r.state in ('HELD', 'ASSIGNED')
            ), number as (
                update phone_number p
                set status = 'IN_USE', assigned_sim_id = issued.id, shares_sim = false, assigned_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                from issued
                where p.msisdn = issued.msisdn and p.status in ('RESERVED', 'IN_USE')
                  and p.assigned_sim_id is not distinct from issued.replaces_sim_id
            ), history as (
                insert into association_history (msisdn, sim_id, line_id, created_at) select msisdn, id, line_id, clock_timestamp() from issued
            ), replaced as (
                update sim s
                set status = 'DEPROGRAMMED', updated_at = clock_timestamp()
                from issued
                where s.id = issued.replaces_sim_id
                returning s.*
            ), deprogrammed as (
                insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, state, due_at, attempts, changed_by)
                select replaced.id, issued.msisdn, replaced.line_id, replaced.carrier_tag, replaced.sim_type,
                       replaced.technology, 'RELEASING', clock_timestamp() + make_interval(secs => $8), 0, issued.changed_by
                from replaced, issued
                on conflict (id) do update
                set state = 'RELEASING', due_at = excluded.due_at, attempts = 0, last_error = null,
                    updated_at = clock_timestamp(), changed_by = excluded.changed_by,
                    named_changes = sim_order.named_changes + 1
                where sim_order.state = 'HELD'
                returning id, sim_type
            )
            select before.state, exists (select from issued) as written, before.attempts, before.sim_type as own_type,
                   deprogrammed.id as ended_id, deprogrammed.sim_type as ended_type
            from sim_order before
            left join deprogrammed on true
            where before.id = $1";
        let [profile_state, matching_id, address, hrs_imsi] = issued.columns();
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(issued.iccid.to_string())
                .bind(issued.imsi.to_string())
                .bind(profile_state)
                .bind(matching_id)
                .bind(address)
                .bind(hrs_imsi)
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        let read = |row: &PgRow| {
            let own = SimDelivery {
                order: lease.order,
                sim_type: row.parsed("own_type")?,
                attempts: row.attempts("attempts")?,
            };
            Ok((row.parsed("state")?, row.flag("written")?, ended_sim(row)?, own))
        };
        for _ in 0..RACES {
            let found: Option<(AttemptState, _, _, _)> = match self.connections.maybe(statement, read).await {
                Err(error) if is_unique_violation(&error, ACTIVE_ICCID) => {
                    return Ok(IssuedOrder::IccidInUse);
                }
                answered => answered?,
            };
            match found {
                None => return Ok(IssuedOrder::Missing),
                Some((_, true, replaced, _)) => return Ok(IssuedOrder::Issued(replaced)),
                Some((AttemptState::Held | AttemptState::Assigned, ..)) => {
                    return Ok(IssuedOrder::Issued(None));
                }
                Some((AttemptState::Cancelling | AttemptState::Rejected, _, _, own)) => {
                    return Ok(IssuedOrder::GivenUp(Some(own)));
                }
                Some((AttemptState::Releasing | AttemptState::Released, ..)) => {
                    return Ok(IssuedOrder::GivenUp(None));
                }
                // Another call changed it during the statement.
                Some((AttemptState::Pending | AttemptState::InDoubt, false, _, _)) => {}
            }
        }
        Err(StoreError::unavailable("the order kept changing"))
    }
}

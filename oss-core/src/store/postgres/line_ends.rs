//! The ends of lines on PostgreSQL.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::lines::locked_numbers;
use crate::domain::{EndLine, Msisdn, RACES, Scope};
use crate::store::StoreError;
use crate::store::lines::number_row;
use crate::store::live::live;
use crate::store::orders::ended_sim;
use crate::store::rows::DataRow;

impl PostgresStore {
    pub(super) async fn end(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, StoreError> {
        // A SIM from before there were orders gets one, so that GSIM is told.
        const SQL: &str = concat!(
            locked_numbers!("select $1::char(11) as msisdn, $2::text as brand, $3::text as older"),
            ", ended as (
                select * from locked where status = 'IN_USE' and unchanged and not ordered
            ), sim as (
                update sim s
                set status = 'DEPROGRAMMED', updated_at = clock_timestamp()
                from ended
                where s.id = ended.assigned_sim_id
                returning s.*
            ), deprogrammed as (
                insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, state, due_at, attempts,
                                       changed_by)
                select sim.id, $1::char(11), sim.line_id, sim.carrier_tag, sim.sim_type, sim.technology, 'RELEASING',
                       clock_timestamp() + make_interval(secs => $4), 0, $5::text
                from sim
                on conflict (id) do update
                set state = 'RELEASING', due_at = excluded.due_at, attempts = 0, last_error = null,
                    updated_at = clock_timestamp(), changed_by = excluded.changed_by,
                    named_changes = sim_order.named_changes + 1
                where sim_order.state = 'HELD'
                returning id, sim_type
            ), hold as (
                update reservation r
                set state = 'RELEASING', attempts = 0, last_error = null, order_id = (select id from deprogrammed),
                    due_at = clock_timestamp(), updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = r.named_changes + 1
                from ended
                where r.id = ended.live_id and ",
            live!("r.state"),
            "
            ), returned as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from ended
                where p.msisdn = ended.msisdn
            )
            select locked.*, exists (select from ended) as written, deprogrammed.id as ended_id,
                   deprogrammed.sim_type as ended_type
            from locked
            left join deprogrammed on true"
        );
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(msisdn.to_string())
                .bind(brand)
                .bind(older)
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        let read = |row: &PgRow| {
            Ok((number_row(row)?, row.flag("unchanged")?, row.flag("written")?, ended_sim(row)?))
        };
        for _ in 0..RACES {
            let Some((number, unchanged, written, sim)) = self.connections.maybe(statement, read).await?
            else {
                return Ok(EndLine::Unknown);
            };
            match number.end_refusal() {
                Some(answer) if unchanged || scope.is_all_brands() => return Ok(answer),
                None if written => return Ok(EndLine::Ended(sim)),
                // The number changed during the statement: read it and its owner again.
                _ => {}
            }
        }
        Err(StoreError::unavailable("the number kept changing"))
    }
}

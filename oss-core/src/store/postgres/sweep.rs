//! The sweep on PostgreSQL.
//!
//! `now()` and not `clock_timestamp()` is the bound of due rows, because only a stable function can bound an index scan. No
//! statement here waits for a lock before it reads, so both return the same time.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::attempts::reserve_numbers;
use crate::domain::{Census, Claims, Overdue};
use crate::store::StoreError;
use crate::store::rows::DataRow;
use crate::store::sweep::{SweepStore, census, claimed_row};

#[async_trait]
impl SweepStore for PostgresStore {
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError> {
        // Another program may have put the number on a line, or released it, without a change to the reservation. If it gave the
        // number a status that we do not have, a person has to decide.
        const SQL: &str = concat!(
            "
            with held as materialized (
                select r.id, r.msisdn, p.status
                from reservation r
                join phone_number p on p.msisdn = r.msisdn
                where r.state = 'HELD' and r.due_at <= now() and r.set_aside is null and r.order_id is null
                order by r.due_at
                limit $1
                for update skip locked
            ), returned as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from held
                where p.msisdn = held.msisdn and p.status = 'RESERVED'
            ), ended as (
                update reservation r
                set state = case held.status when 'IN_USE' then 'ASSIGNED' else 'RELEASING' end,
                    due_at = case when held.status <> 'IN_USE' then clock_timestamp() end,
                    last_error = case when held.status <> 'IN_USE' then 'abandoned' end,
                    attempts = 0, updated_at = clock_timestamp()
                from held
                where r.id = held.id and r.state = 'HELD' and held.status in ('RESERVED', 'IN_USE', 'RETURNED')
                returning r.state
            ), foreign_status as (
                update reservation r
                set set_aside = left('its number is ' || held.status, 128)
                from held
                where r.id = held.id and r.state = 'HELD' and held.status not in ('RESERVED', 'IN_USE', 'RETURNED')
                returning true
            ), lapsed as materialized (
                select id
                from reservation
                where state = 'PENDING' and due_at <= now()
                order by due_at
                limit $1
                for update skip locked
            ), doubtful as (
                update reservation r
                set state = 'IN_DOUBT', last_error = 'interrupted', due_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                from lapsed
                where r.id = lapsed.id and r.state = 'PENDING'
                returning r.msisdn, r.preview_id
            ), ",
            reserve_numbers!("doubtful"),
            "
            select (select count(*) from ended where state = 'RELEASING') as expired,
                   (select count(*) from ended where state = 'ASSIGNED') as assigned,
                   (select count(*) from doubtful) as lapsed,
                   (select count(*) from foreign_status) as set_aside"
        );
        let read = |row: &PgRow| {
            let count = |column| row.count(column).map(i64::unsigned_abs);
            Ok(Overdue {
                expired: count("expired")?,
                assigned: count("assigned")?,
                lapsed: count("lapsed")?,
                set_aside: count("set_aside")?,
            })
        };
        self.connections.one(|| sqlx::query(SQL).bind(i64::from(limit)), read).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError> {
        // The reservation of an ended line waits for the order of its last SIM. GSIM may not know yet that an earlier SIM was replaced.
        const SQL: &str = "
            with due as materialized (
                select id
                from reservation r
                where state in ('IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= now() and set_aside is null
                  and order_id is null
                  and (state <> 'RELEASING' or not exists (
                      select from sim_order o where o.msisdn = r.msisdn and o.state = 'RELEASING'
                  ))
                order by due_at
                limit $1
                for update skip locked
            )
            update reservation r
            set state = case r.state when 'IN_DOUBT' then 'PENDING' else r.state end,
                attempts = r.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $2)
            from due
            where r.id = due.id and r.state in ('IN_DOUBT', 'RELEASING', 'CANCELLING')
            returning r.id, r.state, r.attempts, r.external_id, r.brand_id, r.msisdn,
                      r.preview_id is not null or r.idempotency_key is not null as nameable";
        let statement = || sqlx::query(SQL).bind(i64::from(limit)).bind(lease.as_secs_f64());
        let mut claims = Claims::default();
        for row in self.connections.all(statement, claimed_row).await? {
            match row {
                Ok(due) => claims.due.push(due),
                Err(unreadable) => {
                    self.set_aside(&unreadable).await?;
                    claims.set_aside.push(unreadable.row);
                }
            }
        }
        Ok(claims)
    }

    async fn census(&self, limit: u32) -> Result<Census, StoreError> {
        const SQL: &str = "
            select state, count(*) as stored, count(*) filter (where due_at <= now() and not aside) as due,
                   coalesce(extract(epoch from now() - min(due_at) filter (where not aside)), 0)::float8 as first_due_secs,
                   count(*) filter (where aside) as set_aside
            from (
                select state, due_at, set_aside is not null as aside
                from reservation
                where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                order by due_at
                limit $1
            ) unsettled
            group by state";
        self.connections.read(|| sqlx::query(SQL).bind(i64::from(limit)), census).await
    }
}

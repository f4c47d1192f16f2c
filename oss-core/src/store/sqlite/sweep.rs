//! The sweep on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{Census, Claims, NumberStatus, Overdue, ReservationId, UnreadableRow};
use crate::store::StoreError;
use crate::store::rows::{DataRow, Unreadable};
use crate::store::sweep::{SweepStore, census, claimed_row};

#[async_trait]
impl SweepStore for SqliteStore {
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError> {
        self.connections.write(move |step| Box::pin(step.settle_overdue(limit))).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError> {
        self.connections.write(move |step| Box::pin(step.claim_due(limit, lease))).await
    }

    async fn census(&self, limit: u32) -> Result<Census, StoreError> {
        const SQL: &str = "
            select state, count(*) as stored, count(*) filter (where due_at <= $1 and not aside) as due,
                   coalesce(($1 - min(due_at) filter (where not aside)) / 1e6, 0.0) as first_due_secs,
                   count(*) filter (where aside) as set_aside
            from (
                select state, due_at, set_aside is not null as aside
                from reservation
                where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                order by due_at
                limit $2
            )
            group by state";
        let statement = sqlx::query(SQL).bind(self.connections.now().0).bind(i64::from(limit));
        self.connections.read(statement, census).await
    }
}

impl Step<'_> {
    async fn settle_overdue(mut self, limit: u32) -> Result<Overdue, sqlx::Error> {
        let mut overdue = Overdue::default();
        self.end_abandoned(limit, &mut overdue).await?;
        overdue.lapsed = self.doubt_lapsed(limit).await?;
        Ok(overdue)
    }

    async fn end_abandoned(&mut self, limit: u32, overdue: &mut Overdue) -> Result<(), sqlx::Error> {
        const HELD: &str = "
            select r.id, r.msisdn, p.status
            from reservation r
            join phone_number p on p.msisdn = r.msisdn
            where r.state = 'HELD' and r.due_at <= $1 and r.set_aside is null and r.order_id is null
            order by r.due_at
            limit $2";
        const RELEASING: &str = "
            update reservation
            set state = 'RELEASING', attempts = 0, last_error = 'abandoned', due_at = $2, updated_at = $2
            where id = $1 and state = 'HELD'";
        const ASSIGNED: &str = "
            update reservation
            set state = 'ASSIGNED', due_at = null, updated_at = $2
            where id = $1 and state = 'HELD'";

        let now = self.now.0;
        let read = |row: &SqliteRow| {
            let id: ReservationId = row.id("id")?;
            Ok((id, row.text("msisdn")?.to_owned(), row.status("status")?))
        };
        let held = self.all(sqlx::query(HELD).bind(now).bind(i64::from(limit)), read).await?;
        for (id, msisdn, status) in held {
            // Another program may have put the number on a line, or released it, without a change to the reservation. If it gave
            // the number a status that we do not have, a person has to decide.
            match status {
                NumberStatus::InUse => {
                    self.run(sqlx::query(ASSIGNED).bind(id.as_uuid()).bind(now)).await?;
                    overdue.assigned += 1;
                }
                NumberStatus::Reserved | NumberStatus::Returned => {
                    self.return_number(&msisdn).await?;
                    self.run(sqlx::query(RELEASING).bind(id.as_uuid()).bind(now)).await?;
                    overdue.expired += 1;
                }
                NumberStatus::Other(word) => {
                    let reason = format!("its number is {word}");
                    let row = UnreadableRow { table: "reservation", key: id.to_string(), reason };
                    self.set_aside(&Unreadable { id: id.as_uuid(), row }).await?;
                    overdue.set_aside += 1;
                }
            }
        }
        Ok(())
    }

    async fn doubt_lapsed(&mut self, limit: u32) -> Result<u64, sqlx::Error> {
        const SQL: &str = "
            update reservation
            set state = 'IN_DOUBT', last_error = 'interrupted', due_at = $1, updated_at = $1
            where id in (
                select id from reservation where state = 'PENDING' and due_at <= $1 order by due_at limit $2
            )
            returning msisdn, preview_id";
        let read = |row: &SqliteRow| Ok((row.text("msisdn")?.to_owned(), row.maybe_uuid("preview_id")?));
        let lapsed = self.all(sqlx::query(SQL).bind(self.now.0).bind(i64::from(limit)), read).await?;
        let mut count = 0;
        for (msisdn, preview) in lapsed {
            self.reserve_number(&msisdn, preview).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn claim_due(mut self, limit: u32, lease: Duration) -> Result<Claims, sqlx::Error> {
        // The reservation of an ended line waits for the order of its last SIM. GSIM may not know yet that an earlier SIM was replaced.
        const SQL: &str = "
            update reservation
            set state = case state when 'IN_DOUBT' then 'PENDING' else state end, attempts = attempts + 1, due_at = $3
            where id in (
                select id from reservation r
                where state in ('IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= $1 and set_aside is null
                  and order_id is null
                  and (state <> 'RELEASING' or not exists (
                      select 1 from sim_order o where o.msisdn = r.msisdn and o.state = 'RELEASING'
                  ))
                order by due_at
                limit $2
            )
            returning id, state, attempts, external_id, brand_id, msisdn,
                      preview_id is not null or idempotency_key is not null as nameable";
        let statement = sqlx::query(SQL).bind(self.now.0).bind(i64::from(limit)).bind(self.now.after(lease));
        let mut claims = Claims::default();
        for row in self.all(statement, claimed_row).await? {
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
}

//! The audit on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    AttemptState, BrandId, Delivery, HeldPage, Hold, KnownHold, Lease, OLDER_BRAND, Range, ReservationId,
    Tenant, UnreadableRow, delivery,
};
use crate::sigan::ListedHold;
use crate::store::StoreError;
use crate::store::audit::{
    AuditStore, COUNT_HELD, HOLDING_BRANDS, SET_ASIDE_ROWS, brands, held_count, held_page, known_hold,
    set_aside_row,
};
use crate::store::live::live;
use crate::store::offering::offering;
use crate::store::rows::{DataRow, to_json};
use crate::store::tenant::brand_of_held;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn known_holds(
        &self,
        listed: &[ListedHold],
        young: Duration,
    ) -> Result<Vec<KnownHold>, StoreError> {
        const SQL: &str = "
            select p.status, own.state, max(coalesce(own.updated_at, 0), listed.reserved_at) > $2 as young,
                   exists (
                       select 1 from reservation other
                       where other.msisdn = listed.msisdn and other.external_id <> listed.external_id
                         and other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')
                   ) as contested
            from (
                select key as place, value ->> 0 as external_id, value ->> 1 as msisdn, value ->> 2 as reserved_at
                from json_each($1)
            ) listed
            left join phone_number p on p.msisdn = listed.msisdn
            left join reservation own on own.id = (
                select r.id from reservation r
                where r.msisdn = listed.msisdn and r.external_id = listed.external_id
                order by r.id desc
                limit 1
            )
            order by listed.place";
        let listed: Vec<_> = listed
            .iter()
            .map(|ListedHold { hold, reserved_at }| {
                (hold.external_id.as_str(), hold.msisdn.as_str(), reserved_at.timestamp_micros())
            })
            .collect();
        let listed = to_json(&listed).map_err(|error| self.connections.store_error(&error))?;
        let born = self.connections.now().before(young);
        self.connections.all(sqlx::query(SQL).bind(listed).bind(born), known_hold).await
    }

    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError> {
        self.connections.read(sqlx::query(HOLDING_BRANDS).bind(OLDER_BRAND), |rows| Ok(brands(rows))).await
    }

    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError> {
        const SQL: &str = concat!(
            "select p.msisdn, p.status, r.id, r.external_id, r.state,
                   max(p.updated_at, coalesce(r.updated_at, p.updated_at)) > $3 as young
            from phone_number p
            left join reservation r
                on r.msisdn = p.msisdn and ",
            live!("r.state"),
            "
            where p.msisdn > $1 and p.msisdn <= $2 and p.status <> 'RETURNED'
              and p.origin = 'VIVO' and ",
            brand_of_held!("r.brand_id"),
            " in ($5, $6)
            order by p.msisdn
            limit $4"
        );
        // A text before every number, and a text after every number.
        let after = range.after.unwrap_or_default();
        let until = range.until.map_or_else(|| ":".to_owned(), |msisdn| msisdn.to_string());
        let [brand, older] = tenant.own_brands();
        let statement = sqlx::query(SQL)
            .bind(after)
            .bind(until)
            .bind(self.connections.now().before(young))
            .bind(i64::from(limit))
            .bind(brand)
            .bind(older);
        self.connections.read(statement, |rows| held_page(rows, limit)).await
    }

    async fn count_held_numbers(&self) -> Result<u64, StoreError> {
        self.connections.one(sqlx::query(COUNT_HELD), held_count).await
    }

    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
        let after = after.map_or(Uuid::nil(), ReservationId::as_uuid);
        let statement = sqlx::query(SET_ASIDE_ROWS).bind(after).bind(i64::from(limit));
        self.connections.all(statement, set_aside_row).await
    }

    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (hold, brand) = (hold.clone(), brand.clone());
        self.connections
            .write(move |step| Box::pin(step.release_stray(id, hold, brand, deliver_within)))
            .await
    }

    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections.write(move |step| Box::pin(step.release_lost(lease, reason, deliver_within))).await
    }

    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let reason = reason.to_owned();
        self.connections.write(move |step| Box::pin(step.give_back_lost(id, reason, deliver_within))).await
    }
}

impl Step<'_> {
    async fn release_stray(
        mut self,
        id: ReservationId,
        hold: Hold,
        brand: BrandId,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, sqlx::Error> {
        // A repeated step finds its own row.
        const BARRED: &str = "
            select exists (select 1 from reservation where id = $1) as written,
                   exists (
                       select 1 from reservation
                       where msisdn = $2
                         and state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')
                   )
                   or exists (select 1 from phone_number where msisdn = $2 and status <> 'RETURNED') as barred";
        let statement = sqlx::query(BARRED).bind(id.as_uuid()).bind(hold.msisdn.as_str());
        match self.one(statement, |row| Ok((row.flag("written")?, row.flag("barred")?))).await? {
            (true, _) => {}
            (false, true) => return Ok(None),
            (false, false) => {
                let release =
                    NewRelease { id, hold: &hold, brand: &brand, reason: "held in Sigan and not here" };
                self.insert_release(release, deliver_within).await?;
            }
        }
        Ok(Some(delivery(id, hold.external_id, hold.msisdn)))
    }

    /// Inserts the row of a hold that is to be released. The row carries the preview that offered the number, unless the preview
    /// has an attempt already, so that nobody can reserve the number from it any more.
    async fn insert_release(
        &mut self,
        release: NewRelease<'_>,
        deliver_within: Duration,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = concat!(
            "
            insert into reservation
                (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error, created_at, updated_at,
                 changed_by)
            values (
                $1,
                (",
            offering!("$2", "$4"),
            "),
                $2, $3, $4, 'RELEASING', $5, 0, $7, $6, $6, $8
            )"
        );
        let statement = sqlx::query(SQL)
            .bind(release.id.as_uuid())
            .bind(release.hold.external_id.as_str())
            .bind(release.brand.as_str())
            .bind(release.hold.msisdn.as_str())
            .bind(self.now.after(deliver_within))
            .bind(self.now.0)
            .bind(release.reason)
            .bind(self.client());
        self.run(statement).await.map(drop)
    }

    async fn release_lost(
        mut self,
        lease: Lease,
        reason: String,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, sqlx::Error> {
        const SQL: &str = "
            select (select state from reservation where id = $1) as own,
                   exists (
                       select 1 from reservation
                       where external_id = $2 and msisdn = $3 and state not in ('RELEASED', 'REJECTED')
                   ) as in_hand";
        const COUNTED: &str = "
            update reservation set attempts = attempts + 1
            where external_id = $1 and msisdn = $2 and state = 'PENDING'";
        let Lease { reservation: id, brand, hold, .. } = lease;
        let (external_id, msisdn) = (hold.external_id.as_str(), hold.msisdn.as_str());
        let statement = sqlx::query(SQL).bind(id.as_uuid()).bind(external_id).bind(msisdn);
        let read = |row: &SqliteRow| Ok((row.maybe_parsed("own")?, row.flag("in_hand")?));
        match self.one(statement, read).await? {
            (Some(AttemptState::Releasing), _) => {}
            (Some(_), _) => return Ok(None),
            (None, true) => {
                self.run(sqlx::query(COUNTED).bind(external_id).bind(msisdn)).await?;
                return Ok(None);
            }
            (None, false) => {
                let release = NewRelease { id, hold: &hold, brand: &brand, reason: &reason };
                self.insert_release(release, deliver_within).await?;
            }
        }
        Ok(Some(delivery(id, hold.external_id, hold.msisdn)))
    }

    async fn give_back_lost(
        mut self,
        id: ReservationId,
        reason: String,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, sqlx::Error> {
        const RELEASING: &str = "
            update reservation
            set state = 'RELEASING', attempts = 0, last_error = $2, due_at = $3, updated_at = $4, changed_by = $5,
                named_changes = named_changes + 1
            where id = $1 and state = 'HELD' and order_id is null
              and exists (
                  select 1 from phone_number p where p.msisdn = reservation.msisdn and p.status = 'RESERVED'
              )
            returning external_id, msisdn";
        let statement =
            sqlx::query(RELEASING).bind(id.as_uuid()).bind(reason).bind(self.now.after(deliver_within));
        let read = |row: &SqliteRow| Ok(delivery(id, row.parsed("external_id")?, row.parsed("msisdn")?));
        let lost = self.maybe(statement.bind(self.now.0).bind(self.client()), read).await?;
        if let Some(lost) = &lost {
            self.return_number(lost.hold.msisdn.as_str()).await?;
        }
        Ok(lost)
    }
}

/// A hold without a row that is to be released.
struct NewRelease<'a> {
    id: ReservationId,
    hold: &'a Hold,
    brand: &'a BrandId,
    reason: &'a str,
}

//! What is held here, to be laid beside what Sigan holds.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::delivery;
use crate::domain::{BrandId, OLDER_BRAND, ReservationId, ReservationState};
use crate::sigan::{Hold, ListedHold};
use crate::store::live::live;
use crate::store::offering::offering;
use crate::store::rows::{held_page, maybe_parsed, maybe_status, parsed, status};
use crate::store::tenant::brand_of_held;
use crate::store::{
    Delivery, HeldNumber, HeldPage, KnownHold, Lease, LiveHold, Range, Tenant, UnreadableRow,
};

pub(super) async fn known_holds(
    connection: &mut SqliteConnection,
    now: Micros,
    listed: Vec<ListedHold>,
    young: Duration,
) -> Result<Vec<KnownHold>, sqlx::Error> {
    const SQL: &str = "
        select p.status, own.state, coalesce(own.updated_at, 0) > $3 as young,
               exists (
                   select 1 from reservation other
                   where other.msisdn = $1 and other.external_id <> $2
                     and other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')
               ) as contested
        from (select 1) one
        left join phone_number p on p.msisdn = $1
        left join reservation own on own.id = (
            select r.id from reservation r
            where r.msisdn = $1 and r.external_id = $2
            order by r.id desc
            limit 1
        )";
    let born = now.before(young);
    let mut known = Vec::with_capacity(listed.len());
    for ListedHold { hold, reserved_at } in listed {
        let row = sqlx::query(SQL)
            .bind(hold.msisdn.as_str())
            .bind(hold.external_id.as_str())
            .bind(born)
            .fetch_one(&mut *connection)
            .await?;
        known.push(KnownHold {
            state: maybe_parsed(&row, "state")?,
            status: maybe_status(&row, "status")?,
            contested: row.try_get("contested")?,
            young: reserved_at.timestamp_micros() > born || row.try_get("young")?,
        });
    }
    Ok(known)
}

pub(super) async fn holding_brands(connection: &mut SqliteConnection) -> Result<Vec<BrandId>, sqlx::Error> {
    const SQL: &str = concat!(
        "
        select distinct brand_id
        from reservation
        where ",
        live!("state"),
        " and brand_id <> $1
        order by brand_id"
    );
    let rows = sqlx::query(SQL).bind(OLDER_BRAND).fetch_all(connection).await?;
    // A brand that cannot be read cannot be named to Sigan either.
    Ok(rows.iter().filter_map(|row| parsed(row, "brand_id").ok()).collect())
}

pub(super) async fn held_numbers(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Tenant,
    range: Range,
    young: Duration,
    limit: u32,
) -> Result<HeldPage, sqlx::Error> {
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
    // Text before every number, and text after every number.
    let after = range.after.unwrap_or_default();
    let until = range.until.map_or_else(|| ":".to_owned(), |msisdn| msisdn.to_string());
    let [brand, older] = tenant.own_brands();
    let rows = sqlx::query(SQL)
        .bind(after)
        .bind(until)
        .bind(now.before(young))
        .bind(i64::from(limit))
        .bind(brand)
        .bind(older)
        .fetch_all(connection)
        .await?;
    let keys = rows.iter().map(|row| row.try_get("msisdn")).collect::<Result<Vec<String>, _>>()?;
    Ok(held_page(keys.into_iter().zip(rows.iter().map(held)), limit))
}

pub(super) async fn count_held_numbers(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    const SQL: &str = "select count(*) from phone_number where status <> 'RETURNED' and origin = 'VIVO'";
    let count: i64 = sqlx::query(SQL).fetch_one(connection).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}

pub(super) async fn set_aside_rows(
    connection: &mut SqliteConnection,
    after: Option<ReservationId>,
    limit: u32,
) -> Result<Vec<(ReservationId, UnreadableRow)>, sqlx::Error> {
    const SQL: &str = "
        select id, set_aside
        from reservation
        where set_aside is not null and ($1 is null or id > $1)
        order by id
        limit $2";
    let rows = sqlx::query(SQL).bind(after.map(ReservationId::as_uuid)).bind(i64::from(limit));
    let read = |row: &SqliteRow| {
        let id: Uuid = row.try_get("id")?;
        let reason = row.try_get("set_aside")?;
        Ok((id.into(), UnreadableRow { table: "reservation", key: id.to_string(), reason }))
    };
    rows.fetch_all(connection).await?.iter().map(read).collect()
}

fn held(row: &SqliteRow) -> Result<HeldNumber, sqlx::Error> {
    let live = match row.try_get::<Option<Uuid>, _>("id")? {
        Some(id) => Some(LiveHold {
            reservation: id.into(),
            external_id: parsed(row, "external_id")?,
            state: parsed(row, "state")?,
        }),
        None => None,
    };
    Ok(HeldNumber {
        msisdn: parsed(row, "msisdn")?,
        status: status(row, "status")?,
        live,
        young: row.try_get("young")?,
    })
}

pub(super) async fn release_stray(
    connection: &mut SqliteConnection,
    now: Micros,
    id: ReservationId,
    hold: Hold,
    brand: BrandId,
    tell_within: Duration,
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
    let row =
        sqlx::query(BARRED).bind(id.as_uuid()).bind(hold.msisdn.as_str()).fetch_one(&mut *connection).await?;
    match (row.try_get("written")?, row.try_get("barred")?) {
        (true, _) => {}
        (false, true) => return Ok(None),
        (false, false) => {
            let release = NewRelease { id, hold: &hold, brand: &brand, reason: "held in Sigan and not here" };
            release.insert(connection, now, tell_within).await?;
        }
    }
    Ok(Some(delivery(id, hold.external_id, hold.msisdn)))
}

/// A hold that is to be released and has no row.
struct NewRelease<'a> {
    id: ReservationId,
    hold: &'a Hold,
    brand: &'a BrandId,
    reason: &'a str,
}

impl NewRelease<'_> {
    /// Writes its row. It carries the preview that offered the number, unless that has an attempt already, so that nobody
    /// reserves the number from it any more.
    async fn insert(
        self,
        connection: &mut SqliteConnection,
        now: Micros,
        tell_within: Duration,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = concat!(
            "
            insert into reservation
                (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error, created_at, updated_at)
            values (
                $1,
                (",
            offering!("$2", "$4"),
            "),
                $2, $3, $4, 'RELEASING', $5, 0, $7, $6, $6
            )"
        );
        sqlx::query(SQL)
            .bind(self.id.as_uuid())
            .bind(self.hold.external_id.as_str())
            .bind(self.brand.as_str())
            .bind(self.hold.msisdn.as_str())
            .bind(now.after(tell_within))
            .bind(now.0)
            .bind(self.reason)
            .execute(connection)
            .await?;
        Ok(())
    }
}

pub(super) async fn release_lost(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
    reason: String,
    tell_within: Duration,
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
    let row = sqlx::query(SQL)
        .bind(id.as_uuid())
        .bind(hold.external_id.as_str())
        .bind(hold.msisdn.as_str())
        .fetch_one(&mut *connection)
        .await?;
    match (maybe_parsed(&row, "own")?, row.try_get("in_hand")?) {
        (Some(ReservationState::Releasing), _) => {}
        (Some(_), _) => return Ok(None),
        (None, true) => {
            let counted = sqlx::query(COUNTED).bind(hold.external_id.as_str()).bind(hold.msisdn.as_str());
            counted.execute(connection).await?;
            return Ok(None);
        }
        (None, false) => {
            let release = NewRelease { id, hold: &hold, brand: &brand, reason: &reason };
            release.insert(connection, now, tell_within).await?;
        }
    }
    Ok(Some(delivery(id, hold.external_id, hold.msisdn)))
}

pub(super) async fn give_back_lost(
    connection: &mut SqliteConnection,
    now: Micros,
    id: ReservationId,
    reason: String,
    tell_within: Duration,
) -> Result<Option<Delivery>, sqlx::Error> {
    const RELEASING: &str = "
        update reservation
        set state = 'RELEASING', attempts = 0, last_error = $2, due_at = $3, updated_at = $4
        where id = $1 and state = 'HELD'
          and exists (
              select 1 from phone_number p where p.msisdn = reservation.msisdn and p.status = 'RESERVED'
          )
        returning external_id, msisdn";
    const RETURNED: &str = "
        update phone_number
        set status = 'RETURNED', assigned_sim_id = null, updated_at = $2
        where msisdn = $1 and status = 'RESERVED'";

    let row = sqlx::query(RELEASING)
        .bind(id.as_uuid())
        .bind(reason)
        .bind(now.after(tell_within))
        .bind(now.0)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let lost = delivery(id, parsed(&row, "external_id")?, parsed(&row, "msisdn")?);
    sqlx::query(RETURNED).bind(lost.hold.msisdn.as_str()).bind(now.0).execute(connection).await?;
    Ok(Some(lost))
}

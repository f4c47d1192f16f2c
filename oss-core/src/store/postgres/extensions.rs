//! Extensions on PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::lines::locked_numbers;
use crate::domain::{Extend, Extension, Msisdn, RACES, Reservation, Scope};
use crate::store::StoreError;
use crate::store::extensions::ExtensionStore;
use crate::store::lines::number_row;
use crate::store::live::live;
use crate::store::rows::DataRow;

#[async_trait]
impl ExtensionStore for PostgresStore {
    async fn extend(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        extension: Extension,
    ) -> Result<Extend, StoreError> {
        const SQL: &str = concat!(
            locked_numbers!("select $1::char(11) as msisdn, $2::text as brand, $3::text as older"),
            ", extended as (
                update reservation r
                set hold_expires_at = greatest(r.hold_expires_at, least(held.wished_end, r.created_at + held.at_most)),
                    due_at = greatest(r.hold_expires_at, least(held.wished_end, r.created_at + held.at_most)),
                    changed_by = $6, named_changes = r.named_changes + 1
                from (
                    select live_id, clock_timestamp() + make_interval(secs => $4) as wished_end,
                           make_interval(secs => $5) as at_most
                    from locked
                    where status = 'RESERVED' and unchanged and live_state = 'HELD' and (ordered or not live_due)
                ) held
                where r.id = held.live_id and r.state = 'HELD'
                returning r.hold_expires_at
            )
            select locked.*, (select hold_expires_at from extended) as expires_at
            from locked"
        );
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(msisdn.to_string())
                .bind(brand)
                .bind(older)
                .bind(extension.hold_for.as_secs_f64())
                .bind(extension.at_most.as_secs_f64())
                .bind(self.client())
        };
        let read =
            |row: &PgRow| Ok((number_row(row)?, row.flag("unchanged")?, row.maybe_time("expires_at")?));
        for _ in 0..RACES {
            let Some((number, unchanged, expires_at)) = self.connections.maybe(statement, read).await? else {
                return Ok(Extend::Unknown);
            };
            match (number.extend_refusal(), expires_at) {
                (Some(answer), _) if unchanged || scope.is_all_brands() => return Ok(answer),
                (None, Some(_)) => return Ok(Extend::Extended(Reservation::new(msisdn, expires_at))),
                // The number changed during the statement: read it and its owner again.
                _ => {}
            }
        }
        Ok(Extend::InFlight)
    }
}

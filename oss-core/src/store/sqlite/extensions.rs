//! Extensions on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{AttemptEvent, Extend, Extension, Msisdn, Reservation, Scope};
use crate::store::StoreError;
use crate::store::extensions::ExtensionStore;
use crate::store::rows::DataRow;

#[async_trait]
impl ExtensionStore for SqliteStore {
    async fn extend(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        extension: Extension,
    ) -> Result<Extend, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.extend(brands, msisdn, extension))).await
    }
}

impl Step<'_> {
    async fn extend(
        mut self,
        brands: [Option<String>; 2],
        msisdn: Msisdn,
        extension: Extension,
    ) -> Result<Extend, sqlx::Error> {
        const HOLD: &str = "select $2 as now, created_at, hold_expires_at from reservation where id = $1";
        const EXTENDED: &str = "
            update reservation
            set state = $2, hold_expires_at = $3, due_at = $3
            where id = $1 and state = $4";
        // A trigger does not know the time, and the row does not change its own.
        const TOLD: &str = "
            insert into event (recorded_at, kind, brand_id, client, changed_by, reservation_id, msisdn, state_before, state_after)
            select $2, 'number.extended', brand_id, client, $3, id, msisdn, state, state from reservation where id = $1";
        let Some(number) = self.number_row(brands, msisdn).await? else { return Ok(Extend::Unknown) };
        if let Some(answer) = number.extend_refusal() {
            return Ok(answer);
        }
        let extended = number.live.and_then(|live| Some((live.state.after(AttemptEvent::Extended)?, live)));
        let Some((next, live)) = extended else { return Ok(Extend::Endless) };
        let statement = sqlx::query(HOLD).bind(live.id.as_uuid()).bind(self.now.0);
        let read = |row: &_| {
            let time = |column| DataRow::time(row, column);
            let ended_at = time("hold_expires_at")?;
            Ok((ended_at, extension.end(time("now")?, time("created_at")?, ended_at)))
        };
        let (ended_at, ends_at): (DateTime<Utc>, _) = self.one(statement, read).await?;
        let statement = sqlx::query(EXTENDED).bind(live.id.as_uuid()).bind(next.as_str());
        self.run(statement.bind(ends_at.timestamp_micros()).bind(live.state.as_str())).await?;
        if ends_at != ended_at {
            let told = sqlx::query(TOLD).bind(live.id.as_uuid()).bind(self.now.0).bind(self.client());
            self.run(told).await?;
        }
        Ok(Extend::Extended(Reservation::new(msisdn, Some(ends_at))))
    }
}

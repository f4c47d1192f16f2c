//! SIMs as they are stored, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;

use super::PostgresStore;
use crate::domain::{
    Association, CodeAnswer, CodeReading, CodeRow, Msisdn, ProfileRecorded, ProfileReport, ProfileState,
    RACES, Scope, SilentProfile, Sim, SimFilter, SimId, SimRecord,
};
use crate::store::StoreError;
use crate::store::rows::DataRow;
use crate::store::sim_records::{
    CODE_READS, PROFILE, REPORTS, SIM, Searched, SimStore, association, code_read, code_row, profile_row,
    report, search, silent, sim,
};

#[async_trait]
impl SimStore for PostgresStore {
    async fn sim(&self, scope: Scope<'_>, id: SimId) -> Result<Option<SimRecord>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(SIM).bind(id.as_uuid()).bind(brand).bind(older);
        let Some(sim) = self.connections.maybe(statement, sim).await? else { return Ok(None) };
        let code_reads =
            self.connections.all(|| sqlx::query(CODE_READS).bind(id.as_uuid()), code_read).await?;
        let profile_reports =
            self.connections.all(|| sqlx::query(REPORTS).bind(id.as_uuid()), report).await?;
        Ok(Some(SimRecord { sim, code_reads, profile_reports }))
    }

    async fn find_sims(&self, scope: Scope<'_>, filter: &SimFilter) -> Result<Vec<Sim>, StoreError> {
        let [brand, older] = scope.parameters();
        let (sql, searched) = search(filter);
        let statement = || {
            let statement = sqlx::query(sql);
            let statement = match &searched {
                Searched::Text(text) => statement.bind(text.clone()),
                Searched::Id(id) => statement.bind(*id),
            };
            statement.bind(brand).bind(older)
        };
        self.connections.all(statement, sim).await
    }

    async fn read_code(&self, scope: Scope<'_>, reading: &CodeReading) -> Result<CodeAnswer, StoreError> {
        // The count of reads is in the SIM's own row, so that two reads at once cannot exceed it.
        const SQL: &str = "
            with counted as (
                update sim
                set code_reads = code_reads + 1, silent_since = coalesce(silent_since, clock_timestamp())
                where id = $1 and ($2::text is null or carrier_tag in ($2, $3)) and status = 'ACTIVE'
                  and coalesce(profile_state, 'RELEASED') in ('RELEASED', 'DOWNLOADED') and code_reads < $5
                  and created_at > clock_timestamp() - make_interval(secs => $6)
                  and exists (select from esim e where e.sim_id = $1 and e.matching_id is not null)
                returning id
            ), recorded as (
                insert into activation_read (sim_id, client) select id, $4 from counted
            )
            select s.status, s.profile_state, e.matching_id, e.smdp_plus_address,
                   exists (select from counted) as within_limits
            from sim s
            left join esim e on e.sim_id = s.id
            where s.id = $1 and ($2::text is null or s.carrier_tag in ($2, $3))";
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(reading.sim.as_uuid())
                .bind(brand)
                .bind(older)
                .bind(reading.client.as_str())
                .bind(i64::from(reading.limits.reads))
                .bind(reading.limits.age.as_secs_f64())
        };
        let found = self.connections.maybe(statement, code_row).await?;
        Ok(found.map_or(CodeAnswer::Unknown, CodeRow::answer))
    }

    async fn record_profile(&self, told: &ProfileReport) -> Result<ProfileRecorded, StoreError> {
        const SQL: &str = "
            with told as (
                update sim
                set updated_at = case when $5 then clock_timestamp() else updated_at end,
                    profile_state = case when $5 then $2 else profile_state end,
                    profile_reported_at = greatest(profile_reported_at, $3), changed_by = $9,
                    named_changes = named_changes + 1,
                    silent_since = case when silent_since is null or $5 and $2 <> 'DOWNLOADED' then null else clock_timestamp() end
                where id = $1 and profile_state is not distinct from $6 and profile_reported_at is not distinct from $7
                returning true
            ), kept as (
                insert into profile_report (sim_id, state, reported_at, reason, applied)
                select $1, $2, $3, $4, $5 from told
                on conflict (sim_id, state, reported_at) do nothing
            ), placed as (
                update esim set eid = $8 from told where sim_id = $1 and $8 is not null
            )
            select exists (select from told) as written";
        for _ in 0..RACES {
            let statement =
                || sqlx::query(PROFILE).bind(told.sim.as_uuid()).bind(told.state.as_str()).bind(told.at);
            let Some(before) = self.connections.maybe(statement, profile_row).await? else {
                return Ok(ProfileRecorded::Unknown);
            };
            if before.is_repeated {
                return Ok(ProfileRecorded::Kept);
            }
            let applies = told.applies_to(&before);
            let statement = || {
                sqlx::query(SQL)
                    .bind(told.sim.as_uuid())
                    .bind(told.state.as_str())
                    .bind(told.at)
                    .bind(told.reason.as_deref())
                    .bind(applies)
                    .bind(before.state.map(ProfileState::as_str))
                    .bind(before.reported_at)
                    .bind(told.current_chip(&before).map(ToString::to_string))
                    .bind(self.client())
            };
            if self.connections.one(statement, |row| row.flag("written")).await? {
                return Ok(if applies { ProfileRecorded::Applied } else { ProfileRecorded::Kept });
            }
            // Another report came meanwhile: read again.
        }
        Err(StoreError::unavailable("the profile kept changing"))
    }

    async fn claim_silent(&self, limit: u32, silent_for: Duration) -> Result<Vec<SilentProfile>, StoreError> {
        const SQL: &str = "
            with silent as materialized (
                select id
                from sim
                where silent_since <= now() - make_interval(secs => $2)
                order by silent_since
                limit $1
                for update skip locked
            )
            update sim s
            set silent_since = case when s.status = 'ACTIVE' then clock_timestamp() end
            from silent
            where s.id = silent.id
            returning s.id, s.profile_state, clock_timestamp() as asked_at, s.status = 'ACTIVE' as active";
        let statement = || sqlx::query(SQL).bind(i64::from(limit)).bind(silent_for.as_secs_f64());
        Ok(self.connections.all(statement, silent).await?.into_iter().flatten().collect())
    }

    async fn associations(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Vec<Association>, StoreError> {
        const SQL: &str = "
            select h.sim_id, h.line_id, h.created_at
            from association_history h
            join sim s on s.id = h.sim_id
            where h.msisdn = $1::char(11) and ($2::text is null or s.carrier_tag in ($2, $3))
            order by h.id desc";
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older);
        self.connections.all(statement, association).await
    }
}

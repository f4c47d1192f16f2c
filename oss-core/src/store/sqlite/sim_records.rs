//! SIMs as they are stored, on SQLite.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    Association, CodeAnswer, CodeReading, Msisdn, ProfileRecorded, ProfileReport, Scope, SilentProfile, Sim,
    SimFilter, SimId, SimRecord,
};
use crate::store::StoreError;
use crate::store::sim_records::{
    CODE_READS, PROFILE, REPORTS, SIM, Searched, SimStore, association, code_read, code_row, profile_row,
    report, search, silent, sim,
};

#[async_trait]
impl SimStore for SqliteStore {
    async fn sim(&self, scope: Scope<'_>, id: SimId) -> Result<Option<SimRecord>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SIM).bind(id.as_uuid()).bind(brand).bind(older);
        let Some(sim) = self.connections.maybe(statement, sim).await? else { return Ok(None) };
        let code_reads = self.connections.all(sqlx::query(CODE_READS).bind(id.as_uuid()), code_read).await?;
        let profile_reports = self.connections.all(sqlx::query(REPORTS).bind(id.as_uuid()), report).await?;
        Ok(Some(SimRecord { sim, code_reads, profile_reports }))
    }

    async fn find_sims(&self, scope: Scope<'_>, filter: &SimFilter) -> Result<Vec<Sim>, StoreError> {
        let [brand, older] = scope.parameters();
        let (sql, searched) = search(filter);
        let statement = match searched {
            Searched::Text(text) => sqlx::query(sql).bind(text),
            Searched::Id(id) => sqlx::query(sql).bind(id),
        };
        self.connections.all(statement.bind(brand).bind(older), sim).await
    }

    async fn read_code(&self, scope: Scope<'_>, reading: &CodeReading) -> Result<CodeAnswer, StoreError> {
        let (brands, reading) = (scope.owned_parameters(), reading.clone());
        self.connections.write(move |step| Box::pin(step.read_code(brands, reading))).await
    }

    async fn record_profile(&self, told: &ProfileReport) -> Result<ProfileRecorded, StoreError> {
        let told = told.clone();
        self.connections.write(move |step| Box::pin(step.record_profile(told))).await
    }

    async fn claim_silent(&self, limit: u32, silent_for: Duration) -> Result<Vec<SilentProfile>, StoreError> {
        self.connections.write(move |step| Box::pin(step.claim_silent(limit, silent_for))).await
    }

    async fn associations(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Vec<Association>, StoreError> {
        const SQL: &str = "
            select h.sim_id, h.line_id, h.created_at
            from association_history h
            join sim s on s.id = h.sim_id
            where h.msisdn = $1 and ($2 is null or s.carrier_tag in ($2, $3))
            order by h.id desc";
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(brand).bind(older);
        self.connections.all(statement, association).await
    }
}

impl Step<'_> {
    async fn read_code(
        mut self,
        [brand, older]: [Option<String>; 2],
        reading: CodeReading,
    ) -> Result<CodeAnswer, sqlx::Error> {
        const SQL: &str = "
            select s.status, s.profile_state, e.matching_id, e.smdp_plus_address,
                   s.code_reads < $4 and s.created_at > $5 as within_limits
            from sim s
            left join esim e on e.sim_id = s.id
            where s.id = $1 and ($2 is null or s.carrier_tag in ($2, $3))";
        const COUNTED: &str = "update sim set code_reads = code_reads + 1, silent_since = coalesce(silent_since, $2) where id = $1";
        const RECORDED: &str = "insert into activation_read (sim_id, client, read_at) values ($1, $2, $3)";

        let id = reading.sim.as_uuid();
        let statement = sqlx::query(SQL)
            .bind(id)
            .bind(brand)
            .bind(older)
            .bind(i64::from(reading.limits.reads))
            .bind(self.now.before(reading.limits.age));
        let Some(row) = self.maybe(statement, code_row).await? else { return Ok(CodeAnswer::Unknown) };
        let answer = row.answer();
        if matches!(answer, CodeAnswer::Code(_)) {
            self.run(sqlx::query(COUNTED).bind(id).bind(self.now.0)).await?;
            let statement = sqlx::query(RECORDED).bind(id).bind(reading.client.as_str());
            self.run(statement.bind(self.now.0)).await?;
        }
        Ok(answer)
    }

    async fn claim_silent(
        mut self,
        limit: u32,
        silent_for: Duration,
    ) -> Result<Vec<SilentProfile>, sqlx::Error> {
        const SQL: &str = "
            update sim
            set silent_since = case when status = 'ACTIVE' then $1 end
            where id in (
                select id from sim where silent_since <= $2 order by silent_since limit $3
            )
            returning id, profile_state, $1 as asked_at, status = 'ACTIVE' as active";
        let statement =
            sqlx::query(SQL).bind(self.now.0).bind(self.now.before(silent_for)).bind(i64::from(limit));
        Ok(self.all(statement, silent).await?.into_iter().flatten().collect())
    }

    async fn record_profile(mut self, told: ProfileReport) -> Result<ProfileRecorded, sqlx::Error> {
        const TOLD: &str = "
            update sim
            set updated_at = case when $2 then $5 else updated_at end,
                profile_state = case when $2 then $3 else profile_state end,
                profile_reported_at = max(coalesce(profile_reported_at, $4), $4),
                silent_since = case when silent_since is null or $2 and $3 <> 'DOWNLOADED' then null else $5 end,
                changed_by = $6, named_changes = named_changes + 1
            where id = $1";
        const PLACED: &str = "update esim set eid = $2 where sim_id = $1";
        const REPORT: &str = "
            insert into profile_report (sim_id, state, reported_at, reason, applied, received_at)
            values ($1, $2, $3, $4, $5, $6)";

        let id = told.sim.as_uuid();
        let statement = sqlx::query(PROFILE).bind(id).bind(told.state.as_str());
        let statement = statement.bind(told.at.timestamp_micros());
        let Some(before) = self.maybe(statement, profile_row).await? else {
            return Ok(ProfileRecorded::Unknown);
        };
        if before.is_repeated {
            return Ok(ProfileRecorded::Kept);
        }
        let applies = told.applies_to(&before);
        let statement = sqlx::query(TOLD).bind(id).bind(applies).bind(told.state.as_str());
        self.run(statement.bind(told.at.timestamp_micros()).bind(self.now.0).bind(self.client())).await?;
        if let Some(eid) = told.current_chip(&before) {
            self.run(sqlx::query(PLACED).bind(id).bind(eid.to_string())).await?;
        }
        let statement = sqlx::query(REPORT)
            .bind(id)
            .bind(told.state.as_str())
            .bind(told.at.timestamp_micros())
            .bind(told.reason)
            .bind(applies)
            .bind(self.now.0);
        self.run(statement).await?;
        Ok(if applies { ProfileRecorded::Applied } else { ProfileRecorded::Kept })
    }
}

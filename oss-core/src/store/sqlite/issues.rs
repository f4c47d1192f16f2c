//! SIMs that GSIM issued, on SQLite.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;

use super::connections::Step;
use crate::domain::{
    AttemptEvent, AttemptState, IssuedOrder, IssuedSim, LineId, OrderLease, SimDelivery, SimId, WantedSim,
};
use crate::store::rows::DataRow;

impl Step<'_> {
    pub(super) async fn issue(
        mut self,
        lease: OrderLease,
        issued: IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, sqlx::Error> {
        const STATE: &str = "
            select o.state, o.attempts, o.line_id,
                   exists (select 1 from sim s where s.iccid = $2 and s.status = 'ACTIVE') as has_iccid
            from sim_order o
            where o.id = $1";
        const HELD: &str = "
            update sim_order
            set state = $2, due_at = null, last_error = null, updated_at = $3, changed_by = $4, named_changes = named_changes + 1
            where id = $1";

        let id = lease.order.as_uuid();
        let read = |row: &SqliteRow| {
            let state: AttemptState = row.parsed("state")?;
            Ok((state, row.attempts("attempts")?, row.id::<LineId>("line_id")?, row.flag("has_iccid")?))
        };
        let statement = sqlx::query(STATE).bind(id).bind(issued.iccid.to_string());
        let Some((state, attempts, line, has_iccid)) = self.maybe(statement, read).await? else {
            return Ok(IssuedOrder::Missing);
        };
        let Some(next) = state.after(AttemptEvent::Confirmed) else {
            let own = SimDelivery { attempts, ..lease.delivery() };
            return Ok(match state {
                AttemptState::Cancelling | AttemptState::Rejected => IssuedOrder::GivenUp(Some(own)),
                AttemptState::Releasing | AttemptState::Released => IssuedOrder::GivenUp(None),
                _ => IssuedOrder::Issued(None),
            });
        };
        if has_iccid {
            return Ok(IssuedOrder::IccidInUse);
        }
        let statement = sqlx::query(HELD).bind(id).bind(next.as_str()).bind(self.now.0);
        self.run(statement.bind(self.client())).await?;
        self.store_sim(&lease, &issued, line).await?;
        self.put_on_line(&lease, line).await?;
        match lease.replaces {
            Some(replaced) => {
                Ok(IssuedOrder::Issued(self.deprogram(replaced, lease.msisdn, deliver_within).await?))
            }
            None => Ok(IssuedOrder::Issued(None)),
        }
    }

    async fn store_sim(
        &mut self,
        lease: &OrderLease,
        issued: &IssuedSim,
        line: LineId,
    ) -> Result<(), sqlx::Error> {
        const SIM: &str = "
            insert into sim (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status, profile_state,
                             created_at, updated_at, changed_by)
            values ($1, $2, $3, $4, $5, $6, $7, 'ACTIVE', $8, $9, $9, $10)";
        const ESIM: &str = "
            insert into esim (sim_id, matching_id, smdp_plus_address, device_model_hash) values ($1, $2, $3, $4)";
        const CARD: &str = "
            insert into sim_card (sim_id, hrs_imsi, delivery_address_hash) values ($1, $2, $3)";

        let id = lease.order.as_uuid();
        let [profile_state, matching_id, address, hrs_imsi] = issued.columns();
        let statement = sqlx::query(SIM)
            .bind(id)
            .bind(issued.iccid.to_string())
            .bind(lease.brand.as_str())
            .bind(line.as_uuid())
            .bind(issued.imsi.to_string())
            .bind(lease.wanted.sim_type().as_str())
            .bind(lease.technology.as_str())
            .bind(profile_state)
            .bind(self.now.0)
            .bind(self.client());
        self.run(statement).await?;
        let statement = match &lease.wanted {
            WantedSim::Esim(device) => {
                sqlx::query(ESIM).bind(id).bind(matching_id).bind(address).bind(device.to_string())
            }
            WantedSim::Card { address, .. } => {
                sqlx::query(CARD).bind(id).bind(hrs_imsi).bind(address.to_string())
            }
        };
        self.run(statement).await.map(drop)
    }

    async fn put_on_line(&mut self, lease: &OrderLease, line: LineId) -> Result<(), sqlx::Error> {
        const HOLD: &str = "
            update reservation
            set state = 'ASSIGNED', due_at = null, order_id = null, updated_at = $2, changed_by = $3,
                named_changes = named_changes + 1
            where order_id = $1 and state in ('HELD', 'ASSIGNED')";
        const NUMBER: &str = "
            update phone_number
            set status = 'IN_USE', assigned_sim_id = $2, shares_sim = 0, assigned_at = $4, updated_at = $4
            where msisdn = $1 and status in ('RESERVED', 'IN_USE') and assigned_sim_id is $3";
        const HISTORY: &str = "
            insert into association_history (msisdn, sim_id, line_id, created_at) values ($1, $2, $3, $4)";

        let (id, msisdn) = (lease.order.as_uuid(), lease.msisdn.as_str());
        self.run(sqlx::query(HOLD).bind(id).bind(self.now.0).bind(self.client())).await?;
        let number = sqlx::query(NUMBER).bind(msisdn).bind(id).bind(lease.replaces.map(SimId::as_uuid));
        self.run(number.bind(self.now.0)).await?;
        let history = sqlx::query(HISTORY).bind(msisdn).bind(id).bind(line.as_uuid());
        self.run(history.bind(self.now.0)).await.map(drop)
    }
}

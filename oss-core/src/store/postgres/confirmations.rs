//! The confirmation of attempts, on PostgreSQL: one statement for the callers that wait at the same time.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::attempts::reserve_numbers;
use super::connections::{Connections, column};
use crate::domain::{AttemptState, Confirmed, Delivery, Lease, Reservation, ReservationId, delivery};
use crate::store::batch::{Answers, Key, Member};
use crate::store::rows::DataRow;

/// The confirmation that Sigan holds the number of a lease.
#[derive(Debug)]
pub(in crate::store) struct Confirmation {
    pub(super) lease: Lease,
    pub(super) hold_for: Duration,
    /// The id of the row that releases the hold, if the attempt was given up.
    pub(super) release: ReservationId,
    /// The client whose call it is.
    pub(super) client: Option<String>,
}

impl Member for Confirmation {
    type Engine = Connections;
    /// None if the attempt has no row. The inner one is none if another call settled the row first, so that the confirmation is to be
    /// executed again.
    type Answer = Option<Option<Confirmed>>;

    fn keys(&self) -> Vec<Key> {
        // The external id stands for the preview, of which at most one attempt may get a row.
        let Lease { reservation, hold, .. } = &self.lease;
        vec![Key::of(reservation), Key::of(hold.msisdn), Key::of(&hold.external_id)]
    }

    async fn run(connections: &Connections, confirmations: &[Self]) -> Answers<Self::Answer> {
        // A hold that is confirmed after its attempt was given up gets a row of its own, so that it is released at Sigan. The row
        // carries the preview, unless the preview has another attempt by now. If another attempt works on the same hold, that
        // attempt has to end it.
        const SQL: &str = concat!(
            "
            with member as (
                select *
                from unnest((select $1::uuid[]), (select $2::float8[]), (select $3::uuid[]), (select $4::text[]))
                     with ordinality as m (id, hold_for, release_id, client, nr)
            ), held as (
                update reservation r
                set state = 'HELD', last_error = null, updated_at = clock_timestamp(),
                    changed_by = member.client, named_changes = r.named_changes + 1,
                    hold_expires_at = clock_timestamp() + make_interval(secs => member.hold_for),
                    due_at = clock_timestamp() + make_interval(secs => member.hold_for)
                from (select * from member order by id) member
                where r.id = member.id and r.state in ('PENDING', 'IN_DOUBT')
                returning r.id, r.msisdn, r.preview_id, r.hold_expires_at
            ), ",
            reserve_numbers!("held"),
            ", given_up as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error,
                                         changed_by)
                select member.release_id,
                       case when not exists (
                           select from reservation other
                           where other.preview_id = r.preview_id and other.state <> 'REJECTED'
                       ) then r.preview_id end,
                       r.external_id, r.brand_id, r.msisdn, 'RELEASING', clock_timestamp(), 0, 'confirmed too late',
                       member.client
                from member
                join reservation r on r.id = member.id
                where r.state = 'REJECTED'
                order by r.id
                on conflict do nothing
                returning id
            )
            select member.nr, r.state, r.attempts, coalesce(r.due_at <= clock_timestamp(), false) and r.order_id is null as due,
                   held.id is not null as held, coalesce(held.hold_expires_at, r.hold_expires_at) as hold_expires_at,
                   exists (select from given_up where given_up.id = member.release_id)
                   or exists (select from reservation release where release.id = member.release_id) as given_up
            from member
            join reservation r on r.id = member.id
            left join held on held.id = member.id"
        );
        let statement = || {
            sqlx::query(SQL)
                .bind(column(confirmations, |confirmation| confirmation.lease.reservation.as_uuid()))
                .bind(column(confirmations, |confirmation| confirmation.hold_for.as_secs_f64()))
                .bind(column(confirmations, |confirmation| confirmation.release.as_uuid()))
                .bind(column(confirmations, |confirmation| confirmation.client.as_deref()))
        };
        let read = |at: usize, row: &PgRow| confirmations[at].outcome(row);
        connections.each(confirmations.len(), statement, read).await
    }
}

impl Confirmation {
    /// Reads the outcome of a confirmation. Returns none if another call settled the row first, so that the statement is to be run
    /// again.
    fn outcome(&self, row: &PgRow) -> Result<Option<Confirmed>, sqlx::Error> {
        let Lease { reservation, hold, .. } = self.lease.clone();
        let expires_at = row.maybe_time("hold_expires_at")?;
        if row.flag("held")? {
            return Ok(Some(Confirmed::Held(Reservation::new(hold.msisdn, expires_at))));
        }
        let state: AttemptState = row.parsed("state")?;
        let reservation_now = Reservation::new(hold.msisdn, state.end_of_hold(expires_at));
        Ok(match state {
            AttemptState::Held if row.flag("due")? => Some(Confirmed::Released),
            AttemptState::Held | AttemptState::Assigned => Some(Confirmed::Held(reservation_now)),
            AttemptState::Cancelling => {
                Some(Confirmed::GivenUp(Delivery { reservation, hold, attempts: row.attempts("attempts")? }))
            }
            AttemptState::Rejected if row.flag("given_up")? => {
                Some(Confirmed::GivenUp(delivery(self.release, hold.external_id, hold.msisdn)))
            }
            AttemptState::Releasing | AttemptState::Released | AttemptState::Rejected => {
                Some(Confirmed::Released)
            }
            AttemptState::Pending | AttemptState::InDoubt => None,
        })
    }
}

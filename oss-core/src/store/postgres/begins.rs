//! The begin of attempts at numbers of previews, on PostgreSQL: one statement for the callers that wait at the same time.

use super::connections::{Connections, column};
use crate::domain::{Choice, Intent, PreviewId, PreviewRow, ReservationId};
use crate::store::attempts::preview_row;
use crate::store::batch::{Answers, Key, Member};
use crate::store::live::live;
use crate::store::rows::DataRow;

/// The wish of a caller to begin an attempt at a number of a preview.
#[derive(Debug)]
pub(in crate::store) struct Wish {
    pub(super) brands: [Option<String>; 2],
    pub(super) id: ReservationId,
    pub(super) preview: PreviewId,
    pub(super) choice: Choice,
    pub(super) intent: Intent,
}

impl Member for Wish {
    type Engine = Connections;
    type Answer = Option<(PreviewRow, bool)>;

    fn keys(&self) -> Vec<Key> {
        // Two members may begin with the same number of two previews. The index on live numbers lets one of them write.
        vec![Key::of(self.preview)]
    }

    async fn run(connections: &Connections, wishes: &[Self]) -> Answers<Self::Answer> {
        // Numbers and then older attempts are written in the order of their keys, so that two batches do not wait for each other.
        const SQL: &str = concat!("
            with member as (
                select *
                from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::int4[]), (select $4::float8[]),
                            (select $5::text[]), (select $6::text[]))
                     with ordinality as m (lease_id, preview_id, choice, lease_for, brand, older, nr)
            ), target as (
                select member.nr, member.lease_id, member.preview_id, member.lease_for,
                       p.external_id, p.brand_id, p.expires_at > clock_timestamp() as open,
                       p.reserved_msisdn is not null as gave_before, n.msisdn, number.status,
                       own.id as own_id, own.msisdn as own_msisdn, own.state as own_state, own.attempts as own_attempts,
                       own.due_at <= clock_timestamp() and own.order_id is null as own_due, own.hold_expires_at as own_expires_at,
                       own.lease_id = member.lease_id as own_leased,
                       others.other_live, others.other_unsettled, others.other_ending
                from member
                join preview p
                    on p.id = member.preview_id and (member.brand is null or p.brand_id in (member.brand, member.older))
                left join preview_number n on n.preview_id = p.id and n.index = member.choice
                left join phone_number number on number.msisdn = n.msisdn
                left join reservation own on own.preview_id = p.id and own.state <> 'REJECTED'
                left join lateral (
                    select bool_or(", live!("r.state"), ") as other_live,
                           bool_or(r.state in ('PENDING', 'IN_DOUBT')) as other_unsettled,
                           bool_or(r.state in ('RELEASING', 'CANCELLING') and r.external_id = p.external_id) as other_ending
                    from reservation r
                    where r.msisdn = n.msisdn and r.preview_id is distinct from p.id
                      and r.state not in ('RELEASED', 'REJECTED')
                ) others on true
            ), started as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, lease_id)
                select lease_id, preview_id, external_id, brand_id, msisdn, 'PENDING',
                       clock_timestamp() + make_interval(secs => lease_for), lease_id
                from target
                where lease_for is not null and own_id is null and open and msisdn is not null and not gave_before
                  and not coalesce(other_live or other_ending, false) and coalesce(status, 'RETURNED') = 'RETURNED'
                order by msisdn, nr
                on conflict do nothing
                returning lease_id
            ), resumed as (
                update reservation r
                set state = 'PENDING', attempts = r.attempts + 1, updated_at = clock_timestamp(), lease_id = target.lease_id,
                    due_at = clock_timestamp() + make_interval(secs => target.lease_for)
                from (select * from target order by own_id) target
                where target.lease_for is not null and r.id = target.own_id and not coalesce(target.own_leased, false)
                  and r.msisdn = target.msisdn and r.attempts = target.own_attempts
                  and (r.state = 'IN_DOUBT' or r.state = 'PENDING' and r.due_at <= clock_timestamp())
                  and (select count(*) from started) >= 0
                returning r.lease_id
            )
            select target.*, lease_id in (select lease_id from started union all select lease_id from resumed) as written
            from target");
        let statement = || {
            sqlx::query(SQL)
                .bind(column(wishes, |wish| wish.id.as_uuid()))
                .bind(column(wishes, |wish| wish.preview.as_uuid()))
                .bind(column(wishes, |wish| i32::from(wish.choice.get())))
                .bind(column(wishes, |wish| wish.intent.lease().map(|lease| lease.as_secs_f64())))
                .bind(column(wishes, |wish| wish.brands[0].as_deref()))
                .bind(column(wishes, |wish| wish.brands[1].as_deref()))
        };
        connections
            .each(wishes.len(), statement, |_, row| Ok((preview_row(row)?, row.flag("written")?)))
            .await
    }
}

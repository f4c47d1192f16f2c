-- The same on SQLite. See the PostgreSQL migration of the same name for what each column and index is for.

alter table reservation add column lease_id blob;

alter table reservation add column set_aside text;

create unique index reservation_lease on reservation (lease_id) where state = 'PENDING';

create index reservation_set_aside on reservation (id) where set_aside is not null;

update reservation
set state = case state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end, due_at = null,
    last_error = 'another attempt has the hold'
where state in ('RELEASING', 'CANCELLING')
  and exists (
      select 1 from reservation other
      where other.external_id = reservation.external_id and other.msisdn = reservation.msisdn
        and (
            other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
            or other.state in ('RELEASING', 'CANCELLING') and other.id < reservation.id
        )
  );

create unique index reservation_hold on reservation (external_id, msisdn) where state not in ('RELEASED', 'REJECTED');

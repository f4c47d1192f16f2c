-- Counts of the changes in each hour, the number of the batch of draws that each process stored last, the EIDs of phones, and places of
-- another server among the events.

-- The events of each hour, brand and kind. The statement that counts the states counts them too, and moves the same place, so each event
-- is counted once.
create table hourly_changes (
    hour     timestamptz not null,
    brand_id varchar(64) not null,
    kind     varchar(32) not null,
    changes  bigint not null,
    primary key (hour, brand_id, kind)
);

-- A server of the older version may move the place while this runs. Then it waits.
lock table counted_events in exclusive mode;

insert into hourly_changes (hour, brand_id, kind, changes)
select date_trunc('hour', e.recorded_at, 'UTC'), e.brand_id, e.kind, count(*)
from event e, counted_events place
where (e.transaction_id, e.position) <= (place.transaction_id, place.position)
  and e.recorded_at > now() - interval '2 days'
group by 1, 2, 3;

-- The batch of draws that each process stored last. A batch is repeated if its answer was lost, and is added once.
create table draw_batch (
    process_id uuid primary key,
    batch      bigint not null,
    stored_at  timestamptz not null
);

create index draw_batch_stored_at on draw_batch (stored_at);

-- The chip that GSIM reported for a profile.
alter table esim add eid varchar(32);

create index esim_eid on esim (eid) where eid is not null;

-- The orders that are not settled, by age.
create index sim_order_age on sim_order (carrier_tag, state, created_at, id)
    where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

-- Readers whose places are kept here must find the events that are yet to come. A restored dump may have such places without the events
-- before them, from a server whose transactions had higher numbers. So the numbers go on after these places too.
create or replace function event_transaction() returns bigint language plpgsql as $$
declare
    latest bigint := greatest(
        (select max(transaction_id) from event),
        (select transaction_id from counted_events),
        (select max(transaction_id) from webhook)
    );
    next   bigint := greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint + 1);
begin
    if latest >= next + (select added from event_offset) then
        update event_offset set added = latest + 1 where latest >= next + added;
    end if;
    return pg_current_xact_id()::text::bigint + (select added from event_offset);
end $$;

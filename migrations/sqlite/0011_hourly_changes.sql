-- The SQLite form of the PostgreSQL migration of the same name, which says what each table and column is for. The positions of events
-- always grow here, also in a copy of the file.

create table hourly_changes (
    hour     integer not null,
    brand_id text not null,
    kind     text not null,
    changes  integer not null,
    primary key (hour, brand_id, kind)
) strict;

insert into hourly_changes (hour, brand_id, kind, changes)
select recorded_at - recorded_at % 3600000000, brand_id, kind, count(*)
from event
where position <= (select position from counted_events) and recorded_at > (unixepoch() - 2 * 86400) * 1000000
group by 1, 2, 3;

create table draw_batch (
    process_id blob primary key,
    batch      integer not null,
    stored_at  integer not null
) strict;

create index draw_batch_stored_at on draw_batch (stored_at);

alter table esim add column eid text;

create index esim_eid on esim (eid) where eid is not null;

create index sim_order_age on sim_order (state, created_at, id)
    where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

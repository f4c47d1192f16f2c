-- The SQLite form of the PostgreSQL migration of the same name, which says what each table and column is for.

create table attempt_count (
    brand_id text not null,
    ddd      text not null,
    state    text not null,
    attempts integer not null,
    primary key (brand_id, ddd, state)
) strict;

create table counted_events (
    position integer not null,
    only_one integer primary key default 1 check (only_one = 1)
) strict;

insert into counted_events (position) select coalesce(max(position), 0) from event;

insert into attempt_count (brand_id, ddd, state, attempts)
select brand_id, substr(msisdn, 1, 2), case when state = 'PENDING' then 'IN_DOUBT' else state end, count(*)
from reservation
where state <> 'PENDING' or attempts > 1
group by 1, 2, 3;

create table draw_count (
    hour      integer not null,
    ddd       text not null,
    draws     integer not null,
    none_left integer not null,
    primary key (hour, ddd)
) strict;

create table last_audit (
    brand_id    text primary key,
    finished_at integer not null,
    differences integer not null
) strict;

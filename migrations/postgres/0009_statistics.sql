-- Counts that are kept and not scanned: of attempts by brand, area code and state; of draws by area code and hour; and the latest audits.

-- The attempts in each state, as the events up to the place below say. The statement that moves the place counts the events that it passes,
-- so each event is counted once.
create table attempt_count (
    brand_id varchar(64) not null,
    ddd      char(2) not null,
    state    varchar(16) not null,
    attempts bigint not null,
    primary key (brand_id, ddd, state)
);

create table counted_events (
    transaction_id bigint not null,
    position       bigint not null,
    only_one       boolean primary key default true check (only_one)
);

-- Servers of the older version may write while this runs. One snapshot says which changes are in the tables already: their events from
-- the first running transaction on will be counted later, so they are left out now.
with running as materialized (
    select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + added as first from event_offset
), placed as (
    insert into counted_events (transaction_id, position) select first, 0 from running
), known as (
    select brand_id, left(msisdn, 2) as ddd, event_state(state, attempts) as state, 1 as change from reservation
    union all
    select brand_id, left(msisdn, 2), state_after, -1 from event, running
    where reservation_id is not null and transaction_id >= first
    union all
    select brand_id, left(msisdn, 2), state_before, 1 from event, running
    where reservation_id is not null and transaction_id >= first
)
insert into attempt_count (brand_id, ddd, state, attempts)
select brand_id, ddd, state, sum(change) from known
where state <> 'PENDING'
group by brand_id, ddd, state;

-- How many numbers Sigan was asked for, and how often it had none left.
create table draw_count (
    hour      timestamptz not null,
    ddd       char(2) not null,
    draws     bigint not null,
    none_left bigint not null,
    primary key (hour, ddd)
);

-- The latest audit of each brand that compared everything.
create table last_audit (
    brand_id    varchar(64) primary key,
    finished_at timestamptz not null,
    differences bigint not null
);

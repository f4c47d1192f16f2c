-- Every change of what a number or a SIM is, in the order of the commits. Triggers write the events, so that no statement can forget
-- one and none exists without its change.

-- One row: added to PostgreSQL's own numbers of transactions, so that the numbers in `event` always grow. A restored dump brings events
-- of a server whose transactions may have had higher numbers.
create table event_offset (
    added    bigint not null default 0,
    only_one boolean primary key default true check (only_one)
);

insert into event_offset default values;

create table event (
    -- The transaction that made the change, and the position among the events of all transactions. A transaction may commit after one
    -- with a higher position, so a reader goes by both, and reads only transactions that are older than every running one.
    transaction_id bigint not null,
    position       bigint generated always as identity,
    id             uuid not null default gen_random_uuid(),
    recorded_at    timestamptz not null default clock_timestamp(),
    kind           varchar(32) not null,
    brand_id       varchar(64) not null,
    -- The client whose idempotency key began the attempt.
    client         varchar(64),
    reservation_id uuid,
    sim_id         uuid,
    msisdn         char(11),
    -- States of a reservation or an order, or of a profile, as the kind says. Null before the first one that is shown.
    state_before   varchar(16),
    state_after    varchar(16) not null,
    primary key (transaction_id, position)
);

-- The expiry of which `number.expiring` was written. Another expiry is a reason for another event.
alter table reservation add expiring_for timestamptz;

-- The holds whose expiry was not announced yet.
create index reservation_expiring on reservation (due_at) where state = 'HELD' and expiring_for is distinct from due_at;

-- The number of the current transaction in `event`. Only this transaction can have written a number from the end of the snapshot on, and
-- none after its own. If there is a later one, the events come from another server, and the numbers go on after it.
create function event_transaction() returns bigint language plpgsql as $$
declare
    latest bigint := (select max(transaction_id) from event);
    next   bigint := greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint + 1);
begin
    if latest >= next + (select added from event_offset) then
        update event_offset set added = latest + 1 where latest >= next + added;
    end if;
    return pg_current_xact_id()::text::bigint + (select added from event_offset);
end $$;

-- A state as readers of events see it. The states of a first call are not shown. While a later call asks again, the attempt is still in
-- doubt.
create function event_state(state text, attempts integer) returns text language sql immutable as $$
    select case when state = 'PENDING' and attempts > 1 then 'IN_DOUBT' else state end
$$;

create function number_event_kind(before text, after text, reason text) returns text language sql immutable as $$
    select case
        when after = 'HELD' then 'number.reserved'
        when after = 'IN_DOUBT' then 'number.in_doubt'
        when after = 'ASSIGNED' then 'number.assigned'
        when after = 'RELEASING' and before = 'ASSIGNED' then 'line.ended'
        when after = 'RELEASING' and reason = 'abandoned' then 'number.expired'
        when after = 'RELEASING' then 'number.released'
        when after = 'RELEASED' then 'number.returned'
        when after = 'CANCELLING' then 'number.cancelled'
        else 'number.rejected'
    end
$$;

create function sim_event_kind(after text) returns text language sql immutable as $$
    select case after
        when 'HELD' then 'sim.issued'
        when 'IN_DOUBT' then 'sim.in_doubt'
        when 'RELEASING' then 'sim.ended'
        when 'RELEASED' then 'sim.deprogrammed'
        when 'CANCELLING' then 'sim.cancelled'
        else 'sim.rejected'
    end
$$;

-- The triggers run with the rights of the owner of the tables, because a server or another program may have a role that knows nothing of
-- events. So nobody's temporary tables may stand before the real ones, and nobody else may use these functions.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

create function write_begun_reservation() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into event (transaction_id, kind, brand_id, client, reservation_id, sim_id, msisdn, state_after)
    values (event_transaction(), number_event_kind(null, new.state, new.last_error), new.brand_id, new.client, new.id,
            case new.state when 'ASSIGNED' then (select assigned_sim_id from phone_number where msisdn = new.msisdn) end,
            new.msisdn, new.state);
    return null;
end $$;

create trigger begun_reservation after insert on reservation
    for each row when (new.state <> 'PENDING') execute function write_begun_reservation();

-- One statement changes the reservations of many callers, so the events are written together. Without the setting, a plan that was made
-- for a few rows would be used for many.
create function write_changed_reservations() returns trigger language plpgsql security definer set search_path from current
set enable_nestloop = off as $$
begin
    if not exists (select from new_row) then
        return null;
    end if;
    with changed as materialized (
        select n.*, event_state(o.state, o.attempts) as state_before, event_state(n.state, n.attempts) as state_after,
               n.expiring_for is distinct from o.expiring_for as is_expiring
        from new_row n
        join old_row o on o.id = n.id
    ), told as materialized (
        select *, number_event_kind(state_before, state_after, last_error) as kind
        from changed
        where state_before <> state_after and state_after <> 'PENDING'
        union all
        select *, 'number.expiring' from changed where is_expiring and state_after = 'HELD'
    )
    insert into event (transaction_id, kind, brand_id, client, reservation_id, sim_id, msisdn, state_before, state_after)
    select (select event_transaction()), kind, brand_id, client, id,
           case state_after when 'ASSIGNED' then (select assigned_sim_id from phone_number p where p.msisdn = told.msisdn) end,
           msisdn, nullif(state_before, 'PENDING'), state_after
    from told
    order by id;
    return null;
end $$;

create trigger changed_reservations after update on reservation
    referencing old table as old_row new table as new_row
    for each statement execute function write_changed_reservations();

create function write_sim_order() returns trigger language plpgsql security definer set search_path from current as $$
declare
    before text := case tg_op when 'UPDATE' then event_state(old.state, old.attempts) end;
    after  text := event_state(new.state, new.attempts);
begin
    if after is distinct from before and after <> 'PENDING' then
        insert into event (transaction_id, kind, brand_id, client, sim_id, msisdn, state_before, state_after)
        values (event_transaction(), sim_event_kind(after), new.carrier_tag, new.client, new.id, new.msisdn,
                nullif(before, 'PENDING'), after);
    end if;
    return null;
end $$;

create trigger begun_sim_order after insert on sim_order
    for each row when (new.state <> 'PENDING') execute function write_sim_order();

create trigger changed_sim_order after update on sim_order
    for each row when (old.state <> new.state or old.attempts <> new.attempts) execute function write_sim_order();

create function write_profile() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into event (transaction_id, kind, brand_id, client, sim_id, msisdn, state_before, state_after)
    select event_transaction(),
           'sim.' || case new.profile_state when 'ERROR' then 'failed' when 'RELEASED' then 'available' else lower(new.profile_state) end,
           new.carrier_tag, o.client, new.id, o.msisdn, case tg_op when 'UPDATE' then old.profile_state end, new.profile_state
    from (select new.id) s
    left join sim_order o on o.id = s.id;
    return null;
end $$;

-- Other programs write `sim` too. They leave the state of the profile alone, which is ours.
create trigger begun_profile after insert on sim
    for each row when (new.profile_state <> 'RELEASED') execute function write_profile();

create trigger changed_profile after update of profile_state on sim
    for each row when (new.profile_state is not null and new.profile_state is distinct from old.profile_state)
    execute function write_profile();

revoke execute on function write_begun_reservation(), write_changed_reservations(), write_sim_order(), write_profile() from public;

-- Where events are delivered, and how far.
create table webhook (
    name            varchar(64) primary key,
    -- The last event that was delivered or passed over.
    transaction_id  bigint not null,
    position        bigint not null,
    -- The server that delivers, and until when nobody else does.
    lease_id        uuid,
    leased_until    timestamptz,
    -- Failures in a row.
    attempts        integer not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz not null default clock_timestamp(),
    last_error      text,
    delivered_at    timestamptz
);

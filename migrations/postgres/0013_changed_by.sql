-- Who made each change. The statement that changes a row names the client whose call it is, and the trigger copies the client into the
-- event. `named_changes` counts the statements that did so: a statement that leaves the count alone, as one of an older server, of the
-- sweep or of another program, made its change for no client, whatever the row says from before.

alter table reservation add changed_by varchar(64), add named_changes integer not null default 0;

alter table sim_order add changed_by varchar(64), add named_changes integer not null default 0;

alter table sim add changed_by varchar(64), add named_changes integer not null default 0;

-- The client whose call made the change; null if the service itself did.
alter table event add changed_by varchar(64);

-- The functions of migration 8, which say why they are as they are. `number.extended` is new.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

create or replace function write_begun_reservation() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into event (transaction_id, kind, brand_id, client, changed_by, reservation_id, sim_id, msisdn, state_after)
    values (event_transaction(), number_event_kind(null, new.state, new.last_error), new.brand_id, new.client, new.changed_by, new.id,
            case new.state when 'ASSIGNED' then (select assigned_sim_id from phone_number where msisdn = new.msisdn) end,
            new.msisdn, new.state);
    return null;
end $$;

create or replace function write_changed_reservations() returns trigger language plpgsql security definer set search_path from current
set enable_nestloop = off as $$
begin
    if not exists (select from new_row) then
        return null;
    end if;
    with changed as materialized (
        select n.*, event_state(o.state, o.attempts) as state_before, event_state(n.state, n.attempts) as state_after,
               n.expiring_for is distinct from o.expiring_for as is_expiring,
               n.hold_expires_at is distinct from o.hold_expires_at as is_extended,
               case when n.named_changes <> o.named_changes then n.changed_by end as named_client
        from new_row n
        join old_row o on o.id = n.id
    ), told as materialized (
        select *, number_event_kind(state_before, state_after, last_error) as kind
        from changed
        where state_before <> state_after and state_after <> 'PENDING'
        union all
        select *, 'number.expiring' from changed where is_expiring and state_after = 'HELD'
        union all
        select *, 'number.extended' from changed where is_extended and state_before = 'HELD' and state_after = 'HELD'
    )
    insert into event (transaction_id, kind, brand_id, client, changed_by, reservation_id, sim_id, msisdn, state_before, state_after)
    select (select event_transaction()), kind, brand_id, client, named_client, id,
           case state_after when 'ASSIGNED' then (select assigned_sim_id from phone_number p where p.msisdn = told.msisdn) end,
           msisdn, nullif(state_before, 'PENDING'), state_after
    from told
    order by id;
    return null;
end $$;

create or replace function write_sim_order() returns trigger language plpgsql security definer set search_path from current as $$
declare
    before text := case tg_op when 'UPDATE' then event_state(old.state, old.attempts) end;
    after  text := event_state(new.state, new.attempts);
    is_named boolean := case tg_op when 'UPDATE' then new.named_changes <> old.named_changes else true end;
begin
    if after is distinct from before and after <> 'PENDING' then
        insert into event (transaction_id, kind, brand_id, client, changed_by, sim_id, msisdn, state_before, state_after)
        values (event_transaction(), sim_event_kind(after), new.carrier_tag, new.client, case when is_named then new.changed_by end,
                new.id, new.msisdn, nullif(before, 'PENDING'), after);
    end if;
    return null;
end $$;

create or replace function write_profile() returns trigger language plpgsql security definer set search_path from current as $$
declare
    is_named boolean := case tg_op when 'UPDATE' then new.named_changes <> old.named_changes else true end;
begin
    insert into event (transaction_id, kind, brand_id, client, changed_by, sim_id, msisdn, state_before, state_after)
    select event_transaction(),
           'sim.' || case new.profile_state when 'ERROR' then 'failed' when 'RELEASED' then 'available' else lower(new.profile_state) end,
           new.carrier_tag, o.client, case when is_named then new.changed_by end, new.id, o.msisdn,
           case tg_op when 'UPDATE' then old.profile_state end, new.profile_state
    from (select new.id) s
    left join sim_order o on o.id = s.id;
    return null;
end $$;

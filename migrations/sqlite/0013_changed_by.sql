-- The SQLite form of the PostgreSQL migration of the same name, which says what each column is for.

alter table reservation add column changed_by text;
alter table reservation add column named_changes integer not null default 0;
alter table sim_order add column changed_by text;
alter table sim_order add column named_changes integer not null default 0;
alter table sim add column changed_by text;
alter table sim add column named_changes integer not null default 0;
alter table event add column changed_by text;

-- The views and triggers of migration 8, which says why they are as they are. A view goes with its trigger.
drop trigger begun_reservation;
drop trigger changed_reservation;
drop trigger begun_sim_order;
drop trigger changed_sim_order;
drop trigger begun_profile;
drop trigger changed_profile;
drop view number_change;
drop view sim_change;
drop view profile_change;

create view number_change as
select id as reservation_id, null as sim_id, msisdn, brand_id, client, changed_by, last_error as reason, updated_at as recorded_at,
       state as state_before, attempts as attempts_before, state as state_after, attempts as attempts_after
from reservation
where false;

create trigger number_event instead of insert on number_change
begin
    insert into event (recorded_at, kind, brand_id, client, changed_by, reservation_id, sim_id, msisdn, state_before, state_after)
    select new.recorded_at,
           case
               when shown_after = 'HELD' then 'number.reserved'
               when shown_after = 'IN_DOUBT' then 'number.in_doubt'
               when shown_after = 'ASSIGNED' then 'number.assigned'
               when shown_after = 'RELEASING' and shown_before = 'ASSIGNED' then 'line.ended'
               when shown_after = 'RELEASING' and new.reason = 'abandoned' then 'number.expired'
               when shown_after = 'RELEASING' then 'number.released'
               when shown_after = 'RELEASED' then 'number.returned'
               when shown_after = 'CANCELLING' then 'number.cancelled'
               else 'number.rejected'
           end,
           new.brand_id, new.client, new.changed_by, new.reservation_id, new.sim_id, new.msisdn, nullif(shown_before, 'PENDING'), shown_after
    from (
        select case when new.state_before = 'PENDING' and new.attempts_before > 1 then 'IN_DOUBT' else new.state_before end as shown_before,
               case when new.state_after = 'PENDING' and new.attempts_after > 1 then 'IN_DOUBT' else new.state_after end as shown_after
    )
    where shown_after is not shown_before and shown_after <> 'PENDING';
end;

create trigger begun_reservation after insert on reservation when new.state <> 'PENDING'
begin
    insert into number_change
    values (new.id, case new.state when 'ASSIGNED' then (select assigned_sim_id from phone_number where msisdn = new.msisdn) end,
            new.msisdn, new.brand_id, new.client, new.changed_by, new.last_error, new.updated_at, null, null, new.state, new.attempts);
end;

create trigger changed_reservation after update on reservation
when old.state <> new.state or old.attempts <> new.attempts
begin
    -- A SIM that is issued has the id of its order. The number names it only later in the same transaction.
    insert into number_change
    values (new.id,
            case new.state when 'ASSIGNED'
            then coalesce(old.order_id, (select assigned_sim_id from phone_number where msisdn = new.msisdn)) end,
            new.msisdn, new.brand_id, new.client, case when new.named_changes <> old.named_changes then new.changed_by end,
            new.last_error, new.updated_at, old.state, old.attempts, new.state, new.attempts);
end;

create view sim_change as
select id as sim_id, msisdn, carrier_tag as brand_id, client, changed_by, updated_at as recorded_at,
       state as state_before, attempts as attempts_before, state as state_after, attempts as attempts_after
from sim_order
where false;

create trigger sim_event instead of insert on sim_change
begin
    insert into event (recorded_at, kind, brand_id, client, changed_by, sim_id, msisdn, state_before, state_after)
    select new.recorded_at,
           case shown_after
               when 'HELD' then 'sim.issued'
               when 'IN_DOUBT' then 'sim.in_doubt'
               when 'RELEASING' then 'sim.ended'
               when 'RELEASED' then 'sim.deprogrammed'
               when 'CANCELLING' then 'sim.cancelled'
               else 'sim.rejected'
           end,
           new.brand_id, new.client, new.changed_by, new.sim_id, new.msisdn, nullif(shown_before, 'PENDING'), shown_after
    from (
        select case when new.state_before = 'PENDING' and new.attempts_before > 1 then 'IN_DOUBT' else new.state_before end as shown_before,
               case when new.state_after = 'PENDING' and new.attempts_after > 1 then 'IN_DOUBT' else new.state_after end as shown_after
    )
    where shown_after is not shown_before and shown_after <> 'PENDING';
end;

create trigger begun_sim_order after insert on sim_order when new.state <> 'PENDING'
begin
    insert into sim_change
    values (new.id, new.msisdn, new.carrier_tag, new.client, new.changed_by, new.updated_at, null, null, new.state, new.attempts);
end;

create trigger changed_sim_order after update on sim_order
when old.state <> new.state or old.attempts <> new.attempts
begin
    insert into sim_change
    values (new.id, new.msisdn, new.carrier_tag, new.client, case when new.named_changes <> old.named_changes then new.changed_by end,
            new.updated_at, old.state, old.attempts, new.state, new.attempts);
end;

create view profile_change as
select id as sim_id, carrier_tag as brand_id, changed_by, updated_at as recorded_at, profile_state as state_before, profile_state as state_after
from sim
where false;

create trigger profile_event instead of insert on profile_change
begin
    insert into event (recorded_at, kind, brand_id, client, changed_by, sim_id, msisdn, state_before, state_after)
    select new.recorded_at,
           'sim.' || case new.state_after when 'ERROR' then 'failed' when 'RELEASED' then 'available' else lower(new.state_after) end,
           new.brand_id, o.client, new.changed_by, new.sim_id, o.msisdn, new.state_before, new.state_after
    from (select 1)
    left join sim_order o on o.id = new.sim_id;
end;

create trigger begun_profile after insert on sim when new.profile_state <> 'RELEASED'
begin
    insert into profile_change values (new.id, new.carrier_tag, new.changed_by, new.updated_at, null, new.profile_state);
end;

create trigger changed_profile after update of profile_state on sim
when new.profile_state is not null and new.profile_state is not old.profile_state
begin
    insert into profile_change values (new.id, new.carrier_tag, case when new.named_changes <> old.named_changes then new.changed_by end, new.updated_at,
            old.profile_state, new.profile_state);
end;

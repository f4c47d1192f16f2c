-- Lists of numbers. Each of these indexes serves one filter, in the order of its pages.

-- Whether another program wrote the row, so that there may be no reservation that says whose it is. Existing rows are marked only if
-- they have none.
alter table phone_number add unrecorded boolean not null default false;

update phone_number p
set unrecorded = true
where not exists (select from reservation r where r.msisdn = p.msisdn);

alter table phone_number alter unrecorded set default true;

create index phone_number_status on phone_number (status, msisdn);

create index phone_number_unrecorded on phone_number (status, msisdn) where unrecorded;

-- The unique index on the numbers of SIMs leaves out rows of older data. This one has them all, and finds another number of a SIM.
create index phone_number_assigned_sim on phone_number (assigned_sim_id) where assigned_sim_id is not null;

-- By state and area code, for each brand. It also finds the brands.
create index reservation_brand_state on reservation (brand_id, state, msisdn, id);

-- By age. Only attempts that are not settled are asked for by their age, so the history is not in it.
create index reservation_age on reservation (brand_id, state, created_at, id)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

-- By expiry.
create index reservation_expiry on reservation (brand_id, hold_expires_at, id) where state = 'HELD';

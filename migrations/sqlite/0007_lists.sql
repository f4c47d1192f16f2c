-- The SQLite form of the PostgreSQL migration of the same name, which says what each column and index is for.

alter table phone_number add column unrecorded integer not null default 1;

update phone_number
set unrecorded = 0
where exists (select 1 from reservation r where r.msisdn = phone_number.msisdn);

create index phone_number_status on phone_number (status, msisdn);

create index phone_number_unrecorded on phone_number (status, msisdn) where unrecorded;

create index phone_number_assigned_sim on phone_number (assigned_sim_id) where assigned_sim_id is not null;

create index reservation_brand_state on reservation (brand_id, state, msisdn, id);

create index reservation_age on reservation (brand_id, state, created_at, id)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

create index reservation_expiry on reservation (brand_id, hold_expires_at, id) where state = 'HELD';

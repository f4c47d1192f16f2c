-- What tells this database from another one, one SIM from two lines, and one call from another.

-- Keys of other systems are longer than 128 characters. A longer text rewrites no row.
alter table preview alter idempotency_key type varchar(255);
alter table reservation alter idempotency_key type varchar(255);

-- One row: the identity of this database. A cache that several installations share keeps their answers apart by it. The name
-- has a prefix, because the database may belong to other programs too.
create table oss_installation (
    id       uuid not null default gen_random_uuid(),
    only_one boolean primary key default true check (only_one)
);

insert into oss_installation default values;

-- A SIM has one number. Older data may have several: all but one of them are marked and left alone, so that the rest can be
-- guarded.
alter table phone_number add shares_sim boolean not null default false;

update phone_number p
set shares_sim = true
where p.status = 'IN_USE'
  and exists (
      select from phone_number other
      where other.assigned_sim_id = p.assigned_sim_id and other.status = 'IN_USE' and other.msisdn < p.msisdn
  );

create unique index phone_number_sim on phone_number (assigned_sim_id)
    where status = 'IN_USE' and assigned_sim_id is not null and not shares_sim;

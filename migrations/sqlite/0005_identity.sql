-- The SQLite form of the PostgreSQL migration of the same name, which says what each column and index is for.

create table oss_installation (
    id       blob not null,
    only_one integer primary key default 1 check (only_one = 1)
) strict;

insert into oss_installation (id) values (randomblob(16));

alter table phone_number add column shares_sim integer not null default 0;

update phone_number
set shares_sim = 1
where status = 'IN_USE'
  and exists (
      select 1 from phone_number other
      where other.assigned_sim_id = phone_number.assigned_sim_id and other.status = 'IN_USE'
        and other.msisdn < phone_number.msisdn
  );

create unique index phone_number_sim on phone_number (assigned_sim_id)
    where status = 'IN_USE' and assigned_sim_id is not null and not shares_sim;

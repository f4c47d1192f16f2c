-- SIMs, and the orders by which GSIM makes them. The first four tables may exist already.

create table if not exists sim (
    id          uuid primary key,
    iccid       varchar(64) not null,
    carrier_tag varchar(64) not null,
    line_id     uuid not null,
    vivo_imsi   varchar(64) not null,
    sim_type    varchar(16) not null,
    technology  varchar(16) not null,
    status      varchar(32) not null,
    created_at  timestamptz not null default clock_timestamp(),
    updated_at  timestamptz not null default clock_timestamp()
);

create index if not exists sim_iccid_idx on sim (iccid);
create index if not exists sim_line_id_idx on sim (line_id);
create index if not exists sim_vivo_imsi_idx on sim (vivo_imsi);

create table if not exists sim_card (
    sim_id                uuid primary key references sim (id),
    hrs_imsi              varchar(64),
    delivery_address_hash char(32) not null
);

create table if not exists esim (
    sim_id            uuid primary key references sim (id),
    matching_id       varchar(64),
    smdp_plus_address varchar(128),
    device_model_hash char(32) not null references device_model (hash)
);

create index if not exists esim_matching_id_idx on esim (matching_id);

create table if not exists association_history (
    id         serial primary key,
    msisdn     char(11) not null references phone_number (msisdn),
    sim_id     uuid not null references sim (id),
    line_id    uuid not null,
    created_at timestamptz not null default clock_timestamp()
);

create index if not exists association_history_msisdn on association_history (msisdn, id);

alter table sim
    -- The last state of an eSIM's profile that GSIM told.
    add profile_state varchar(16),
    -- The time of GSIM's latest report on it, by GSIM's clock.
    add profile_reported_at timestamptz,
    -- How often its activation code was read.
    add code_reads integer not null default 0,
    -- The time since which GSIM has told nothing of a profile whose code was read.
    add silent_since timestamptz,
    add shares_iccid boolean not null default false;

-- ICCIDs are used again once a SIM is deprogrammed, so two active SIMs with one are a mistake. Older data may have some: all but one
-- of them are marked and left alone, so that the rest can be guarded.
update sim s
set shares_iccid = true
where s.status = 'ACTIVE'
  and exists (select from sim other where other.iccid = s.iccid and other.status = 'ACTIVE' and other.id < s.id);

create unique index sim_active_iccid on sim (iccid) where status = 'ACTIVE' and not shares_iccid;

create index sim_silent on sim (silent_since) where silent_since is not null;

-- An attempt to get a SIM from GSIM: lock, intent, outbox and history, as a reservation is for a number. The SIM has the id of its
-- order, and GSIM knows both by it.
create table sim_order (
    id                    uuid primary key,
    msisdn                char(11) not null,
    -- Null for a stray SIM, which GSIM has and nobody ordered.
    line_id               uuid,
    carrier_tag           varchar(64) not null,
    sim_type              varchar(16) not null check (sim_type in ('ESIM', 'SIM_CARD')),
    technology            varchar(16),
    device_model_hash     char(32) references device_model (hash),
    iccid                 varchar(64),
    delivery_address_hash char(32),
    replaces_sim_id       uuid references sim (id),
    state                 varchar(16) not null check (
        state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING', 'RELEASED', 'REJECTED')
    ),
    due_at                timestamptz,
    attempts              integer not null default 1 check (attempts >= 0),
    last_error            text,
    lease_id              uuid,
    set_aside             varchar(128),
    client                varchar(64),
    idempotency_key       varchar(255),
    created_at            timestamptz not null default clock_timestamp(),
    updated_at            timestamptz not null default clock_timestamp(),
    check ((due_at is not null) = (state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))),
    check ((client is null) = (idempotency_key is null))
);

-- The lock: one order of a number is under way at a time.
create unique index sim_order_open on sim_order (msisdn) where state in ('PENDING', 'IN_DOUBT', 'CANCELLING');

-- A repeated call finds what the first one created. An order that left nothing frees its key.
create unique index sim_order_idempotency on sim_order (client, idempotency_key)
    where idempotency_key is not null and state <> 'REJECTED';

-- The queue of the sweep.
create index sim_order_due on sim_order (due_at) where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

create index sim_order_msisdn on sim_order (msisdn, id);

-- The tables of SIMs may refer to tables of another program. An order refers to them too, so that a line or an address that does not
-- exist is refused before GSIM is asked.
do $$
declare
    reference record;
begin
    for reference in
        select a.attname as column_name, pg_get_constraintdef(c.oid) as definition
        from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.contype = 'f' and c.conrelid in ('sim'::regclass, 'sim_card'::regclass) and array_length(c.conkey, 1) = 1
          and a.attname in ('carrier_tag', 'line_id', 'delivery_address_hash')
    loop
        execute format('alter table sim_order add constraint %I %s', 'sim_order_' || reference.column_name, reference.definition);
    end loop;
end $$;

-- The order that has to be settled before the reservation goes on: while it is under way the number does not expire, and when a line
-- ends the SIM is deprogrammed before the number is given back.
alter table reservation add order_id uuid;

create index reservation_order on reservation (order_id) where order_id is not null;

-- Every report on an eSIM's profile, also those that came late or contradict an earlier one.
create table profile_report (
    id          bigserial primary key,
    sim_id      uuid not null references sim (id),
    state       varchar(16) not null,
    reported_at timestamptz not null,
    reason      varchar(128),
    applied     boolean not null,
    received_at timestamptz not null default clock_timestamp(),
    unique (sim_id, state, reported_at)
);

-- Every read of an activation code.
create table activation_read (
    id      bigserial primary key,
    sim_id  uuid not null references sim (id),
    client  varchar(64) not null,
    read_at timestamptz not null default clock_timestamp()
);

create index activation_read_sim on activation_read (sim_id, id);

-- A number is on a SIM that exists. Older rows are not checked, because SIMs were kept elsewhere.
do $$
begin
    if not exists (
        select from pg_constraint
        where contype = 'f' and conrelid = 'phone_number'::regclass and confrelid = 'sim'::regclass
    ) then
        alter table phone_number
            add constraint phone_number_assigned_sim_id_fkey foreign key (assigned_sim_id) references sim (id) not valid;
    end if;
end $$;

-- See the PostgreSQL migration of the same name.

create table sim (
    id                  blob primary key,
    iccid               text not null,
    carrier_tag         text not null,
    line_id             blob not null,
    vivo_imsi           text not null,
    sim_type            text not null,
    technology          text not null,
    status              text not null,
    profile_state       text,
    profile_reported_at integer,
    code_reads          integer not null default 0,
    silent_since        integer,
    shares_iccid        integer not null default 0,
    created_at          integer not null,
    updated_at          integer not null
) strict;

create index sim_iccid_idx on sim (iccid);
create index sim_line_id_idx on sim (line_id);
create index sim_vivo_imsi_idx on sim (vivo_imsi);

create unique index sim_active_iccid on sim (iccid) where status = 'ACTIVE' and not shares_iccid;

create index sim_silent on sim (silent_since) where silent_since is not null;

create table sim_card (
    sim_id                blob primary key references sim (id),
    hrs_imsi              text,
    delivery_address_hash text not null
) strict;

create table esim (
    sim_id            blob primary key references sim (id),
    matching_id       text,
    smdp_plus_address text,
    device_model_hash text not null references device_model (hash)
) strict;

create index esim_matching_id_idx on esim (matching_id);

create table association_history (
    id         integer primary key,
    msisdn     text not null references phone_number (msisdn),
    sim_id     blob not null references sim (id),
    line_id    blob not null,
    created_at integer not null
) strict;

create index association_history_msisdn on association_history (msisdn, id);

create table sim_order (
    id                    blob primary key,
    msisdn                text not null,
    line_id               blob,
    carrier_tag           text not null,
    sim_type              text not null check (sim_type in ('ESIM', 'SIM_CARD')),
    technology            text,
    device_model_hash     text references device_model (hash),
    iccid                 text,
    delivery_address_hash text,
    replaces_sim_id       blob references sim (id),
    state                 text not null check (
        state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING', 'RELEASED', 'REJECTED')
    ),
    due_at                integer,
    attempts              integer not null default 1 check (attempts >= 0),
    last_error            text,
    lease_id              blob,
    set_aside             text,
    client                text,
    idempotency_key       text,
    created_at            integer not null,
    updated_at            integer not null,
    check ((due_at is not null) = (state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))),
    check ((client is null) = (idempotency_key is null))
) strict;

create unique index sim_order_open on sim_order (msisdn) where state in ('PENDING', 'IN_DOUBT', 'CANCELLING');

create unique index sim_order_idempotency on sim_order (client, idempotency_key)
    where idempotency_key is not null and state <> 'REJECTED';

create index sim_order_due on sim_order (due_at) where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

create index sim_order_msisdn on sim_order (msisdn, id);

alter table reservation add order_id blob;

create index reservation_order on reservation (order_id) where order_id is not null;

create table profile_report (
    id          integer primary key,
    sim_id      blob not null references sim (id),
    state       text not null,
    reported_at integer not null,
    reason      text,
    applied     integer not null,
    received_at integer not null,
    unique (sim_id, state, reported_at)
) strict;

create table activation_read (
    id      integer primary key,
    sim_id  blob not null references sim (id),
    client  text not null,
    read_at integer not null
) strict;

create index activation_read_sim on activation_read (sim_id, id);

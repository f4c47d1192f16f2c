-- The same tables as on PostgreSQL. Identifiers are 16-byte blobs; times are microseconds since 1970, UTC, written by the
-- program's clock. See the PostgreSQL migration of the same name for what each table and index is for.

create table location_ddd (
    location_cnl integer primary key,
    ddd          text not null
) strict;

create index location_ddd_ddd on location_ddd (ddd);

create table preview (
    id              blob primary key,
    external_id     text not null,
    reserved_msisdn text,
    created_at      integer not null,
    brand_id        text not null,
    expires_at      integer not null,
    previous_id     blob,
    client          text,
    idempotency_key text,
    check ((client is null) = (idempotency_key is null))
) strict;

create unique index preview_idempotency on preview (client, idempotency_key) where idempotency_key is not null;

create index preview_expires_at on preview (expires_at);

create index preview_reserved_msisdn on preview (reserved_msisdn) where reserved_msisdn is not null;

create table preview_number (
    preview_id blob not null references preview (id) on delete cascade,
    msisdn     text not null,
    "index"    integer not null check ("index" between 1 and 3),
    primary key (preview_id, msisdn),
    unique (preview_id, "index")
) strict;

create index preview_number_msisdn on preview_number (msisdn);

create table phone_number (
    msisdn          text primary key,
    origin          text not null,
    status          text not null check (status in ('RESERVED', 'IN_USE', 'RETURNED')),
    assigned_sim_id blob,
    assigned_at     integer,
    created_at      integer not null,
    updated_at      integer not null,
    check (status = 'IN_USE' or assigned_sim_id is null)
) strict;

create table reservation (
    id              blob primary key,
    preview_id      blob,
    external_id     text not null,
    brand_id        text not null,
    msisdn          text not null,
    state           text not null check (
        state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING', 'RELEASED', 'REJECTED')
    ),
    due_at          integer,
    hold_expires_at integer,
    attempts        integer not null default 1 check (attempts >= 0),
    last_error      text,
    client          text,
    idempotency_key text,
    created_at      integer not null,
    updated_at      integer not null,
    check ((due_at is not null) = (state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))),
    check ((client is null) = (idempotency_key is null)),
    check ((hold_expires_at is not null) or state <> 'HELD')
) strict;

create unique index reservation_live_msisdn on reservation (msisdn)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED');

create unique index reservation_preview on reservation (preview_id) where state <> 'REJECTED';

create unique index reservation_idempotency on reservation (client, idempotency_key)
    where idempotency_key is not null and state <> 'REJECTED';

create index reservation_due on reservation (due_at)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

create index reservation_msisdn on reservation (msisdn, id);

-- The life of a number: what it is now (phone_number), every attempt to hold it in Sigan (reservation), and the previews
-- from which customers choose. Names of tables and columns are those of the existing database, whose tables and rows stay
-- where there is one; `reservation` and the columns that are added to `preview` are new.

create table if not exists location_ddd (
    location_cnl integer primary key,
    ddd          char(2) not null
);

create index if not exists location_ddd_ddd on location_ddd (ddd);

create table if not exists preview (
    id              uuid primary key,
    external_id     varchar(64) not null,
    reserved_msisdn char(11),
    created_at      timestamptz not null default clock_timestamp()
);

alter table preview
    alter created_at set default clock_timestamp(),
    add brand_id        varchar(64),
    add expires_at      timestamptz,
    add previous_id     uuid,
    add client          varchar(64),
    add idempotency_key varchar(128),
    add check ((client is null) = (idempotency_key is null));

-- Of the previews that are there nobody recorded the brand; they lasted for 15 minutes.
update preview set brand_id = 'unknown', expires_at = created_at + interval '15 minutes';

alter table preview alter brand_id set not null, alter expires_at set not null;

-- A repeated call finds what the first one created.
create unique index preview_idempotency on preview (client, idempotency_key) where idempotency_key is not null;

-- The purge of old previews.
create index preview_expires_at on preview (expires_at);

-- A release of older data, which has no reservation row, finds Sigan's id through the preview.
create index preview_reserved_msisdn on preview (reserved_msisdn) where reserved_msisdn is not null;

create table if not exists preview_number (
    preview_id uuid not null references preview (id) on delete cascade,
    msisdn     char(11) not null,
    index      smallint not null check (index between 1 and 3),
    primary key (preview_id, msisdn),
    unique (preview_id, index)
);

create index if not exists preview_number_msisdn on preview_number (msisdn);

create table if not exists phone_number (
    msisdn          char(11) primary key,
    origin          varchar(32) not null,
    status          varchar(32) not null check (status in ('RESERVED', 'IN_USE', 'RETURNED')),
    assigned_sim_id uuid,
    assigned_at     timestamptz,
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    check (status = 'IN_USE' or assigned_sim_id is null)
);

alter table phone_number
    alter created_at set default clock_timestamp(),
    alter updated_at set default clock_timestamp();

create table reservation (
    id              uuid primary key,
    -- Names the preview also after that was purged: it is history then, so it is no foreign key.
    preview_id      uuid,
    external_id     varchar(64) not null,
    brand_id        varchar(64) not null,
    msisdn          char(11) not null,
    state           varchar(16) not null check (
        state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING', 'RELEASED', 'REJECTED')
    ),
    due_at          timestamptz,
    hold_expires_at timestamptz,
    attempts        integer not null default 1 check (attempts >= 0),
    last_error      text,
    client          varchar(64),
    idempotency_key varchar(128),
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    -- What the sweep must look at has a time at which it does; what it need not has none.
    check ((due_at is not null) = (state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))),
    check ((client is null) = (idempotency_key is null)),
    check ((hold_expires_at is not null) or state <> 'HELD')
);

-- The lock: a number has at most one live holder, whatever process dies or is slow.
create unique index reservation_live_msisdn on reservation (msisdn)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED');

-- A preview gives at most one number, once.
create unique index reservation_preview on reservation (preview_id) where state <> 'REJECTED';

-- A repeated call finds what the first one created. An attempt that left nothing held frees its key.
create unique index reservation_idempotency on reservation (client, idempotency_key)
    where idempotency_key is not null and state <> 'REJECTED';

-- The queue of the sweep: its cost follows what is due, not what is stored.
create index reservation_due on reservation (due_at)
    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING');

-- The history of a number.
create index reservation_msisdn on reservation (msisdn, id);

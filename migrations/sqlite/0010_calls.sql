-- The SQLite form of the PostgreSQL migration of the same name, which says what each column and index is for.

create table upstream_call (
    id          blob primary key,
    system      text not null,
    call        text not null,
    external_id text,
    msisdn      text,
    sim_id      blob,
    sent_at     integer not null,
    duration_ms integer not null,
    outcome     text not null,
    brand_id    text,
    client      text,
    request_id  blob
) strict;

create index upstream_call_hold on upstream_call (external_id) where external_id is not null;

create index upstream_call_sim on upstream_call (sim_id) where sim_id is not null;

create index upstream_call_request on upstream_call (request_id) where request_id is not null;

create index upstream_call_unclaimed on upstream_call (sent_at) where msisdn is null and sim_id is null;

create index event_reservation on event (reservation_id) where reservation_id is not null;

create index event_sim on event (sim_id) where sim_id is not null;

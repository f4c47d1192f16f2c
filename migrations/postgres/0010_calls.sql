-- Each call to Sigan and GSIM: the history beside the attempts, which have the state. A process writes the calls of about a second together,
-- so those of the last second are lost if it is killed.

create table upstream_call (
    -- Made by the process, so that a record which is written again is there once.
    id          uuid primary key,
    system      varchar(16) not null,
    call        varchar(32) not null,
    -- The hold (`reservation`) or the order (`sim_order`) that the call is about. A pre-reserve has no number until one of its numbers was
    -- reserved and the preview is purged.
    external_id varchar(64),
    msisdn      char(11),
    sim_id      uuid,
    sent_at     timestamptz not null,
    duration_ms bigint not null,
    -- `ok`, or the code of the error.
    outcome     varchar(64) not null,
    -- The brand, the client and the request that caused it; null for the sweep.
    brand_id    varchar(64),
    client      varchar(64),
    request_id  uuid
);

create index upstream_call_hold on upstream_call (external_id) where external_id is not null;

create index upstream_call_sim on upstream_call (sim_id) where sim_id is not null;

create index upstream_call_request on upstream_call (request_id) where request_id is not null;

-- The purge of pre-reserves of which no number was reserved.
create index upstream_call_unclaimed on upstream_call (sent_at) where msisdn is null and sim_id is null;

-- The events of one attempt, and of one SIM.
create index event_reservation on event (reservation_id) where reservation_id is not null;

create index event_sim on event (sim_id) where sim_id is not null;

-- The sessions of operators at the console of a server. Every server of a database knows them, so that a load balancer may choose any.
create table operator_session (
    -- The SHA-256 of the token that the operator's browser has, so that a copy of this table opens nothing.
    token_digest char(64) primary key,
    client       varchar(64) not null,
    -- The digest of the client's key, as the configuration has it: the session ends with the key.
    key_digest   char(64) not null,
    brand_id     varchar(64) not null,
    expires_at   timestamptz not null
);

create index operator_session_expires_at on operator_session (expires_at);

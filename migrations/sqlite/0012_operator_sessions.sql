-- The SQLite form of the PostgreSQL migration of the same name, which says what each table and column is for.

create table operator_session (
    token_digest text primary key,
    client       text not null,
    key_digest   text not null,
    brand_id     text not null,
    expires_at   integer not null
) strict;

create index operator_session_expires_at on operator_session (expires_at);

-- Which devices support eSIM. The program fills the catalogue from data/device_*.csv when it first migrates a database, and an
-- import replaces it. `device_model` is the table of the existing database: the choices that customers made.

-- The lists that an import replaces, each with the version it has: what an instance asks for to notice an import. The version
-- of a list as a migration left it is zero.
create table reference_data (
    name    varchar(16) primary key check (name in ('devices', 'ddds')),
    version uuid not null
);

insert into reference_data (name, version) values
    ('devices', '00000000-0000-0000-0000-000000000000'),
    ('ddds', '00000000-0000-0000-0000-000000000000');

create table device_brand (
    id   uuid primary key,
    slug varchar(64) not null unique,
    name varchar(128) not null
);

create table device_catalog_model (
    model         varchar(128) primary key,
    brand_id      uuid not null references device_brand (id),
    name          varchar(128) not null,
    supports_esim boolean not null,
    homologated   boolean not null,
    source        varchar(255) not null
);

create index device_catalog_model_brand on device_catalog_model (brand_id);

-- Apple identifiers and Android model codes.
create table device_code (
    code  varchar(128) primary key,
    model varchar(128) not null references device_catalog_model (model)
);

create table device_tac (
    tac    char(8) primary key,
    model  varchar(128) not null references device_catalog_model (model),
    source varchar(255) not null
);

-- Where a model goes, these find what still refers to it.
create index device_code_model on device_code (model);
create index device_tac_model on device_tac (model);

create table if not exists device_model (
    hash       char(32) primary key,
    tac        varchar(128),
    model      varchar(128),
    code       varchar(128),
    created_at timestamptz not null default clock_timestamp(),
    check (num_nonnulls(tac, model, code) = 1)
);

alter table device_model alter created_at set default clock_timestamp();

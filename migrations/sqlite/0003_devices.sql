-- The same tables as on PostgreSQL; see the migration of the same name there for what each is for.

create table reference_data (
    name    text primary key check (name in ('devices', 'ddds')),
    version blob not null
) strict;

insert into reference_data (name, version) values ('devices', zeroblob(16)), ('ddds', zeroblob(16));

create table device_brand (
    id   blob primary key,
    slug text not null unique,
    name text not null
) strict;

create table device_catalog_model (
    model         text primary key,
    brand_id      blob not null references device_brand (id),
    name          text not null,
    supports_esim integer not null check (supports_esim in (0, 1)),
    homologated   integer not null check (homologated in (0, 1)),
    source        text not null
) strict;

create index device_catalog_model_brand on device_catalog_model (brand_id);

create table device_code (
    code  text primary key,
    model text not null references device_catalog_model (model)
) strict;

create table device_tac (
    tac    text primary key,
    model  text not null references device_catalog_model (model),
    source text not null
) strict;

create index device_code_model on device_code (model);
create index device_tac_model on device_tac (model);

create table device_model (
    hash       text primary key,
    tac        text,
    model      text,
    code       text,
    created_at integer not null,
    check ((tac is not null) + (model is not null) + (code is not null) = 1)
) strict;

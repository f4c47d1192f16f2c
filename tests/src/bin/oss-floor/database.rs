//! Executes the recorded statements through a bare pool.

use std::error::Error;
use std::str::FromStr;

use oss_tests::floor::{Plan, Setup, Slot, Step};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Either, Executor, PgConnection, Postgres, SqlSafeStr, SqlStr, Statement,
    TypeInfo,
};
use uuid::Uuid;

/// The values of one call.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    id: Uuid,
    new: Vec<Uuid>,
    pub(crate) external_id: String,
    pub(crate) msisdns: Vec<String>,
}

impl Subject {
    pub(crate) fn of(id: Uuid) -> Self {
        Self { id, ..Self::default() }
    }

    pub(crate) fn number(msisdn: String) -> Self {
        Self { msisdns: vec![msisdn], ..Self::default() }
    }

    pub(crate) fn offered((external_id, msisdns): (String, Vec<String>)) -> Self {
        Self { external_id, msisdns, ..Self::default() }
    }

    /// The identifier that this call made for a slot.
    pub(crate) fn new_id(&mut self, at: usize) -> Uuid {
        while self.new.len() <= at {
            self.new.push(Uuid::now_v7());
        }
        self.new[at]
    }
}

/// A statement that is ready to be executed.
#[derive(Debug)]
pub(crate) struct Ready {
    sql: SqlStr,
    values: Vec<(Vec<Slot>, Kind)>,
}

/// The type as which the elements of a value are bound.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Uuid,
    Float,
    Small,
    Integer,
    Text,
}

#[derive(Debug)]
pub(crate) struct Database {
    pool: PgPool,
    create: Vec<Ready>,
    reserve: Vec<Ready>,
    random: Vec<Ready>,
    release: Vec<Ready>,
    deliver: Vec<Ready>,
}

impl Database {
    pub(crate) async fn open(pool: PgPool, plan: Plan) -> Result<Self, Box<dyn Error>> {
        let Plan { create, reserve, random, release, deliver } = plan;
        // The pool does not get this connection back, because it remembers the statements with PostgreSQL's types for them.
        let connection = &mut pool.acquire().await?.detach();
        Ok(Self {
            create: ready(connection, create).await?,
            reserve: ready(connection, reserve).await?,
            random: ready(connection, random).await?,
            release: ready(connection, release).await?,
            deliver: ready(connection, deliver).await?,
            pool,
        })
    }

    pub(crate) async fn run(&self, ready: &Ready, subject: &mut Subject) -> Result<PgRow, sqlx::Error> {
        let mut query = sqlx::query(ready.sql.clone());
        for (slots, kind) in &ready.values {
            query = bound(query, slots, *kind, subject);
        }
        query.fetch_one(&self.pool).await
    }

    pub(crate) fn create(&self, at: usize) -> &Ready {
        &self.create[at]
    }

    pub(crate) fn reserve(&self, at: usize) -> &Ready {
        &self.reserve[at]
    }

    pub(crate) fn random(&self, at: usize) -> &Ready {
        &self.random[at]
    }

    pub(crate) fn release(&self, at: usize) -> &Ready {
        &self.release[at]
    }

    pub(crate) fn deliver(&self, at: usize) -> &Ready {
        &self.deliver[at]
    }
}

/// A pool of as many connections as the service has.
pub(crate) fn open_pool(setup: &Setup) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(&setup.database)?.disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(setup.pool).test_before_acquire(false);
    Ok(pool.connect_lazy_with(options))
}

async fn ready(connection: &mut PgConnection, steps: Vec<Step>) -> Result<Vec<Ready>, Box<dyn Error>> {
    let mut all = Vec::new();
    for Step { sql, values } in steps {
        let sql = AssertSqlSafe(sql).into_sql_str();
        let described = connection.prepare(sql.clone()).await?;
        let Some(Either::Left(types)) = described.parameters() else {
            return Err("PostgreSQL does not tell the types of a statement".into());
        };
        let values = values.into_iter().zip(types.iter().map(kind)).collect();
        all.push(Ready { sql, values });
    }
    Ok(all)
}

fn kind(info: &PgTypeInfo) -> Kind {
    match info.name() {
        "UUID[]" => Kind::Uuid,
        "FLOAT8[]" => Kind::Float,
        "INT2[]" => Kind::Small,
        "INT4[]" => Kind::Integer,
        _ => Kind::Text,
    }
}

fn bound<'q>(
    query: Query<'q, Postgres, PgArguments>,
    slots: &[Slot],
    kind: Kind,
    subject: &mut Subject,
) -> Query<'q, Postgres, PgArguments> {
    match kind {
        Kind::Uuid => query.bind(slots.iter().map(|slot| id(slot, subject)).collect::<Vec<_>>()),
        Kind::Float => query.bind(parsed::<f64>(slots, subject)),
        Kind::Small => query.bind(parsed::<i16>(slots, subject)),
        Kind::Integer => query.bind(parsed::<i32>(slots, subject)),
        Kind::Text => query.bind(parsed::<String>(slots, subject)),
    }
}

fn id(slot: &Slot, subject: &mut Subject) -> Option<Uuid> {
    match slot {
        Slot::New(at) => Some(subject.new_id(*at)),
        Slot::Subject => Some(subject.id),
        _ => None,
    }
}

fn parsed<T: FromStr>(slots: &[Slot], subject: &Subject) -> Vec<Option<T>> {
    let text = |slot: &Slot| match slot {
        Slot::Msisdn(at) => subject.msisdns.get(*at).cloned(),
        Slot::ExternalId => Some(subject.external_id.clone()),
        Slot::Same(text) => Some(text.clone()),
        _ => None,
    };
    slots.iter().map(|slot| text(slot)?.parse().ok()).collect()
}

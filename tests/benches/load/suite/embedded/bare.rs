//! Bare sqlx: the statements and the transactions of the library on SQLite, and nothing else.

use std::str::FromStr;
use std::sync::Arc;

use oss_tests::backend::Database;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use uuid::Uuid;

use super::prompt::Prompt;

const PREVIEW: &str = "
    insert into preview (id, external_id, brand_id, created_at, expires_at, previous_id, client, idempotency_key)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict do nothing";
const NUMBERS: &str = r#"
    insert into preview_number (preview_id, msisdn, "index")
    select $1, value, key + 1 from json_each($2)"#;
const ASKED: &str = r#"
    select p.external_id, p.brand_id, p.expires_at > $3 as open, n.msisdn, number.status,
           own.id as own_id, own.msisdn as own_msisdn, own.state as own_state, own.attempts as own_attempts,
           own.due_at <= $3 as own_due,
           exists (
               select 1 from reservation other
               where other.msisdn = n.msisdn
                 and other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
                 and other.preview_id is not p.id
           ) as held_elsewhere
    from preview p
    left join preview_number n on n.preview_id = p.id and n."index" = $2
    left join phone_number number on number.msisdn = n.msisdn
    left join reservation own on own.preview_id = p.id and own.state <> 'REJECTED'
    where p.id = $1"#;
const PENDING: &str = "
    insert into reservation
        (id, preview_id, external_id, brand_id, msisdn, state, due_at, client, idempotency_key, created_at, updated_at)
    values ($1, $2, $3, $4, $5, 'PENDING', $6, $7, $8, $9, $9)";
const STATE: &str = "select state, attempts, preview_id from reservation where id = $1";
const HELD: &str = "
    update reservation
    set state = 'HELD', last_error = null, hold_expires_at = $2, due_at = $2, updated_at = $3
    where id = $1 and state in ('PENDING', 'IN_DOUBT')";
const NUMBER: &str = "
    insert into phone_number (msisdn, origin, status, created_at, updated_at)
    values ($1, 'VIVO', 'RESERVED', $2, $2)
    on conflict (msisdn) do update
    set status = 'RESERVED', assigned_sim_id = null, updated_at = $2
    where phone_number.status = 'RETURNED'";
const CHOSEN: &str = "update preview set reserved_msisdn = $2 where id = $1";

/// A time, and a time 15 minutes later. The real time does not matter here.
const NOW: i64 = 1_800_000_000_000_000;
const LATER: i64 = NOW + 900_000_000;

#[derive(Debug)]
pub(super) struct Bare {
    pool: SqlitePool,
    sigan: Prompt,
}

/// A preview, and the number that is to be reserved from it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    preview: Uuid,
    msisdn: String,
}

impl Bare {
    pub(super) fn open(database: &Database) -> Arc<Self> {
        let options = SqliteConnectOptions::from_str(database.url())
            .expect("the URL is one of SQLite")
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
        Arc::new(Self { pool: pool.connect_lazy_with(options), sigan: Prompt::default() })
    }

    pub(super) async fn create(&self) -> Result<Offer, sqlx::Error> {
        let (external_id, msisdns) = self.sigan.offer("11", 3);
        let (preview, msisdn) = (Uuid::now_v7(), msisdns[1].to_string());
        let msisdns = serde_json::to_string(&msisdns).expect("numbers are JSON");
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        sqlx::query(PREVIEW)
            .bind(preview)
            .bind(external_id.as_str())
            .bind("acme")
            .bind(NOW)
            .bind(LATER)
            .bind(None::<Uuid>)
            .bind(None::<&str>)
            .bind(None::<&str>)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(NUMBERS).bind(preview).bind(msisdns).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Offer { preview, msisdn })
    }

    pub(super) async fn reserve(&self, offer: &Offer) -> Result<(), sqlx::Error> {
        let reservation = self.begin(offer).await?;
        self.confirm(reservation, offer).await
    }

    async fn begin(&self, offer: &Offer) -> Result<Uuid, sqlx::Error> {
        let reservation = Uuid::now_v7();
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        let asked = sqlx::query(ASKED).bind(offer.preview).bind(2_i64).bind(NOW);
        let asked = asked.fetch_one(&mut *transaction).await?;
        sqlx::query(PENDING)
            .bind(reservation)
            .bind(offer.preview)
            .bind(asked.try_get::<&str, _>("external_id")?)
            .bind(asked.try_get::<&str, _>("brand_id")?)
            .bind(&*offer.msisdn)
            .bind(LATER)
            .bind(None::<&str>)
            .bind(None::<&str>)
            .bind(NOW)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(reservation)
    }

    async fn confirm(&self, reservation: Uuid, offer: &Offer) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        sqlx::query(STATE).bind(reservation).fetch_one(&mut *transaction).await?;
        sqlx::query(HELD).bind(reservation).bind(LATER).bind(NOW).execute(&mut *transaction).await?;
        sqlx::query(NUMBER).bind(&*offer.msisdn).bind(NOW).execute(&mut *transaction).await?;
        sqlx::query(CHOSEN).bind(offer.preview).bind(&*offer.msisdn).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

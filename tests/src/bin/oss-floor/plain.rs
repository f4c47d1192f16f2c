//! Does what the specification's pseudo-code does, and nothing more: each operation commits once, and Sigan is asked without a record.
//! A crash after Sigan's answer loses a number, and two calls at once may both take it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::Failed;
use super::sigan::Sigan;

type Shared = State<Arc<Plain>>;

struct Plain {
    pool: PgPool,
    sigan: Sigan,
}

pub(crate) fn router(pool: PgPool, sigan: Sigan) -> Router {
    #[expect(clippy::disallowed_methods, reason = "no routes of the service")]
    Router::new()
        .route("/ddds/{ddd}", get(look_up))
        .route("/previews", post(create))
        .route("/previews/{preview}/reservations/{index}", put(reserve))
        .route("/reservations", post(random))
        .route("/reservations/{msisdn}", delete(release))
        .with_state(Arc::new(Plain { pool, sigan }))
}

async fn look_up() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn create(State(plain): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), Failed> {
    const SQL: &str = "
        with created as (
            insert into preview (id, external_id, brand_id, expires_at)
            values ($1, $2, 'acme', now() + interval '15 minutes')
        )
        insert into preview_number (preview_id, msisdn, index)
        select $1, msisdn, index::int from unnest($3::text[]) with ordinality as offered (msisdn, index)";
    let asked: Value = serde_json::from_slice(&body)?;
    let (external_id, msisdns) = plain.sigan.pre_reserve(&asked["areaCode"], 3).await?;
    let id = Uuid::now_v7();
    sqlx::query(SQL).bind(id).bind(external_id).bind(&msisdns).execute(&plain.pool).await?;
    let masked = |msisdn: &String| format!("{}*****{}", &msisdn[..2], &msisdn[7..]);
    let numbers: Vec<_> = msisdns.iter().map(masked).collect();
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "numbers": numbers }))))
}

async fn reserve(State(plain): Shared, Path((id, index)): Path<(Uuid, i32)>) -> Result<Json<Value>, Failed> {
    const FIND: &str = "
        select external_id, msisdn, expires_at < now() as is_over
        from preview join preview_number on preview_id = id
        where id = $1 and index = $2";
    const SAVE_CHOICE: &str = "
        with saved as (
            insert into phone_number (msisdn, origin, status) values ($1, 'VIVO', 'RESERVED')
            on conflict (msisdn) do update set status = 'RESERVED', updated_at = now(), assigned_sim_id = null
        )
        update preview set reserved_msisdn = $1 where id = $2";
    let found = sqlx::query(FIND).bind(id).bind(index).fetch_one(&plain.pool).await?;
    let (external_id, msisdn): (&str, &str) = (found.try_get("external_id")?, found.try_get("msisdn")?);
    if found.try_get("is_over")? || plain.is_in_use(msisdn).await? {
        return Err(Failed);
    }
    plain.sigan.reserve(external_id, msisdn).await?;
    sqlx::query(SAVE_CHOICE).bind(msisdn).bind(id).execute(&plain.pool).await?;
    Ok(Json(json!({ "msisdn": msisdn })))
}

async fn random(State(plain): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), Failed> {
    const SAVE: &str = "
        insert into phone_number (msisdn, origin, status) values ($1, 'VIVO', 'RESERVED')
        on conflict (msisdn) do update set status = 'RESERVED', updated_at = now(), assigned_sim_id = null";
    let asked: Value = serde_json::from_slice(&body)?;
    let (external_id, msisdns) = plain.sigan.pre_reserve(&asked["areaCode"], 1).await?;
    if plain.is_in_use(&msisdns[0]).await? {
        return Err(Failed);
    }
    plain.sigan.reserve(&external_id, &msisdns[0]).await?;
    sqlx::query(SAVE).bind(&msisdns[0]).execute(&plain.pool).await?;
    Ok((StatusCode::CREATED, Json(json!({ "msisdn": msisdns[0] }))))
}

async fn release(State(plain): Shared, Path(msisdn): Path<String>) -> Result<StatusCode, Failed> {
    const SQL: &str = "
        update phone_number set status = 'RETURNED', updated_at = now(), assigned_sim_id = null
        where msisdn = $1::char(11)";
    if plain.status(&msisdn).await?.as_deref() != Some("RESERVED") {
        return Err(Failed);
    }
    sqlx::query(SQL).bind(msisdn).execute(&plain.pool).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Plain {
    async fn status(&self, msisdn: &str) -> Result<Option<String>, sqlx::Error> {
        const SQL: &str = "select status from phone_number where msisdn = $1::char(11)";
        let found = sqlx::query(SQL).bind(msisdn).fetch_optional(&self.pool).await?;
        found.map(|row: PgRow| row.try_get("status")).transpose()
    }

    async fn is_in_use(&self, msisdn: &str) -> Result<bool, sqlx::Error> {
        Ok(self.status(msisdn).await?.is_some_and(|status| status != "RETURNED"))
    }
}

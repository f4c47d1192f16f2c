//! The statements of the service, each for one caller. Nothing is decided.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::Row;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Failed;
use super::database::{Database, Subject};
use super::sigan::Sigan;

/// The number of deliveries at the same time: as many as the service makes.
const DELIVERIES: usize = 16;

type Shared = State<Arc<Floor>>;

struct Floor {
    database: Database,
    sigan: Sigan,
    deliveries: Semaphore,
}

pub(crate) fn router(database: Database, sigan: Sigan) -> Router {
    let floor = Floor { database, sigan, deliveries: Semaphore::new(DELIVERIES) };
    #[expect(clippy::disallowed_methods, reason = "no routes of the service")]
    Router::new()
        .route("/ddds/{ddd}", get(async || StatusCode::NO_CONTENT))
        .route("/previews", post(create))
        .route("/previews/{preview}/reservations/{index}", put(reserve))
        .route("/reservations", post(random))
        .route("/reservations/{msisdn}", delete(release))
        .with_state(Arc::new(floor))
}

async fn create(State(floor): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), Failed> {
    let asked: Value = serde_json::from_slice(&body)?;
    let offered = floor.sigan.pre_reserve(&asked["areaCode"], 3).await?;
    let mut subject = Subject::offered(offered);
    floor.database.run(floor.database.create(0), &mut subject).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": subject.new_id(0) }))))
}

async fn reserve(State(floor): Shared, Path((preview, _)): Path<(Uuid, u8)>) -> Result<Json<Value>, Failed> {
    let mut subject = Subject::of(preview);
    let begun = floor.database.run(floor.database.reserve(0), &mut subject).await?;
    let (external_id, msisdn): (&str, &str) = (begun.try_get("external_id")?, begun.try_get("msisdn")?);
    floor.sigan.reserve(external_id, msisdn).await?;
    floor.database.run(floor.database.reserve(1), &mut subject).await?;
    Ok(Json(json!({ "msisdn": msisdn })))
}

async fn random(State(floor): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), Failed> {
    let asked: Value = serde_json::from_slice(&body)?;
    let offered = floor.sigan.pre_reserve(&asked["areaCode"], 1).await?;
    let mut subject = Subject::offered(offered);
    floor.database.run(floor.database.random(0), &mut subject).await?;
    floor.sigan.reserve(&subject.external_id, &subject.msisdns[0]).await?;
    floor.database.run(floor.database.random(1), &mut subject).await?;
    Ok((StatusCode::CREATED, Json(json!({ "msisdn": subject.msisdns[0] }))))
}

async fn release(State(floor): Shared, Path(msisdn): Path<String>) -> Result<StatusCode, Failed> {
    let mut subject = Subject::number(msisdn);
    let released = floor.database.run(floor.database.release(0), &mut subject).await?;
    let (id, external_id): (Uuid, String) = (released.try_get("id")?, released.try_get("external_id")?);
    let floor = floor.clone();
    tokio::spawn(async move {
        let _place = floor.deliveries.acquire().await?;
        floor.sigan.release(&external_id, &subject.msisdns[0]).await?;
        floor.database.run(floor.database.deliver(0), &mut Subject::of(id)).await?;
        Ok::<(), Failed>(())
    });
    Ok(StatusCode::NO_CONTENT)
}

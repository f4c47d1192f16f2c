//! The two floors of the load bench. One executes the statements that were recorded from the service, and decides nothing. The other
//! does what the specification's pseudo-code does. Both make the calls to Sigan that the service makes.
//!
//! The program reads its setup from standard input and prints its address on standard output.
#![expect(clippy::print_stdout, reason = "its address is for the program that started it")]

mod database;
mod plain;
mod recorded;
mod sigan;

use std::error::Error;

use axum::http::StatusCode;
use oss_tests::floor::Setup;
use tokio::net::TcpListener;

use self::database::{Database, open_pool};
use self::sigan::Sigan;

/// A failure, which the bench sees as an error.
struct Failed;

impl<E: Error> From<E> for Failed {
    fn from(_: E) -> Self {
        Self
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setup: Setup = serde_json::from_reader(std::io::stdin())?;
    let (pool, sigan) = (open_pool(&setup)?, Sigan::new(setup.sigan)?);
    let router = match setup.plan {
        Some(plan) => recorded::router(Database::open(pool, plan).await?, sigan),
        None => plain::router(pool, sigan),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

//! The sessions of operators.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::OperatorSession;

use super::Fixture;

const HOUR: Duration = Duration::from_hours(1);

fn session(client: &str) -> OperatorSession {
    let (client, brand) = (client.parse().expect("a name"), "acme".parse().expect("a brand"));
    OperatorSession { client, key: "0".repeat(64), brand }
}

/// The digest of a token.
fn digest(digit: char) -> String {
    digit.to_string().repeat(64)
}

pub async fn a_session_is_found_until_it_ends(db: &Fixture) {
    let store = &db.store;
    let (one, other) = (digest('1'), digest('2'));
    store.open_session(&one, &session("night"), HOUR).await.unwrap();
    store.open_session(&other, &session("day"), HOUR).await.unwrap();
    assert_eq!(store.session(&one).await.unwrap(), Some(session("night")));
    assert_eq!(store.session(&digest('3')).await.unwrap(), None);
    let brand = "other".parse().expect("a brand");
    store.select_session_brand(&one, &brand).await.unwrap();
    assert_eq!(store.session(&one).await.unwrap(), Some(OperatorSession { brand, ..session("night") }));
    assert_eq!(store.session(&other).await.unwrap(), Some(session("day")));
    store.end_session(&one).await.unwrap();
    assert_eq!(store.session(&one).await.unwrap(), None);
    assert_eq!(store.session(&other).await.unwrap(), Some(session("day")));
}

pub async fn a_session_that_is_over_is_not_found_and_is_forgotten(db: &Fixture) {
    let store = &db.store;
    store.open_session(&digest('1'), &session("night"), Duration::ZERO).await.unwrap();
    assert_eq!(store.session(&digest('1')).await.unwrap(), None);
    // A repeated statement keeps the first session; a session that was forgotten is opened again.
    store.open_session(&digest('2'), &session("night"), HOUR).await.unwrap();
    store.open_session(&digest('2'), &session("day"), HOUR).await.unwrap();
    assert_eq!(store.session(&digest('2')).await.unwrap(), Some(session("night")));
    store.open_session(&digest('1'), &session("day"), HOUR).await.unwrap();
    assert_eq!(store.session(&digest('1')).await.unwrap(), Some(session("day")));
}

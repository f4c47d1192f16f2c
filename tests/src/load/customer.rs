//! One customer: takes a number in any of the possible ways, keeps it, puts it on a line or gives it back, and begins again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::Possession;
use super::{AREA_CODES, Shop};
use crate::http::{Answer, Http};

/// A call for a number, which may be repeated.
#[derive(Debug, Clone)]
enum Wish {
    OfPreview {
        id: String,
        index: u8,
    },
    /// A random number, under a key.
    Keyed(String),
    /// A random number without a key. If its answer is lost, nobody can ask for it.
    Nameless,
}

/// The outcome of a wish.
#[derive(Debug)]
enum Outcome {
    Given(String),
    Nothing,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Customer {
    shop: Shop,
    possessions: Vec<Possession>,
    /// Wishes without a certain answer, to be repeated later.
    open: Vec<Wish>,
}

impl Customer {
    pub(super) fn of(shop: Shop) -> Self {
        Self { shop, possessions: Vec::new(), open: Vec::new() }
    }

    pub(super) async fn live(mut self) -> Vec<Possession> {
        while !self.shop.is_closing() {
            match self.wish().await {
                Some(Wish::OfPreview { id, index: 1 }) => {
                    let other = Wish::OfPreview { id: id.clone(), index: 2 };
                    self.pursue_both([Wish::OfPreview { id, index: 1 }, other]).await;
                }
                Some(wish) => self.pursue(wish, 3).await,
                None => {}
            }
            rest().await;
        }
        for wish in std::mem::take(&mut self.open) {
            self.pursue(wish, usize::MAX).await;
        }
        self.possessions
    }

    async fn wish(&self) -> Option<Wish> {
        match fastrand::u8(..4) {
            0 => Some(Wish::Nameless),
            1 => Some(Wish::Keyed(Uuid::now_v7().to_string())),
            _ => self.preview().await,
        }
    }

    async fn preview(&self) -> Option<Wish> {
        let area_code = AREA_CODES[fastrand::usize(..AREA_CODES.len())];
        let key = Uuid::now_v7().to_string();
        let created = self.send_until_certain(|http| {
            let body = json!({ "areaCode": area_code });
            http.request(Method::POST, "/previews").header("idempotency-key", &key).json(&body)
        });
        let id = created.await.body["id"].as_str()?.to_owned();
        Some(Wish::OfPreview { id, index: fastrand::u8(1..=3) })
    }

    async fn pursue(&mut self, wish: Wish, tries: usize) {
        let outcome = self.ask(&wish, tries).await;
        self.take(wish, outcome).await;
    }

    /// Asks for two numbers of one preview at once, which gives one at most.
    async fn pursue_both(&mut self, wishes: [Wish; 2]) {
        let [one, two] = wishes;
        let outcomes = tokio::join!(self.ask(&one, 3), self.ask(&two, 3));
        assert!(
            !matches!(outcomes, (Outcome::Given(_), Outcome::Given(_))),
            "one preview gave two numbers: {outcomes:?}"
        );
        self.take(one, outcomes.0).await;
        self.take(two, outcomes.1).await;
    }

    async fn take(&mut self, wish: Wish, outcome: Outcome) {
        match (outcome, &wish) {
            (Outcome::Given(msisdn), _) => {
                self.shop.given.fetch_add(1, Ordering::Relaxed);
                self.use_number(&wish, msisdn).await;
            }
            (Outcome::Nothing, _) | (Outcome::Unknown, Wish::Nameless) => {}
            (Outcome::Unknown, _) => self.open.push(wish),
        }
    }

    async fn ask(&self, wish: &Wish, tries: usize) -> Outcome {
        // A nameless wish is never repeated, because that would be another wish.
        let tries = if matches!(wish, Wish::Nameless) { 1 } else { tries };
        let begun = Instant::now();
        for _ in 0..tries {
            if let Some(answer) = self.reserve(wish).await {
                match answer.status {
                    200 | 201 => return Outcome::Given(text(&answer.body["msisdn"])),
                    409 if answer.retry_after.is_none() => return Outcome::Nothing,
                    410 | 502 => return Outcome::Nothing,
                    409 | 503 | 504 => {}
                    _ => panic!("{wish:?}: {answer:?}"),
                }
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{wish:?} does not come to a certain answer");
            pause().await;
        }
        Outcome::Unknown
    }

    async fn reserve(&self, wish: &Wish) -> Option<Answer> {
        let http = self.shop.server();
        let answer = self.shop.answer(&http, wish.request(&http));
        if self.shop.hangs_up && !self.shop.is_closing() && fastrand::bool() {
            let patience = Duration::from_millis(fastrand::u64(0..80));
            return tokio::time::timeout(patience, answer).await.ok()?;
        }
        answer.await
    }

    /// Uses a number in one of the ways of customers.
    async fn use_number(&mut self, wish: &Wish, msisdn: String) {
        let mut possession = Possession { msisdn, given: Instant::now(), returned: None };
        match fastrand::u8(..20) {
            0 => self.ask_again(wish, &possession.msisdn).await,
            1 => self.assign(&possession.msisdn).await,
            2 => {}
            _ => {
                if let Some(hold) = self.hold_of(&possession.msisdn).await {
                    possession.returned = Some(Instant::now());
                    self.release(&possession.msisdn, &hold).await;
                }
            }
        }
        self.possessions.push(possession);
    }

    async fn ask_again(&self, wish: &Wish, msisdn: &str) {
        if matches!(wish, Wish::Nameless) {
            return;
        }
        match self.ask(wish, 3).await {
            Outcome::Given(again) => assert_eq!(again, msisdn, "a repeat gives the same number"),
            Outcome::Nothing => panic!("{msisdn} was given, and the repeat says that it was not: {wish:?}"),
            Outcome::Unknown => {}
        }
    }

    async fn assign(&self, msisdn: &str) {
        let sim = self.shop.sims.lock().expect("nobody panics with the list").pop();
        let (path, Some(sim)) = (format!("/reservations/{msisdn}/assignment"), sim) else { return };
        let assigned = self
            .send_until_certain(|http| http.request(Method::PUT, &path).json(&json!({ "simId": sim })))
            .await;
        assert_eq!(assigned.status, 204, "{msisdn}: {assigned:?}");
    }

    /// Repeats a release for as long as the number is in our own hold. A release without an answer may have been done, and then
    /// another customer may already have the number.
    async fn release(&self, msisdn: &str, own: &Value) {
        let path = format!("/reservations/{msisdn}");
        loop {
            let http = self.shop.server();
            match self.shop.answer(&http, http.request(Method::DELETE, &path)).await {
                Some(answer) if answer.status == 204 => return,
                Some(answer) => assert!(answer.retry_after.is_some(), "{msisdn}: {answer:?}"),
                None => {}
            }
            pause().await;
            if self.hold_of(msisdn).await.as_ref() != Some(own) {
                return;
            }
        }
    }

    /// The hold of a number. None if it was given back.
    async fn hold_of(&self, msisdn: &str) -> Option<Value> {
        let number =
            self.send_until_certain(|http| http.request(Method::GET, &format!("/numbers/{msisdn}"))).await;
        let latest = &number.body["history"][0];
        (latest["state"] == "HELD").then(|| latest["id"].clone())
    }

    /// Repeats a request until its answer does not ask for a repeat.
    async fn send_until_certain(&self, request: impl Fn(&Http) -> RequestBuilder) -> Answer {
        let begun = Instant::now();
        loop {
            let http = self.shop.server();
            match self.shop.answer(&http, request(&http)).await {
                Some(answer) if answer.retry_after.is_none() && answer.status != 502 => {
                    assert!(answer.status < 500, "{answer:?}");
                    return answer;
                }
                last => assert!(begun.elapsed() < Duration::from_mins(1), "no answer but {last:?}"),
            }
            pause().await;
        }
    }
}

impl Wish {
    fn request(&self, http: &Http) -> RequestBuilder {
        let random = || http.request(Method::POST, "/reservations").json(&json!({ "areaCode": "11" }));
        match self {
            Self::OfPreview { id, index } => {
                http.request(Method::PUT, &format!("/previews/{id}/reservations/{index}"))
            }
            Self::Keyed(key) => random().header("idempotency-key", key),
            Self::Nameless => random(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Waits between two numbers.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
}

/// Waits before a repeat.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(50..150))).await;
}

//! Delivers events to webhooks.
//!
//! Each webhook has a task of its own in each server, which keeps one page of events at most. One server at a time has the turn, which the
//! database gives for a while. Events are delivered in order, and the place is recorded after them, so an event may be delivered again
//! after a crash. Its id is the same then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, gauge};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::{ClientName, Event, EventCursor, Malformed, WebhookStatus};
use crate::error::Error;
use crate::http::ClientError;
use crate::oss::{Oss, RunningWebhook};
use crate::store::{StoreError, WebhookTurn};
use crate::telemetry::names::{WEBHOOK_DELIVERIES, WEBHOOK_LAG};
use crate::webhooks::{Caller, Failed, Message, Webhook};

/// The time for which a server has the turn. It is longer than a delivery and the record of it.
const TURN: Duration = Duration::from_secs(25);

/// The longest time between two records of the place.
const RECORD: Duration = Duration::from_secs(1);

/// The longest that a server with the turn waits for an event before it takes its turn again.
const IDLE: Duration = Duration::from_secs(10);

/// The rest of a server that does not have the turn.
const REST: Duration = Duration::from_secs(1);

/// The most events that a task keeps.
const PAGE: u32 = 100;

/// The wait before the first repeat. It doubles with each failure.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The longest wait before a repeat.
const LONGEST_RETRY: Duration = Duration::from_hours(1);

/// The reason why a webhook gets no events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody may act for its brand. Without this error, the webhook would get the events of every brand.
    #[error("webhook {webhook}: its brand_id is wrong: {fault}")]
    Brand {
        /// The webhook.
        webhook: ClientName,
        /// The fault.
        fault: Malformed,
    },
}

/// The reason why the work on a page ended early.
enum Stopped {
    /// Another server has the turn, or the webhook was put to another place.
    TurnOver,
    Failed(Failed, i32),
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The work of one server on one webhook.
struct Worker {
    oss: Oss,
    webhook: Webhook,
    caller: Caller,
    server: Uuid,
    stop: CancellationToken,
}

/// The place up to which a worker has come, and the place that is recorded.
struct Progress {
    at: EventCursor,
    has_delivered: bool,
    recorded: EventCursor,
    recorded_at: Instant,
}

impl Oss {
    /// Delivers events to these webhooks and to no others, in tasks that end with [`Oss::shutdown`]. Several servers may do so at once.
    ///
    /// A later call replaces the webhooks: it goes on with those that are the same, and ends the deliveries to the others.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] if TLS cannot be set up, or nobody may act for the brand of a webhook. Nothing has changed then.
    pub fn deliver_in_background_to(&self, webhooks: Vec<Webhook>) -> Result<(), DeliveryError> {
        let mut running = self.running_webhooks().lock();
        let (same, new): (Vec<_>, Vec<_>) = webhooks
            .into_iter()
            .partition(|webhook| running.iter().any(|running| running.webhook == *webhook));
        let workers: Vec<_> =
            new.into_iter().map(|webhook| Worker::new(self, webhook)).collect::<Result<_, _>>()?;
        let ended: Vec<_> = running.extract_if(.., |running| !same.contains(&running.webhook)).collect();
        for worker in workers {
            running.push(RunningWebhook { webhook: worker.webhook.clone(), stop: worker.stop.clone() });
            self.spawn(worker.run());
        }
        for RunningWebhook { webhook, stop } in ended {
            stop.cancel();
            if running.iter().all(|running| running.webhook.name != webhook.name) {
                // Nobody sets it any more, and its last value could look like a webhook that lags.
                gauge!(WEBHOOK_LAG, "webhook" => webhook.name.to_string()).set(0.0);
            }
        }
        Ok(())
    }

    /// Every webhook that events were ever delivered to, with its place and its last error.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn webhooks(&self) -> Result<Vec<WebhookStatus>, Error> {
        Ok(self.store().webhooks().await?)
    }

    /// Delivers the events since a time to a webhook again, and a few from before it. Returns false if there is no such webhook.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn replay_webhook(&self, name: &ClientName, since: DateTime<Utc>) -> Result<bool, Error> {
        let from = self.events_since(since).await?;
        Ok(self.store().replay_webhook(name, from).await?)
    }
}

impl Oss {
    /// Sets the gauges of the webhooks to which this client delivers.
    pub(crate) async fn record_webhooks(&self) -> Result<(), StoreError> {
        if self.running_webhooks().lock().is_empty() {
            return Ok(());
        }
        let recorded = self.store().webhooks().await?;
        let running = self.running_webhooks().lock();
        for WebhookStatus { name, lag_seconds, .. } in recorded {
            if running.iter().any(|running| running.webhook.name.as_str() == name) {
                gauge!(WEBHOOK_LAG, "webhook" => name).set(Duration::from_secs(lag_seconds).as_secs_f64());
            }
        }
        Ok(())
    }
}

impl Worker {
    fn new(oss: &Oss, webhook: Webhook) -> Result<Self, DeliveryError> {
        let caller = Caller::new(&webhook)?;
        let stop = oss.stopping().child_token();
        let oss = match &webhook.brand {
            Some(brand) => oss
                .acting_for(brand.clone())
                .map_err(|fault| DeliveryError::Brand { webhook: webhook.name.clone(), fault })?,
            None => oss.clone(),
        };
        Ok(Self { oss, webhook, caller, server: Uuid::new_v4(), stop })
    }

    async fn run(self) {
        while !self.stop.is_cancelled() {
            let rest = match self.take_turn().await {
                Ok(rest) => rest,
                Err(error) => {
                    tracing::warn!(webhook = %self.webhook.name, %error, "Events are not delivered until the database answers.");
                    IDLE
                }
            };
            if !rest.is_zero() {
                self.stop.run_until_cancelled(sleep(rest)).await;
            }
        }
        // Another task can go on at once. If this fails, it goes on when the turn is over.
        let _ = self.oss.store().leave_webhook(&self.webhook.name, self.server).await;
    }

    /// Takes the turn and delivers a page. Returns how long to rest before the next turn.
    async fn take_turn(&self) -> Result<Duration, StoreError> {
        let name = &self.webhook.name;
        let Some(turn) = self.oss.store().take_webhook(name, self.server, TURN).await? else {
            return Ok(REST);
        };
        match self.deliver_page(&turn).await {
            Ok(()) => Ok(Duration::ZERO),
            Err(Stopped::TurnOver) => Ok(REST),
            Err(Stopped::Store(error)) => Err(error),
            Err(Stopped::Failed(failed, attempts)) => {
                let retry_in = retry_in(attempts);
                tracing::warn!(webhook = %name, reason = %failed, attempts, ?retry_in, "An event could not be delivered.");
                self.oss
                    .store()
                    .record_failed_webhook(name, self.server, &failed.to_string(), retry_in)
                    .await?;
                // Meanwhile somebody may put the webhook to another place.
                Ok(retry_in.min(REST))
            }
        }
    }

    async fn deliver_page(&self, turn: &WebhookTurn) -> Result<(), Stopped> {
        let begun = Instant::now();
        let page = self.oss.store().events(self.oss.scope(), turn.cursor, PAGE).await?;
        if page.next == turn.cursor {
            self.wait(turn.cursor).await;
            return Ok(());
        }
        let mut progress =
            Progress { at: turn.cursor, has_delivered: false, recorded: turn.cursor, recorded_at: begun };
        let is_own = !self.oss.scope().is_all_brands();
        for row in page.events {
            if self.webhook.wants(&row.kind) {
                let now = (turn.now + begun.elapsed()).timestamp();
                let event = Event::shown(row.clone(), is_own);
                let delivery = self.stop.run_until_cancelled(self.deliver(&event, now));
                // A task that stops does not wait for a slow receiver. The next one repeats the event.
                let Some(delivered) = delivery.await else { break };
                if let Err(failed) = delivered {
                    self.record(&mut progress).await?;
                    // After a delivery, this is the first failure in a row.
                    let attempts = if progress.has_delivered { 0 } else { turn.attempts };
                    return Err(Stopped::Failed(failed, attempts));
                }
                progress.has_delivered = true;
            }
            progress.at = row.cursor;
            if progress.recorded_at.elapsed() >= RECORD {
                self.record(&mut progress).await?;
            }
        }
        if !self.stop.is_cancelled() {
            progress.at = page.next;
        }
        self.record(&mut progress).await
    }

    async fn deliver(&self, event: &Event, now: i64) -> Result<(), Failed> {
        let message = Message { kind: event.kind.as_str(), timestamp: event.recorded_at, data: event };
        // Nothing in an event can fail to be written.
        let body = serde_json::to_string(&message).unwrap_or_default();
        let delivered = self.caller.deliver(&self.webhook, event.id, now, body).await;
        let outcome = delivered.as_ref().err().map_or("ok", |failed| failed.code());
        counter!(WEBHOOK_DELIVERIES, "webhook" => self.webhook.name.to_string(), "outcome" => outcome)
            .increment(1);
        delivered
    }

    /// Records the place, and keeps the turn.
    async fn record(&self, progress: &mut Progress) -> Result<(), Stopped> {
        if progress.at == progress.recorded {
            return Ok(());
        }
        let (store, name) = (self.oss.store(), &self.webhook.name);
        let delivered = progress.has_delivered;
        if !store.advance_webhook(name, self.server, progress.at, delivered, TURN).await? {
            return Err(Stopped::TurnOver);
        }
        progress.recorded = progress.at;
        progress.recorded_at = Instant::now();
        Ok(())
    }

    /// Waits for an event after a place, for a while.
    async fn wait(&self, place: EventCursor) {
        let later = timeout(IDLE, self.oss.watched_event().wait_for_later(place));
        if let Some(Ok(Err(_))) = self.stop.run_until_cancelled(later).await {
            // The database does not answer, as the next turn will find.
            sleep(REST).await;
        }
    }
}

/// The wait before a failed delivery is repeated: it doubles with each failure in a row, and up to a quarter of it is random.
fn retry_in(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or_default();
    let longest = FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY);
    longest.mul_f64(1.0 - fastrand::f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "mock")]
    #[tokio::test]
    async fn only_a_webhook_that_changed_is_delivered_to_anew() {
        const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        const NEW: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl2IkSTVNqFd6sW+dbbUQ=";
        let oss = Oss::sandbox().await.unwrap();
        let webhook = |name: &str, secret: &str| Webhook {
            name: name.parse().unwrap(),
            url: "http://127.0.0.1:1".parse().unwrap(),
            secrets: vec![secret.parse().unwrap()],
            kinds: Vec::new(),
            brand: None,
        };
        let stops = || -> Vec<_> {
            oss.running_webhooks().lock().iter().map(|running| running.stop.clone()).collect()
        };
        oss.deliver_in_background_to(["same", "changed", "removed"].map(|name| webhook(name, OLD)).into())
            .unwrap();
        let before = stops();
        oss.deliver_in_background_to(vec![webhook("changed", NEW), webhook("same", OLD)]).unwrap();
        assert_eq!(
            before.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(),
            [false, true, true]
        );
        assert_eq!(stops().iter().filter(|stop| !stop.is_cancelled()).count(), 2);
        oss.shutdown().await;
    }

    #[cfg(feature = "mock")]
    #[tokio::test]
    async fn a_webhook_of_a_brand_that_nobody_may_act_for_gets_nothing() {
        let oss = Oss::sandbox().await.unwrap();
        let webhook = |brand: &str| Webhook {
            name: "billing".parse().unwrap(),
            url: "http://127.0.0.1:1".parse().unwrap(),
            secrets: vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap()],
            kinds: Vec::new(),
            brand: Some(brand.parse().unwrap()),
        };
        let refused = oss.deliver_in_background_to(vec![webhook("acme"), webhook("unknown")]).unwrap_err();
        assert!(refused.to_string().contains("webhook billing: its brand_id"), "{refused}");
        assert_eq!(oss.running_webhooks().lock().len(), 0);
        oss.deliver_in_background_to(vec![webhook("acme")]).unwrap();
        oss.shutdown().await;
    }

    #[test]
    fn a_failure_is_repeated_after_an_hour_at_most() {
        let within = |attempts, longest: u128| {
            let wait = retry_in(attempts).as_millis();
            (longest * 3 / 4..=longest).contains(&wait)
        };
        for (attempts, longest) in
            [(-1, 500), (0, 500), (1, 1000), (5, 16_000), (13, 3_600_000), (i32::MAX, 3_600_000)]
        {
            assert!(within(attempts, longest), "{attempts}");
        }
    }
}

//! The phones of the sandbox's customers. After an activation code was read, a phone downloads, installs and enables the profile, and
//! GSIM's mock calls back with each state.
//!
//! The call-backs are handed to the operation that `POST /gsim/notifications` calls, because nobody knows the address and the keys of
//! a server around the sandbox.

use std::time::Duration;

use crate::domain::{ProfileReport, SimId};
use crate::error::Error;
use crate::gsim::mock::{GsimMock, OrderBook};
use crate::gsim::wire::Notification;
use crate::oss::Oss;
use crate::store::{Scope, StoreError};

/// The time that a phone takes for each of its steps. A person can read a code twice before it is used.
const STEP: Duration = Duration::from_secs(5);

/// The pause between two rounds of call-backs.
const ROUND: Duration = Duration::from_millis(500);

/// The orders, with customers who install their eSIMs.
pub(super) fn installing(book: OrderBook) -> OrderBook {
    book.with_life_after_scan(STEP)
}

/// Runs a round, and then one after the other in a task that ends with [`Oss::shutdown`].
pub(super) async fn install_in_background(oss: &Oss, gsim: &GsimMock) {
    run_round(oss, gsim).await;
    let (oss, gsim) = (oss.clone(), gsim.clone());
    oss.clone().spawn(async move {
        while oss.stopping().run_until_cancelled(tokio::time::sleep(ROUND)).await.is_some() {
            run_round(&oss, &gsim).await;
        }
    });
}

/// Scans the codes that were read, and delivers the call-backs.
async fn run_round(oss: &Oss, gsim: &GsimMock) {
    for sim in gsim.unscanned() {
        if let Err(error) = scan_if_read(oss, gsim, sim).await {
            tracing::warn!(sim.id = %sim, %error, "Whether an activation code was read is not known; it is looked up again.");
        }
    }
    let mut refused = Vec::new();
    for notification in gsim.take_notifications() {
        // The call-back about an order may come before the answer to it, so GSIM keeps it until there is a SIM, or no order any more.
        if deliver(oss, &notification).await.is_err() && !gsim.book().is_cancelled(notification.reference) {
            refused.push(notification);
        }
    }
    gsim.keep_notifications(refused);
}

async fn scan_if_read(oss: &Oss, gsim: &GsimMock, sim: SimId) -> Result<(), StoreError> {
    let record = oss.store().sim(Scope::AllBrands, sim).await?;
    if let Some(read) = record.and_then(|record| record.code_reads.into_iter().next()) {
        gsim.scan(sim, read.read_at);
    }
    Ok(())
}

async fn deliver(oss: &Oss, notification: &Notification) -> Result<(), Error> {
    let Notification { reference, profile_state, at, reason, eid } = notification;
    let report = ProfileReport::new(*reference, *profile_state, *at, reason.as_deref());
    oss.record_profile(report.on_chip(eid.clone())).await
}

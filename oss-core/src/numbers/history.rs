//! The story of a number: its attempts, and the events, calls and reads of codes in the order of time.
//!
//! Every list is read through an index, so a story costs as much as its number has, and nothing more.

use uuid::Uuid;

use crate::domain::{
    Event, LONGEST_STORY, Msisdn, NumberHistory, OfferedNumber, PreviewHistory, PreviewId, StoryEntry,
    UpstreamCall,
};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// The most records that one statement of a purge looks at.
const BATCH: u32 = 500;

impl Oss {
    /// Returns the attempts to hold a number, and its timeline: what changed, each call to Sigan and GSIM, and who read an activation
    /// code. The latest 200 of each are included.
    ///
    /// It includes every call that ended in this process before. Those of another process are there after about a second.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`].
    pub async fn number_history(&self, msisdn: Msisdn) -> Result<NumberHistory, Error> {
        self.observe(Operation::NumberHistory, async {
            let (store, scope, limit) = (self.store(), self.scope(), LONGEST_STORY);
            let number =
                store.number(scope, msisdn).await?.ok_or_else(|| Error::UnknownNumber(msisdn.masked()))?;
            self.write_calls().await;
            let attempts = store.attempts_of_number(scope, msisdn, limit).await?;
            let associations = store.associations(scope, msisdn).await?;
            let events = store.events_of_number(scope, msisdn, limit).await?;
            let events = events.into_iter().map(|row| Event::shown(row, true)).collect();
            let calls = store.calls_of_number(scope, msisdn, limit).await?;
            let code_reads = store.code_reads_of_number(scope, msisdn, limit).await?;
            let timeline = StoryEntry::timeline(events, calls, code_reads);
            Ok(NumberHistory::new(msisdn, number.line, attempts, associations, timeline))
        })
        .await
    }

    /// Returns a preview with the numbers that it offers, and the calls to Sigan about it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPreview`], also if it was forgotten some weeks after its end.
    pub async fn preview_history(&self, id: PreviewId) -> Result<PreviewHistory, Error> {
        self.observe(Operation::PreviewHistory, async {
            let (store, scope) = (self.store(), self.scope());
            let preview = store.find_preview(scope, id).await?.ok_or(Error::UnknownPreview(id))?;
            self.write_calls().await;
            let calls = match &preview.external_id {
                Some(external_id) => store.calls_of_hold(external_id, LONGEST_STORY).await?,
                None => Vec::new(),
            };
            let mut offers = Vec::with_capacity(preview.offers.len());
            for &(choice, msisdn) in &preview.offers {
                let is_known = store.number(scope, msisdn).await?.is_some();
                offers.push(OfferedNumber::new(choice, msisdn, is_known));
            }
            Ok(PreviewHistory::new(preview, offers, calls))
        })
        .await
    }

    /// Returns the calls to Sigan and GSIM that a request of a server's client caused, the latest first, at most 200. They name the
    /// numbers and the SIMs that it touched. There is none for an unknown request, and none for a request of another brand.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn calls_of_request(&self, request: Uuid) -> Result<Vec<UpstreamCall>, Error> {
        self.observe(Operation::CallsOfRequest, async {
            self.write_calls().await;
            Ok(self.store().calls_of_request(self.scope(), request, LONGEST_STORY).await?)
        })
        .await
    }

    /// Deletes old pre-reserves of which no number was reserved. They are only history, so if the database refuses this, the sweep goes
    /// on.
    pub(super) async fn purge_calls(&self) {
        // A preview is kept for so long after its pre-reserve.
        let kept_for = self.settings().preview_ttl + self.settings().preview_retention;
        while !self.stopping().is_cancelled() {
            match self.store().purge_calls(kept_for, BATCH).await {
                Ok(looked_at) if looked_at >= u64::from(BATCH) => {}
                Ok(_) => return,
                Err(error) => return tracing::debug!(%error, "Old calls could not be deleted."),
            }
        }
    }
}

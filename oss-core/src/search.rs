//! One search for any identifier: of a number, a SIM, a preview, an attempt or a line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::domain::SearchTerm;
use crate::domain::{
    BrandId, ListedNumber, Msisdn, NumberKey, PreviewId, Sim, SimFilter, SimId, StoredPreview,
};
use crate::error::Error;
use crate::numbers::Offer;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// The kinds of things to search among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchAmong {
    /// Numbers and previews, for a caller who may not see SIMs.
    Numbers,
    /// Numbers, previews and SIMs.
    NumbersAndSims,
}

/// A preview that a search found. Some weeks after its end it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundPreview {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = Uuid))]
    pub id: PreviewId,
    /// Its brand.
    #[cfg_attr(feature = "openapi", schema(value_type = String, examples("acme")))]
    pub brand_id: BrandId,
    /// Its numbers, masked as for the customer.
    pub msisdns: Vec<Offer>,
    /// The number that was chosen, in full.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub reserved_msisdn: Option<Msisdn>,
    /// The time at which it was made.
    pub created_at: DateTime<Utc>,
    /// The time until which numbers can be reserved from it.
    pub expires_at: DateTime<Utc>,
}

/// The things that a search found, by their kind. It serialises as in the HTTP answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "The things that a search found"))]
#[non_exhaustive]
pub struct SearchResults {
    /// The numbers.
    pub numbers: Vec<ListedNumber>,
    /// The SIMs, the latest first.
    pub sims: Vec<Sim>,
    /// The previews.
    pub previews: Vec<FoundPreview>,
}

impl SearchResults {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.sims.is_empty() && self.previews.is_empty()
    }

    fn of_numbers(numbers: impl IntoIterator<Item = ListedNumber>) -> Self {
        Self { numbers: numbers.into_iter().collect(), ..Self::default() }
    }

    fn of_sims(sims: Vec<Sim>) -> Self {
        Self { sims, ..Self::default() }
    }
}

impl From<StoredPreview> for FoundPreview {
    fn from(stored: StoredPreview) -> Self {
        let StoredPreview { id, brand, offers, reserved, created_at, expires_at, .. } = stored;
        let offer = |(choice, msisdn): (_, Msisdn)| Offer { choice, masked: msisdn.masked() };
        let msisdns = offers.into_iter().map(offer).collect();
        Self { id, brand_id: brand, msisdns, reserved_msisdn: reserved, created_at, expires_at }
    }
}

impl Oss {
    /// Finds what has an identifier: a number with its current attempt, SIMs, a preview, an attempt, or the SIMs of a line. A client that
    /// [acts for](Oss::acting_for) a brand finds nothing of another brand. An index serves each search.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    ///
    /// ```
    /// use oss_core::Oss;
    /// use oss_core::search::SearchAmong;
    ///
    /// # #[cfg(feature = "mock")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let oss = Oss::sandbox().await?;
    /// let number = oss.reserve_random("11".parse()?).await?.msisdn;
    /// let found = oss.search(&number.to_string().parse()?, SearchAmong::Numbers).await?;
    /// assert!(found.numbers[0].msisdn == number);
    /// # oss.shutdown().await;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "mock"))]
    /// # fn main() {}
    /// ```
    pub async fn search(&self, term: &SearchTerm, among: SearchAmong) -> Result<SearchResults, Error> {
        self.observe(Operation::Search, async {
            match term {
                SearchTerm::Msisdn(msisdn) => self.found_number(NumberKey::Number(*msisdn)).await,
                SearchTerm::Iccid(iccid) => self.found_sims(SimFilter::Iccid(iccid.clone()), among).await,
                SearchTerm::Imsi(imsi) => self.found_sims(SimFilter::Imsi(imsi.clone()), among).await,
                SearchTerm::Eid(eid) => self.found_sims(SimFilter::Eid(eid.clone()), among).await,
                SearchTerm::Id(id) => self.found_by_id(*id, among).await,
            }
        })
        .await
    }

    async fn found_number(&self, key: NumberKey) -> Result<SearchResults, Error> {
        let number = self.store().find_number(self.scope(), key).await?;
        Ok(SearchResults::of_numbers(number))
    }

    async fn found_sims(&self, filter: SimFilter, among: SearchAmong) -> Result<SearchResults, Error> {
        if among == SearchAmong::Numbers {
            return Ok(SearchResults::default());
        }
        Ok(SearchResults::of_sims(self.store().find_sims(self.scope(), &filter).await?))
    }

    /// Finds everything that has an id. The tables have ids of their own, so at most one kind has it, but nobody knows which.
    async fn found_by_id(&self, id: Uuid, among: SearchAmong) -> Result<SearchResults, Error> {
        let preview = self.store().find_preview(self.scope(), id.into()).await?;
        let previews = preview.into_iter().map(FoundPreview::from).collect();
        let mut found = SearchResults { previews, ..SearchResults::default() };
        for key in [NumberKey::Preview(id.into()), NumberKey::Reservation(id.into())] {
            found.numbers.extend(self.store().find_number(self.scope(), key).await?);
        }
        if found.is_empty() && among == SearchAmong::NumbersAndSims {
            found = self.found_sim(id.into()).await?;
        }
        if found.is_empty() {
            found = self.found_sims(SimFilter::Line(id.into()), among).await?;
        }
        Ok(found)
    }

    /// Finds a SIM, or else the number of an order that has made none.
    async fn found_sim(&self, id: SimId) -> Result<SearchResults, Error> {
        match self.store().sim(self.scope(), id).await? {
            Some(record) => Ok(SearchResults::of_sims(vec![record.sim])),
            None => self.found_number(NumberKey::Order(id)).await,
        }
    }
}

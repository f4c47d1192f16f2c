//! Creating a preview: three numbers of an area code, pre-reserved in Sigan and shown masked.
//!
//! Specification: "Criar pré-reserva de número".

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use metrics::counter;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::domain::{Choice, Ddd, ExternalId, IdempotencyKey, MaskedMsisdn, Msisdn, PreviewId};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{PreReservation, PreReserve, Refusal, SiganError, Turn};
use crate::store::{KeyedPreview, NewPreview};
use crate::telemetry::{Operation, names};

/// The time for which Sigan keeps the numbers after their preview ended ("1 minuto a mais que a configuração").
pub(crate) const HOLD_MARGIN: Duration = Duration::from_mins(1);

/// The most offers of Sigan for one call, if the settings bar their numbers.
const OFFERS: u32 = 3;

/// Three numbers to choose from, shown masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "id": "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10",
    "msisdns": [
        { "preview": "(11) 9****-0001", "index": 1 },
        { "preview": "(11) 9****-0002", "index": 2 },
        { "preview": "(11) 9****-0003", "index": 3 },
    ],
    "expiresAt": "2026-11-25T13:45:41Z",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Preview {
    /// Names the preview in a later reserve.
    pub id: PreviewId,
    /// The numbers, in order of their index.
    #[serde(rename = "msisdns")]
    #[cfg_attr(feature = "openapi", schema(min_items = 3, max_items = 3))]
    pub offers: Vec<Offer>,
    /// The end of the time in which one of them can be reserved, unless another preview replaces this one.
    pub expires_at: DateTime<Utc>,
}

/// One number of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({ "preview": "(11) 9****-0001", "index": 1 }))))]
pub struct Offer {
    /// The number, masked.
    #[serde(rename = "preview")]
    pub masked: MaskedMsisdn,
    /// The index by which it is chosen.
    #[serde(rename = "index")]
    pub choice: Choice,
}

impl Preview {
    /// The preview as callers see it: its numbers are masked, in the order in which they were offered.
    fn new(id: PreviewId, msisdns: &[Msisdn], expires_at: DateTime<Utc>) -> Self {
        let offer = |(choice, msisdn): (Choice, &Msisdn)| Offer { choice, masked: msisdn.masked() };
        Self { id, offers: Choice::ALL.into_iter().zip(msisdns).map(offer).collect(), expires_at }
    }
}

/// A call of [`Oss::create_preview`].
#[derive(Debug)]
#[must_use = "nothing is done until it is awaited"]
pub struct CreatePreview<'a> {
    oss: &'a Oss,
    ddd: Ddd,
    previous: Option<PreviewId>,
    key: Option<IdempotencyKey>,
}

impl CreatePreview<'_> {
    /// Names a preview that the new one replaces; Sigan frees its numbers in the same step.
    pub fn replacing(self, previous: impl Into<Option<PreviewId>>) -> Self {
        Self { previous: previous.into(), ..self }
    }

    /// Names the call, so that a repeated call gives the same preview.
    pub fn idempotency_key(self, key: impl Into<Option<IdempotencyKey>>) -> Self {
        Self { key: key.into(), ..self }
    }
}

impl<'a> IntoFuture for CreatePreview<'a> {
    type Output = Result<Preview, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { oss, ddd, previous, key } = self;
        let work = move |oss: Oss| async move {
            match key {
                Some(key) => oss.one_call_per_key(&key, oss.preview_with_key(ddd, previous, &key)).await,
                None => oss.new_preview(ddd, previous, None).await?.ok_or(Error::KeyInFlight),
            }
        };
        Box::pin(oss.run_to_end(Operation::CreatePreview, work))
    }
}

impl Oss {
    /// Pre-reserves three numbers of an area code for as long as the configuration says (15 minutes).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDdd`], [`Error::UnknownPrevious`]; [`Error::PreviewUsed`] if the previous preview holds a number or a
    /// reserve from it is in flight; [`Error::NoNumbersLeft`]; [`Error::KeyReused`], [`Error::KeyInFlight`];
    /// [`Error::ClientShareExceeded`], [`Error::DrawBudgetExceeded`]; and the errors of Sigan and of the store. After any of them
    /// nothing is held, because a pre-reservation that nobody can name lapses in Sigan by itself.
    pub fn create_preview(&self, ddd: Ddd) -> CreatePreview<'_> {
        CreatePreview { oss: self, ddd, previous: None, key: None }
    }

    /// Creates a preview for a call with an idempotency key. If an earlier call with the key created one, returns that one.
    async fn preview_with_key(
        &self,
        ddd: Ddd,
        previous: Option<PreviewId>,
        key: &IdempotencyKey,
    ) -> Result<Preview, Error> {
        if let Some(existing) = self.store().keyed_preview(self.scope(), key).await? {
            return existing.into_answer(ddd, previous);
        }
        if let Some(preview) = self.new_preview(ddd, previous, Some(key)).await? {
            return Ok(preview);
        }
        // Another process was faster. The numbers that Sigan offered to this call lapse there by themselves.
        let existing = self.store().keyed_preview(self.scope(), key).await?;
        existing.ok_or(Error::KeyInFlight)?.into_answer(ddd, previous)
    }

    /// Creates a preview. Returns none if another preview has the key.
    async fn new_preview(
        &self,
        ddd: Ddd,
        previous: Option<PreviewId>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Preview>, Error> {
        // Valida se DDD existe
        self.require_ddd(ddd).await?;

        // se foi informado um previousId: busca preview.external_id anterior; se não existe, emite erro
        let previous_external_id = match previous {
            Some(id) => Some(self.replaceable_external_id(id).await?),
            None => None,
        };

        // "Chama Sigan para pré-reservar números". The preview's time counts from before the call, so that it ends before
        // Sigan's hold does, however long the answer takes.
        let turn = self.sigan_turn(self.caller_lane()).await?;
        let called_at = Instant::now();
        let pre_reservation = self.pre_reserve(&turn, ddd, Choice::ALL.len(), previous_external_id).await?;

        // Insere preview e os três preview_number's
        let preview = NewPreview {
            id: PreviewId::new(),
            external_id: pre_reservation.external_id,
            brand: self.brand().clone(),
            msisdns: pre_reservation.msisdns,
            valid_for: self.settings().preview_ttl.saturating_sub(called_at.elapsed()),
            previous,
            key: key.cloned(),
        };
        let Some(expires_at) = self.store().create_preview(&preview).await? else { return Ok(None) };
        tracing::info!(preview.id = %preview.id, number.ddd = %ddd, "Preview created.");

        // retorna dtos, ofuscando os números
        Ok(Some(Preview::new(preview.id, &preview.msisdns, expires_at)))
    }

    /// Sigan's id of a preview that may be replaced.
    async fn replaceable_external_id(&self, id: PreviewId) -> Result<ExternalId, Error> {
        let previous =
            self.store().previous_preview(self.scope(), id).await?.ok_or(Error::UnknownPrevious(id))?;
        if previous.in_use {
            return Err(Error::PreviewUsed(id));
        }
        Ok(previous.external_id)
    }

    /// Asks Sigan for numbers that were not given back too recently. They count against the client's budget.
    pub(super) async fn pre_reserve(
        &self,
        turn: &Turn<'_>,
        ddd: Ddd,
        quantity: usize,
        previous: Option<ExternalId>,
    ) -> Result<PreReservation, Error> {
        self.draw(ddd, quantity)?;
        let offered = self.unreturned_numbers(turn, ddd, quantity, previous).await;
        self.count_draw(ddd, &offered);
        offered
    }

    async fn unreturned_numbers(
        &self,
        turn: &Turn<'_>,
        ddd: Ddd,
        quantity: usize,
        previous: Option<ExternalId>,
    ) -> Result<PreReservation, Error> {
        let mut offer = self.ask_for_numbers(turn, ddd, quantity, previous).await?;
        let mut offers = 1..OFFERS;
        while self.is_recycled(&offer).await? {
            offers.next().ok_or(Error::NoNumbersLeft(ddd))?;
            // Sigan frees the offer in the same step.
            offer = self.ask_for_numbers(turn, ddd, quantity, Some(offer.external_id)).await?;
        }
        Ok(offer)
    }

    /// Whether a number of an offer was given back so recently that the settings bar it.
    async fn is_recycled(&self, offer: &PreReservation) -> Result<bool, Error> {
        let Some(after) = self.settings().recycle_after else { return Ok(false) };
        let recycled = self.store().were_returned(&offer.msisdns, after).await?;
        counter!(names::RECYCLED_OFFERS).increment(u64::from(recycled));
        Ok(recycled)
    }

    /// Asks Sigan for numbers, and to keep them for a minute longer than a preview lives.
    async fn ask_for_numbers(
        &self,
        turn: &Turn<'_>,
        ddd: Ddd,
        quantity: usize,
        previous: Option<ExternalId>,
    ) -> Result<PreReservation, Error> {
        let request = PreReserve {
            ddd,
            quantity: u8::try_from(quantity).unwrap_or(u8::MAX),
            brand: self.brand().clone(),
            hold_for: self.settings().preview_ttl + HOLD_MARGIN,
            previous,
        };
        turn.pre_reserve(&request).await.map_err(|error| match error {
            SiganError::Refused(Refusal::NoneLeft) => Error::NoNumbersLeft(ddd),
            error => error.into(),
        })
    }
}

impl KeyedPreview {
    /// The answer to a repeated call. A different request with the same key is an error.
    fn into_answer(self, ddd: Ddd, previous: Option<PreviewId>) -> Result<Preview, Error> {
        let is_same_request =
            self.own && self.previous == previous && self.msisdns.iter().all(|msisdn| msisdn.ddd() == ddd);
        if is_same_request {
            Ok(Preview::new(self.id, &self.msisdns, self.expires_at))
        } else {
            Err(Error::KeyReused)
        }
    }
}

//! The life of a customer, who looks at numbers, takes one, gives it back, puts it on a line, or walks away.

use std::sync::Arc;
use std::time::Duration;

use oss_core::gsim::mock::OrderBook;
use oss_core::{
    BrandId, Choice, Ddd, Error, ErrorKind, IdempotencyKey, LineId, Msisdn, Oss, PreviewId, Reservation,
    WantedSim,
};
use tokio::time::sleep;
use uuid::Uuid;

use super::world::{World, device};
use super::{CUSTOMERS, brands};

/// The number of times that a customer comes for a number.
const STORIES: usize = 16;

/// The number of times that a customer repeats a call without a certain answer.
const PATIENCE: usize = 6;

pub(super) async fn live(world: Arc<World>, name: usize) {
    for turn in 0..STORIES {
        world.rest(Duration::from_secs(30)).await;
        let [settings_brand, other] = brands();
        let (brand, is_confined) = match name % 3 {
            0 => (settings_brand, true),
            1 => (other, true),
            _ => (settings_brand, false),
        };
        let id = (turn * CUSTOMERS + name) as u64;
        let story = Story { world: world.clone(), id, brand, is_confined };
        story.unfold().await;
    }
}

/// The story of one number, as its customer sees it.
struct Story {
    world: Arc<World>,
    id: u64,
    /// The brand of the customer.
    brand: BrandId,
    /// Whether the calls come from a client that acts for the brand, or from one that acts for all brands.
    is_confined: bool,
}

impl Story {
    async fn unfold(&self) {
        let taken = if self.world.pick(3) == 0 { self.take_any().await } else { self.choose().await };
        let Some(msisdn) = taken else { return };
        self.world.rest(Duration::from_secs(20)).await;
        match self.world.pick(10) {
            0..=4 => self.give_back(msisdn).await,
            5..=7 => self.get_a_line(msisdn).await,
            8 => self.put_on_a_line(msisdn).await,
            // The customer walks away, and after a while the number counts as abandoned.
            _ => {}
        }
    }

    async fn take_any(&self) -> Option<Msisdn> {
        let key = (self.world.pick(2) == 0).then(|| self.key());
        for _ in 0..PATIENCE {
            let (ddd, key_again) = (self.ddd(), key.clone());
            match self
                .call(|oss| async move { oss.reserve_random(ddd).idempotency_key(key_again).await })
                .await
            {
                Some(Ok(reservation)) => return Some(self.was_given(reservation)),
                Some(Err(error)) if !is_worth_repeating(&error) => return None,
                // Without a key a repeat is another wish, and nobody can ask for the outcome of the first one.
                _ if key.is_none() => return None,
                _ => self.world.rest(Duration::from_secs(15)).await,
            }
        }
        None
    }

    async fn choose(&self) -> Option<Msisdn> {
        let mut preview = self.look(None).await?;
        if self.world.pick(5) == 0 {
            preview = self.look(Some(preview)).await?;
        }
        let stray = self.world.plant_stray(preview);
        self.world.rest(Duration::from_mins(1)).await;
        if stray.is_some() {
            // An audit may take the hold for a stray after this time.
            self.world.rest(Duration::from_secs(50)).await;
        }
        let choice = stray.unwrap_or(Choice::ALL[self.world.pick(3)]);
        let mut taken = None;
        for _ in 0..PATIENCE {
            match self.call(|oss| async move { oss.reserve(preview, choice).await }).await {
                Some(Ok(reservation)) => {
                    taken = Some(self.was_given(reservation));
                    // Some ask again, to be sure.
                    if self.world.pick(4) > 0 {
                        break;
                    }
                }
                Some(Err(error)) if !is_worth_repeating(&error) => break,
                // Some ask again while the first call is still under way.
                None if self.world.pick(2) == 0 => continue,
                _ => {}
            }
            self.world.rest(Duration::from_secs(15)).await;
        }
        taken
    }

    async fn look(&self, previous: Option<PreviewId>) -> Option<PreviewId> {
        let key = (self.world.pick(2) == 0 && previous.is_none()).then(|| self.key());
        for _ in 0..PATIENCE {
            let (ddd, key) = (self.ddd(), key.clone());
            match self.call(|oss| async move { oss.create_preview(ddd).replacing(previous).idempotency_key(key).await }).await {
                Some(Ok(preview)) => return Some(preview.id),
                Some(Err(error)) if error.kind() == ErrorKind::Conflict => return None,
                _ => self.world.rest(Duration::from_secs(5)).await,
            }
        }
        None
    }

    async fn give_back(&self, msisdn: Msisdn) {
        if self.world.pick(5) == 0 {
            self.check_other_brand_cannot_give_back(msisdn).await;
        }
        self.world.record_given_up(self.id, msisdn);
        let ours = self.world.held_under(msisdn);
        // A release names a number and not a hold, so before a repeat the customer checks that the hold is still theirs.
        for _ in (0..PATIENCE).take_while(|_| self.world.held_under(msisdn) == ours) {
            match self.call(|oss| async move { oss.release(msisdn).await }).await {
                Some(Ok(())) => return self.world.count("a number was given back"),
                Some(Err(error)) if !is_worth_repeating(&error) => return,
                _ => self.world.rest(Duration::from_secs(5)).await,
            }
        }
    }

    /// Checks that another brand's client does not even find the number.
    async fn check_other_brand_cannot_give_back(&self, msisdn: Msisdn) {
        let [settings_brand, other] = brands();
        let stranger = if self.brand == other { settings_brand } else { other };
        let released = self.call_as(Some(stranger), |oss| async move { oss.release(msisdn).await }).await;
        match released {
            Some(Ok(())) if self.world.is_claimed(self.id, msisdn) => {
                self.world
                    .record_violation(&format!("{msisdn} of {} was given back by another brand", self.brand));
            }
            Some(Err(Error::UnknownNumber(_))) => self.world.count("another brand did not find the number"),
            _ => {}
        }
    }

    async fn put_on_a_line(&self, msisdn: Msisdn) {
        let sim = self.world.add_sim(self.id, &self.brand);
        for _ in 0..PATIENCE {
            match self.call(|oss| async move { oss.assign(msisdn, sim).await }).await {
                Some(Ok(())) => {
                    self.world.count("a number was put on a line");
                    return self.world.record_on_a_line(self.id, &self.brand, msisdn);
                }
                Some(Err(error)) if !is_worth_repeating(&error) => return,
                _ => self.world.rest(Duration::from_secs(5)).await,
            }
        }
    }

    /// Gets a SIM for the number, perhaps another one later, and perhaps ends the line.
    async fn get_a_line(&self, msisdn: Msisdn) {
        let line = LineId::from(Uuid::from_u128(u128::from(self.id)));
        let esim = WantedSim::Esim(device());
        if !self.until_certain(|oss| async move { oss.order_sim(msisdn, line, esim).await.map(drop) }).await {
            return;
        }
        self.world.count("a SIM was issued");
        self.world.record_on_a_line(self.id, &self.brand, msisdn);
        self.world.rest(Duration::from_mins(1)).await;
        if self.world.pick(2) == 0 {
            let address = "00112233445566778899aabbccddeeff".parse().expect("a hash");
            let card = WantedSim::Card { iccid: OrderBook::card(self.id), address };
            let replaced =
                self.until_certain(|oss| async move { oss.replace_sim(msisdn, card).await.map(drop) }).await;
            if replaced {
                self.world.count("a SIM was replaced");
            }
        }
        self.world.rest(Duration::from_mins(1)).await;
        if self.world.pick(2) == 0 {
            self.world.record_given_up(self.id, msisdn);
            let ours = self.world.assigned_under(msisdn);
            let still_ours = || self.world.assigned_under(msisdn) == ours;
            for _ in (0..PATIENCE).take_while(|_| still_ours()) {
                match self.call(|oss| async move { oss.end_line(msisdn).await }).await {
                    Some(Ok(())) => return self.world.count("a line was ended"),
                    Some(Err(error)) if !is_worth_repeating(&error) => return,
                    _ => self.world.rest(Duration::from_secs(5)).await,
                }
            }
        }
    }

    /// Makes a call until it has a certain answer, or the customer loses patience. Returns whether it succeeded.
    async fn until_certain<F>(&self, operation: impl FnOnce(Oss) -> F + Clone) -> bool
    where
        F: Future<Output = Result<(), Error>>,
    {
        for _ in 0..PATIENCE {
            match self.call(operation.clone()).await {
                Some(Ok(())) => return true,
                Some(Err(error)) if !is_worth_repeating(&error) => return false,
                _ => self.world.rest(Duration::from_secs(15)).await,
            }
        }
        false
    }

    async fn call<T, F>(&self, operation: impl FnOnce(Oss) -> F) -> Option<Result<T, Error>>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.call_as(self.is_confined.then(|| self.brand.clone()), operation).await
    }

    /// Calls any instance. Returns none if it died or the customer hung up.
    async fn call_as<T, F>(
        &self,
        brand: Option<BrandId>,
        operation: impl FnOnce(Oss) -> F,
    ) -> Option<Result<T, Error>>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let instance = self.world.instance().await;
        self.world.operation();
        let oss = instance.acting_for(brand);
        let patience = if self.world.mishap(0.05) {
            self.world.up_to(Duration::from_secs(4))
        } else {
            Duration::from_mins(1)
        };
        let answered = tokio::select! {
            biased;
            () = instance.life.ended.cancelled() => None,
            answered = operation(oss) => Some(answered),
            () = sleep(patience) => None,
        };
        match &answered {
            None => self.world.count("a call had no answer"),
            Some(Err(error)) => self.world.count(error.code()),
            Some(Ok(_)) => self.world.record_event("answered"),
        }
        answered
    }

    fn was_given(&self, reservation: Reservation) -> Msisdn {
        self.world.record_given(self.id, &self.brand, reservation.msisdn);
        reservation.msisdn
    }

    fn ddd(&self) -> Ddd {
        if self.id.is_multiple_of(2) { "11" } else { "21" }.parse().expect("an area code")
    }

    fn key(&self) -> IdempotencyKey {
        let client = format!("customers-of-{}", self.brand).parse().expect("a name");
        IdempotencyKey::new(client, &format!("story-{}", self.id)).expect("a key")
    }
}

/// Whether the same call may succeed later: if the error says so, or if the outcome is not known.
fn is_worth_repeating(error: &Error) -> bool {
    error.retry_after().is_some() || matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Internal)
}

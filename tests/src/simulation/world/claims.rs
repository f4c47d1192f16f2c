//! The numbers that customers were promised, and the checks when they are promised.

use std::collections::BTreeMap;

use oss_core::sigan::Hold;
use oss_core::store::{LineStore, Scope};
use oss_core::{AttemptState as State, BrandId, ExternalId, Msisdn, Number};

use super::{Claim, World};

impl World {
    /// The view of a number in the database.
    pub(in crate::simulation) fn number(&self, msisdn: Msisdn) -> Option<Number> {
        self.database(self.store.number(Scope::AllBrands, msisdn)).expect("the database in memory answers")
    }

    /// Records that a customer was promised a number. Checks that there is no double: no other customer or brand has it.
    pub(in crate::simulation) fn record_given(&self, story: u64, brand: &BrandId, msisdn: Msisdn) {
        self.record_event(&format!("{msisdn} was given in story {story}"));
        let now = self.now();
        let newest = self
            .number(msisdn)
            .and_then(|number| number.history.into_iter().find(|hold| hold.hold_expires_at.is_some()));
        let Some(hold) = newest else {
            return self.record_violation(&format!("{msisdn} was given and is not held"));
        };
        let Some(external_id) = hold.external_id else {
            return self.record_violation(&format!("{msisdn} was given, and its hold cannot be read"));
        };
        let held_for = self.brand_of_hold(&external_id);
        if held_for.as_ref() != Some(brand) {
            self.record_violation(&format!(
                "{msisdn} was given to a customer of {brand} and is held for {held_for:?}"
            ));
        }
        let given = Hold { external_id, msisdn };
        if self.shared().planted.contains(&given) {
            self.count("a stray hold was given to its customer");
        }
        let over = hold.hold_expires_at.is_none_or(|until| until <= now);
        if !over && !matches!(hold.state, State::Held | State::Assigned) {
            return self
                .record_violation(&format!("{msisdn} was given in story {story} and is {}", hold.state));
        }
        let other = self.shared().claims.get(&msisdn).cloned();
        if let Some(other) =
            other.filter(|claim| claim.story != story && claim.until.is_none_or(|until| until > now))
        {
            self.record_violation(&format!(
                "{msisdn} was given in story {story} and in story {}",
                other.story
            ));
        }
        self.shared()
            .claims
            .insert(msisdn, Claim { story, brand: brand.clone(), until: hold.hold_expires_at });
    }

    /// Records that a customer does not need a number any more.
    pub(in crate::simulation) fn record_given_up(&self, story: u64, msisdn: Msisdn) {
        let mut shared = self.shared();
        if shared.claims.get(&msisdn).is_some_and(|claim| claim.story == story) {
            shared.claims.remove(&msisdn);
        }
    }

    /// Sigan's id of the hold that a number has now, as `GET /numbers` shows it.
    pub(in crate::simulation) fn held_under(&self, msisdn: Msisdn) -> Option<ExternalId> {
        let history = self.number(msisdn)?.history;
        history.into_iter().find(|hold| hold.state == State::Held)?.external_id
    }

    /// Sigan's id of the hold of a number that is on a line.
    pub(in crate::simulation) fn assigned_under(&self, msisdn: Msisdn) -> Option<ExternalId> {
        let history = self.number(msisdn)?.history;
        history.into_iter().find(|hold| hold.state == State::Assigned)?.external_id
    }

    /// Records that a number is on a customer's line.
    pub(in crate::simulation) fn record_on_a_line(&self, story: u64, brand: &BrandId, msisdn: Msisdn) {
        self.shared().claims.insert(msisdn, Claim { story, brand: brand.clone(), until: None });
    }

    /// Whether a number is still its customer's.
    pub(in crate::simulation) fn is_claimed(&self, story: u64, msisdn: Msisdn) -> bool {
        let now = self.now();
        let claim = self.shared().claims.get(&msisdn).cloned();
        claim.is_some_and(|claim| claim.story == story && claim.until.is_none_or(|until| until > now))
    }

    pub(in crate::simulation) fn claims(&self) -> BTreeMap<Msisdn, Claim> {
        self.shared().claims.clone()
    }
}

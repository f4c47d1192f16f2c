//! Operators who work in a browser. They sign in with a client's key, and then have a session instead of showing the key again.

use oss_core::access::{Client, KeyDigest, Scope};
use oss_core::{BrandId, OperatorSession};

use super::Caller;
use super::in_flight::Slot;
use super::keys::{Access, Callers, forbidden};
use crate::problem::Problem;

/// An operator whose request was let in.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) caller: Caller,
    /// The brands that the operator may act for.
    pub(crate) brands: Vec<BrandId>,
    /// The scopes of the client; none if anyone may do everything.
    scopes: Option<Vec<Scope>>,
    /// The slot of the request.
    _slot: Option<Slot>,
}

/// The reason why a key opens no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// No client has it.
    Unknown,
    /// Its client lacks the scope `operations`.
    NoOperations,
    /// Its client has sent too many requests.
    TooMany,
}

impl Operator {
    /// Whether the operator has a scope.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Refuses an operator without a scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) { Ok(()) } else { Err(forbidden(scope)) }
    }
}

impl Access {
    /// The session that a key opens, for the first brand of its client.
    pub(crate) fn new_session(&self, key: &str) -> Result<OperatorSession, KeyFault> {
        let callers = self.callers();
        let Callers::Clients(clients, _) = &**callers else { return Err(KeyFault::Unknown) };
        let client = clients.holder(key).ok_or(KeyFault::Unknown)?;
        if !client.may(Scope::Operations) {
            return Err(KeyFault::NoOperations);
        }
        self.check_rate(&client.name).map_err(|_| KeyFault::TooMany)?;
        let brand = client.brand_for(None).ok_or(KeyFault::Unknown)?;
        let (name, key) = (client.name.clone(), KeyDigest::of(key).to_string());
        Ok(OperatorSession { client: name, key, brand: brand.clone() })
    }

    /// Lets in anyone, if no keys are configured. Returns none otherwise.
    pub(crate) fn admit_anyone(&self) -> Result<Option<Operator>, Problem> {
        let callers = self.callers();
        let Callers::Anyone(caller) = &**callers else { return Ok(None) };
        self.check_rate(&caller.name)?;
        Ok(Some(Operator { caller: caller.clone(), brands: Vec::new(), scopes: None, _slot: None }))
    }

    /// Lets in the operator of a session. Returns none if the key that opened it is not a key of its client any more, or if the client
    /// lost the scope or the brand.
    pub(crate) fn admit_session(&self, session: &OperatorSession) -> Result<Option<Operator>, Problem> {
        let callers = self.callers();
        let Callers::Clients(clients, counts) = &**callers else { return Ok(None) };
        let Some(client) = clients.named(&session.client).filter(|client| opens(client, session)) else {
            return Ok(None);
        };
        let has_others = clients.len() > 1;
        let slot = self.limit(client, counts, has_others)?;
        Ok(Some(Operator {
            caller: Caller::new(client, session.brand.clone(), has_others),
            brands: client.brands.clone(),
            scopes: Some(client.scopes.clone()),
            _slot: slot,
        }))
    }
}

/// Whether a client, as it is configured now, has this session.
fn opens(client: &Client, session: &OperatorSession) -> bool {
    client.keys.iter().any(|key| key.to_string() == session.key)
        && client.may(Scope::Operations)
        && client.brands.contains(&session.brand)
}

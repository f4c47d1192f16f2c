//! The sessions of operators who work with a server in their browser.
//!
//! The database has the sessions, so that every server of a database knows each of them and a session can be ended. It has only the
//! digest of a session's token.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::access::{ClientKey, KeyDigest, NoRandomness};
use crate::domain::{BrandId, OperatorSession};
use crate::error::Error;
use crate::oss::Oss;

/// The token of a session: 256 random bits, which only the operator's browser has. Its `Debug` does not show it.
#[derive(Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    /// Generates a token.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] if the operating system gives no random bits.
    pub fn generate() -> Result<Self, NoRandomness> {
        ClientKey::generate().map(|key| Self(key.expose().into()))
    }

    /// The token that a browser presents; none if the text cannot be one, so that no query is needed for it.
    #[must_use]
    pub fn of(presented: &str) -> Option<Self> {
        ClientKey::is_well_formed(presented).then(|| Self(presented.into()))
    }

    /// The token itself, for the browser.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The digest that the database has of it.
    fn digest(&self) -> String {
        KeyDigest::of(self.expose()).to_string()
    }

    /// A token for the forms of a session's pages. Only somebody who has the session's token can compute it, and it does not reveal
    /// that token.
    #[must_use]
    pub fn form_token(&self) -> String {
        KeyDigest::of(&format!("form {}", self.expose())).to_string()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken")
    }
}

impl Oss {
    /// Opens a session of an operator who showed a client's key. It lasts so long by the clock of the database.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn open_session(
        &self,
        token: &SessionToken,
        session: &OperatorSession,
        lasts: Duration,
    ) -> Result<(), Error> {
        Ok(self.store().open_session(&token.digest(), session, lasts).await?)
    }

    /// The session with a token; none if it is over, or if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn session(&self, token: &SessionToken) -> Result<Option<OperatorSession>, Error> {
        Ok(self.store().session(&token.digest()).await?)
    }

    /// Changes the brand that a session acts for.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn select_session_brand(&self, token: &SessionToken, brand: &BrandId) -> Result<(), Error> {
        Ok(self.store().select_session_brand(&token.digest(), brand).await?)
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn end_session(&self, token: &SessionToken) -> Result<(), Error> {
        Ok(self.store().end_session(&token.digest()).await?)
    }
}

//! Checks whether a DDD exists. Specification: "Consultar DDD".
//!
//! The answer comes from memory, or else from Redis, or else from `location_ddd`.

use crate::domain::Ddd;
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

impl Oss {
    /// Whether any locality of Brazil has this area code.
    ///
    /// ```
    /// # async fn example(oss: oss_core::Oss) -> Result<(), Box<dyn std::error::Error>> {
    /// assert!(oss.ddd_exists("11".parse()?).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if neither cache has the answer and the database cannot be asked.
    pub async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, Error> {
        self.observe(Operation::DddExists, async { Ok(self.areas().exists(ddd).await?) }).await
    }

    /// Fails if the area code does not exist.
    pub(crate) async fn require_ddd(&self, ddd: Ddd) -> Result<(), Error> {
        if self.areas().exists(ddd).await? { Ok(()) } else { Err(Error::UnknownDdd(ddd)) }
    }
}

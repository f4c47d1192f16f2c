//! Lists of numbers.

use crate::domain::{NumberList, NumberPage};
use crate::error::Error;
use crate::oss::Oss;
use crate::store::Scope;
use crate::telemetry::Operation;

impl Oss {
    /// A page of a list of numbers, in full. A client that [acts for](Oss::acting_for) a brand sees the numbers of that brand, and
    /// none of another brand.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn list_numbers(&self, list: &NumberList) -> Result<NumberPage, Error> {
        self.observe(Operation::ListNumbers, self.page(list)).await
    }

    async fn page(&self, list: &NumberList) -> Result<NumberPage, Error> {
        let Some(brand) = &list.brand else {
            return Ok(self.store().list_numbers(self.scope(), list).await?);
        };
        if !self.scope().is_all_brands() && brand != self.brand() {
            return Ok(NumberPage::default());
        }
        let tenant = self.tenant_of(brand.clone());
        Ok(self.store().list_numbers(Scope::Brand(&tenant), list).await?)
    }
}

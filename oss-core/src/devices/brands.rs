//! The brands and models that support eSIM.

use crate::domain::{DeviceBrand, DeviceBrandId, DeviceModel};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

impl Oss {
    /// The brands that have models which support eSIM, sorted by name.
    ///
    /// ```
    /// # async fn example(oss: oss_core::Oss) -> Result<(), Box<dyn std::error::Error>> {
    /// for brand in oss.brands().await? {
    ///     println!("{}: {} models", brand.name, oss.models(brand.id).await?.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if neither cache has the answer and the database cannot be asked.
    pub async fn brands(&self) -> Result<Vec<DeviceBrand>, Error> {
        self.observe(Operation::Brands, async {
            let assortments = self.catalog().assortments().await?;
            let listed = assortments.iter().filter(|assortment| !assortment.models.is_empty());
            Ok(listed.map(|assortment| assortment.brand.clone()).collect())
        })
        .await
    }

    /// The models of a brand that support eSIM, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBrand`], and [`Error::Store`] as for [`Oss::brands`].
    pub async fn models(&self, brand: DeviceBrandId) -> Result<Vec<DeviceModel>, Error> {
        self.observe(Operation::Models, async {
            let assortments = self.catalog().assortments().await?;
            let found = assortments.iter().find(|assortment| assortment.brand.id == brand);
            found.map(|assortment| assortment.models.clone()).ok_or(Error::UnknownBrand(brand))
        })
        .await
    }

    /// Finds the brand with this name, slug or id, and returns its id.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBrandName`], and [`Error::Store`] as for [`Oss::brands`].
    pub async fn find_brand(&self, text: &str) -> Result<DeviceBrandId, Error> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let assortments = self.catalog().assortments().await?;
        let found = assortments.iter().find(|assortment| assortment.brand.is_called(text));
        found.map(|assortment| assortment.brand.id).ok_or(Error::UnknownBrandName)
    }
}

//! The brand whose data a step may see and touch, if several brands share one database.
//!
//! This module says to which brand a row belongs; the statements of the store say the same in SQL. Every statement that names a
//! preview or a number is confined to a scope, so it does not find the data of another brand.
//!
//! - A preview belongs to the brand that it was made for.
//! - A number belongs to the brand whose reservation of it is live. Once it is `RETURNED`, to the brand that gave it back last.
//! - Older data has no recorded brand: previews of the brand `unknown`, and numbers that are held without a reservation. It
//!   belongs to the only brand of that time, which is the brand of the configuration.

use super::ids::BrandId;

/// The brand that older data has. Nobody may act for it.
pub(crate) const OLDER_BRAND: &str = "unknown";

/// A brand on whose behalf a step is taken. It sees and changes its own data, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    brand: BrandId,
    has_older_data: bool,
}

impl Tenant {
    /// The tenant of a brand. If `has_older_data`, data written before brands existed belongs to it too.
    #[must_use]
    pub fn new(brand: BrandId, has_older_data: bool) -> Self {
        Self { brand, has_older_data }
    }

    /// Its brand.
    #[must_use]
    pub fn brand(&self) -> &BrandId {
        &self.brand
    }

    /// The values of `brand_id` that are its own.
    pub(crate) fn own_brands(&self) -> [&str; 2] {
        let brand = self.brand.as_str();
        [brand, if self.has_older_data { OLDER_BRAND } else { brand }]
    }
}

/// The brands whose data a step sees and changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Every brand, for a caller that acts for none, such as an operator.
    AllBrands,
    /// One brand.
    Brand(&'a Tenant),
}

impl<'a> Scope<'a> {
    /// Whether it is confined to no brand.
    pub(crate) fn is_all_brands(self) -> bool {
        self == Self::AllBrands
    }

    /// The values of `brand_id` as parameters of a statement that is confined to the scope. They are null if it is not confined.
    pub(crate) fn parameters(self) -> [Option<&'a str>; 2] {
        match self {
            Self::AllBrands => [None, None],
            Self::Brand(tenant) => tenant.own_brands().map(Some),
        }
    }

    /// The values of `brand_id` as [`Self::parameters`] has them, for a statement that outlives the call.
    pub(crate) fn owned_parameters(self) -> [Option<String>; 2] {
        self.parameters().map(|brand| brand.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_data_belongs_to_one_brand() {
        let own = |has_older_data| Tenant::new("acme".parse().unwrap(), has_older_data);
        assert_eq!(own(true).own_brands(), ["acme", "unknown"]);
        assert_eq!(own(false).own_brands(), ["acme", "acme"]);
        assert_eq!(own(true).brand().as_str(), "acme");
    }

    #[test]
    fn a_scope_is_one_brand_or_all() {
        let tenant = Tenant::new("acme".parse().unwrap(), true);
        let brand = Scope::Brand(&tenant);
        assert_eq!(Scope::AllBrands.parameters(), [None, None]);
        assert_eq!(brand.parameters(), [Some("acme"), Some("unknown")]);
        #[cfg(feature = "sqlite")]
        assert_eq!(brand.owned_parameters(), [Some("acme".to_owned()), Some("unknown".to_owned())]);
        assert!(Scope::AllBrands.is_all_brands() && !brand.is_all_brands());
    }
}

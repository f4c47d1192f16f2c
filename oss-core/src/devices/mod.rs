//! Which devices support eSIM: brands, models, and the check of one device.
//!
//! Knows the look-ups, behind which are the store and GSIM. Nothing here knows a number or a SIM, and nothing keeps an IMEI.

mod brands;
mod check;

pub use self::check::EsimCheck;

//! The devices that support eSIM: brands, models, and the check of one device.
//!
//! It uses the look-ups, behind which are the store and GSIM. It handles no phone number and no SIM, and keeps no IMEI.

mod brands;
mod check;

pub use self::check::EsimCheck;

//! Look-ups that are asked far more often than they change: the area codes, the device catalogue, and who knows a device.

mod areas;
mod catalog;
mod codes;
mod gsim;
mod versions;

pub(crate) use self::areas::Areas;
pub(crate) use self::catalog::Catalog;
pub(crate) use self::gsim::Devices;
pub(crate) use self::versions::Versions;

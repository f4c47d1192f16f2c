//! Cached look-ups in data that is read far more often than it changes: the area codes, the device catalogue, and GSIM's answers.

mod areas;
mod catalog;
mod codes;
mod gsim;
mod last_event;
mod versions;

pub(crate) use self::areas::Areas;
pub(crate) use self::catalog::Catalog;
pub(crate) use self::gsim::Devices;
pub(crate) use self::last_event::LastEvent;
pub(crate) use self::versions::Versions;

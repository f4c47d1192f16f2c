//! The life of a phone number between an MVNE and Sigan, Vivo's number inventory.
//!
//! Sigan is slow, remote and unreliable. A number that is reserved there and forgotten here is lost, and no number may go to two
//! customers. [`Oss`] stands between the callers and Sigan: it pre-reserves three numbers of an area code, shows them masked,
//! reserves the chosen one (or a random one), puts it on a line, and gives it back.
//!
//! ```
//! use oss_core::{Choice, Oss};
//!
//! # #[cfg(feature = "mock")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let oss = Oss::sandbox().await?; // In production: Oss::connect(&config).
//!
//! let preview = oss.create_preview("11".parse()?).await?;
//! assert_eq!(preview.offers[1].masked.to_string(), "(11) 9****-0002");
//!
//! let reservation = oss.reserve(preview.id, Choice::try_from(2)?).await?;
//! assert_eq!(reservation.msisdn.to_string(), "11999950002");
//!
//! // A repeated call gives the same number, so a caller who lost the answer asks again.
//! assert_eq!(oss.reserve(preview.id, Choice::try_from(2)?).await?, reservation);
//!
//! oss.release(reservation.msisdn).await?;
//! oss.shutdown().await; // Waits until Sigan has been told.
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "mock"))]
//! # fn main() {}
//! ```
//!
#![doc = include_str!("architecture.md")]
//!
//! # The life of an attempt
//!
//! An attempt to hold a number is a row of `reservation`. [`AttemptState::after`] says what each [event](AttemptEvent) makes
//! of it:
//!
#![doc = include_str!("domain/attempt.md")]
//!
//! # Overview of the modules
//!
//! The operations are methods of [`Oss`]. They use three ports: the [`store`], on PostgreSQL or SQLite; [`sigan`], whose
//! module documentation is the contract with the inventory; and [`gsim`], which issues SIMs and may know devices that the local
//! catalogue does not. [`config`] is one typed configuration for the library, the command line and the server; [`Oss::builder`] takes the parts of
//! an embedder instead. [`telemetry`] has every metric by name; the metrics go to the recorder of the process, if it has one.
//!
//! If several brands share one service, [`Oss::acting_for`] gives each a client that sees and changes only its own data.
//! If a server has several clients, [`Oss::on_behalf_of`] keeps each of them from taking what the others need.
//!
//! # Features
//!
//! A program that embeds the crate compiles only the parts it needs. The first three are on by default.
//!
//! | feature | contents |
//! |---|---|
//! | `sqlite` | a store on a file or in memory; without it, PostgreSQL is the only database |
//! | `redis` | a cache that several servers share; without it, look-ups are cached in memory only |
//! | `import` | [`store::migrate`], and imports of the device catalogue and of the localities |
//! | `mock` | the stateful mocks of Sigan and GSIM, and the sandbox that runs on them |

pub mod access;
mod areas;
mod cache;
mod calls;
pub mod config;
mod connect;
mod devices;
mod domain;
mod error;
pub mod events;
pub mod gsim;
mod http;
mod lists;
pub mod log;
mod lookups;
mod numbers;
mod operators;
mod oss;
mod outage;
#[cfg(feature = "import")]
mod reference;
mod remote;
#[cfg_attr(not(feature = "mock"), path = "sandbox/absent.rs")]
pub mod sandbox;
pub mod search;
mod settings;
pub mod sigan;
pub mod sims;
pub mod store;
pub mod telemetry;
mod webhooks;

pub use cache::{RedisCache, RedisUrlError};
pub use calls::DrawBudget;
pub use config::Config;
pub use connect::StartError;
pub use devices::EsimCheck;
pub use domain::{
    ActivationCode, AddressHash, Association, Assortment, AttemptCount, AttemptEvent, AttemptKind,
    AttemptRecord, AttemptState, Backlog, BrandId, BrandSlug, CallId, ChangeCount, Choice, ClientName,
    CodeRead, Cursor, DataVersion, DataVersions, Ddd, DddSet, DeviceBrand, DeviceBrandId, DeviceChoice,
    DeviceCode, DeviceHash, DeviceModel, DeviceModelId, DisplayName, DrawCount, Edition, Eid, EsimAnswer,
    EsimSource, EsimSupport, Event, EventCursor, EventId, EventKind, EventPage, ExternalId, HoldRecord,
    Iccid, IdempotencyKey, Imei, Imsi, Index, InstallationId, LastAudit, Line, LineId, ListFault,
    ListOptions, ListedNumber, ListedStatus, Malformed, MalformedAt, MaskedDigits, MaskedMsisdn, MatchingId,
    Msisdn, Number, NumberFilter, NumberHistory, NumberList, NumberPage, NumberStatus, OfferedNumber,
    OperatorSession, PageLength, PreviewHistory, PreviewId, ProfileReport, ProfileState, RecordedReport,
    Reservation, ReservationId, Sim, SimCodeRead, SimFilter, SimHistory, SimId, SimRecord, SimStatus,
    SimType, SmdpAddress, Source, Statistics, StoryEntry, StoryKind, SweepReport, Tac, Technology, TextFault,
    Timestamp, UnsettledAttempt, UnsettledPage, UpstreamCall, UpstreamSystem, WantedSim, WebhookStatus,
};
pub use error::{Error, ErrorKind, ErrorType, whole_seconds};
pub use http::{ClientError, client_builder};
pub use lists::{
    BrandEntry, Changes, Cnl, Count, DddChanges, DddData, DddSummary, DeviceChanges, DeviceData,
    DeviceSummary, ModelEntry, TacEntry,
};
#[cfg(feature = "import")]
pub use lists::{ImportFault, ImportFaults, MassRemoval, Progress, RemovalLimit};
pub use numbers::{
    Adopt, AdoptError, Adopted, Answering, AuditOptions, AuditReport, BulkMode, CreatePreview, Difference,
    DifferenceKind, Found, LARGEST_RELEASE, ListedReleases, Offer, Outcome, Preview, ReleaseResult, Released,
    ReserveRandom, Settlement, Upstream,
};
pub use operators::SessionToken;
pub use oss::{Oss, OssBuilder};
#[cfg(feature = "import")]
pub use reference::{ImportError, ImportMode, ReferenceData};
pub use settings::Settings;
pub use webhooks::{Webhook, WebhookSecret};

//! The share of a process's capacity that one client may take, so that some is left for the others.

use std::fmt;
use std::str::FromStr;

use metrics::counter;
use strum::VariantArray;

use crate::domain::{ClientName, Malformed};
use crate::telemetry::names::CLIENT_REFUSALS;

/// The part of all places that one client may take at once, in percent.
///
/// ```
/// use oss_core::access::Share;
///
/// let half: Share = "50".parse()?;
/// assert_eq!((half.of(2000), half.of(3), half.of(0)), (1000, 2, 0));
/// assert!("0".parse::<Share>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// Everything.
    pub const WHOLE: Self = Self(100);

    /// This share of a count of places, rounded up.
    #[must_use]
    pub fn of(self, places: usize) -> usize {
        places.saturating_mul(usize::from(self.0)).div_ceil(100)
    }
}

impl FromStr for Share {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let percent = text.parse().ok().filter(|percent| (1..=100).contains(percent));
        percent.map(Self).ok_or(Malformed { expected: "a percentage from 1 to 100, without a sign" })
    }
}

/// A limit on what one client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
pub enum ClientLimit {
    /// Its requests in a second.
    Rate,
    /// Its share of the requests that are served at the same time.
    Requests,
    /// Its share of the calls to Sigan that are in flight.
    SiganCalls,
    /// Its share of the queue for such a call.
    SiganQueue,
    /// Its share of the calls to GSIM that are in flight for a type of SIM.
    GsimCalls,
    /// Its share of the queue for such a call.
    GsimQueue,
    /// Its share of the calls that wait for a call like theirs.
    Waiters,
    /// Its budget of numbers drawn from an area code.
    Draws,
}

impl ClientLimit {
    /// A short, stable name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Counts a call that was refused because its client had reached this limit.
    ///
    /// The client's name becomes a label of a metric, so it must come from a configuration.
    pub fn count_refusal(self, client: &ClientName) {
        self.series(client).increment(1);
    }

    /// Starts the counts of a client at zero, so that the first refusal shows as an increase.
    pub fn begin_counts(client: &ClientName) {
        for limit in Self::VARIANTS {
            limit.series(client).increment(0);
        }
    }

    fn series(self, client: &ClientName) -> metrics::Counter {
        counter!(CLIENT_REFUSALS, "client" => client.to_string(), "limit" => self.name())
    }
}

impl fmt::Display for ClientLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => "requests in a second",
            Self::Requests => "requests served at the same time",
            Self::SiganCalls => "calls to Sigan",
            Self::SiganQueue => "places in the queue for a call to Sigan",
            Self::GsimCalls => "calls to GSIM",
            Self::GsimQueue => "places in the queue for a call to GSIM",
            Self::Waiters => "calls that wait for another one",
            Self::Draws => "numbers drawn from an area code",
        })
    }
}

//! The options of `oss gsim-mock`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use oss_core::gsim::mock::Delivery;
use url::Url;

use super::{duration, path, rate};

#[derive(Debug, clap::Args)]
pub(crate) struct GsimMockArgs {
    /// The address on which the mock listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8092")]
    pub(crate) listen: SocketAddr,
    /// The time that every answer takes, such as 3s.
    #[arg(long, value_parser = duration, default_value = "0s")]
    pub(crate) latency: Duration,
    /// The share of calls that fail without effect, from 0 to 1.
    #[arg(long, value_parser = rate, default_value = "0")]
    pub(crate) fail_rate: f64,
    /// The share of calls that take effect but whose answer is lost, from 0 to 1.
    #[arg(long, value_parser = rate, default_value = "0")]
    pub(crate) lose_rate: f64,
    /// The eSIMs that there are [default: any number].
    #[arg(long, value_name = "COUNT")]
    pub(crate) esims: Option<u64>,
    /// Answers 202 to each order, and to this many questions about it, before it has its SIM.
    #[arg(long, value_name = "COUNT")]
    pub(crate) later: Option<u32>,
    /// Uses the ICCIDs of deprogrammed SIMs again.
    #[arg(long)]
    pub(crate) reuse_iccids: bool,
    /// Lets each profile be downloaded, installed and switched on by itself, with this time between two states.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) profile_step: Option<Duration>,
    /// Sends each state of a profile to the server at this address.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub(crate) notify: Option<Url>,
    /// A file with the key that the server accepts.
    #[arg(long, value_name = "FILE", requires = "notify", value_parser = path())]
    pub(crate) notify_key: Option<PathBuf>,
    /// The pause between two rounds of call-backs.
    #[arg(long, value_name = "TIME", requires = "notify", value_parser = duration, default_value = "1s")]
    pub(crate) notify_every: Duration,
    /// The way in which the call-backs of a round are delivered.
    #[arg(long, value_enum, requires = "notify", default_value = "in-order")]
    pub(crate) notify_delivery: NotifyDelivery,
}

/// The ways of delivery.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum NotifyDelivery {
    /// Each once, the oldest first.
    InOrder,
    /// Each twice, the oldest first.
    Twice,
    /// Each once, the newest first.
    Reversed,
}

impl From<NotifyDelivery> for Delivery {
    fn from(delivery: NotifyDelivery) -> Self {
        match delivery {
            NotifyDelivery::InOrder => Self::InOrder,
            NotifyDelivery::Twice => Self::Twice,
            NotifyDelivery::Reversed => Self::Reversed,
        }
    }
}

fn base_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or("expected an address, such as http://127.0.0.1:8080")
}

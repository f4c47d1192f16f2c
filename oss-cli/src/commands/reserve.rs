//! `oss reserve`

use oss_core::{Error, Index, PreviewId, Reservation};

use super::show::time;
use crate::exit::Failure;
use crate::output::Answer;
use crate::service::Service;

/// Reserves from a preview.
pub(crate) async fn run(
    service: &impl Service,
    preview: Option<PreviewId>,
    index: Option<Index>,
) -> Result<Reservation, Failure> {
    match (preview, index) {
        (Some(preview), Some(index)) => {
            let choice = index.choice().ok_or(Error::UnknownChoice(preview))?;
            service.reserve(preview, choice).await
        }
        // The parser lets nothing else through.
        _ => Err(Failure::usage("give --ddd, or --preview with --index")),
    }
}

impl Answer for Reservation {
    fn table(&self, oss: &str) -> String {
        let Self { msisdn, expires_at, .. } = self;
        let until = expires_at.map(|at| format!(" until {}", time(at))).unwrap_or_default();
        format!(
            "Reserved {msisdn}{until}\nTo see it: {oss} show {msisdn}\nTo give it back: {oss} release {msisdn}"
        )
    }
}

//! `oss reserve`

use oss_core::{Choice, Ddd, Oss, PreviewId, Reservation};

use crate::exit::Failure;
use crate::output::Answer;

pub(crate) async fn run(
    oss: &Oss,
    ddd: Option<Ddd>,
    preview: Option<PreviewId>,
    index: Option<Choice>,
) -> Result<Reservation, Failure> {
    match (ddd, preview, index) {
        (Some(ddd), _, _) => Ok(oss.reserve_random(ddd).await?),
        (None, Some(preview), Some(index)) => Ok(oss.reserve(preview, index).await?),
        // The parser lets nothing else through.
        _ => Err(Failure::usage("give --ddd, or --preview with --index".to_owned())),
    }
}

impl Answer for Reservation {
    fn table(&self, oss: &str) -> String {
        let Self { msisdn, .. } = self;
        format!("Reserved {msisdn}\nTo see it: {oss} show {msisdn}\nTo give it back: {oss} release {msisdn}")
    }
}

//! Decides what an answer about a device means.

use crate::domain::DeviceChoice;
use crate::gsim::GsimError;
use crate::gsim::wire::{Device, RefusalBody, RefusalCode, parameter};
use crate::http::Received;

use super::Outgoing;

/// The question whether a device supports eSIM.
pub(super) fn request(choice: &DeviceChoice) -> Outgoing {
    let (name, value) = parameter(choice);
    Outgoing::get(&["devices"]).with_query(name, value)
}

/// Decides what an answer means. Only the contract's own answers say anything about the device.
pub(super) fn classify(received: Received) -> Result<Option<bool>, GsimError> {
    let (status, body) = match received {
        Received::Answer { status, body } => (status, body),
        Received::NotOpened => return Err(GsimError::NotReachable),
        Received::TimedOut => return Err(GsimError::Timeout),
        Received::Lost | Received::Unanswered => return Err(GsimError::ConnectionLost),
        Received::TooLong => return Err(GsimError::Unreadable),
    };
    let is_unknown = || {
        let refused: Option<RefusalBody> = serde_json::from_slice(&body).ok();
        refused.is_some_and(|refused| refused.code == RefusalCode::UnknownDevice)
    };
    match status {
        200 => {
            let device: Device = serde_json::from_slice(&body).map_err(|_| GsimError::Unreadable)?;
            Ok(Some(device.supports_esim))
        }
        404 if is_unknown() => Ok(None),
        401 | 403 => Err(GsimError::Credentials),
        _ => Err(GsimError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> Received {
        Received::Answer { status, body: body.into() }
    }

    #[test]
    fn only_an_answer_of_the_contract_says_anything_of_the_device() {
        for (received, meaning) in [
            (answer(200, r#"{"supportsEsim":true}"#), Ok(Some(true))),
            (answer(200, r#"{"supportsEsim":false,"model":"X","since":2020}"#), Ok(Some(false))),
            (answer(404, r#"{"code":"UNKNOWN_DEVICE"}"#), Ok(None)),
            (answer(404, ""), Err(GsimError::Status(404))),
            (answer(404, r#"{"code":"NO_SUCH_PATH"}"#), Err(GsimError::Status(404))),
            (answer(500, r#"{"code":"UNKNOWN_DEVICE"}"#), Err(GsimError::Status(500))),
            (answer(301, ""), Err(GsimError::Status(301))),
            (answer(401, ""), Err(GsimError::Credentials)),
            (answer(200, "<html>"), Err(GsimError::Unreadable)),
            (answer(200, r#"{"supportsEsim":"yes"}"#), Err(GsimError::Unreadable)),
            (answer(200, "{}"), Err(GsimError::Unreadable)),
            (Received::TooLong, Err(GsimError::Unreadable)),
            (Received::TimedOut, Err(GsimError::Timeout)),
            (Received::Lost, Err(GsimError::ConnectionLost)),
            (Received::NotOpened, Err(GsimError::NotReachable)),
        ] {
            assert_eq!(classify(received.clone()), meaning, "{received:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_means_something(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = classify(Received::Answer { status, body });
        }
    }
}

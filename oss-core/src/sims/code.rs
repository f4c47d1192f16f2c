//! Activation codes. A code is a credential: whoever has it can take the line. So every read is recorded, and it ends with the
//! installation of the profile.

use qrcode::QrCode;
use qrcode::render::{svg, unicode};

use super::count_step;
use crate::domain::{ActivationCode, ClientName, CodeAnswer, CodeReading, SimId, SimType};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// The side of the image in pixels, at least.
const IMAGE: u32 = 256;

impl Oss {
    /// Returns the activation code of an eSIM, and records who read it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSimInPath`]; [`Error::NoActivationCode`] for a card; [`Error::SimDeprogrammed`]; [`Error::CodeUsed`] once the
    /// profile was installed; [`Error::CodeLimitReached`].
    pub async fn activation_code(&self, id: SimId) -> Result<ActivationCode, Error> {
        self.run_to_end(Operation::ActivationCode, move |oss| async move {
            let reading = CodeReading { sim: id, client: oss.reader()?, limits: oss.settings().code_limits };
            match oss.store().read_code(oss.scope(), &reading).await? {
                CodeAnswer::Code(code) => {
                    tracing::info!(sim.id = %id, "Activation code read.");
                    count_step(SimType::Esim, "code_read", "");
                    Ok(code)
                }
                CodeAnswer::Unknown => Err(Error::UnknownSimInPath(id)),
                CodeAnswer::NoCode => Err(Error::NoActivationCode(id)),
                CodeAnswer::Deprogrammed => Err(Error::SimDeprogrammed(id)),
                CodeAnswer::Used(state) => Err(Error::CodeUsed { sim: id, state }),
                CodeAnswer::LimitReached => Err(Error::CodeLimitReached(id)),
            }
        })
        .await
    }

    /// The client of the server, or this program itself.
    fn reader(&self) -> Result<ClientName, Error> {
        match self.client() {
            Some(client) => Ok(client.clone()),
            None => "operator".parse().map_err(|_| Error::Internal),
        }
    }
}

/// The QR code of an activation code, as an image.
///
/// # Errors
///
/// [`Error::Internal`] if the code does not fit, which no code of 255 characters does.
pub fn qr_svg(code: &ActivationCode) -> Result<String, Error> {
    let qr = QrCode::new(code.to_qr_text()).map_err(|_| Error::Internal)?;
    Ok(qr.render::<svg::Color>().min_dimensions(IMAGE, IMAGE).build())
}

/// The QR code of an activation code, for a terminal: two rows of modules in one line of text.
///
/// # Errors
///
/// As [`qr_svg`].
pub fn qr_text(code: &ActivationCode) -> Result<String, Error> {
    let qr = QrCode::new(code.to_qr_text()).map_err(|_| Error::Internal)?;
    Ok(qr.render::<unicode::Dense1x2>().build())
}

//! The device that a caller asks about.

use super::{DeviceCode, DeviceModelId, Tac};
use crate::domain::Malformed;

/// A device, named by its TAC, its code or its model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The TAC. An Android app can read the TAC of the device that it runs on.
    Tac(Tac),
    /// The code. An iPhone app can read only this identifier.
    Code(DeviceCode),
    /// The model, which a person chose from the list.
    Model(DeviceModelId),
}

impl DeviceChoice {
    /// The choice, if exactly one of the three is given.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if none or several are given.
    pub fn one_of(
        tac: Option<Tac>,
        code: Option<DeviceCode>,
        model: Option<DeviceModelId>,
    ) -> Result<Self, Malformed> {
        match (tac, code, model) {
            (Some(tac), None, None) => Ok(Self::Tac(tac)),
            (None, Some(code), None) => Ok(Self::Code(code)),
            (None, None, Some(model)) => Ok(Self::Model(model)),
            _ => Err(Malformed { expected: "exactly one of tac, deviceCode and deviceModel" }),
        }
    }

    /// The columns of `device_model`: tac, code and model, of which one has a value.
    pub(crate) fn columns(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        match self {
            Self::Tac(tac) => (Some(tac.as_str()), None, None),
            Self::Code(code) => (None, Some(code.as_str()), None),
            Self::Model(model) => (None, None, Some(model.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_of_the_three_names_a_device() {
        let (tac, code, model) = (
            "35050556".parse().unwrap(),
            "SM-S931B".parse::<DeviceCode>().unwrap(),
            "MODEL_1".parse::<DeviceModelId>().unwrap(),
        );
        let by_tac = DeviceChoice::one_of(Some(tac), None, None).unwrap();
        let by_code = DeviceChoice::one_of(None, Some(code.clone()), None).unwrap();
        let by_model = DeviceChoice::one_of(None, None, Some(model.clone())).unwrap();
        assert_eq!(by_tac.columns(), (Some("35050556"), None, None));
        assert_eq!(by_code.columns(), (None, Some("SM-S931B"), None));
        assert_eq!(by_model.columns(), (None, None, Some("MODEL_1")));
        for (tac, code, model) in [
            (None, None, None),
            (Some(tac), Some(code.clone()), None),
            (Some(tac), None, Some(model.clone())),
            (None, Some(code.clone()), Some(model.clone())),
            (Some(tac), Some(code), Some(model)),
        ] {
            assert!(DeviceChoice::one_of(tac, code, model).is_err());
        }
    }
}

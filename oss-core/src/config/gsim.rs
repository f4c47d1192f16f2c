//! The settings of GSIM.

use super::layers::Layers;
use super::{encryption, settings};
use crate::gsim::GsimConfig;
use crate::settings::Settings;

/// Reads the configuration of GSIM; none if no address is set, because GSIM is optional.
pub(super) fn read(layers: &mut Layers, settings: &Settings, allow_http: Option<bool>) -> Option<GsimConfig> {
    let url = layers.optional(&settings::GSIM_URL);
    let token = layers.optional(&settings::GSIM_TOKEN);
    let timeout = layers.value(&settings::GSIM_TIMEOUT);
    if token.is_some() {
        encryption::check(layers, &settings::GSIM_URL.row, url.as_ref(), allow_http);
    }
    Some(GsimConfig { url: url?, token, timeout, order_timeout: settings.gsim_call })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Config, ConfigError, Sources};

    fn gsim(settings: &[(&str, &str)]) -> Result<Option<GsimConfig>, ConfigError> {
        let required = [
            ("OSS_DATABASE_URL", "sqlite://oss.db"),
            ("OSS_SIGAN_URL", "https://sigan.example"),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        Ok(Config::load(&Sources::of_environment(required.iter().chain(settings).copied()))?.gsim)
    }

    #[test]
    fn gsim_is_configured_if_it_has_an_address() {
        assert!(gsim(&[]).unwrap().is_none());
        let configured = gsim(&[("OSS_GSIM_URL", "https://gsim.example/x")]).unwrap().unwrap();
        assert_eq!(configured.timeout, Duration::from_secs(2));
        assert_eq!(configured.order_timeout, Duration::from_secs(15));
        assert!(configured.token.is_none());
    }

    #[test]
    fn a_bad_value_is_a_fault_and_not_the_lack_of_one() {
        for (name, value) in [
            ("OSS_GSIM_URL", "gsim"),
            ("OSS_GSIM_URL", "https://u:p@g"),
            ("OSS_GSIM_TIMEOUT", "1s"),
            ("OSS_GSIM_ORDER_TIMEOUT", "3m"),
            ("OSS_GSIM_CALLS", "0"),
            ("OSS_GSIM_TOKEN", "a b"),
        ] {
            let error = gsim(&[(name, value)]).unwrap_err();
            assert!(error.faults.len() == 1 && error.faults[0].contains(name), "{error}");
        }
    }
}

//! Checks that credentials are not sent to an address in the clear.

use url::{Host, Url};

use super::layers::Layers;
use super::settings::{self, Row};

/// Adds a fault if credentials would be sent to an address in the clear and no setting allows that. This machine's own addresses
/// are safe, because requests to them do not leave it.
pub(super) fn check(layers: &mut Layers, address: &Row, url: Option<&Url>, allow_http: Option<bool>) {
    if allow_http == Some(false) && url.is_some_and(sends_in_the_clear) {
        let Row { key, env, .. } = settings::ALLOW_HTTP.row;
        let expected = format!(
            "an https:// address, because a token or a password is sent there that anyone on the way could read; \
             {env}=true, or {key} in the file, allows http:// all the same"
        );
        layers.add_fault(address, &expected);
    }
}

/// Whether a request to an address leaves this machine without encryption.
#[must_use]
pub fn sends_in_the_clear(url: &Url) -> bool {
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_this_machine
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::config::{Config, Sources};

    /// The faults of a configuration with these settings and the required ones.
    fn faults(settings: &[(&str, &str)]) -> Vec<String> {
        let required = [
            ("OSS_DATABASE_URL", "sqlite://oss.db"),
            ("OSS_SIGAN_URL", "https://sigan.example"),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        let loaded = Config::load(&Sources::of_environment(required.iter().chain(settings).copied()));
        loaded.err().map_or_else(Vec::new, |error| error.faults)
    }

    #[test]
    fn credentials_leave_this_machine_encrypted_or_not_at_all() {
        let token = ("OSS_SIGAN_TOKEN", "s3cret");
        let basic = [("OSS_SIGAN_USER", "us"), ("OSS_SIGAN_PASSWORD", "s3cret")];
        let gsim = ("OSS_GSIM_TOKEN", "s3cret");
        let sigan_at = |url| ("OSS_SIGAN_URL", url);
        let gsim_at = |url| ("OSS_GSIM_URL", url);
        let refused: [(&[_], _); 5] = [
            (&[sigan_at("http://sigan.example"), token], "OSS_SIGAN_URL"),
            (&[sigan_at("http://10.0.0.1:80/x"), basic[0], basic[1]], "OSS_SIGAN_URL"),
            (&[sigan_at("http://localhost.example"), token], "OSS_SIGAN_URL"),
            (&[sigan_at("http://[2001:db8::1]"), token], "OSS_SIGAN_URL"),
            (&[gsim_at("http://gsim.example"), gsim], "OSS_GSIM_URL"),
        ];
        for (settings, variable) in refused {
            let faults = faults(settings);
            let [fault] = &faults[..] else { panic!("{settings:?}: {faults:?}") };
            assert!(fault.starts_with(variable) && fault.contains("OSS_ALLOW_HTTP_CREDENTIALS"), "{fault}");
            assert!(!fault.contains("s3cret"), "{fault}");
            let allowed = [settings, &[("OSS_ALLOW_HTTP_CREDENTIALS", "true")]].concat();
            assert_eq!(self::faults(&allowed), [""; 0], "{settings:?}");
        }
        let accepted: [&[_]; 7] = [
            &[sigan_at("https://sigan.example"), token],
            &[sigan_at("http://sigan.example")],
            &[sigan_at("http://127.0.0.1:8090"), token],
            &[sigan_at("http://localhost:8090"), token],
            &[sigan_at("http://[::1]:8090"), basic[0], basic[1]],
            &[gsim_at("http://gsim.example")],
            &[gsim_at("http://127.9.9.9"), gsim],
        ];
        for settings in accepted {
            assert_eq!(faults(settings), [""; 0], "{settings:?}");
        }
    }

    #[test]
    fn a_switch_is_true_or_false_in_the_file_too() {
        let loaded = |switch: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let sigan = "[sigan]\nurl = \"http://sigan.example\"\nbrand_id = \"acme\"\ntoken = \"s3cret\"";
            let database = "[database]\nurl = \"sqlite://oss.db\"";
            write!(file, "{database}\n{sigan}\n[credentials]\nallow_http = {switch}\n").unwrap();
            Config::load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() })
        };
        assert!(loaded("true").is_ok() && loaded("\"true\"").is_ok());
        assert!(loaded("false").is_err());
        let error = loaded("\"yes\"").unwrap_err().to_string();
        assert!(error.contains("credentials.allow_http") && error.contains("true or false"), "{error}");
    }
}

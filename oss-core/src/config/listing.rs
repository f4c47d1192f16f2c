//! Lists the settings with their values and origins, for a person who checks a configuration.

use super::Sources;
use super::layers::{Layers, SettingOrigin};
use super::settings::{READABLE, Row, SETTINGS, Shown};

/// The text that stands for a secret.
const HIDDEN: &str = "(hidden)";

/// A setting, its value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSetting {
    /// Its name in the file.
    pub key: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
    /// Its value without secrets; none if it is not set, or if its text cannot be read, because that may be a misplaced secret.
    pub value: Option<String>,
    /// Its origin; none if it is not set.
    pub origin: Option<SettingOrigin>,
}

/// Lists every setting, as the sources give it. It reports no fault: [`Config::load`](super::Config::load) does.
///
/// ```
/// use oss_core::config::{SettingOrigin, Sources, list_settings};
///
/// let listed = list_settings(&Sources::of_environment([("OSS_REDIS_URL", "redis://us:s3cret@cache/1")]));
/// let redis = listed.iter().find(|setting| setting.key == "redis.url").ok_or("it is listed")?;
/// assert_eq!(redis.value.as_deref(), Some("redis://…@cache/1"));
/// assert_eq!(redis.origin, Some(SettingOrigin::Environment));
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn list_settings(sources: &Sources) -> Vec<ListedSetting> {
    let layers = Layers::read(sources);
    let listed = |(row, is_readable): (&Row, &fn(&str) -> bool)| {
        let set = layers.text(row.key);
        let value = set.filter(|(text, _)| is_readable(text)).map(|(text, _)| shown(row.shown, text));
        ListedSetting {
            key: row.key,
            variable: row.env,
            value,
            origin: set.map(|(_, origin)| origin.clone()),
        }
    };
    SETTINGS.iter().zip(READABLE).map(listed).collect()
}

fn shown(part: Shown, text: &str) -> String {
    match part {
        Shown::Whole => text.to_owned(),
        Shown::WithoutCredentials => without_credentials(text),
        Shown::Nothing => HIDDEN.to_owned(),
    }
}

/// A readable URL without the parts that may be secret. Readers refuse a password whose characters would end the host, and a
/// text without a host, except `sqlite::memory:`.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, parameters) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?…"));
    let (credentials, address) = rest.rsplit_once('@').map_or(("", rest), |(_, address)| ("…@", address));
    format!("{scheme}://{credentials}{address}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(variable: &str, text: &str) -> Option<String> {
        let listed = list_settings(&Sources::of_environment([(variable, text)]));
        listed.into_iter().find(|setting| setting.variable == variable).expect("it is listed").value
    }

    #[test]
    fn a_value_is_shown_without_its_secrets() {
        for (variable, text, shown) in [
            (
                "OSS_DATABASE_URL",
                "postgres://oss:s3cret@a:1,b:2/oss?sslmode=s3cret",
                Some("postgres://…@a:1,b:2/oss?…"),
            ),
            ("OSS_DATABASE_URL", "postgres://db/oss?password=s3cr@et", Some("postgres://db/oss?…")),
            ("OSS_DATABASE_URL", "sqlite://oss.db", Some("sqlite://oss.db")),
            ("OSS_DATABASE_URL", "sqlite::memory:", Some("sqlite::memory:")),
            // These cannot be read.
            ("OSS_DATABASE_URL", "postgres://oss:s3#cret@db/oss", None),
            ("OSS_DATABASE_URL", "postgres://oss:s3?cret@db/oss", None),
            ("OSS_LISTEN", "s3cret", None),
            (
                "OSS_REDIS_URL",
                "redis+sentinel://u:s3cret@a:1,b:2/master",
                Some("redis+sentinel://…@a:1,b:2/master"),
            ),
            ("OSS_SIGAN_TOKEN", "s3cret", Some(HIDDEN)),
            ("OSS_SIGAN_PASSWORD", "s3cret", Some(HIDDEN)),
            ("OSS_GSIM_TOKEN", "s3cret", Some(HIDDEN)),
            ("OSS_SIGAN_USER", "us", Some("us")),
        ] {
            assert_eq!(value(variable, text).as_deref(), shown, "{variable}={text}");
        }
    }
}

//! Reads the URL of a database on PostgreSQL, which may name several hosts.
//!
//! `postgres://user@one:5432,two:5432/oss?target_session_attrs=read-write`: libpq knows this form, and sqlx does not. So each host
//! gets a URL of its own here.

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use url::form_urlencoded;

use crate::store::StoreError;

/// The parameter that asks for a host that accepts writes. This service never uses another one.
const TARGET: &str = "target_session_attrs";

/// The parameters that sqlx reads. It ignores any other, and logs its value.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The parts of a URL.
struct Parts<'a> {
    /// The scheme, the user and the password, up to the hosts.
    before: String,
    hosts: Vec<&'a str>,
    /// The name of the database, with the slash before it.
    path: &'a str,
    parameters: Vec<&'a str>,
}

fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty()).collect();
    Some(Parts { before: format!("{scheme}://{user}"), hosts: hosts.split(',').collect(), path, parameters })
}

/// The name and the value of a parameter.
fn decoded(parameter: &str) -> (String, String) {
    form_urlencoded::parse(parameter.as_bytes()).into_owned().next().unwrap_or_default()
}

/// Returns what is expected instead of the first parameter that cannot be used. It may contain the parameter's name, and never its
/// value.
pub(crate) fn fault_of_parameters(url: &str) -> Option<String> {
    let parameters = parts(url)?.parameters;
    let mut names_and_values = parameters.iter().map(|parameter| decoded(parameter));
    names_and_values.find_map(|(name, value)| fault_of_parameter(url, &name, &value))
}

fn fault_of_parameter(url: &str, name: &str, value: &str) -> Option<String> {
    let is_option = name.starts_with("options[") && name.ends_with(']');
    if name == TARGET {
        return (value != "read-write").then(|| format!("{TARGET}=read-write, or no {TARGET}"));
    }
    if is_option || PARAMETERS.contains(&name) {
        return None;
    }
    // After a `?` in a password that is not encoded, a part of the password looks like a name.
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.[]".contains(&byte));
    let may_be_password = url.split_once('?').is_some_and(|(_, query)| query.contains('@'));
    if is_name && !may_be_password {
        Some(format!("parameters that are known; {name} is not one of them"))
    } else {
        Some("parameters that are known, and a password whose special characters are percent-encoded".into())
    }
}

/// The options for each host.
pub(super) fn hosts(url: &SecretString) -> Result<Vec<PgConnectOptions>, StoreError> {
    let malformed = || StoreError::failed("the database URL is not postgres://user@host:port/name");
    let parts = parts(url.expose_secret()).ok_or_else(malformed)?;
    let parameters: Vec<_> =
        parts.parameters.iter().filter(|parameter| decoded(parameter).0 != TARGET).copied().collect();
    let several = parts.hosts.len() > 1;
    let options = parts.hosts.iter().map(|host| {
        if several && host.is_empty() {
            return Err(malformed());
        }
        let url = format!("{}{host}{}?{}", parts.before, parts.path, parameters.join("&"));
        url.parse().map_err(|_| malformed())
    });
    options.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<String> {
        let shown = |options: &PgConnectOptions| {
            let user = options.get_username();
            format!(
                "{user}@{}:{}/{}",
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            )
        };
        hosts(&url.into()).unwrap().iter().map(shown).collect()
    }

    #[test]
    fn a_url_names_one_host_or_several() {
        for (url, expected) in [
            ("postgres://u@h1:5433/db", &["u@h1:5433/db"][..]),
            (
                "postgres://u:p%40,w@h1:1,h2/db?target_session_attrs=read-write&sslmode=disable",
                &["u@h1:1/db", "u@h2:5432/db"],
            ),
            ("postgresql://u@[::1]:1,h2:2,h3:3/db", &["u@[::1]:1/db", "u@h2:2/db", "u@h3:3/db"]),
        ] {
            assert_eq!(addresses(url), expected, "{url}");
        }
        assert!(hosts(&"postgres://u@h1,,h2/db".into()).is_err());
    }

    #[test]
    fn a_parameter_that_cannot_be_used_is_named_without_its_value() {
        for known in ["", "?sslmode=require&options[lock_timeout]=1s", "?target_session_attrs=read-write"] {
            assert_eq!(fault_of_parameters(&format!("postgres://u@h1,h2/db{known}")), None, "{known}");
        }
        for (url, named) in [
            ("postgres://u@h/db?conect_timeout=s3cret", "conect_timeout"),
            ("postgres://u@h/db?sslmode=require&x=s3cret", "x is not"),
            ("postgres://u@h/db?target_session_attrs=s3cret", "target_session_attrs=read-write"),
            ("postgres://u:p?s3cret=w@h/db", "percent-encoded"),
        ] {
            let fault = fault_of_parameters(url).unwrap();
            assert!(fault.contains(named) && !fault.contains("s3cret"), "{fault}");
        }
    }
}

//! Reads the `[[webhooks]]` of the file.
//!
//! No fault repeats the text of the file, because an address or a secret may be in it.

use std::collections::HashSet;
use std::str::FromStr;

use toml::Table;
use url::Url;

use super::clients::Fields;
use super::encryption::sends_in_the_clear;
use super::layers::{Layers, WEBHOOKS};
use super::settings::{self, Expected, brand, domain_value};
use super::{ConfigError, Sources};
use crate::domain::{EventKind, Malformed};
use crate::webhooks::Webhook;

const FIELDS: [&str; 5] = ["name", "url", "secrets", "kinds", "brand_id"];

impl Webhook {
    /// Reads only the webhooks of a configuration, for a server that reads them again.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault of the sources.
    pub fn load_all(sources: &Sources) -> Result<Vec<Self>, ConfigError> {
        let mut layers = Layers::read(sources);
        let webhooks = read(&mut layers);
        layers.finish(|| Some(webhooks))
    }
}

pub(super) fn read(layers: &mut Layers) -> Vec<Webhook> {
    let allow_http = layers.optional(&settings::ALLOW_HTTP).unwrap_or_default();
    let mut names = HashSet::new();
    let mut webhooks = Vec::new();
    for listed in layers.take_tables(WEBHOOKS) {
        let Some(webhook) = read_one(layers, &listed.table, &listed.origin, allow_http) else { continue };
        if !names.insert(webhook.name.clone()) {
            layers.add_fault_at(&format!("name of {}", listed.origin), "a name that no other webhook has");
        }
        webhooks.push(webhook);
    }
    webhooks
}

fn read_one(layers: &mut Layers, table: &Table, origin: &str, allow_http: bool) -> Option<Webhook> {
    if table.keys().any(|field| !FIELDS.contains(&field.as_str())) {
        layers.add_fault_at(origin, "name, url, secrets, kinds, brand_id and nothing else");
    }
    let mut fields = Fields { layers, table, origin };
    let name = fields.text("name", domain_value);
    let url = fields.text("url", |text| address(text, allow_http));
    let secrets = fields.one_or_more("secrets", domain_value);
    let kinds =
        if table.contains_key("kinds") { fields.list("kinds", domain_value) } else { Some(Vec::new()) };
    let brand =
        if table.contains_key("brand_id") { fields.text("brand_id", brand).map(Some) } else { Some(None) };
    let kinds = kinds?.into_iter().map(|KnownKind(kind)| kind).collect();
    Some(Webhook { name: name?, url: url?, secrets: secrets?, kinds, brand: brand? })
}

/// Reads an address. It may have a query, but no user and password.
fn address(text: &str, allow_http: bool) -> Result<Url, Expected> {
    let is_bare = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url));
    let url = url.ok_or("https://host/path, without a user and a password")?;
    if sends_in_the_clear(&url) && !allow_http {
        return Err(
            "an https:// address, because anyone on the way could read the events; credentials.allow_http allows http://",
        );
    }
    Ok(url)
}

/// A kind that this version knows, so that a misspelt one is a fault.
struct KnownKind(EventKind);

impl FromStr for KnownKind {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let kind = Some(EventKind::from(text)).filter(EventKind::is_known);
        kind.map(Self).ok_or(Malformed { expected: "kinds of events, such as number.reserved" })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::{CommonConfig, ConfigError, Sources};
    use crate::domain::BrandId;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn load(text: &str) -> Result<Vec<Webhook>, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.replace("SECRET", SECRET).as_bytes()).unwrap();
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        CommonConfig::load(&sources).map(|common| common.webhooks)
    }

    #[test]
    fn a_webhook_is_read() {
        let webhooks = load(
            r#"
            [[webhooks]]
            name = "billing"
            url = "https://billing.example/hooks?tenant=1"
            secrets = ["SECRET", "SECRET"]
            kinds = ["number.assigned", "line.ended"]
            brand_id = "acme"

            [[webhooks]]
            name = "archive"
            url = "http://127.0.0.1:9000"
            secrets = "SECRET"
            "#,
        )
        .unwrap();
        let [billing, archive] = &webhooks[..] else { panic!("{webhooks:?}") };
        assert_eq!((billing.name.as_str(), billing.secrets.len()), ("billing", 2));
        assert_eq!(billing.brand.as_ref().map(BrandId::as_str), Some("acme"));
        assert!(billing.wants(&EventKind::LineEnded) && !billing.wants(&EventKind::NumberReserved));
        assert!(archive.brand.is_none() && archive.wants(&EventKind::NumberReserved));
        let shown = format!("{webhooks:?}");
        assert!(!shown.contains("MfKQ9r8") && !shown.contains("tenant"), "{shown}");
    }

    #[test]
    fn a_fault_names_its_field_and_shows_no_secret() {
        let webhook = |line: &str| {
            let fields = ["name = \"a\"", "url = \"https://a.example\"", "secrets = \"SECRET\""];
            let own = line.split_once(' ').unwrap_or_default().0;
            let others: Vec<_> = fields.into_iter().filter(|field| !field.starts_with(own)).collect();
            format!("[[webhooks]]\n{}\n{line}\n", others.join("\n"))
        };
        for (line, place) in [
            ("name = \"a b\"", "name of webhooks 1"),
            ("url = \"http://a.example\"", "https://"),
            ("url = \"https://user:pass@a.example\"", "url of webhooks 1"),
            ("secrets = \"whsec_c2hvcnQ=\"", "secrets of webhooks 1"),
            ("secrets = []", "secrets of webhooks 1"),
            ("kinds = [\"number.lost\"]", "kinds of webhooks 1"),
            ("brand_id = \"unknown\"", "brand_id of webhooks 1"),
            ("retries = 3", "nothing else"),
        ] {
            let error = load(&webhook(line)).unwrap_err().to_string();
            assert!(error.contains(place), "{line}: {error}");
            assert!(!error.contains("c2hvcnQ") && !error.contains("user:pass"), "{error}");
        }
        let twice = [webhook("kinds = []"), webhook("kinds = []")].concat();
        assert!(load(&twice).unwrap_err().to_string().contains("no other webhook"));
        let allowed = format!("{}[credentials]\nallow_http = true\n", webhook("url = \"http://a.example\""));
        assert!(load(&allowed).is_ok());
    }
}

//! Reads the `[[clients]]` of the file. They may call the server.
//!
//! No fault repeats the text of the file, because somebody may have written a key in the place of its digest.

use std::collections::HashSet;
use toml::{Table, Value};

use super::layers::{CLIENTS, Layers, ListedTable};
use super::settings::{Expected, brand, domain_value};
use super::{ConfigError, Sources};
use crate::access::{Client, Clients, KeyDigest, client_name};

const FIELDS: [&str; 4] = ["name", "key_sha256", "scopes", "brand_id"];

impl Clients {
    /// Reads only the clients of a configuration, for a server that reads them again.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault of the sources.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(sources);
        let clients = read(&mut layers);
        layers.finish(|| Some(clients))
    }
}

pub(super) fn read(layers: &mut Layers) -> Clients {
    let (mut names, mut keys) = (HashSet::new(), HashSet::new());
    let mut clients = Vec::new();
    for ListedTable { table, origin, .. } in layers.take_tables(CLIENTS) {
        let Some(client) = read_one(layers, &table, &origin) else { continue };
        if !names.insert(client.name.clone()) {
            layers.add_fault_at(&format!("name of {origin}"), "a name that no other client has");
        }
        if !client.keys.iter().all(|key| keys.insert(key.to_string())) {
            layers.add_fault_at(&format!("key_sha256 of {origin}"), "a key that nobody else has");
        }
        clients.push(client);
    }
    clients.into_iter().collect()
}

fn read_one(layers: &mut Layers, table: &Table, origin: &str) -> Option<Client> {
    if table.keys().any(|field| !FIELDS.contains(&field.as_str())) {
        layers.add_fault_at(origin, "name, key_sha256, scopes, brand_id and nothing else");
    }
    let mut fields = Fields { layers, table, origin };
    let name = fields.text("name", |text| client_name(text).map_err(|malformed| malformed.expected));
    let keys: Option<Vec<KeyDigest>> = fields.one_or_more("key_sha256", domain_value);
    let scopes = fields.list("scopes", domain_value);
    let brands = fields.one_or_more("brand_id", brand);
    Some(Client { name: name?, keys: keys?, scopes: scopes?, brands: brands? })
}

/// Reads the fields of one table, and adds their faults to the layers.
pub(super) struct Fields<'a> {
    pub(super) layers: &'a mut Layers,
    pub(super) table: &'a Table,
    pub(super) origin: &'a str,
}

impl Fields<'_> {
    pub(super) fn text<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Expected>) -> Option<T> {
        let text = self.table.get(name).and_then(Value::as_str).ok_or("a text");
        self.ok_or_fault(name, text.and_then(read))
    }

    pub(super) fn list<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<Vec<T>> {
        let values = self.table.get(name).and_then(Value::as_array).ok_or("a list of texts");
        let read_all = |values: &Vec<Value>| {
            values.iter().map(|value| value.as_str().ok_or("a list of texts").and_then(&read)).collect()
        };
        self.ok_or_fault(name, values.and_then(read_all))
    }

    /// Reads one value or a list, because a client has two keys while one is being replaced, and may act for several brands.
    pub(super) fn one_or_more<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<Vec<T>> {
        match self.table.get(name) {
            Some(Value::Array(values)) if values.is_empty() => self.ok_or_fault(name, Err("at least one")),
            Some(Value::Array(_)) => self.list(name, read),
            _ => self.text(name, read).map(|one| vec![one]),
        }
    }

    fn ok_or_fault<T>(&mut self, name: &str, value: Result<T, Expected>) -> Option<T> {
        value
            .map_err(|expected| self.layers.add_fault_at(&format!("{name} of {}", self.origin), expected))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::access::Scope;
    use crate::domain::BrandId;

    const DIGEST: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

    fn load(text: &str) -> Result<Clients, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.replace("DIGEST", DIGEST).as_bytes()).unwrap();
        Clients::load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() })
    }

    #[test]
    fn a_client_is_known_by_any_of_its_keys() {
        let other = KeyDigest::of("the next");
        let clients = load(&format!(
            "[[clients]]\nname = \"a\"\nkey_sha256 = [\"DIGEST\", \"{other}\"]\n\
             scopes = [\"numbers:read\"]\nbrand_id = \"acme\""
        ));
        let clients = clients.unwrap();
        for key in ["hello world", "the next"] {
            let holder = clients.holder(key).unwrap();
            assert!(holder.may(Scope::NumbersRead) && !holder.may(Scope::Operations));
            assert_eq!(holder.brand_for(None).map(BrandId::as_str), Some("acme"));
        }
        assert!(clients.holder("hello").is_none());
        assert!(load("").unwrap().is_empty());
    }

    #[test]
    fn a_client_acts_for_the_brand_that_it_wishes_among_its_own() {
        let clients = load(
            "[[clients]]\nname = \"a\"\nkey_sha256 = \"DIGEST\"\nscopes = []\nbrand_id = [\"acme\", \"zeta\"]",
        );
        let clients = clients.unwrap();
        let holder = clients.holder("hello world").unwrap();
        for (wish, brand) in [
            (None, Some("acme")),
            (Some("acme"), Some("acme")),
            (Some("zeta"), Some("zeta")),
            (Some("other"), None),
        ] {
            assert_eq!(holder.brand_for(wish).map(BrandId::as_str), brand, "{wish:?}");
        }
        assert_eq!(clients.brands().map(BrandId::as_str).collect::<Vec<_>>(), ["acme", "zeta"]);
    }

    #[test]
    fn every_fault_of_a_client_is_reported_and_none_repeats_the_text() {
        let right = "[[clients]]\nname = \"a\"\nkey_sha256 = \"DIGEST\"\nscopes = []\nbrand_id = \"acme\"\n";
        for (text, part) in [
            (right.replace("\"a\"", "\"s3cret name\""), "name of clients 1"),
            (right.replace("\"a\"", "\"oss\""), "name of clients 1"),
            (right.replace("\"a\"", "\"anonymous\""), "name of clients 1"),
            (right.replace("DIGEST", "oss_s3cret"), "64 hexadecimal digits"),
            (right.replace("\"DIGEST\"", "[]"), "at least one"),
            (right.replace("[]", "[\"s3cret\"]"), "numbers:reserve"),
            (right.replace("[]", "\"s3cret\""), "a list"),
            (right.replace("acme", ""), "brand_id of clients 1"),
            (right.replace("acme", "unknown"), "brand_id of clients 1"),
            (right.replace("\"acme\"", "[\"acme\", \"unknown\"]"), "brand_id of clients 1"),
            (right.replace("\"acme\"", "[]"), "at least one"),
            (right.replace("scopes", "s3cret"), "nothing else"),
            (
                format!("{right}{}", right.replace("DIGEST", &KeyDigest::of("x").to_string())),
                "name of clients 2",
            ),
            (format!("{right}{}", right.replace("\"a\"", "\"b\"")), "key_sha256 of clients 2"),
            ("clients = [\"s3cret\"]".to_owned(), "[[clients]]"),
            ("clients = \"s3cret\"".to_owned(), "not a setting"),
        ] {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("s3cret"), "{text}: {error}");
        }
    }
}

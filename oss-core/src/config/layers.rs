//! Reads the sources of a configuration, the stronger after the weaker, and collects their faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::{Expected, FLAG_VARIABLES, PREFIX, Row, SETTINGS, Setting, intended_variable};
use super::{ConfigError, Sources};

const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// The lists of tables in the file.
pub(super) const CLIENTS: &str = "clients";
pub(super) const WEBHOOKS: &str = "webhooks";

/// The text of each setting, with its origin.
pub(super) struct Layers {
    texts: BTreeMap<&'static str, SettingText>,
    tables: Vec<ListedTable>,
    faults: Vec<String>,
}

/// One table of a list in the file, not read yet.
pub(super) struct ListedTable {
    list: &'static str,
    pub(super) table: Table,
    /// The place where a person finds it, such as `clients 2 in oss.toml`.
    pub(super) origin: String,
}

struct SettingText {
    text: String,
    origin: SettingOrigin,
}

/// The source of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Nobody sets it.
    Default,
    /// The file.
    File(PathBuf),
    /// The environment.
    Environment,
    /// A flag of the command line.
    Flag,
}

impl SettingOrigin {
    /// The place where a person finds the setting, such as `OSS_LISTEN` or `server.listen in oss.toml`.
    fn place(&self, Row { key, env, .. }: &Row) -> String {
        match self {
            Self::Default => format!("the default of {key}"),
            Self::File(path) => format!("{key} in {}", path.display()),
            Self::Environment => (*env).to_owned(),
            Self::Flag => format!("the flag for {key}"),
        }
    }
}

impl Layers {
    /// Reads the defaults and then the sources, the stronger later.
    pub(super) fn read(sources: &Sources) -> Self {
        let mut layers = Self { texts: BTreeMap::new(), tables: Vec::new(), faults: Vec::new() };
        for Row { key, default, .. } in SETTINGS {
            if let Some(text) = default {
                layers.set(key, (*text).to_owned(), SettingOrigin::Default);
            }
        }
        if let Some(path) = &sources.file {
            layers.read_file(path);
        }
        for (name, value) in &sources.environment {
            layers.read_variable(name, value);
        }
        for (key, text) in &sources.flags {
            layers.set(key, text.clone(), SettingOrigin::Flag);
        }
        layers
    }

    /// The value of a setting that has a default. A value that cannot be read is a fault, and the default is returned.
    pub(super) fn value<T>(&mut self, setting: &Setting<T>) -> T {
        self.optional(setting).unwrap_or_else(|| setting.default())
    }

    /// The value of a setting that must be set. A missing value, or one that cannot be read, is a fault.
    pub(super) fn required<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        let Row { key, env, .. } = setting.row;
        if !self.texts.contains_key(key) {
            self.faults.push(format!("{key} is not set; set {env}, or {key} in the file"));
        }
        self.optional(setting)
    }

    /// The value of a setting that need not be set. A value that cannot be read is a fault.
    pub(super) fn optional<T>(&mut self, Setting { row, read }: &Setting<T>) -> Option<T> {
        let value = read(&self.texts.get(row.key)?.text);
        value.map_err(|expected| self.add_fault(row, expected)).ok()
    }

    /// Adds the fault that the value of a setting is not as expected. The fault does not contain the value, because it may be a
    /// secret.
    pub(super) fn add_fault(&mut self, row: &Row, expected: &str) {
        let place = self.texts.get(row.key).map_or(row.key.to_owned(), |text| text.origin.place(row));
        self.faults.push(format!("{place}: expected {}", row.with_bounds(expected)));
    }

    /// The text of a setting and its origin, if it is set.
    pub(super) fn text(&self, key: &str) -> Option<(&str, &SettingOrigin)> {
        self.texts.get(key).map(|SettingText { text, origin }| (text.as_str(), origin))
    }

    /// Takes the tables of a list of the file, as they are written there.
    pub(super) fn take_tables(&mut self, list: &str) -> Vec<ListedTable> {
        self.tables.extract_if(.., |listed| listed.list == list).collect()
    }

    /// Adds a fault of a part of the file that is not a single setting.
    pub(super) fn add_fault_at(&mut self, place: &str, expected: Expected) {
        self.faults.push(format!("{place}: expected {expected}"));
    }

    /// Returns the value if there is no fault.
    pub(super) fn finish<T>(mut self, value: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        match value() {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => {
                self.faults.dedup();
                Err(ConfigError { faults: self.faults })
            }
        }
    }

    /// Sets the text of a setting. A line break at its end is removed, because a file with a single value mostly ends with one.
    fn set(&mut self, key: &'static str, mut text: String, origin: SettingOrigin) {
        text.truncate(text.trim_end_matches(LINE_ENDS).len());
        self.texts.insert(key, SettingText { text, origin });
    }

    fn read_variable(&mut self, name: &str, value: &str) {
        if !name.starts_with(PREFIX)
            || FLAG_VARIABLES.contains(&name)
            || value.trim_end_matches(LINE_ENDS).is_empty()
        {
            return;
        }
        match SETTINGS.iter().find(|setting| setting.env == name) {
            Some(setting) => self.set(setting.key, value.to_owned(), SettingOrigin::Environment),
            // Other products have variables that begin with `OSS_` too, so only a misspelt variable of ours is a fault.
            None => self.faults.extend(
                intended_variable(name)
                    .map(|setting| format!("{name} is not a setting; did you mean {setting}?")),
            ),
        }
    }

    fn read_file(&mut self, path: &Path) {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.faults.push(format!("{shown} cannot be read: {}", error.kind())),
        };
        match text.parse::<Table>() {
            Ok(table) => self.read_table(path, "", table),
            // The error's own text is not used, because it shows the line, which may contain a secret.
            Err(error) => {
                let at =
                    error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
                self.faults.push(format!("{shown} is not TOML, near line {at}"));
            }
        }
    }

    fn read_table(&mut self, path: &Path, prefix: &str, table: Table) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(inner) => self.read_table(path, &key, inner),
                Value::Array(tables) if key == CLIENTS => self.read_tables(path, CLIENTS, tables),
                Value::Array(tables) if key == WEBHOOKS => self.read_tables(path, WEBHOOKS, tables),
                value => self.read_value(path, &key, &value),
            }
        }
    }

    fn read_tables(&mut self, path: &Path, list: &'static str, tables: Vec<Value>) {
        for (number, value) in (1..).zip(tables) {
            let origin = format!("{list} {number} in {}", path.display());
            match value {
                Value::Table(table) => self.tables.push(ListedTable { list, table, origin }),
                _ if list == CLIENTS => self.add_fault_at(&origin, "a table, written as [[clients]]"),
                _ => self.add_fault_at(&origin, "a table, written as [[webhooks]]"),
            }
        }
    }

    fn read_value(&mut self, path: &Path, key: &str, value: &Value) {
        let place = format!("{key} in {}", path.display());
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(switch) => Some(switch.to_string()),
            _ => None,
        };
        match (SETTINGS.iter().find(|setting| setting.key == key), text) {
            (Some(setting), Some(text)) => self.set(setting.key, text, SettingOrigin::File(path.to_owned())),
            (Some(_), None) => self.faults.push(format!("{place}: expected text, a number, true or false")),
            (None, _) => self.faults.push(format!("{place} is not a setting; is it misspelt?")),
        }
    }
}

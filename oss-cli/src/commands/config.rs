//! `oss config check`: lists the settings.

use oss_core::config::{ListedSetting, SettingOrigin, Sources, list_settings};
use serde::Serialize;

use crate::output::{Answer, lines_of, table};

/// The settings as the sources give them.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    name: &'static str,
    variable: &'static str,
    /// The value without secrets; none if it is not set, or is wrong.
    value: Option<String>,
    origin: Option<&'static str>,
    /// The file, if the value comes from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Settings {
    pub(crate) fn of(sources: &Sources) -> Self {
        Self { settings: list_settings(sources).into_iter().map(Setting::from).collect() }
    }
}

impl From<ListedSetting> for Setting {
    fn from(ListedSetting { key, variable, value, origin, .. }: ListedSetting) -> Self {
        let file = match &origin {
            Some(SettingOrigin::File(path)) => Some(path.display().to_string()),
            _ => None,
        };
        Self { name: key, variable, value, origin: origin.as_ref().map(word), file }
    }
}

fn word(origin: &SettingOrigin) -> &'static str {
    match origin {
        SettingOrigin::Default => "default",
        SettingOrigin::File(_) => "file",
        SettingOrigin::Environment => "environment",
        SettingOrigin::Flag => "flag",
    }
}

impl Answer for Settings {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["setting", "value", "origin"]);
        for Setting { name, value, origin, file, .. } in &self.settings {
            let value = value.as_deref().unwrap_or(if origin.is_some() { "(wrong)" } else { "" });
            let origin = file.as_deref().or(*origin).unwrap_or("not set");
            table.add_row([*name, value, origin]);
        }
        table.to_string()
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.settings)
    }
}

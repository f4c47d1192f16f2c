//! A Prometheus that reads one server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::eventually::eventually;
use crate::http::plain_client;
use crate::process::{Guarded, free_port, program};

/// A running Prometheus. Dropping it stops it.
#[derive(Debug)]
pub struct Prometheus {
    base: String,
    client: reqwest::Client,
    _process: Guarded,
}

/// A selector of a query, as it is written: `name{label="value"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The name of the series.
    pub name: String,
    /// The labels that it asks for.
    pub labels: Vec<String>,
    /// Its text.
    pub text: String,
}

impl Prometheus {
    /// Starts a Prometheus that reads the server at an address every second, as the job `oss`, and evaluates a file of rules.
    pub async fn reading(server: &str, rules: &Path) -> Self {
        let port = free_port();
        // The guard removes the folder.
        let dir = tempfile::Builder::new().prefix("oss-prometheus-").tempdir().expect("a folder").keep();
        let rules = rules.display();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{rules}']\n\
             scrape_configs: [{{ job_name: oss, static_configs: [{{ targets: ['{server}'] }}] }}]\n"
        );
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config).expect("the folder is ours");
        let (file, data) = (
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
        );
        let listen = format!("--web.listen-address=127.0.0.1:{port}");
        let prometheus = program("prometheus", &[], "prometheus").display().to_string();
        let process = Guarded::start(&[&prometheus, &file, &data, &listen], "kill -TERM $pid", None, &dir);
        let client = plain_client().build().expect("a client");
        let base = format!("http://127.0.0.1:{port}");
        eventually(async || {
            let answer = client.get(format!("{base}/-/ready")).send().await;
            let answer = answer.map_err(|error| format!("{error}: {}", Guarded::log(&dir)))?;
            if answer.status() == 200 { Ok(()) } else { Err(format!("it is not ready: {answer:?}")) }
        })
        .await;
        Self { base, client, _process: process }
    }

    /// The current result of a query: a list of series.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.ask("query", &[("query", query)]).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Queries until the result is not empty.
    pub async fn wait_for_result(&self, query: &str) {
        eventually(async || {
            let is_empty = self.query(query).await.is_empty();
            if is_empty { Err(format!("nothing for {query}")) } else { Ok(()) }
        })
        .await;
    }

    /// Every rule, evaluated at least once.
    pub async fn rules(&self) -> Vec<Value> {
        eventually(async || {
            let answer = self.ask("rules", &[]).await;
            let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
            let rules: Vec<Value> = groups
                .iter()
                .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
                .collect();
            if !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown") {
                return Ok(rules);
            }
            Err(answer)
        })
        .await
    }

    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Value {
        let address = reqwest::Url::parse_with_params(&format!("{}/api/v1/{what}", self.base), parameters);
        let asked = self.client.get(address.expect("an address")).send().await.expect("Prometheus answers");
        asked.json().await.expect("JSON")
    }
}

/// `promtool`, which comes with Prometheus.
#[must_use]
pub fn promtool() -> PathBuf {
    program("promtool", &[], "prometheus")
}

/// The selectors of a query, and the labels that it groups by.
#[must_use]
pub fn parts(query: &str) -> (Vec<Selector>, BTreeSet<String>) {
    let (mut selectors, mut grouped) = (Vec::new(), BTreeSet::new());
    let mut rest = query;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        rest = &rest[at..];
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if ["by", "without", "on", "ignoring"].contains(&word) {
            let (labels, after) = enclosed(rest.trim_start(), '(', ')');
            grouped.extend(labels.split(',').map(|label| label.trim().to_owned()));
            rest = after;
        } else if word.starts_with("oss_") || word == "up" {
            let (asked, after) = enclosed(rest, '{', '}');
            selectors.push(selector(word, asked));
            rest = after;
        }
    }
    (selectors, grouped)
}

/// The text between two brackets at the beginning of a text, and the text after them. The former is empty if there is no bracket.
/// No label of ours has a bracket in its value.
fn enclosed(text: &str, open: char, close: char) -> (&str, &str) {
    let inside = text.strip_prefix(open).and_then(|text| text.split_once(close));
    inside.unwrap_or(("", text))
}

fn selector(name: &str, asked: &str) -> Selector {
    // A label begins the text or follows a comma; its value is quoted.
    let labels = asked
        .split(',')
        .filter_map(|part| part.split_once(['=', '!']))
        .map(|(label, _)| label.trim().to_owned());
    let text = if asked.is_empty() { name.to_owned() } else { format!("{name}{{{asked}}}") };
    Selector { name: name.to_owned(), labels: labels.collect(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let query = r#"sum by (le, call) (rate(oss_a_bucket{x="1",y=~"a|b"}[5m])) / max(oss_b) or absent(up{job!="oss"})"#;
        let (selectors, grouped) = parts(query);
        let texts: Vec<&str> = selectors.iter().map(|selector| selector.text.as_str()).collect();
        assert_eq!(texts, [r#"oss_a_bucket{x="1",y=~"a|b"}"#, "oss_b", r#"up{job!="oss"}"#]);
        assert_eq!(selectors[0].labels, ["x", "y"]);
        assert_eq!(grouped.into_iter().collect::<Vec<_>>(), ["call", "le"]);
    }
}

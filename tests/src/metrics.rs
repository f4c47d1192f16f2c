//! Reads and parses a server's `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;

use crate::http::Http;

/// The labels of a series.
pub type Labels = BTreeMap<String, String>;

/// One reading of `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// The whole text.
    pub text: String,
    /// The type of every metric.
    pub types: BTreeMap<String, String>,
    /// Every line: name, labels, value.
    pub series: Vec<(String, Labels, f64)>,
}

impl Scrape {
    /// Reads the metrics of a server.
    pub async fn of(http: &Http) -> Self {
        let response = http.request(Method::GET, "/metrics").send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = response.text().await.expect("a body");
        let mut scrape = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# HELP")) {
            if let Some(declaration) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declaration.split_once(' ').expect("a name and a type");
                scrape.types.insert(name.to_owned(), kind.to_owned());
            } else {
                scrape.series.push(series(line));
            }
        }
        Self { text, ..scrape }
    }

    /// The value of a series that has these labels and perhaps others, all such series added up.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &Labels| {
            labels.iter().all(|(label, value)| found.get(*label).is_some_and(|found| found == value))
        };
        self.series.iter().filter(|(found, of, _)| found == name && has(of)).map(|(.., value)| value).sum()
    }

    /// Every metric with its type and the labels of its series, a line each: `name type label,label`.
    #[must_use]
    pub fn inventory(&self) -> Vec<String> {
        let line = |(name, kind): (&String, &String)| {
            let labels: BTreeSet<&str> = self
                .series
                .iter()
                .filter(|(found, ..)| metric(found, &self.types) == *name)
                .flat_map(|(_, labels, _)| labels.keys().map(String::as_str))
                .filter(|label| *label != "le")
                .collect();
            format!("{name} {kind} {}", Vec::from_iter(labels).join(",")).trim_end().to_owned()
        };
        self.types.iter().map(line).collect()
    }
}

/// The metric that a line is of: a histogram has lines of several names.
fn metric<'a>(name: &'a str, types: &BTreeMap<String, String>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let base = parts.iter().find_map(|part| name.strip_suffix(part));
    base.filter(|base| types.get(*base).is_some_and(|kind| kind == "histogram")).unwrap_or(name)
}

fn series(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a series and its value");
    let value = value.parse().expect("a number");
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), Labels::new(), value);
    };
    let labels = labels.strip_suffix('}').expect("labels end");
    // No value of ours has a quote or a comma in it. Such a value would not parse.
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').expect("a label and its value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("quoted");
        (label.to_owned(), value.to_owned())
    };
    (name.to_owned(), labels.split(',').map(pair).collect(), value)
}

//! A real Prometheus, which scrapes a real server, runs each query of the dashboard and of the alerts.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use oss_tests::backend::Database;
use oss_tests::eventful::Eventful;
use oss_tests::metrics::Scrape;
use oss_tests::operations::{path, text};
use oss_tests::prometheus::{Prometheus, parts, promtool};
use serde_json::Value;

/// The queries of every panel of the dashboard, as Grafana sends them if every server of the job is chosen.
fn panels() -> Vec<String> {
    let text = text("grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let values = [("$__rate_interval", "1m"), ("$__range", "1m"), ("$job", "oss"), ("$instance", ".*")];
    let expand = |query: &str| {
        assert_eq!(
            query.matches('{').count(),
            query.matches(r#"{job=~"$job",instance=~"$instance""#).count(),
            "{query}"
        );
        values.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
    };
    targets.map(|target| expand(target["expr"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_has_a_result() {
    let database = Database::postgres().await;
    let eventful = Eventful::on(&database).await;
    let http = eventful.server.admin();
    let scrape = Scrape::of(&http).await;
    let prometheus = Prometheus::reading(http.address(), &path("alerts.yml")).await;
    // A rate needs two readings.
    prometheus.wait_for_result("count_over_time(oss_build_info[1m]) >= 3").await;

    let panels = panels();
    assert!(panels.len() > 40, "{panels:?}");
    for query in &panels {
        assert!(!prometheus.query(query).await.is_empty(), "nothing for {query}");
    }
    let rules = prometheus.rules().await;
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert!(
            rule["annotations"]["action"].is_string() && rule["labels"]["severity"].is_string(),
            "{rule}"
        );
    }
    let alerts = rules.iter().map(|rule| rule["query"].as_str().unwrap().to_owned());
    let mut asked = BTreeSet::new();
    for query in panels.into_iter().chain(alerts) {
        let (selectors, grouped) = parts(&query);
        let mut labels: BTreeSet<String> = ["instance", "job"].map(str::to_owned).into();
        for selector in &selectors {
            let series = prometheus.query(&selector.text).await;
            assert!(!series.is_empty(), "{} of {query} selects nothing", selector.text);
            let has = series.iter().filter_map(|series| series["metric"].as_object());
            labels.extend(has.flat_map(|metric| metric.keys().cloned()));
            assert!(selector.labels.iter().all(|label| labels.contains(label)), "{query}");
            asked.insert(selector.name.clone());
        }
        assert!(grouped.is_subset(&labels), "{grouped:?} of {query} are not all labels: {labels:?}");
    }
    for metric in scrape.types.keys() {
        assert!(asked.iter().any(|name| name.starts_with(metric.as_str())), "nobody looks at {metric}");
    }
}

/// It reads the alerts that the file names, too.
#[test]
fn prometheus_accepts_its_file() {
    let checked =
        Command::new(promtool()).args(["check", "config"]).arg(path("prometheus.yml")).output().unwrap();
    let [found, faults] = [&checked.stdout, &checked.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(checked.status.success() && found.contains("alerts.yml"), "{found}{faults}");
}

#[test]
fn the_alerts_fire_when_they_should() {
    let tested = std::fs::read_to_string("alerts.test.yml").unwrap();
    let rules = text("alerts.yml");
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("alertname=\"{alert}\"")), "no test in which {alert} fires");
    }
    let ended = Command::new(promtool()).args(["test", "rules", "alerts.test.yml"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_named_as_prometheus_advises() {
    let database = Database::sqlite().await;
    let eventful = Eventful::on(&database).await;
    let scrape = Scrape::of(&eventful.server.admin()).await;
    let mut checked = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut checked.stdin.take().unwrap(), scrape.text.as_bytes()).unwrap();
    let ended = checked.wait_with_output().unwrap();
    assert!(
        ended.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}

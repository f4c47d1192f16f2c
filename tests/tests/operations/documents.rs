//! The documents lead to one another, and to what they describe.

use std::collections::BTreeSet;

use oss_tests::operations::{repository, text};
use serde_json::Value;

/// The headings of a document, without their code blocks.
fn headings(markdown: &str) -> Vec<&str> {
    let parts = markdown.split("```").step_by(2);
    let lines = parts.flat_map(str::lines).filter(|line| line.starts_with('#'));
    lines.map(|line| line.trim_start_matches('#').trim()).collect()
}

/// The name under which GitHub links to a heading.
fn anchor(heading: &str) -> String {
    let is_kept = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-")
}

/// The targets of the links of a document to files of the repository.
fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("http"))
}

#[test]
fn the_run_book_has_a_section_for_each_alert() {
    let run_book = text("README.md");
    let sections = headings(&run_book);
    let rules = text("alerts.yml");
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in &alerts {
        assert!(sections.contains(alert), "the run-book has no section {alert}");
    }
    let of_alerts = sections.iter().filter(|section| section.starts_with("Oss"));
    assert_eq!(of_alerts.count(), alerts.len(), "the run-book has a section of an alert that does not exist");
}

#[test]
fn the_panels_of_the_dashboard_lead_to_the_run_book() {
    let run_book = text("README.md");
    let sections: BTreeSet<String> = headings(&run_book).into_iter().map(anchor).collect();
    let dashboard: Value = serde_json::from_str(&text("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let ids: BTreeSet<_> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    let variables = dashboard["templating"]["list"].as_array().expect("a list");
    for name in ["datasource", "job", "instance", "runbook"] {
        assert!(variables.iter().any(|variable| variable["name"] == name), "{name}");
    }
    let links = panels.iter().filter_map(|panel| panel["links"].as_array()).flatten();
    let mut linked = BTreeSet::new();
    for link in links {
        let section = link["url"].as_str().and_then(|url| url.strip_prefix("${runbook}#"));
        let section = section.unwrap_or_else(|| panic!("{link} does not lead to the run-book"));
        assert!(sections.contains(section), "{link}: there is no such heading");
        linked.insert(section.to_owned());
    }
    for section in sections.iter().filter(|section| section.starts_with("oss")) {
        assert!(linked.contains(section), "no panel leads to {section}");
    }
}

#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading() {
    let mut followed = 0;
    for document in [
        "README.md",
        ".github/CONTRIBUTING.md",
        "examples/operations/README.md",
        "oss-cli/README.md",
        "oss-server/README.md",
        "tests/benches/README.md",
    ] {
        let document = repository().join(document);
        let markdown = std::fs::read_to_string(&document).expect("a document");
        for link in links(&markdown) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = document.parent().expect("it is in a folder");
            let target = if file.is_empty() { document.clone() } else { folder.join(file) };
            let linked = std::fs::read(&target);
            let linked = linked.unwrap_or_else(|error| panic!("{link} in {}: {error}", document.display()));
            // An image is no text, and has no headings.
            let linked = String::from_utf8_lossy(&linked);
            let found =
                heading.is_empty() || headings(&linked).into_iter().map(anchor).any(|found| found == heading);
            assert!(found, "{link} in {}: there is no such heading", document.display());
            followed += 1;
        }
    }
    assert!(followed > 50, "{followed}");
}

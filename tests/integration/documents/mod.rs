//! The documents beside the code: what is generated is what the code makes, and what has to be named is named.
//!
//! A file that is no longer right is written anew into the build's folder, and the failure says where.

mod fields;

use std::fs;
use std::path::{Path, PathBuf};

use gloss::enrich::Fallback;
use gloss::openapi::notes_schema;

use crate::support::client::get;
use crate::support::sidecar::Setup;
use crate::support::upstream::nobody;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Fails if the file is another, and leaves the right one to be put in its place.
fn assert_is_file(name: &str, right: &str) {
    if read(name) != right {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(path(name).file_name().unwrap());
        fs::write(&made, right).unwrap();
        panic!("{name} is not what the code makes: if that is as it should be, cp {} {name}", made.display());
    }
}

#[test]
fn the_schema_is_that_of_the_types_and_served_to_operators() {
    assert_is_file("config/notes.schema.json", &notes_schema());
    let gloss = Setup::before_address(nobody()).start();
    let answer = get(gloss.admin, "/api/schema", &[]);
    assert_eq!((answer.status, answer.value("content-type")), (200, Some("application/schema+json")));
    assert_eq!(answer.text(), notes_schema());
}

#[test]
fn every_field_is_described_as_the_schema_has_it() {
    let document = read("config/FIELDS.md");
    let by_hand = document.split(fields::MARK).next().unwrap();
    assert!(by_hand.contains("## ") && by_hand != document, "the mark is gone");
    assert_is_file("config/FIELDS.md", &format!("{by_hand}{}", fields::rendered(&notes_schema())));
}

/// Whether a table of a document has a row for this.
fn has_row(document: &str, name: &str) -> bool {
    let cell = format!("`{name}`");
    document
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.split('|').next())
        .any(|first| first.contains(&cell))
}

#[test]
fn operators_find_every_reason_with_what_to_do() {
    let operations = read("deploy/OPERATIONS.md");
    let decided = ["header", "query", "percent", "default", "disabled", "rule", "stale"];
    for reason in Fallback::ALL.map(Fallback::as_str).into_iter().chain(decided) {
        assert!(has_row(&operations, reason), "deploy/OPERATIONS.md has no row for the reason {reason}");
    }
    assert!(!has_row(&operations, "no-such-reason"));
}

#[test]
fn operators_find_every_metric() {
    let operations = read("deploy/OPERATIONS.md");
    let names = include_str!("../metrics/names.txt").lines().filter(|line| !line.starts_with(' '));
    let mut seen = 0;
    for name in names.filter_map(|line| line.split(' ').next()) {
        assert!(has_row(&operations, name), "deploy/OPERATIONS.md has no row for the metric {name}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} metrics: is their list still written as this test thinks?");
}

#[test]
fn operators_find_every_alert_where_it_says_that_it_is() {
    // They are files of their own, which may be shipped without.
    let Ok(rules) = fs::read_to_string(path("deploy/prometheus/alerts.yml")) else { return };
    let operations = read("deploy/OPERATIONS.md");
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(
            operations.contains(&format!("\n### {alert}\n")),
            "deploy/OPERATIONS.md has no section {alert}"
        );
    }
    let anchors = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: \"OPERATIONS.md#"));
    for anchor in anchors.map(|rest| rest.trim_end_matches('"')) {
        let leads =
            |line: &str| line.strip_prefix("### ").is_some_and(|title| title.to_lowercase() == anchor);
        assert!(operations.lines().any(leads), "#{anchor} leads nowhere");
    }
}

/// The targets of a document's links to files, with the document's folder before them.
fn links(document: &str) -> Vec<PathBuf> {
    let folder = path(document).parent().unwrap().to_owned();
    let text = read(document);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| folder.join(target.split('#').next().unwrap())).collect()
}

/// What people read.
const DOCUMENTS: [&str; 9] = [
    "README.md",
    "config/FIELDS.md",
    "config/REFERENCE.md",
    "config/SOURCES.md",
    "deploy/README.md",
    "deploy/OPERATIONS.md",
    "deploy/SECURITY.md",
    "deploy/clients/README.md",
    "tests/README.md",
];

#[test]
fn links_between_documents_lead_to_files() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for target in links(document) {
            assert!(target.exists(), "{document} links to {}, which is not there", target.display());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} links");
}

#[test]
fn gloss_is_installed_of_the_very_crates_that_were_tested() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for line in read(document).lines().filter(|line| line.contains("cargo install")) {
            // Without the flag cargo takes the newest of everything, whatever Cargo.lock says.
            assert!(line.contains("cargo install --locked"), "{document}: {line}");
            seen += 1;
        }
    }
    assert!(seen > 1, "{seen} lines: is the installation still written as this test thinks?");
}

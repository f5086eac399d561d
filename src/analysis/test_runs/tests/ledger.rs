//! What a session's test runs add up to.

use super::super::*;
use super::counts;

const JEST_2: &str = "Tests:       2 passed, 2 total";
const JEST_3: &str = "Tests:       3 passed, 3 total";
const JEST_FAILING: &str = "Tests:       1 failed, 2 passed, 3 total";

#[test]
fn the_last_full_run_of_each_command_counts() {
    let mut ledger = Ledger::default();
    assert!(ledger.record("npm test", JEST_FAILING));
    assert!(ledger.record("npx jest --silent 2>&1 | tail", JEST_3));
    assert!(ledger.record("npm test -- -t adds", JEST_2));
    assert!(ledger.record("cargo test", output!("cargo-passing")));
    assert!(!ledger.record("ls", "Tests"));
    let totals = ledger.totals();
    assert_eq!((totals.counts, totals.runs, totals.clean), (counts(8, 0, 1), 4, true));
}

#[test]
fn chosen_files_count_until_there_is_a_full_run() {
    let mut ledger = Ledger::default();
    ledger.record("npm test -- a.test.ts", JEST_2);
    ledger.record("npm test -- b.test.ts", JEST_FAILING);
    assert_eq!(ledger.totals().counts, counts(4, 1, 0));
    assert!(!ledger.totals().clean);
    ledger.record("npm test", JEST_3);
    assert_eq!(ledger.totals().counts, counts(3, 0, 0));
    assert!(ledger.totals().clean, "the full run came later");
}

#[test]
fn a_chosen_file_within_a_chosen_directory_counts_once() {
    let mut ledger = Ledger::default();
    ledger.record("npm test -- api/a.test.ts", JEST_2);
    ledger.record("npm test -- --testPathPattern=api", JEST_2);
    ledger.record("npm test -- api", JEST_3);
    ledger.record("npm test -- apis/b.test.ts", JEST_2);
    assert_eq!(ledger.totals().counts, counts(5, 0, 0));
}

#[test]
fn a_failure_after_the_last_full_run_is_not_clean() {
    let mut ledger = Ledger::default();
    ledger.record("npm test", JEST_3);
    ledger.record("npm test -- -t adds", JEST_FAILING);
    assert_eq!(ledger.totals().counts, counts(3, 0, 0));
    assert!(!ledger.totals().clean);
}

#[test]
fn one_place_under_two_names_is_one_place_and_two_places_are_two() {
    let mut ledger = Ledger::default();
    ledger.record("cd /repo && npm test", JEST_2);
    ledger.record("npm test", JEST_3);
    assert_eq!(ledger.totals().counts, counts(3, 0, 0));
    ledger.record("cd web && npm test", JEST_2);
    assert_eq!(ledger.totals().counts, counts(5, 0, 0));
    ledger.record("cd /repo/web && npm test", JEST_3);
    assert_eq!(ledger.totals().counts, counts(6, 0, 0));
}

#[test]
fn a_file_with_a_test_commands_output_counts_when_it_is_printed() {
    for writing in ["npm test > /tmp/out.log 2>&1 &", "npm test 2>&1 | tee /tmp/out.log"] {
        let mut ledger = Ledger::default();
        assert!(!ledger.record("tail -3 /tmp/out.log", JEST_2), "nobody ran it yet");
        assert!(!ledger.record(writing, ""));
        assert!(!ledger.record("cat README.md", JEST_2), "another file");
        assert!(ledger.record("sleep 5; tail -3 /tmp/out.log", JEST_3));
        assert_eq!(ledger.totals().counts, counts(3, 0, 0));
    }
}

#[test]
fn a_ledger_keeps_a_bounded_number_of_commands() {
    let mut ledger = Ledger::default();
    for number in 0..80 {
        ledger.record(&format!("npm test -- {}{number}.test.ts", "x".repeat(5000)), JEST_2);
        ledger.record(&format!("cd {number}/{} && npm test", "y/".repeat(3000)), JEST_2);
    }
    assert_eq!(ledger.totals().runs, 160);
    assert!(ledger.weight() < 64 * 1024, "{}", ledger.weight());
}

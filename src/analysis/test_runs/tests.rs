//! Which output belongs to which command, what must not be read, and laws that hold for any input.

use proptest::prelude::*;

use super::*;

/// A runner's output as it was captured.
macro_rules! output {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/test_runs/", $name, ".txt"))
    };
}

mod commands;
mod ledger;
mod outputs;

const fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
    Counts { passed, failed, skipped, broken: false }
}

#[test]
fn the_end_of_an_output_is_enough() {
    let tail: Vec<_> = output!("pytest-failing").lines().rev().take(2).collect();
    assert_eq!(parse("pytest 2>&1 | tail -1", tail[0])[0].counts, counts(3, 1, 2));
    let filtered = "Tests:       1 failed, 2 passed, 3 total\nTest Suites: 1 failed, 1 total";
    assert_eq!(parse("npm test 2>&1 | grep Test", filtered)[0].counts, counts(2, 1, 0));
}

#[test]
fn several_runners_of_one_line_are_kept_apart() {
    let output = format!("{}{}", output!("cargo-passing"), output!("pytest-passing"));
    let runs = parse("cargo test && (cd py && pytest)", &output);
    let read: Vec<_> = runs.iter().map(|run| (run.runner, run.counts)).collect();
    assert_eq!(read, [(Runner::CargoTest, counts(5, 0, 1)), (Runner::Pytest, counts(1, 0, 0))]);
    assert_eq!(runs[1].command.directory, "py");
}

#[test]
fn runs_of_one_runner_are_added_up_but_a_repeated_command_counts_once() {
    let two = format!("{}{}", output!("pytest-failing"), output!("pytest-passing"));
    assert_eq!(parse("pytest a; pytest b", &two)[0].counts, counts(4, 1, 2));
    assert_eq!(parse("pytest -q; pytest | tail -1", &two)[0].counts, counts(1, 0, 0));
}

#[test]
fn printed_files_and_logs_of_others_are_no_test_runs() {
    for line in
        ["cat ci.log", "grep -rn passed docs | head", "gh run view 12 --log-failed", "git show HEAD:out.txt"]
    {
        assert_eq!(parse(line, output!("pytest-failing")), [], "{line}");
    }
}

#[test]
fn a_summary_of_another_runner_than_the_one_started_is_not_its() {
    assert_eq!(parse("cargo test", output!("jest-failing")), []);
    assert_eq!(parse("cargo build", output!("cargo-compile-error")), []);
}

#[test]
fn prose_and_source_code_are_no_summaries() {
    let prose = "All 12 tests passed in 3s!\n12 passed\n5 tests passed\nassert '3 passed' in out\n\
                 expect(out).toContain('Tests: 3 passed, 3 total')\n    print('=== 1 passed in 0.1s ===')\n\
                 + test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
                 Ran 3 tests in 0.1s\n# pass 3\n# fail 0\n12 apples in 3s\n3 examples of failure";
    assert_eq!(parse("./ci.sh", prose), []);
}

#[test]
fn an_unknown_line_is_believed_where_the_form_is_unmistakable() {
    for line in ["", "./ci.sh", "just verify 2>&1 | tail -40"] {
        let runs = parse(line, output!("cargo-passing"));
        assert_eq!(runs[0].counts, counts(5, 0, 1), "{line}");
        assert_eq!(runs[0].command, TestCommand::unknown());
    }
}

#[test]
fn huge_and_hostile_outputs_are_read_in_linear_time() {
    let summaries = "100% tests passed, 0 tests failed out of 3\n".repeat(200_000);
    assert!(parse("ctest", &summaries)[0].counts.passed >= 3);
    let digits = "1 passed, ".repeat(1_000_000);
    assert_eq!(parse("pytest", &digits), []);
    let quotes = "'\"\\<<<(".repeat(100_000);
    assert_eq!(recognise(&quotes), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_makes_reading_panic(line in ".{0,300}", output in "(?s).{0,600}") {
        let runs = parse(&line, &output);
        prop_assert!(runs.len() <= 14);
    }

    #[test]
    fn no_mixture_of_summaries_makes_reading_panic(pieces in proptest::collection::vec(prop_oneof![
        Just("Ran 99999999999999999999 tests in 1s\n\nFAILED (failures=18446744073709551615)\n"),
        Just("== 4294967295 passed, 4294967295 failed in 1s ==\n"),
        Just("100% tests passed, 5 tests failed out of 3\n"),
        Just("The following tests did not run:\n 1 - a (Skipped)\n"),
        Just("  4294967295 passing (1s)\n"),
        Just("  1 failing\n"), Just("ℹ pass 1\n"), Just("ℹ fail 1\n"), Just("\x1b["), Just("\r"), Just("\u{feff}"),
    ], 0..60)) {
        let output = pieces.concat();
        let counted = parse("", &output).iter().fold(Counts::default(), |sum, run| sum.plus(run.counts));
        prop_assert!(counted.passed <= 60 * 2 * u64::from(u32::MAX));
    }
}

//! Each runner's real output, read.
//!
//! The outputs were produced by running the runners on a small shop's tests, of which it is known how many pass, fail
//! and are skipped; long ones are shortened in the middle, and paths are renamed.

use super::super::*;
use super::counts;

const BROKEN: Counts = Counts { passed: 0, failed: 0, skipped: 0, broken: true };

/// Checks each of (command, output, passed-failed-skipped).
fn assert_reads(runner: Runner, cases: &[(&str, &str, Counts)]) {
    for (line, output, expected) in cases {
        let runs = parse(line, output);
        assert_eq!(runs.len(), 1, "{line}: {runs:?}\n{output}");
        assert_eq!((runs[0].runner, runs[0].counts), (runner, *expected), "{line}\n{output}");
    }
}

#[test]
fn pytest_is_read_in_all_its_forms() {
    let line = "python -m pytest";
    assert_reads(
        Runner::Pytest,
        &[
            (line, output!("pytest-failing"), counts(3, 1, 2)),
            (line, output!("pytest-passing"), counts(1, 0, 0)),
            (line, output!("pytest-quiet"), counts(3, 1, 2)),
            (line, output!("pytest-quiet-coloured"), counts(1, 0, 0)),
            (line, output!("pytest-verbose-coloured"), counts(3, 1, 2)),
            (line, output!("pytest-coverage"), counts(1, 0, 0)),
            (line, output!("pytest-deselected"), counts(1, 0, 0)),
            (line, output!("pytest-none"), counts(0, 0, 0)),
            (line, output!("pytest-of-unittest"), counts(2, 2, 2)),
            (line, output!("pytest-collection-error"), counts(0, 1, 0)),
        ],
    );
}

#[test]
fn unittest_is_read_in_all_its_forms() {
    let line = "python3 -m unittest -v";
    assert_reads(
        Runner::Unittest,
        &[
            (line, output!("unittest-failing"), counts(2, 2, 2)),
            (line, output!("unittest-passing"), counts(2, 0, 0)),
            (line, output!("unittest-verbose"), counts(4, 0, 2)),
            (line, output!("unittest-error-import"), counts(0, 1, 0)),
            (line, output!("unittest-none"), counts(0, 0, 0)),
        ],
    );
}

#[test]
fn cargo_adds_up_its_test_binaries() {
    let line = "cargo test";
    assert_reads(
        Runner::CargoTest,
        &[
            (line, output!("cargo-failing"), counts(4, 1, 1)),
            (line, output!("cargo-coloured"), counts(4, 1, 1)),
            (line, output!("cargo-passing"), counts(5, 0, 1)),
            (line, output!("cargo-quiet"), counts(5, 0, 1)),
            (line, output!("cargo-compile-error"), BROKEN),
        ],
    );
    let filtered = parse(line, output!("cargo-filtered"));
    assert_eq!(filtered[0].counts, counts(1, 0, 0));
    assert_eq!(filtered[0].command.scope, Scope::Filtered, "the runner itself says so");
}

#[test]
fn nextest_is_read_in_all_its_forms() {
    let line = "cargo nextest run";
    assert_reads(
        Runner::Nextest,
        &[
            (line, output!("nextest-failing"), counts(3, 1, 1)),
            (line, output!("nextest-coloured"), counts(3, 1, 1)),
            (line, output!("nextest-failfast"), counts(1, 1, 1)),
            (line, output!("nextest-passing"), counts(4, 0, 1)),
            (line, output!("nextest-filtered"), counts(1, 0, 4)),
            (line, output!("nextest-compile-error"), BROKEN),
        ],
    );
}

#[test]
fn jest_is_read_in_all_its_forms() {
    let line = "npx jest";
    assert_reads(
        Runner::Jest,
        &[
            (line, output!("jest-failing"), counts(3, 1, 2)),
            (line, output!("jest-passing"), counts(4, 0, 2)),
            (line, output!("jest-verbose-coloured"), counts(3, 1, 2)),
            (line, output!("jest-coverage"), counts(4, 0, 2)),
            (line, output!("jest-filtered"), counts(1, 0, 5)),
            (line, output!("jest-suite-failed"), BROKEN),
            ("npm test", output!("jest-failing"), counts(3, 1, 2)),
        ],
    );
    assert_eq!(parse(line, output!("jest-none")), []);
}

#[test]
fn vitest_is_read_in_all_its_forms() {
    let line = "pnpm vitest run";
    assert_reads(
        Runner::Vitest,
        &[
            (line, output!("vitest-failing"), counts(3, 1, 2)),
            (line, output!("vitest-coloured"), counts(3, 1, 2)),
            (line, output!("vitest-passing"), counts(4, 0, 2)),
            (line, output!("vitest-filtered"), counts(1, 0, 5)),
            (line, output!("vitest-suite-failed"), BROKEN),
            ("yarn test", output!("vitest-coloured"), counts(3, 1, 2)),
        ],
    );
    assert_eq!(parse(line, output!("vitest-none")), []);
}

#[test]
fn mocha_is_read_in_all_its_forms() {
    let line = "npx mocha";
    assert_reads(
        Runner::Mocha,
        &[
            (line, output!("mocha-failing"), counts(2, 1, 1)),
            (line, output!("mocha-dot-coloured"), counts(2, 1, 1)),
            (line, output!("mocha-passing"), counts(3, 0, 1)),
            (line, output!("mocha-min"), counts(3, 0, 1)),
        ],
    );
}

#[test]
fn nodes_own_runner_is_read_in_both_reporters() {
    let line = "node --test";
    assert_reads(
        Runner::NodeTest,
        &[
            (line, output!("node-spec-failing"), counts(2, 1, 2)),
            (line, output!("node-spec-coloured"), counts(2, 1, 2)),
            (line, output!("node-spec-passing"), counts(3, 0, 2)),
            (line, output!("node-tap-failing"), counts(2, 1, 2)),
        ],
    );
}

#[test]
fn bun_is_read_in_all_its_forms() {
    let line = "bun test";
    assert_reads(
        Runner::Bun,
        &[
            (line, output!("bun-failing"), counts(3, 1, 2)),
            (line, output!("bun-coloured"), counts(3, 1, 2)),
            (line, output!("bun-passing"), counts(4, 0, 2)),
            (line, output!("bun-filtered"), counts(1, 0, 0)),
            (line, output!("bun-suite-failed"), counts(3, 2, 2)),
            ("bun run test", output!("bun-passing"), counts(4, 0, 2)),
        ],
    );
    assert_eq!(parse(line, output!("bun-none")), []);
}

#[test]
fn go_counts_what_it_names_and_only_that() {
    let line = "go test ./...";
    assert_reads(
        Runner::GoTest,
        &[
            (line, output!("go-verbose-failing"), counts(3, 1, 1)),
            (line, output!("go-verbose-passing"), counts(4, 0, 1)),
            (line, output!("go-json"), counts(3, 1, 1)),
            (line, output!("go-failing"), counts(0, 1, 0)),
            (line, output!("go-passing"), counts(0, 0, 0)),
            (line, output!("go-build-failed"), Counts { failed: 1, ..BROKEN }),
        ],
    );
}

#[test]
fn maven_counts_its_total_and_not_its_classes() {
    let line = "./mvnw -B test";
    assert_reads(
        Runner::Maven,
        &[
            (line, output!("maven-failing"), counts(3, 2, 1)),
            (line, output!("maven-coloured"), counts(3, 2, 1)),
            (line, output!("maven-quiet"), counts(3, 2, 1)),
            (line, output!("maven-passing"), counts(5, 0, 1)),
            (line, output!("maven-compile-error"), BROKEN),
        ],
    );
}

#[test]
fn ctest_does_not_count_skipped_tests_as_passed() {
    let line = "ctest --test-dir build";
    assert_reads(
        Runner::Ctest,
        &[
            (line, output!("ctest-failing"), counts(2, 1, 2)),
            (line, output!("ctest-verbose"), counts(2, 1, 2)),
            (line, output!("ctest-quiet-coloured"), counts(2, 1, 2)),
            (line, output!("ctest-passing"), counts(2, 0, 2)),
        ],
    );
    assert_eq!(parse(line, output!("ctest-none")), []);
}

#[test]
fn rspec_is_read_in_all_its_forms() {
    let line = "bundle exec rspec";
    assert_reads(
        Runner::Rspec,
        &[
            (line, output!("rspec-failing"), counts(2, 1, 1)),
            (line, output!("rspec-documentation-coloured"), counts(2, 1, 1)),
            (line, output!("rspec-passing"), counts(3, 0, 1)),
            (line, output!("rspec-load-error"), BROKEN),
        ],
    );
}

#[test]
fn phpunit_is_read_in_all_its_forms() {
    let line = "vendor/bin/phpunit";
    assert_reads(
        Runner::PhpUnit,
        &[
            (line, output!("phpunit-failing"), counts(2, 2, 2)),
            (line, output!("phpunit-testdox-coloured"), counts(2, 2, 2)),
            (line, output!("phpunit-skipping"), counts(4, 0, 2)),
            (line, output!("phpunit-passing"), counts(6, 0, 0)),
        ],
    );
}

//! Each runner's real output, read; and what must not be read.
//!
//! The outputs were produced by running the runners on a small shop's tests, of which it is known how many pass, fail
//! and are skipped; long ones are shortened in the middle, and paths are renamed.

use proptest::prelude::*;

use super::*;

/// A runner's output as it was captured.
macro_rules! output {
    ($name:literal) => {
        include_str!(concat!("../../../tests/data/test_runs/", $name, ".txt"))
    };
}

const fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
    Counts { passed, failed, skipped, broken: false }
}

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

/// The one command of a line, as runner, scope, selection.
fn one(line: &str) -> (Option<Runner>, Scope, String) {
    let commands = recognise(line);
    assert_eq!(commands.len(), 1, "{line}: {commands:?}");
    (commands[0].runner, commands[0].scope, commands[0].selection.clone())
}

#[test]
fn full_runs_are_recognised_behind_wrappers_and_options() {
    use Runner::{
        CargoTest, Ctest, GoTest, Jest, Maven, Mocha, Nextest, NodeTest, PhpUnit, Pytest, Rspec, Unittest,
        Vitest,
    };
    for (line, runner) in [
        ("pytest", Pytest),
        (
            "cd /w && source .venv/bin/activate && python -m pytest tests/ -v --tb=short 2>&1 | tail -20",
            Pytest,
        ),
        ("PYTHONPATH=. timeout 120 uv run --with x python3.12 -m pytest -x -n 4 --cov src", Pytest),
        ("poetry run pytest -q", Pytest),
        ("coverage run -m pytest && coverage report", Pytest),
        ("docker compose exec -T -e A=b app pytest", Pytest),
        ("bash -lc 'cd app && .venv/bin/pytest -q'", Pytest),
        ("python -m unittest discover -v", Unittest),
        ("python manage.py test --parallel 4", Unittest),
        ("cargo +nightly test --workspace --all-features -- --nocapture --test-threads=1", CargoTest),
        ("RUST_BACKTRACE=1 cargo t -j2", CargoTest),
        ("cargo nextest run --no-fail-fast", Nextest),
        ("npx --yes jest --ci --maxWorkers 2", Jest),
        ("CI=true npx react-scripts test --silent", Jest),
        ("node --experimental-vm-modules node_modules/jest/bin/jest.js", Jest),
        ("pnpm exec vitest run --coverage", Vitest),
        ("yarn mocha --reporter dot", Mocha),
        ("node --import tsx --test", NodeTest),
        ("go test -v -race -count=1 ./...", GoTest),
        ("bundle exec rspec --format doc", Rspec),
        ("./vendor/bin/phpunit --colors=always", PhpUnit),
        ("mvn -q -B clean verify", Maven),
        ("ctest --test-dir build --output-on-failure -j4", Ctest),
    ] {
        assert_eq!(one(line), (Some(runner), Scope::Full, String::new()), "{line}");
    }
}

#[test]
fn narrowed_runs_are_told_from_full_ones() {
    use Scope::{Filtered, Paths};
    for (line, scope, selection) in [
        ("pytest tests/unit -v", Paths, "tests/unit"),
        ("pytest ./tests/test_a.py::test_x", Filtered, "tests/test_a.py::test_x"),
        ("pytest -k 'a and b' tests", Filtered, "-k a and b"),
        ("pytest --lf", Filtered, "--lf"),
        ("python -m unittest tests.test_shop", Filtered, "tests.test_shop"),
        ("python -m unittest shop", Paths, "shop"),
        ("cargo test parses", Filtered, "parses"),
        ("cargo test -p core --lib", Paths, "-p core --lib"),
        ("cargo test -- --skip slow", Filtered, "--skip slow"),
        ("cargo nextest run -E 'test(x)'", Filtered, "-E test(x)"),
        ("npm test -- src/a.test.ts", Paths, "src/a.test.ts"),
        ("npm test -- --testNamePattern=adds", Filtered, "--testNamePattern adds"),
        ("npx vitest run -t adds", Filtered, "-t adds"),
        ("pnpm --filter web test", Paths, "--filter web"),
        ("npm run test:unit -- --silent", Scope::Full, "test:unit"),
        ("go test ./pkg/shop", Paths, "pkg/shop"),
        ("go test ./... -run TestAdds", Filtered, "-run TestAdds"),
        ("rspec spec/shop_spec.rb:5", Filtered, "spec/shop_spec.rb:5"),
        ("phpunit --filter=testAdds", Filtered, "--filter testAdds"),
        ("mvn -pl core test", Paths, "-pl core"),
        ("mvn test -Dtest=ShopTest", Filtered, "-Dtest ShopTest"),
        ("ctest -R adds", Filtered, "-R adds"),
        ("node --test test/a.test.js", Paths, "test/a.test.js"),
    ] {
        let (_, read_scope, read_selection) = one(line);
        assert_eq!((read_scope, read_selection.as_str()), (scope, selection), "{line}");
    }
}

#[test]
fn scripts_that_run_tests_are_recognised_by_name() {
    for (line, selection) in [
        ("npm t", ""),
        ("yarn test", ""),
        ("bun run test", ""),
        ("make -j4 test 2>&1", ""),
        ("make check", ""),
        ("make test-unit", "test-unit"),
        ("./run_tests.sh --fast", "run_tests.sh"),
        ("bash scripts/test.sh", "test.sh"),
        ("python3 tests/test_shop.py", "test_shop.py"),
        ("tox -e py312", ""),
        ("cmake --build build --target test", ""),
    ] {
        assert_eq!(one(line), (None, Scope::Full, selection.to_owned()), "{line}");
    }
}

#[test]
fn other_commands_run_no_tests() {
    for line in [
        "",
        "pip install pytest",
        "npm install jest",
        "pytest --collect-only",
        "cargo build --tests",
        "cargo test --no-run",
        "npx jest --listTests",
        "npm run test:watch",
        "npm run build",
        "git commit -m 'pytest passes'",
        "grep -rn pytest .",
        "cat > t.sh <<'EOF'\npytest\nEOF",
        "echo pytest",
        "mvn -DskipTests package",
        "which pytest && ls tests",
        "rm -rf tests",
        "vim test_a.py",
        "pkill -f jest",
        "curl http://localhost/latest",
        "make build",
    ] {
        assert_eq!(recognise(line), [], "{line}");
    }
}

#[test]
fn the_directory_is_where_the_line_went() {
    for (line, directory) in [
        ("npm test", ""),
        ("cd web && npm test", "web"),
        ("cd /repo/web/../api/ && npm test", "/repo/api"),
        ("cd a; cd ./b; npm test", "a/b"),
        ("cd a && cd .. && npm test", ""),
        ("cd \"$ROOT\" && npm test", "$ROOT"),
    ] {
        assert_eq!(recognise(line)[0].directory, directory, "{line}");
    }
}

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
fn a_ledger_keeps_a_bounded_number_of_commands() {
    let mut ledger = Ledger::default();
    for number in 0..500 {
        ledger.record(&format!("npm test -- {}{number}.test.ts", "x".repeat(5000)), JEST_2);
        ledger.record(&format!("cd {number}/{} && npm test", "y/".repeat(3000)), JEST_2);
    }
    assert_eq!(ledger.totals().runs, 1000);
    assert!(ledger.weight() < 64 * 1024, "{}", ledger.weight());
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
    #[test]
    fn no_text_makes_reading_panic(line in ".{0,300}", output in "(?s).{0,2000}") {
        let runs = parse(&line, &output);
        prop_assert!(runs.len() <= 13);
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

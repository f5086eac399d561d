//! Which commands run tests, with which runner, and how many of them.

use super::super::*;

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
        ("python -m unittest discover -s tests -v", Unittest),
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
        "python3 -c 'print(\"x/test\")'",
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

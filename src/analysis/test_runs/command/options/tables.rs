//! Each runner's options that choose tests, and those whose values must not be taken for paths.
//!
//! Options that neither choose tests nor take a value are left out.

use super::{AfterDashes, Options, Positional, directory_or_file};

pub(in super::super) const PYTEST: Options = Options {
    filters: "-k -m --deselect",
    filter_flags: "--lf --last-failed --sw --stepwise --nf --testmon",
    paths: "",
    path_flags: "",
    valued: "-n -p -c -o -W -r --tb --rootdir --maxfail --timeout --durations --junitxml --junit-xml \
             --cov --cov-report --cov-config --ignore --confcutdir --basetemp --color --log-level \
             --log-cli-level --capture --import-mode --numprocesses --dist",
    not_a_run: "--collect-only --co --version --help -h --fixtures --markers",
    positional: |word| if word.contains("::") { Positional::Filtered } else { directory_or_file(word) },
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const UNITTEST: Options = Options {
    filters: "-k --tag --exclude-tag",
    filter_flags: "",
    paths: "-s --start-directory -p --pattern",
    path_flags: "",
    valued: "-t --top-level-directory --settings --parallel --verbosity",
    not_a_run: "-h --help",
    positional: |word| match word {
        "discover" => Positional::Nothing,
        _ if word
            .split('.')
            .next_back()
            .is_some_and(|last| last.starts_with("test_") && word.contains('.')) =>
        {
            Positional::Filtered
        }
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const CARGO: Options = Options {
    filters: "-E --filter-expr --filterset",
    filter_flags: "",
    paths: "-p --package --test --bin --example --bench --manifest-path --exclude",
    path_flags: "--lib --bins --tests --examples --benches --doc",
    valued: "-F --features --target --profile -P -j --jobs --target-dir --color --config --retries \
             --test-threads --message-format -Z",
    not_a_run: "--no-run --help -h --list",
    positional: |_| Positional::Filtered,
    after_dashes: AfterDashes::Libtest,
};

pub(super) const LIBTEST: Options = Options {
    filters: "--skip",
    filter_flags: "--exact --ignored",
    paths: "",
    path_flags: "",
    valued: "--test-threads --format --color -Z --logfile",
    not_a_run: "--list --help",
    positional: |_| Positional::Filtered,
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const JAVASCRIPT: Options = Options {
    filters: "-t --testNamePattern -g --grep -f --fgrep --changedSince --changed",
    filter_flags: "--onlyFailures -o --onlyChanged --lastCommit",
    paths: "--testPathPattern --testPathPatterns --selectProjects --project --dir --spec",
    path_flags: "--findRelatedTests",
    valued: "-w --maxWorkers --config -c --testTimeout --timeout --reporter --reporters -R \
             --environment --env --coverageReporters --collectCoverageFrom --coverageDirectory -r \
             --require --pool --bail --retries",
    not_a_run: "--listTests --help -h --version -v --showConfig --watch --watchAll --ui",
    positional: |word| match word {
        "run" | "--" => Positional::Nothing,
        "list" | "bench" | "watch" | "init" => Positional::NotARun,
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const NODE: Options = Options {
    filters: "--test-name-pattern --test-skip-pattern",
    filter_flags: "--test-only",
    paths: "",
    path_flags: "",
    valued: "-r --require --import --loader --experimental-loader --test-timeout --env-file",
    not_a_run: "--watch --help",
    positional: directory_or_file,
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const GO: Options = Options {
    filters: "-run --run -skip",
    filter_flags: "",
    paths: "",
    path_flags: "",
    valued: "-timeout -count -bench -tags -p -parallel -coverprofile -covermode -coverpkg -C -cpu -o \
             -mod -ldflags",
    not_a_run: "-c -list -h",
    positional: |word| if matches!(word, "./..." | "...") { Positional::Nothing } else { Positional::Paths },
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const RSPEC: Options = Options {
    filters: "-e --example -E --example-matches -t --tag",
    filter_flags: "--only-failures -n --next-failure",
    paths: "-P --pattern",
    path_flags: "",
    valued: "-f --format -o --out -r --require --order --seed -I",
    not_a_run: "--init --help -h --version -v --dry-run",
    positional: |word| match word.rsplit_once(':') {
        Some((_, line)) if line.chars().all(|c| c.is_ascii_digit()) => Positional::Filtered,
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const PHPUNIT: Options = Options {
    filters: "--filter --group --exclude-group",
    filter_flags: "",
    paths: "--testsuite",
    path_flags: "",
    valued: "-c --configuration --bootstrap -d --log-junit --coverage-html --coverage-clover",
    not_a_run: "--list-tests --list-suites --version --help -h",
    positional: directory_or_file,
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const MAVEN: Options = Options {
    filters: "-Dtest -Dit.test -Dgroups",
    filter_flags: "",
    paths: "-pl --projects -f --file",
    path_flags: "",
    valued: "-s --settings -P --activate-profiles -T --threads -l --log-file",
    not_a_run: "--help -h --version",
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

pub(in super::super) const CTEST: Options = Options {
    filters: "-R --tests-regex -L --label-regex -E --exclude-regex -LE -I --tests-information",
    filter_flags: "--rerun-failed",
    paths: "",
    path_flags: "",
    valued: "--test-dir -C --build-config -j --parallel --timeout --preset -S -D -O",
    not_a_run: "-N --show-only --version --help -h",
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

/// Options of package managers, in front of the script's name.
pub(in super::super) const PACKAGE_MANAGER: Options = Options {
    filters: "",
    filter_flags: "",
    paths: "--filter -F -w --workspace --prefix --cwd -C --dir --scope",
    path_flags: "",
    valued: "--loglevel --reporter",
    not_a_run: "--help -h --version",
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

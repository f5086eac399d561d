//! The border of the pure part, and the direction of the arrows between modules, read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Files of the pure part, and folders of such files.
const PURE: [&str; 35] = [
    "chunked.rs",
    "run_id.rs",
    "route.rs",
    "rollout",
    "variant.rs",
    "analysis",
    "comparison",
    "openapi",
    "enrich/answer.rs",
    "enrich/eligible.rs",
    "enrich/merge.rs",
    "enrich/fallback.rs",
    "enrich/findings.rs",
    "enrich/members.rs",
    "enrich/written.rs",
    "proxy/http1/decoder.rs",
    "proxy/http1/head.rs",
    "server/framing.rs",
    "shield/key.rs",
    "shield/rules.rs",
    "stream/accept.rs",
    "stream/event.rs",
    "telemetry/exposition.rs",
    "telemetry/trace_context.rs",
    "admin/routes.rs",
    "admin/runs/query.rs",
    "demo/load.rs",
    "commands/log_names.rs",
    "commands/remedy.rs",
    "commands/doctor/facts.rs",
    "commands/doctor/findings",
    "commands/doctor/findings.rs",
    "commands/doctor/report.rs",
    "commands/init/choice.rs",
    "commands/init/written.rs",
];

/// What the pure part must not name: runtimes, sockets, files, clocks, the environment.
const IMPURE: [&str; 14] = [
    "tokio",
    "hyper::",
    "hyper_util",
    "moka",
    "tracing",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "std::process",
    "Instant",
    "SystemTime",
    "Utc::now",
    "Local::now",
];

/// The modules from the top down: each may use those of its own line and below.
const LAYERS: [&[&str]; 13] = [
    &["main", "lib"],
    &["commands"],
    &["demo"],
    &["reload", "stack", "server", "admin"],
    // Below the stack: a layer gets parameters of its own, never the whole configuration.
    &["config", "prompt"],
    &["observe"],
    &["enrich"],
    &["stream"],
    &["shield"],
    &["proxy", "runlog", "switch"],
    &["telemetry", "systemd"],
    &["comparison", "openapi"],
    &["chunked", "rollout", "route", "run_id", "variant", "analysis"],
];

/// The one arrow upwards: metrics are labelled with the reasons that the enrichment has.
const UPWARDS: (&str, &str) = ("telemetry", "enrich");

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `path`, with its code up to its tests and without comments.
fn code_below(path: &Path) -> Vec<(PathBuf, String)> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.flat_map(|entry| code_below(&entry)).collect();
    }
    let is_code = path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs");
    if !is_code {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    vec![(path.to_owned(), lines.collect::<Vec<_>>().join("\n"))]
}

#[test]
fn the_pure_part_names_no_runtime_no_files_and_no_clock() {
    for pure in PURE {
        let files = code_below(&sources().join(pure));
        assert!(!files.is_empty(), "{pure} is gone: is the border still where this test thinks?");
        for (path, code) in files {
            for name in IMPURE {
                assert!(!code.contains(name), "{} names {name}", path.display());
            }
            for shell in
                ["proxy", "runlog", "telemetry", "config", "commands", "stack", "server", "admin", "demo"]
            {
                assert!(!named(&code).contains(&shell.to_owned()), "{} uses {shell}", path.display());
            }
        }
    }
}

/// The texts between the parentheses of every log macro.
fn log_lines(code: &str) -> Vec<&str> {
    let macros = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
    let begins = macros.iter().flat_map(|name| code.match_indices(name).map(|(at, name)| at + name.len()));
    begins.map(|begin| &code[begin..begin + end_of_arguments(&code[begin..])]).collect()
}

/// Where the parenthesis closes that was open before this text.
fn end_of_arguments(text: &str) -> usize {
    let mut depth = 1;
    let closes = |(_, letter): &(usize, char)| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    };
    text.char_indices().find(closes).map_or(text.len(), |(at, _)| at)
}

#[test]
fn log_lines_show_nothing_of_a_request_but_its_redacted_target() {
    // `Debug` of a request, an answer or a configuration shows more than whoever writes the line thinks of.
    let debug = ["?", ":?"];
    // What may be a secret, or hold one. A redacted target is `%this.asked` or the like.
    let telling =
        ["uri", "headers", "query", "cookie", "authority", "token", "body", "bytes", "payload", "path("];
    let mut seen = 0;
    for (path, code) in code_below(&sources()) {
        for line in log_lines(&code) {
            seen += 1;
            let fields = line.split('"').step_by(2).collect::<String>();
            for word in debug.iter().chain(&telling) {
                assert!(!fields.contains(word), "{} logs {word:?}: {line}", path.display());
            }
            assert!(!line.contains(":?}"), "{} logs a Debug form: {line}", path.display());
        }
    }
    assert!(seen > 10, "{seen} log lines: are they still written as this test thinks?");
}

/// The module of the crate that a file belongs to.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(sources()).unwrap();
    below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The modules that code names by `crate::…`.
fn named(code: &str) -> Vec<String> {
    let names = code.split("crate::").skip(1);
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn layer(module: &str) -> usize {
    let at = LAYERS.iter().position(|layer| layer.contains(&module));
    at.unwrap_or_else(|| panic!("{module} is in no layer: say in this test where it belongs"))
}

#[test]
fn arrows_between_modules_go_down_only() {
    for (path, code) in code_below(&sources()) {
        let from = module(&path);
        for to in named(&code).into_iter().filter(|to| *to != from) {
            let excepted = UPWARDS == (from.as_str(), to.as_str());
            assert!(excepted || layer(&from) <= layer(&to), "{} uses {to}", path.display());
        }
    }
}

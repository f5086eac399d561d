//! Tests of the configuration as a whole.

#![expect(clippy::disallowed_methods, reason = "the shipped file is read")]

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::*;
use crate::variant::Variant;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn sources(text: &str) -> (NamedTempFile, Sources) {
    let file = file(text);
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    (file, sources)
}

const MINIMAL: &str = "upstream.url = \"http://127.0.0.1:8000\"\n";

fn refused(text: &str) -> ConfigError {
    let (_keep, sources) = sources(&format!("{MINIMAL}{text}"));
    load(&sources).unwrap_err()
}

#[test]
fn the_shipped_file_has_every_key_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/gloss.toml");
    let shipped: toml::Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let defaults = toml::Table::try_from(raw::Raw::default()).unwrap();
    assert_eq!(shipped, defaults);
}

#[test]
fn flags_beat_variables_beat_the_file_beat_the_defaults() {
    let (_keep, mut sources) =
        sources(&format!("{MINIMAL}[rollout]\npercent = 1\ndefault = \"shadow\"\nsalt = \"s\"\n"));
    sources.environment = vec![
        ("GLOSS_ROLLOUT_PERCENT".into(), "2.5".into()),
        ("GLOSS_VARIANT".into(), "enhanced".into()),
        ("PATH".into(), "/bin".into()),
    ];
    sources.flags = vec![("--percent", "rollout.percent", "3".into())];
    let loaded = load(&sources).unwrap();
    assert!((loaded.config.rollout.percent.get() - 3.0).abs() < f64::EPSILON);
    assert_eq!(loaded.config.rollout.default, Variant::Enhanced);
    assert_eq!(loaded.config.rollout.salt, "s");
    assert!(loaded.warnings.is_empty());
    let described = loaded.describe();
    for (line, origin) in [
        ("percent = 3", "--percent"),
        ("default = \"enhanced\"", "GLOSS_VARIANT"),
        ("salt = \"s\"", sources.file.as_ref().unwrap().to_str().unwrap()),
        ("enabled = true", "default"),
    ] {
        let found = described.lines().find(|shown| shown.starts_with(line));
        assert!(found.is_some_and(|shown| shown.ends_with(origin)), "{line} from {origin} in\n{described}");
    }
}

#[test]
fn what_check_prints_is_itself_a_configuration() {
    let (_keep, first) = sources(MINIMAL);
    let described = load(&first).unwrap().describe();
    let (_keep, again) = sources(&described);
    assert!(load(&again).is_ok(), "{described}");
}

#[test]
fn unknown_keys_are_refused_with_the_likely_one() {
    let error = refused("[rollout]\npercnt = 3\n");
    assert_eq!(
        (error.key.as_str(), error.hint.as_str()),
        ("rollout.percnt", "did you mean rollout.percent?")
    );
    assert_eq!(refused("[rollouts]\nx = 1\n").key, "rollouts");
}

#[test]
fn unknown_variables_are_a_warning_because_kubernetes_injects_some() {
    let (_keep, mut sources) = sources(MINIMAL);
    sources.environment = vec![
        ("GLOSS_PORT".into(), "tcp://10.0.0.1:80".into()),
        ("GLOSS_SERVICE_HOST".into(), "10.0.0.1".into()),
    ];
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}

#[test]
fn no_key_is_named_so_that_kubernetes_could_set_it() {
    for key in layers::flatten(&raw::Raw::default()).keys() {
        let variable = layers::variable_of_key(key);
        assert!(variable != "GLOSS_PORT" && !variable.starts_with("GLOSS_SERVICE_"), "{key}");
    }
}

#[test]
fn a_value_that_cannot_be_used_names_key_value_reason_and_hint() {
    for (text, key, value) in [
        ("[rollout]\npercent = 101\n", "rollout.percent", "101"),
        ("[rollout]\ndefault = \"better\"\n", "rollout.default", "better"),
        ("[rollout]\nopt_in = \"some\"\n", "rollout.opt_in", "some"),
        ("[rollout]\ndeny = [{ client = \"10.0.0.0/33\" }]\n", "rollout.deny", "10.0.0.0/33"),
        ("[rollout]\nallow = [{ header = \"a b\" }]\n", "rollout.allow", "a b"),
        ("[rollout]\nallow = [{ workflow = \"w\" }]\n", "rollout.allow", "w"),
        ("[rollout]\ndeny = [{ workflow = \"\" }]\n", "rollout.deny", "workflow"),
        ("[rollout]\ndeny = [{ value = \"a\" }]\n", "rollout.deny", "value"),
        ("[rollout]\ndeny = [{ header = \"a\", client = \"::1\" }]\n", "rollout.deny", "header, client"),
        ("[rollout]\ndeny = [{}]\n", "rollout.deny", ""),
        ("[rollout]\npersist = \"/nowhere/r.json\"\n", "rollout.persist", "/nowhere/r.json"),
        ("[rollout]\npersist = \"/dev/null\"\n", "rollout.persist", "/dev/null"),
        ("[enrich]\nbudget = \"soon\"\n", "enrich.budget", "soon"),
        ("[enrich]\nbudget = \"0s\"\n", "enrich.budget", "0s"),
        ("[enrich]\nbudget = \"500years\"\n", "enrich.budget", "500years"),
        ("[enrich]\nmax_concurrent = 0\n", "enrich.max_concurrent", "0"),
        ("[enrich]\nmax_concurrent = 9223372036854775807\n", "enrich.max_concurrent", "9223372036854775807"),
        ("[server]\nmax_headers = 0\n", "server.max_headers", "0"),
        ("[cache]\nmax_bytes = \"many\"\n", "cache.max_bytes", "many"),
        ("[logs]\ntemplates = [\"../{run_id}\"]\n", "logs.templates", "../{run_id}"),
        ("[logs]\nsources = [\"ftp://b\"]\n", "logs.sources", "ftp://b"),
        ("[logs]\nsources = [\"s3:///logs\"]\n", "logs.sources", "s3:///logs"),
        ("[route]\nstart = [\"/run/{run_id}\"]\n", "route.start", "/run/{run_id}"),
        ("[analysis]\nprocess_check = \"on\"\n", "analysis.process_check", "on"),
        ("[route]\nstatus = [\"/x\"]\n", "route.status", "/x"),
        ("[analysis]\nprior = \"/nowhere.toml\"\n", "analysis.prior", "/nowhere.toml"),
        ("[analysis]\nprior = \"/dev/null\"\n", "analysis.prior", "/dev/null"),
        ("[proxy]\nforwarded = \"maybe\"\n", "proxy.forwarded", "maybe"),
        ("[proxy]\nx_forwarded = \"\"\n", "proxy.x_forwarded", ""),
        ("[gloss]\nheader = \"a b\"\n", "gloss.header", "a b"),
        ("[telemetry]\nlog_format = \"xml\"\n", "telemetry.log_format", "xml"),
        ("[server]\nmax_header_bytes = \"1KiB\"\n", "server.max_header_bytes", "1KiB"),
    ] {
        let error = refused(text);
        assert_eq!(error.key, key, "{error}");
        assert!(error.value.starts_with(value) && error.value.contains("from "), "{error}");
        assert!(!error.reason.is_empty() && !error.hint.is_empty(), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    let wrong_type = refused("[rollout]\nenabled = \"yes\"\n");
    assert_eq!(wrong_type.key, "rollout.enabled");
}

#[test]
fn a_rule_takes_a_hash_of_a_key_and_shows_no_key_that_stands_in_its_place() {
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let rules = format!(
        "[rollout]\ndeny = [{{ api_key_sha256 = \"{hash}\" }}, {{ header = \"X-Team\", value = \"a\" }}]\n"
    );
    let (_keep, accepted) = sources(&format!("{MINIMAL}{rules}"));
    let loaded = load(&accepted).unwrap();
    assert_eq!(loaded.config.rollout.deny.len(), 2);
    let described = loaded.describe();
    let (_keep, again) = sources(&described);
    let again = load(&again).unwrap_or_else(|error| panic!("{error}\n{described}"));
    assert_eq!(again.config.rollout, loaded.config.rollout);
    for by_mistake in [
        "deny = [{ api_key_sha256 = \"hunter2\" }]",
        "allow = [{ header = \"X-Api-Key\", value = \"hunter2\" }]",
        "allow = [{ header = \"authorization\", value = \"Bearer hunter2\" }]",
    ] {
        let error = refused(&format!("[rollout]\n{by_mistake}\n"));
        assert!(error.key.starts_with("rollout.") && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_rule_is_known_by_its_parts_and_one_with_others_is_refused_by_key() {
    let error = refused("[rollout]\ndeny = [{ heder = \"x\" }]\n");
    assert!(error.key.starts_with("rollout.deny") && error.reason.contains("no such key"), "{error}");
    let text = refused("[rollout]\ndeny = [\"10.0.0.0/8\"]\n");
    assert!(text.key.starts_with("rollout.deny"), "{text}");
}

#[test]
fn what_an_earlier_life_kept_is_read_and_refused_where_it_cannot_be_used() {
    let kept = |text: &str| {
        let kept = file(text);
        let persist = format!("{MINIMAL}[rollout]\npersist = {:?}\n", kept.path().display().to_string());
        let (_keep, sources) = sources(&persist);
        load(&sources).map(|loaded| loaded.config.rollout_kept.unwrap().overrides)
    };
    let overrides = kept("{\"enabled\":false,\"percent\":2.5}\n").unwrap();
    assert_eq!(
        (overrides.enabled, overrides.percent.map(|p| p.to_string())),
        (Some(false), Some("2.5".into()))
    );
    for bad in ["{\"percent\":101}", "{\"x\":1}", "{", ""] {
        assert_eq!(kept(bad).unwrap_err().key, "rollout.persist", "{bad}");
    }
}

#[test]
fn a_variable_of_the_wrong_type_is_named() {
    let (_keep, mut sources) = sources(MINIMAL);
    sources.environment = vec![("GLOSS_ENRICH_FAILED".into(), "perhaps".into())];
    let error = load(&sources).unwrap_err();
    assert_eq!(
        (error.key.as_str(), error.value.as_str()),
        ("enrich.failed", "perhaps (from GLOSS_ENRICH_FAILED)")
    );
}

#[test]
fn a_numeric_token_stays_a_text() {
    let (_keep, mut sources) = sources(MINIMAL);
    sources.environment = vec![("GLOSS_ADMIN_TOKEN".into(), "12345".into())];
    assert!(load(&sources).unwrap().config.admin.unwrap().token.is_some());
}

#[test]
fn the_upstream_has_to_be_named_and_its_credentials_are_not_repeated() {
    let missing = load(&Sources::default()).unwrap_err();
    assert_eq!((missing.key.as_str(), missing.reason.as_str()), ("upstream.url", "it is missing"));
    let flags = vec![("--upstream", "upstream.url", "http://user:hunter2@api".to_owned())];
    let error = load(&Sources { flags, ..Sources::default() }).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn an_upstream_that_cannot_be_spoken_to_is_refused_with_the_key_at_fault() {
    for (url, tls, key) in [
        ("https://api", "ca_file = \"/nowhere.pem\"", "upstream.tls.ca_file"),
        ("https://api", "ca_file = \"/dev/null\"", "upstream.tls.ca_file"),
        ("https://api", "server_name = \"a b\"", "upstream.tls.server_name"),
        ("unix:relative.sock", "", "upstream.url"),
        ("gopher://api", "", "upstream.url"),
    ] {
        let (_keep, sources) = sources(&format!("upstream.url = {url:?}\n[upstream.tls]\n{tls}\n"));
        let error = load(&sources).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(!error.reason.is_empty() && !error.hint.is_empty(), "{error}");
    }
    let (_keep, plain) = sources(&format!("{MINIMAL}[upstream.tls]\nca_file = \"/nowhere.pem\"\n"));
    assert!(load(&plain).is_ok(), "without TLS there is nothing to trust");
}

#[test]
fn outside_loopback_the_admin_listener_needs_a_token_that_is_never_shown() {
    assert_eq!(refused("[admin]\nlisten = \"0.0.0.0:8881\"\n").key, "admin.listen");
    let with_token = format!("{MINIMAL}[admin]\nlisten = \"0.0.0.0:8881\"\ntoken = \"hunter2\"\n");
    let (_keep, sources) = sources(&with_token);
    let loaded = load(&sources).unwrap();
    assert!(loaded.config.admin.is_some());
    assert!(!loaded.describe().contains("hunter2"));
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert!(!format!("{:?}", layers::layer(&sources).unwrap()).contains("hunter2"));
    assert!(loaded.describe().contains("token = \"***\""), "{}", loaded.describe());
}

#[test]
fn sources_show_no_values() {
    let environment = vec![("GLOSS_ADMIN_TOKEN".to_owned(), "hunter2".to_owned())];
    let flags = vec![("--upstream", "upstream.url", "http://me:hunter2@api".to_owned())];
    let shown = format!("{:?}", Sources { environment, flags, file: None });
    assert!(shown.contains("GLOSS_ADMIN_TOKEN") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn headers_that_carry_credentials_can_be_named() {
    let (_keep, sources) = sources(&format!("{MINIMAL}[secrets]\nheaders = [\"X-Own-Key\"]\n"));
    let names = load(&sources).unwrap().config.secret_headers;
    for name in ["authorization", "x-api-key", "set-cookie", "x-own-key"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    assert_eq!(refused("[secrets]\nheaders = [\"a b\"]\n").key, "secrets.headers");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_refused_in_one_line() {
    let missing = Sources { file: Some("/nowhere/gloss.toml".into()), ..Sources::default() };
    assert!(load(&missing).unwrap_err().reason.contains("cannot be read"));
    let broken = refused("[rollout\n");
    assert_eq!(broken.to_string().lines().count(), 1, "{broken}");
    assert!(broken.reason.contains("line 2"), "{broken}");
    // The file as it was named, and no key: none is to blame.
    let told = broken.to_string();
    assert!(broken.value.starts_with('/') && told.contains("file=\"/") && !told.contains("key="), "{told}");
}

#[test]
fn a_line_that_is_no_toml_is_not_repeated_since_it_may_hold_a_secret() {
    let broken = refused("[admin]\ntoken = \"hunter2\n");
    assert!(!broken.to_string().contains("hunter2"), "{broken}");
    assert!(broken.reason.contains("line 3"), "{broken}");
}

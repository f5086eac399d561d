//! Asks everybody: the service, gloss, the operators' listener, the folders of logs. What is not answered is a fact, too.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::facts::{AdminFacts, ConfigFacts, Facts, Idle, Notes, Proof, ProofVerdict, Service, Told};
use super::{Args, idle, places};
use crate::commands::compare::{self, Caller};
use crate::commands::{gateway, health, readers};
use crate::config::{self, Config, ListenAddress, Loaded, Sources};
use crate::enrich::Fallback;
use crate::enrich::answer::Answer;
use crate::proxy::{Forward, Upstream};
use crate::route::{DEFAULT_STATUS_ROUTE, StatusRoute};
use crate::run_id::RunId;
use crate::runlog::RunFields;
use crate::variant::Variant;

/// How often notes are asked for that come late, and how long they are given in between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// How much longer than gloss keeps a connection the service is watched, and for how long at most.
const WATCHED_LONGER: Duration = Duration::from_secs(2);
const WATCHED_AT_MOST: Duration = Duration::from_secs(12);
const DEFAULT_URL: &str = "http://127.0.0.1:8880";
const DEFAULT_DESCRIPTION: &str = "/openapi.json";
/// A run that nobody has: what is asked where none was named.
const NOBODYS_RUN: &str = "gloss-doctor";

type Headers = [(HeaderName, HeaderValue)];

/// Finds out everything that can be found out. Has to be called on a tokio runtime.
///
/// # Errors
/// When `--url` or `--admin` is no URL.
pub(super) async fn facts(args: &Args, sources: &Sources, loaded: Option<&Loaded>) -> anyhow::Result<Facts> {
    let config = loaded.map(|loaded| &loaded.config);
    let url = gloss_url(args, config);
    let route = config.and_then(|config| config.routes.first()).map(StatusRoute::template);
    let opt_in = config.map_or(HeaderName::from_static("gloss"), |config| config.opt_in_header.clone());
    let route = route.unwrap_or_else(|| DEFAULT_STATUS_ROUTE.to_owned());
    let asking = gateway::Asking { url: url.clone(), header: args.header.clone(), route: route.clone() };
    let caller = Caller::of(&asking, opt_in)?;
    let admin_url = admin_url(args, sources);
    let (service, idle, admin, of_run) = tokio::join!(
        service(config, &args.header),
        keep_alive(config, args.quick),
        readiness(admin_url),
        of_run(&caller, &route, args, config),
    );
    let (told, direct, proof, fields) = of_run;
    let places = match config {
        Some(config) => places::all(&config.logs.sources, fields.as_ref()).await,
        None => Vec::new(),
    };
    Ok(Facts {
        run: args.run.as_ref().map(|run| run.as_str().to_owned()),
        has_headers: !args.header.is_empty(),
        config: loaded.map(|loaded| config_facts(loaded, sources.file().as_deref())),
        service,
        admin: admin?,
        gloss: (url, Some(told)),
        direct,
        places,
        idle,
        proof,
    })
}

fn gloss_url(args: &Args, config: Option<&Config>) -> String {
    match (&args.url, config.map(|config| &config.listen)) {
        (Some(url), _) => url.clone(),
        (None, Some(ListenAddress::Tcp(address))) => format!("http://{}", health::reachable(*address)),
        (None, Some(unix @ ListenAddress::Unix(_))) => unix.to_string(),
        (None, None) => DEFAULT_URL.to_owned(),
    }
}

fn admin_url(args: &Args, sources: &Sources) -> Option<String> {
    match args.admin.as_deref() {
        Some("off") => None,
        Some(url) => Some(url.to_owned()),
        None => health::admin_url(&config::admin_listen(sources)),
    }
}

fn config_facts(loaded: &Loaded, file: Option<&Path>) -> ConfigFacts {
    let config = &loaded.config;
    ConfigFacts {
        file: file.map(|file| file.display().to_string()),
        warnings: loaded.warnings.clone(),
        upstream: shown(&config.upstream.url),
        routes: config.routes.iter().map(StatusRoute::template).collect(),
        idle_timeout: config.upstream.idle_timeout,
        user: readers::this_user(),
    }
}

fn shown(upstream: &Upstream) -> String {
    let peer = upstream.peer();
    match peer.port {
        Some(port) if peer.address.contains(':') => format!("{}://[{}]:{port}", peer.scheme, peer.address),
        Some(port) => format!("{}://{}:{port}", peer.scheme, peer.address),
        None => format!("unix:{}", peer.address),
    }
}

fn description_path(config: &Config) -> &str {
    config.descriptions.first().map_or(DEFAULT_DESCRIPTION, String::as_str)
}

async fn service(config: Option<&Config>, headers: &Headers) -> Option<Result<Service, String>> {
    let config = config?;
    let service = gateway::by(config.upstream.url.clone());
    let answer = match gateway::get(&service, description_path(config), headers).await {
        Ok(answer) => answer,
        Err(why) => return Some(Err(why)),
    };
    let now = Utc::now();
    let date = answer.header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let description: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let paths = description.as_ref().and_then(|document| document.get("paths")).and_then(Value::as_object);
    Some(Ok(Service {
        status: answer.status.as_u16(),
        took: answer.took,
        // The second that it tells may be nearly over.
        clock_ahead: date
            .map(|date| (date.with_timezone(&Utc) - now).num_milliseconds().div_euclid(1000) + 1),
        paths: paths.map(|paths| paths.keys().cloned().collect()),
    }))
}

async fn keep_alive(config: Option<&Config>, quick: bool) -> Option<Idle> {
    let config = config?;
    if quick {
        return Some(Idle::Unmeasured("by --quick".into()));
    }
    let patience = (config.upstream.idle_timeout + WATCHED_LONGER).min(WATCHED_AT_MOST);
    Some(idle::measure(&config.upstream.url, description_path(config), patience).await)
}

async fn readiness(url: Option<String>) -> anyhow::Result<AdminFacts> {
    let Some(url) = url else { return Ok(AdminFacts::Off) };
    let service = gateway::to(&url)?;
    let answered = gateway::get(&service, "/readyz", &[]).await.map(|answer| answer.status.as_u16());
    Ok(AdminFacts::Asked(url, answered))
}

type OfRun = (Result<Told, String>, Option<Result<u16, String>>, Option<Proof>, Option<RunFields>);

/// What gloss and the service say of the run, and whether nothing but additions tells basic and enhanced apart.
async fn of_run(caller: &Caller, route: &str, args: &Args, config: Option<&Config>) -> OfRun {
    let Some(run) = &args.run else {
        let nobodys = RunId::new(NOBODYS_RUN).expect("letters and a dash are a run's id");
        return (told(caller, &nobodys).await, None, None, None);
    };
    let told = told(caller, run).await;
    let (mut direct, mut fields) = (None, RunFields::of(run.clone()));
    if let Some(config) = config {
        let service: Forward = gateway::by(config.upstream.url.clone());
        let answer = gateway::get(&service, &route.replace("{run_id}", run.as_str()), &args.header).await;
        if let Some(answer) = answer.as_ref().ok().and_then(|answer| Answer::read(&answer.body).ok()) {
            let id = |text: Option<String>| text.and_then(|text| RunId::new(&text));
            fields.workflow = id(answer.workflow);
            fields.session = id(answer.session);
            fields.claude_session = id(answer.claude_session);
        }
        direct = Some(answer.map(|answer| answer.status.as_u16()));
    }
    let is_there = told.as_ref().is_ok_and(|told| told.status == 200 && told.labels.is_some());
    let proof = if is_there { Some(proof(caller, run).await) } else { None };
    (told, direct, proof, Some(RunFields { answered: true, ..fields }))
}

/// What gloss answers to somebody who asks for notes; asked again where they were only late.
async fn told(caller: &Caller, run: &RunId) -> Result<Told, String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let told = read(&caller.ask(run, Variant::Enhanced).await?);
        let is_late = told.labels.as_ref().is_some_and(|(_, reason)| Fallback::is_late(reason));
        if !is_late || tries == TRIES {
            return Ok(told);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn read(answer: &gateway::Answer) -> Told {
    let labels = answer.header("gloss-variant").zip(answer.header("gloss-reason"));
    let labels = labels.map(|(variant, reason)| (variant.to_owned(), reason.to_owned()));
    let is_enhanced = labels.as_ref().is_some_and(|(variant, _)| variant == "enhanced");
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = &body["enhancement"];
    let number = |name: &str| said[name].as_u64().unwrap_or(0);
    let notes = is_enhanced.then(|| Notes {
        log_source: said["log_source"].as_str().unwrap_or("something unknown").to_owned(),
        log_bytes: number("log_bytes"),
        log_lines: number("log_lines"),
        unrecognised_lines: number("unrecognised_lines"),
    });
    let proxy_status = answer.header("proxy-status").map(str::to_owned);
    Told { status: answer.status.as_u16(), labels, proxy_status, took: answer.took, notes }
}

async fn proof(caller: &Caller, run: &RunId) -> Proof {
    let outcome = compare::compare(caller, run).await;
    let verdict = match outcome.verdict {
        compare::Verdict::Held => ProofVerdict::Held,
        compare::Verdict::Failed => ProofVerdict::Failed,
        compare::Verdict::Undecided => ProofVerdict::Undecided,
        compare::Verdict::Unreachable => ProofVerdict::Unreachable,
    };
    Proof { verdict, headline: outcome.headline(), fallback: outcome.fallback }
}

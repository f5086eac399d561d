//! A request of any method, target and headers through everything that is worked out of it before it goes out.

use gloss::proxy::headers::{
    has_plain_framing, is_authority, join_cookies, strip_hop_by_hop, upgrade_protocol,
};
use gloss::rollout::{AccessRule, Caller, KeyHash, OptIn, Percent, Rollout, bucket};
use gloss::route::{Router, StatusRequest, StatusRoute, Wishes};
use gloss::run_id::{MAX_RUN_ID_BYTES, RunId};
use gloss::runlog::{Named, RunFields, Template};
use gloss::variant::Variant;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::bytes::Choices;

const ROUTE: &str = "/api/v1/workflows/claude-code/run/{run_id}/status";
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];
/// What the upstream decides by: no `Connection` takes it away.
const PROTECTED: [&str; 9] = [
    "host",
    "authorization",
    "cookie",
    "x-api-key",
    "content-length",
    "content-type",
    "x-forwarded-for",
    "forwarded",
    "gloss-version",
];

/// Pieces up to a zero byte: method, target, and headers as name and value by turns. A target that begins with `~` stands for
/// a run's status, with the rest as its run id and query; a number stands for a well-known header.
///
/// # Panics
/// Where something does not hold.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let method = Method::from_bytes(choices.piece()).unwrap_or(Method::GET);
    let target = String::from_utf8_lossy(choices.piece()).into_owned();
    let target = match target.strip_prefix('~').map(|rest| rest.split_once('?').unwrap_or((rest, ""))) {
        Some((segment, query)) => format!("{}?{query}", ROUTE.replace("{run_id}", segment)),
        None => target,
    };
    let headers = headers(&mut choices);
    check_headers(&headers);
    if let Ok(uri) = Uri::try_from(target.as_bytes()) {
        check_route(&method, &uri, &headers);
    }
}

fn headers(choices: &mut Choices<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    while !choices.is_empty() && headers.len() < 64 {
        let known = HOP_BY_HOP.iter().chain(&PROTECTED).chain(&["gloss", "x-hop", "x-other"]);
        let known: Vec<&str> = known.copied().collect();
        let name = choices.piece();
        let name = match name {
            [place] if usize::from(*place) <= known.len() && *place > 0 => {
                known[usize::from(*place) - 1].as_bytes()
            }
            name => name,
        };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(choices.piece()))
        {
            headers.append(name, value);
        }
    }
    headers
}

fn check_headers(headers: &HeaderMap) {
    let opt_in = HeaderName::from_static("x-margin");
    let mut stripped = headers.clone();
    strip_hop_by_hop(&mut stripped, &opt_in);
    assert!(HOP_BY_HOP.iter().all(|name| !stripped.contains_key(*name)), "{stripped:?}");
    for name in PROTECTED.into_iter().chain(["x-margin"]) {
        assert!(values(headers, name).eq(values(&stripped, name)), "{name} was changed");
    }
    let nominated = connection_tokens(headers);
    for (name, value) in headers {
        let own = HOP_BY_HOP.contains(&name.as_str()) || nominated.iter().any(|token| token == name.as_str());
        assert!(own || values(&stripped, name.as_str()).any(|kept| kept == value), "{name} was lost");
    }
    // What is left keeps its order, and twice is once.
    let mut order = headers.keys().filter(|name| stripped.contains_key(*name));
    assert!(stripped.keys().all(|name| order.any(|before| before == name)), "the order was changed");
    let mut twice = stripped.clone();
    strip_hop_by_hop(&mut twice, &opt_in);
    assert_eq!(twice, stripped);
    join_cookies(&mut twice);
    assert!(twice.get_all("cookie").iter().count() <= 1);
    if has_plain_framing(headers) {
        let codings: Vec<_> = values(headers, "transfer-encoding").collect();
        assert!(
            codings.iter().all(|coding| coding.as_bytes().to_ascii_lowercase().trim_ascii() == b"chunked")
        );
    }
    if upgrade_protocol(headers).is_some() {
        assert!(nominated.iter().any(|token| token == "upgrade"), "an upgrade that Connection does not name");
    }
    for host in values(headers, "host").filter(|host| is_authority(host)) {
        assert!(!host.as_bytes().iter().any(|byte| b"/@?# \\".contains(byte)), "{host:?} is no authority");
    }
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h HeaderValue> {
    headers.get_all(name).iter()
}

fn connection_tokens(headers: &HeaderMap) -> Vec<String> {
    let values = values(headers, "connection").filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase()).collect()
}

fn check_route(method: &Method, uri: &Uri, headers: &HeaderMap) {
    let route = StatusRoute::parse(ROUTE).expect("a route");
    let router = Router::new(vec![route], HeaderName::from_static("gloss"));
    let request = router.status_request(method, uri, headers);
    let (before, after) = ROUTE.split_once("{run_id}").expect("it is there");
    let is_status = uri.path().starts_with(before) && uri.path().ends_with(after);
    if let Some(request) = request {
        assert!(is_status && method == Method::GET, "{method} {uri} is no status request");
        let caller = Caller { headers, query: uri.query().unwrap_or_default(), address: None };
        check_run(&request, &caller);
        return;
    }
    let is_empty = uri.path() == ROUTE.replace("{run_id}", "");
    let plain = is_status && !is_empty && uri.path().split('/').count() == ROUTE.split('/').count();
    assert!(!plain || method != Method::GET, "{method} {uri} was not recognised");
}

/// No run id leads a path out of its root; more percent never take a run out; rules do with any query and headers.
fn check_run(request: &StatusRequest, caller: &Caller<'_>) {
    if let Some(run) = &request.run_id {
        check_run_id(run);
    }
    let mut rollout = Rollout {
        enabled: true,
        deny: Vec::new(),
        allow: Vec::new(),
        opt_in: OptIn::Anyone,
        percent: Percent::new(0.0).expect("a share"),
        default: Variant::Basic,
        salt: "salt".to_owned(),
    };
    let mut before = Variant::Basic;
    for percent in [0.0, 1.0, 10.0, 50.0, 99.9, 100.0] {
        rollout.percent = Percent::new(percent).expect("a share");
        let decision = rollout.decide(&Wishes::default(), &request.name, caller);
        assert!(before == Variant::Basic || decision.variant == before, "{percent} % took a run out");
        before = decision.variant;
    }
    assert_eq!(before, Variant::Enhanced);
    assert!((0.0..100.0).contains(&bucket("salt", &request.name)));
    rollout.deny = vec![AccessRule::Key(KeyHash::of(b"key"))];
    let is_denied = rollout.decide(&Wishes::default(), &request.name, caller).variant == Variant::Basic;
    let presents_key = caller.headers.get_all("x-api-key").iter().any(|key| key == "key");
    assert!(is_denied || !presents_key, "a denied key gets more than basic");
    rollout.enabled = false;
    assert_eq!(
        rollout.decide(&request.wishes, &request.name, caller).variant,
        Variant::Basic,
        "disabled is disabled"
    );
}

fn check_run_id(run: &RunId) {
    let id = run.as_str();
    assert!(!id.is_empty() && id.len() <= MAX_RUN_ID_BYTES && !id.starts_with('.'), "{id:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{id:?}");
    let template = Template::parse("run_{run_id}.log").expect("a template");
    let fields = RunFields::of(run.clone());
    let Named::Exactly(name) = template.name(&fields) else { panic!("nothing else is asked for") };
    let path = name.as_str();
    let mut parts = std::path::Path::new(path).components();
    assert!(
        matches!(parts.next(), Some(std::path::Component::Normal(_))) && parts.next().is_none(),
        "{path:?}"
    );
}

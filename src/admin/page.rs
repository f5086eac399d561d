//! The files of the operators' page, as they are in the program: plain HTML, CSS and ES modules, no build step. Where they
//! get their data from is `runs` and the other parts of the API.
//!
//! The page asks nobody else for anything, and the headers here have the browser keep to that.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use sha2::{Digest, Sha256};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Scripts and styles come from here and nowhere else, none stands in the markup, and no text ever becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($file:literal $content_type:ident),+ $(,)?) => {
        &[$(Asset {
            path: concat!("/page/", $file),
            content_type: $content_type,
            bytes: include_bytes!(concat!("page/", $file)),
        }),+]
    };
}

static INDEX: Asset = Asset { path: "/", content_type: HTML, bytes: include_bytes!("page/index.html") };

static ASSETS: &[Asset] = assets![
    "tokens.css" CSS,
    "style.css" CSS,
    "views.css" CSS,
    "mark.svg" SVG,
    "main.js" SCRIPT,
    "api.js" SCRIPT,
    "dom.js" SCRIPT,
    "format.js" SCRIPT,
    "parts.js" SCRIPT,
    "shell.js" SCRIPT,
    "runs.js" SCRIPT,
    "run.js" SCRIPT,
    "timeline.js" SCRIPT,
    "comparison.js" SCRIPT,
    "plots.js" SCRIPT,
    "fallbacks.js" SCRIPT,
    "measured.js" SCRIPT,
    "rollout.js" SCRIPT,
    "vendor/uPlot.esm.js" SCRIPT,
    "vendor/uPlot.min.css" CSS,
    "vendor/uPlot.LICENSE.txt" PLAIN,
];

/// What tells one version of a file from another, in the order of the files.
static TAGS: LazyLock<Vec<(&str, HeaderValue)>> =
    LazyLock::new(|| ASSETS.iter().chain([&INDEX]).map(|asset| (asset.path, tag(asset.bytes))).collect());

impl Asset {
    /// The file that is served at `path`.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        ASSETS.iter().chain([&INDEX]).find(|asset| asset.path == path)
    }

    /// The file, unless the browser has this version of it.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response<Full<Bytes>> {
        let tag = TAGS.iter().find(|(path, _)| *path == self.path).map(|(_, tag)| tag);
        let held = asked.get_all(header::IF_NONE_MATCH).iter().any(|held| Some(held) == tag);
        let body = if held { Bytes::new() } else { Bytes::from_static(self.bytes) };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = if held { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // Kept, and asked for again each time: the page changes with the program.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.extend(tag.map(|tag| (header::ETAG, tag.clone())));
        response
    }
}

/// Keeps what is answered here from being anything but what it is, and from being shown within another page.
pub(super) fn protect(headers: &mut HeaderMap) {
    const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().take(8).fold(0u64, |digits, byte| digits << 8 | u64::from(*byte));
    HeaderValue::from_str(&format!("\"{digits:016x}\"")).expect("digits in quotes are a header value")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "what is served is compared with the files")]

    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
        let files = files(&folder);
        assert_eq!(files.len(), ASSETS.len() + 1, "{files:?}");
        for file in files {
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
            let path = if name == "index.html" { "/".to_owned() } else { format!("/page/{name}") };
            let asset = Asset::at(&path).unwrap_or_else(|| panic!("{path} is not served"));
            assert_eq!(asset.bytes, fs::read(&file).unwrap(), "{path}");
        }
    }

    #[test]
    fn whatever_a_file_refers_to_is_served_and_nothing_is_elsewhere() {
        let mut seen = 0;
        for asset in ASSETS.iter().chain([&INDEX]).filter(|asset| !asset.path.contains("vendor/")) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for mark in
                ["from \"./", "import(\"./", "import \"./", "href=\"/page/", "src=\"/page/", "\"/page/"]
            {
                for (at, _) in text.match_indices(mark) {
                    let name = text[at + mark.len()..].split('"').next().unwrap();
                    assert!(Asset::at(&format!("/page/{name}")).is_some(), "{} refers to {name}", asset.path);
                    seen += 1;
                }
            }
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("//www.") && !elsewhere.contains("https://"), "{}", asset.path);
        }
        assert!(seen > 20, "{seen} references: are they still written as this test thinks?");
    }

    #[test]
    fn no_markup_is_made_of_text_and_no_style_or_script_stands_in_it() {
        for asset in ASSETS.iter().chain([&INDEX]) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for bad in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
            {
                assert!(!text.contains(bad), "{} has {bad}", asset.path);
            }
        }
        let index = std::str::from_utf8(INDEX.bytes).unwrap();
        assert!(!index.contains("style=") && !index.contains("<style") && !index.contains(" on"), "{index}");
    }

    #[test]
    fn a_browser_that_has_this_version_is_not_sent_it_again() {
        let asset = Asset::at("/").unwrap();
        let first = asset.answer(&HeaderMap::new());
        assert_eq!(
            (first.status(), &first.headers()[header::CACHE_CONTROL]),
            (StatusCode::OK, &HeaderValue::from_static("no-cache"))
        );
        let mut asked = HeaderMap::new();
        asked.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(asset.answer(&asked).status(), StatusCode::NOT_MODIFIED);
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(asset.answer(&asked).status(), StatusCode::OK);
    }
}

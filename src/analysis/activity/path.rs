//! Paths, shortened to what a reader needs.

use std::borrow::Cow;

/// Directories that say something about what lies in them, so that a third component is shown.
const TELLING: &[&str] = &[
    "src",
    "lib",
    "app",
    "apps",
    "tests",
    "test",
    "packages",
    "crates",
    "docs",
    "doc",
    "frontend",
    "backend",
    "server",
    "client",
    "internal",
    "cmd",
    "pkg",
    "include",
    "config",
    "scripts",
    "components",
    "pages",
    "spec",
    "__tests__",
    "api",
    "services",
    "modules",
    "tools",
    "examples",
    "e2e",
];
/// Relative paths are shown whole up to so many components.
const MAX_RELATIVE: usize = 4;

/// The end of an absolute path, which is its last two components or three: the rest is where the workspace lies.
/// Relative paths stay, long ones lose their beginning. Backslashes of Windows part components, too.
pub(super) fn shorten(path: &str) -> Cow<'_, str> {
    let path = path.trim();
    let windows = path.as_bytes().get(1) == Some(&b':') && path.contains('\\');
    let absolute = windows || path.starts_with(['/', '~', '$']);
    let parts: Vec<&str> = path
        .split(|c| c == '/' || (windows && c == '\\'))
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let kept = if absolute { kept_of_absolute(&parts) } else { MAX_RELATIVE };
    if parts.len() <= kept && !windows && (!absolute || parts.len() <= 1) {
        return Cow::Borrowed(path.strip_prefix("./").unwrap_or(path));
    }
    Cow::Owned(parts[parts.len().saturating_sub(kept)..].join("/"))
}

fn kept_of_absolute(parts: &[&str]) -> usize {
    let third = parts.len().checked_sub(3).map(|at| parts[at]);
    if third.is_some_and(|part| TELLING.contains(&part)) { 3 } else { 2 }
}

//! A configuration of any text: accepted, or refused with the key that is to blame, in one line.

use std::io::Write;

use gloss::config::{ConfigError, Loaded, Sources, load};
use tempfile::NamedTempFile;

/// The bytes are the file.
///
/// # Panics
/// Where something does not hold.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match loaded(text) {
        Ok(accepted) => {
            // What is accepted and shown is accepted again, unless it holds a secret, which is not shown.
            let shown = accepted.describe();
            if !shown.contains("(secret)") {
                let again = loaded(&shown);
                let again = again.unwrap_or_else(|error| panic!("{error}\n{shown}")).describe();
                assert_eq!(without_origins(&again), without_origins(&shown));
            }
        }
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n') && !error.reason.is_empty(), "{line:?}");
            let is_toml = toml::from_str::<toml::Table>(text).is_ok();
            assert!(!is_toml || !error.key.is_empty(), "no key is named: {line}");
        }
    }
}

/// What a file of this text comes to; no other source speaks.
fn loaded(text: &str) -> Result<Loaded, ConfigError> {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a temporary file is writable");
    load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() })
}

/// The settings alone; they say in which file they were.
fn without_origins(shown: &str) -> Vec<&str> {
    shown
        .lines()
        .map(|line| line.rsplit_once(" # ").map_or(line, |(setting, _)| setting.trim_end()))
        .collect()
}

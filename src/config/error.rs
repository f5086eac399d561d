//! Why a configuration is refused.

use std::fmt;

/// One key whose value cannot be used; or the file itself, with the key left empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, such as `rollout.percent`.
    pub key: String,
    /// What it was set to, and where; of the file itself, its path. Secrets are masked.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, reason, hint } = self;
        // One line, whatever the value holds.
        if key.is_empty() {
            return write!(f, "configuration refused: file={value:?} reason={reason:?} hint={hint:?}");
        }
        write!(f, "configuration refused: key={key} value={value:?} reason={reason:?} hint={hint:?}")
    }
}

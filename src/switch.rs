//! The rollout that is in force: the configured one, and above it what operators said at run time.
//!
//! An operator's last word stands until it is taken back, also when the configuration is reloaded, and is forgotten when
//! gloss ends, unless a file keeps it. What cannot be written is in force all the same, since a kill switch must work
//! on a full disk: it is logged, and the outcome says so.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::rollout::{Overrides, Refused, Rollout};
use crate::telemetry::{Metrics, Switched};

/// How long an operator waits for the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The rollout in force; a clone is the same one.
#[derive(Clone)]
pub struct RolloutSwitch(Arc<Inner>);

struct Inner {
    /// What every decision reads, without waiting for anybody.
    in_force: ArcSwap<Rollout>,
    settings: Mutex<Settings>,
    /// Where the overrides are kept, and whose turn it is to write.
    file: Option<Mutex<PathBuf>>,
    metrics: Metrics,
}

/// What the rollout in force is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the configuration says.
    pub configured: Rollout,
    /// What operators say.
    pub overrides: Overrides,
    /// Whether the file that is to keep the overrides has them; `None` where there is none.
    pub kept: Option<bool>,
}

impl Settings {
    /// The rollout that comes of both.
    pub fn in_force(&self) -> Rollout {
        self.overrides.over(&self.configured)
    }
}

impl RolloutSwitch {
    /// `overrides` are those that `file` keeps, as it was read at the start.
    pub fn new(configured: Rollout, overrides: Overrides, file: Option<PathBuf>, metrics: Metrics) -> Self {
        let kept = file.as_ref().map(|_| true);
        let settings = Settings { configured, overrides, kept };
        let in_force = settings.in_force();
        metrics.operation().rollout_in_force(&in_force);
        if !overrides.keys().is_empty() {
            let overridden = overrides.keys().join(", ");
            tracing::warn!(
                overridden,
                "what operators set at run time before the start is in force: rollout.persist"
            );
        }
        Self(Arc::new(Inner {
            in_force: ArcSwap::from_pointee(in_force),
            settings: Mutex::new(settings),
            file: file.map(Mutex::new),
            metrics,
        }))
    }

    /// What a decision is made by.
    pub fn in_force(&self) -> Arc<Rollout> {
        self.0.in_force.load_full()
    }

    /// What it is made of.
    pub fn settings(&self) -> Settings {
        self.0.settings().clone()
    }

    /// The configuration has changed; overrides stay above it.
    pub fn configure(&self, configured: Rollout) {
        let mut settings = self.0.settings();
        settings.configured = configured;
        self.0.put_into_force(&settings);
        if !settings.overrides.keys().is_empty() {
            let overridden = settings.overrides.keys().join(", ");
            tracing::info!(overridden, "what operators set at run time stays above the configuration");
        }
    }

    /// Changes the overrides as [`Overrides::change`] says: in force for the next decision. The settings afterwards.
    ///
    /// # Errors
    /// When the request cannot be used; nothing has changed then.
    ///
    /// # Cancel safety
    /// Dropped while the file is written, the change is in force, and the file gets it.
    pub async fn change(&self, request: &Value) -> Result<Settings, Refused> {
        let is_written = self.0.change(request).inspect_err(|refused| {
            self.0.metrics.operation().rollout_switch(Switched::Refused);
            tracing::warn!(key = refused.key, reason = refused.reason, "a switch of the rollout was refused");
        })?;
        if !is_written {
            let inner = Arc::clone(&self.0);
            // Not on this thread, and not for ever: the file may lie on a storage that hangs. What comes of it, the
            // settings say.
            let _ = timeout(PATIENCE, spawn_blocking(move || inner.keep())).await;
        }
        Ok(self.settings())
    }
}

impl Inner {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        // Whoever panicked had not begun to write: it holds whole values at any time.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_into_force(&self, settings: &Settings) {
        let in_force = settings.in_force();
        self.metrics.operation().rollout_in_force(&in_force);
        self.in_force.store(Arc::new(in_force));
    }

    /// Changes the overrides; whether they need not be written.
    fn change(&self, request: &Value) -> Result<bool, Refused> {
        let mut settings = self.settings();
        let overrides = settings.overrides.change(request)?;
        let before = settings.in_force();
        let is_changed = overrides != settings.overrides;
        settings.overrides = overrides;
        if is_changed {
            settings.kept = settings.kept.map(|_| false);
        }
        self.put_into_force(&settings);
        let result = if is_changed { Switched::Applied } else { Switched::Unchanged };
        self.metrics.operation().rollout_switch(result);
        if is_changed {
            let changes = described(&before, &settings.in_force());
            let overridden = overrides.keys().join(", ");
            tracing::warn!(changes, overridden, "an operator has switched the rollout");
        }
        Ok(settings.kept != Some(false))
    }

    /// Writes what the overrides are by then, so that of two writers the later word stays, whoever comes last.
    fn keep(&self) {
        let Some(file) = &self.file else { return };
        let path = file.lock().unwrap_or_else(PoisonError::into_inner);
        let overrides = self.settings().overrides;
        let outcome = serde_json::to_vec(&overrides)
            .map_err(io::Error::from)
            .and_then(|contents| write_atomically(&path, &contents));
        let mut settings = self.settings();
        settings.kept = Some(outcome.is_ok() && settings.overrides == overrides);
        if let Err(error) = outcome {
            tracing::error!(error = %error, "rollout.persist cannot be written: the switch is in force until gloss ends");
        }
    }
}

/// Puts a whole new file in the place of the old one: whoever reads it meanwhile, or after a crash, finds one of them.
fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(contents)?;
    new.write_all(b"\n")?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// The values that differ, as `percent = 10 (was 0)`.
fn described(before: &Rollout, after: &Rollout) -> String {
    let values = |rollout: &Rollout| {
        [
            ("enabled", rollout.enabled.to_string()),
            ("percent", rollout.percent.to_string()),
            ("default", rollout.default.as_str().to_owned()),
        ]
    };
    let pairs = values(before).into_iter().zip(values(after)).filter(|(before, after)| before != after);
    pairs.map(|((key, was), (_, is))| format!("{key} = {is} (was {was})")).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for RolloutSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolloutSwitch").field("in_force", &self.in_force()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::rollout::{OptIn, Percent};
    use crate::variant::Variant;

    fn configured(percent: f64) -> Rollout {
        Rollout {
            enabled: true,
            deny: Vec::new(),
            allow: Vec::new(),
            opt_in: OptIn::Anyone,
            percent: Percent::new(percent).unwrap(),
            default: Variant::Basic,
            salt: "gloss".into(),
        }
    }

    fn switch(file: Option<PathBuf>) -> RolloutSwitch {
        RolloutSwitch::new(configured(5.0), Overrides::default(), file, Metrics::new())
    }

    fn percent(switch: &RolloutSwitch) -> f64 {
        switch.in_force().percent.get()
    }

    #[tokio::test]
    async fn an_override_stays_above_a_changed_configuration_until_it_is_taken_back() {
        let switch = switch(None);
        switch.change(&json!({ "percent": 40 })).await.unwrap();
        switch.configure(configured(7.0));
        assert!((percent(&switch) - 40.0).abs() < 1e-9);
        switch.change(&json!({ "percent": null })).await.unwrap();
        assert!((percent(&switch) - 7.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn a_refused_change_changes_nothing_of_what_it_also_says() {
        let switch = switch(None);
        assert!(switch.change(&json!({ "enabled": false, "percent": 101 })).await.is_err());
        assert_eq!(*switch.in_force(), configured(5.0));
    }

    #[tokio::test]
    async fn the_file_holds_the_overrides_and_nothing_else_is_left_beside_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("rollout.json");
        let switch = switch(Some(path.clone()));
        let settings = switch.change(&json!({ "enabled": false, "percent": 2.5 })).await.unwrap();
        assert_eq!(settings.kept, Some(true));
        let text = io::read_to_string(fs::OpenOptions::new().read(true).open(&path).unwrap());
        assert_eq!(text.unwrap(), "{\"enabled\":false,\"percent\":2.5}\n");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_does_not_hold_up_the_kill_switch() {
        let folder = TempDir::new().unwrap();
        let switch = switch(Some(folder.path().join("gone/rollout.json")));
        let settings = switch.change(&json!({ "enabled": false })).await.unwrap();
        assert_eq!(settings.kept, Some(false));
        assert!(!switch.in_force().enabled);
    }

    #[test]
    fn a_log_line_names_what_changed() {
        let after = Rollout { enabled: false, ..configured(0.5) };
        assert_eq!(described(&configured(5.0), &after), "enabled = false (was true), percent = 0.5 (was 5)");
    }
}

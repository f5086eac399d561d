//! Puts a changed configuration into force while gloss serves: on SIGHUP, and when the file's contents change.
//!
//! A configuration that is refused, or cannot be put into force, changes nothing: it is logged with key, value, reason
//! and hint, counted, and the one in force stays. Flags and variables go on beating the file. What the process is bound
//! to at its start keeps its value and is named. Not for deciding what a value means (`config`), nor for building
//! anything from it: that is the [`Install`] it is given.

mod swap;
mod watch;

use std::future::pending;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;

pub use swap::Swap;
pub use watch::FileWatch;

use crate::config::{self, Change, Config, ConfigError, Loaded, Sources};
use crate::systemd;
use crate::telemetry::{Metrics, Reload};

/// Builds what serves from a configuration, and exchanges it for what serves now; the changes are those since the last
/// one that was installed. After an error everything is as it was.
///
/// Whatever else may change the configuration at run time lays its values over the given one in here.
pub type Install = Box<dyn FnMut(&Config, &[Change]) -> io::Result<()> + Send>;

/// Reloads the configuration for as long as it is run.
pub struct Reloader {
    sources: Arc<Sources>,
    in_force: Loaded,
    install: Install,
    metrics: Metrics,
}

impl Reloader {
    /// `in_force` is what was loaded from `sources` at the start, and is installed already.
    pub fn new(sources: Sources, in_force: Loaded, install: Install, metrics: Metrics) -> Self {
        Self { sources: Arc::new(sources), in_force, install, metrics }
    }

    /// Reloads whenever `hangup` brings a signal or `file` has changed, and never returns.
    ///
    /// # Cancel safety
    /// Dropping the future between two reloads loses nothing; one that is being read is not installed.
    pub async fn run(mut self, mut hangup: Signal, mut file: Option<FileWatch>) {
        loop {
            tokio::select! {
                Some(()) = hangup.recv() => {
                    // What is read now needs no second reading for having changed.
                    if let Some(file) = &mut file {
                        file.take_note().await;
                    }
                }
                () = change_of(&mut file) => {}
            }
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
        systemd::reloading();
        let sources = Arc::clone(&self.sources);
        // Not on this thread: the file may lie on a storage that hangs.
        let outcome = match spawn_blocking(move || config::load(&sources)).await {
            Ok(Ok(loaded)) => self.put_into_force(loaded),
            Ok(Err(error)) => refused(&error),
            Err(_panicked) => failed("reading it failed unexpectedly"),
        };
        self.metrics.operation().config_reload(outcome);
        systemd::ready(match outcome {
            Reload::Applied | Reload::Unchanged => "serving",
            Reload::Refused => "serving by the old configuration: the new one was refused, see the log",
        });
    }

    fn put_into_force(&mut self, mut loaded: Loaded) -> Reload {
        let waiting = loaded.keep_what_is_fixed(&self.in_force);
        if !waiting.is_empty() {
            let keys = list(&waiting);
            tracing::warn!(
                keys,
                "changes of these keys need a restart of gloss; until then their old values stay"
            );
        }
        let changes = loaded.changes_since(&self.in_force);
        if changes.is_empty() {
            tracing::info!("the configuration was read again: nothing that could change has changed");
            return Reload::Unchanged;
        }
        let installed = catch_unwind(AssertUnwindSafe(|| (self.install)(&loaded.config, &changes)));
        match installed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return failed(&error.to_string()),
            // Contained, so that the next reload has a chance.
            Err(_panic) => return failed("gloss failed on it"),
        }
        for warning in loaded.warnings.iter().filter(|warning| !self.in_force.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        tracing::info!(changes = list(&changes), "a changed configuration is in force");
        self.metrics.operation().config_in_force(loaded.fingerprint());
        self.in_force = loaded;
        Reload::Applied
    }
}

/// A change of the file, where there is one.
async fn change_of(file: &mut Option<FileWatch>) {
    match file {
        Some(file) => file.changed().await,
        None => pending().await,
    }
}

fn refused(error: &ConfigError) -> Reload {
    let ConfigError { key, value, reason, hint } = error;
    tracing::error!(key, value, reason, hint, "the configuration was refused; the one in force stays");
    Reload::Refused
}

fn failed(reason: &str) -> Reload {
    tracing::error!(reason, "the configuration could not be put into force; the one before stays");
    Reload::Refused
}

fn list(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

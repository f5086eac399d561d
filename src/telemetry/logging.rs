//! Log lines on stderr, for people or as JSON, and what a panic says there.
//!
//! Libraries' debug and trace lines are never written, whatever the level: they may quote requests (h2 quotes a
//! malformed path, for one). A line that cannot be written is lost, see [`Stderr`].

use std::io::IsTerminal;
use std::panic::{self, PanicHookInfo};

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{Directive, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use super::Metrics;
use super::stderr::Stderr;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Changes what is logged while the process runs; a clone controls the same.
#[derive(Debug, Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogControl {
    /// Logs by `filter` from now on: a level or a list of directives.
    pub fn set_filter(&self, filter: &str) {
        // An error means that the subscriber is gone, and all log lines with it.
        let _ = self.filter.reload(parsed(filter));
    }
}

/// Starts logging for the whole process; a second call changes nothing.
///
/// `filter` is a level (`info`) or a list of directives (`gloss=debug,gloss::proxy=trace`).
pub fn init(filter: &str, format: LogFormat) -> LogControl {
    let (filter, handle) = reload::Layer::new(parsed(filter));
    let subscriber = tracing_subscriber::registry().with(filter).with(filter_fn(is_discreet));
    // An error means that logging has been started before, by a test or an embedding program: theirs stays.
    let _ = subscriber.with(lines(format)).try_init();
    LogControl { filter: handle }
}

/// Has panics logged and counted, wherever they happen and whoever contains them.
///
/// What a panic says is written only where it is a constant: a text made at run time may quote what was being worked on.
pub fn log_panics(metrics: Metrics) {
    panic::set_hook(Box::new(move |panic| {
        metrics.operation().panic();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        tracing::error!(place, thread, said = constant(panic), "gloss panicked; please report it");
    }));
}

fn constant(panic: &PanicHookInfo<'_>) -> &'static str {
    panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown: it may quote a request)")
}

/// Whatever is left out: the access log has a switch of its own.
fn parsed(filter: &str) -> EnvFilter {
    let access = Directive::from(Level::INFO);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    filter.add_directive("gloss::access=info".parse().unwrap_or(access))
}

/// Whether the line comes from gloss itself, or from a library but with nothing of a request in it.
fn is_discreet(line: &Metadata<'_>) -> bool {
    // It tells of every request that is tried again; gloss tells what comes of it.
    let quiet = if line.target().starts_with("object_store") { Level::WARN } else { Level::INFO };
    line.target().starts_with("gloss") || *line.level() <= quiet
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer().with_writer(Stderr::default);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

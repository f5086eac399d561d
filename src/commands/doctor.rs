//! `gloss doctor`: checks a set-up that is running, end to end, and says of everything that is not as it should be what to do.
//!
//! `collect` asks the service, gloss and the folders of logs, and `idle` measures how long the service keeps a connection;
//! from these `facts` `findings` makes what is told, and `report` writes it down. What cannot be asked is a finding, too.

mod collect;
mod facts;
mod findings;
mod idle;
mod places;
mod report;

use std::path::PathBuf;

use anyhow::anyhow;
use http::{HeaderName, HeaderValue};

use self::report::Report;
use super::printed::Printed;
use super::{Failure, gateway, runtime};
use crate::config::{self, Sources};
use crate::run_id::RunId;

const EXAMPLES: &str = "\
Examples:
  gloss doctor --config gloss.toml
  gloss doctor run_08ac1de6fa8d --config gloss.toml --header 'x-api-key: KEY'
  gloss doctor --url https://api.example --admin off --quick --format json

Run it where gloss runs, as the user that gloss runs as, or what is said of the logs' folders may not hold for gloss. \
Without a configuration only what shows from outside is checked. Measuring the service's keep-alive takes some seconds, \
which --quick leaves out.

Ends with 0 if nothing failed, 1 if something did, 78 if the configuration is refused.";

/// Check a set-up that is running, end to end, and say what to do about what is not as it should be
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A run that the service knows; without one its log, its notes and the key are not checked
    #[arg(value_name = "RUN_ID", value_parser = gateway::run_id)]
    run: Option<RunId>,
    /// The configuration file (TOML) that gloss runs by, where the environment does not name it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where gloss is, as http, https or unix URL [default: as the configuration says, else port 8880 of this host]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where its admin listener is, or "off" [default: as the configuration says, else port 8881 of this host]
    #[arg(long, value_name = "ADMIN_URL|off")]
    admin: Option<String>,
    /// A header to send as callers do, such as 'x-api-key: KEY'; may be repeated
    #[arg(long, value_name = "K: V", value_parser = gateway::header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Leave out what takes seconds: how long the service keeps an idle connection
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    printed: Printed,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let sources = Sources::from_process(args.config.clone(), Vec::new());
    let loaded = if sources.name_an_upstream() { Some(config::load(&sources)?) } else { None };
    let runtime = runtime()?;
    let facts = runtime.block_on(collect::facts(args, &sources, loaded.as_ref()))?;
    runtime.shutdown_background();
    let report = Report::of(findings::of(&facts));
    args.printed.print(|| Ok(report.text()), || serde_json::json!(report))?;
    report.failure().map_or(Ok(()), |failure| Err(anyhow!(failure).into()))
}

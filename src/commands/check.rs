//! `gloss check`: is the configuration good, and what is it?

use std::io::{self, Write};
use std::path::PathBuf;

use super::Failure;
use crate::config::{self, Sources};

/// Validate the configuration and print it in full, with where each value came from
///
/// What is printed is itself a configuration file. Exits with 78, and says key, value, reason and hint on stderr, if
/// the configuration is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  GLOSS_UPSTREAM=http://127.0.0.1:8000 gloss check --config gloss.toml")]
pub(super) struct Args {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print nothing but what is wrong
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let loaded = config::load(&Sources::from_process(args.config.clone(), Vec::new()))?;
    for warning in &loaded.warnings {
        writeln!(io::stderr(), "gloss: warning: {warning}")?;
    }
    if !args.quiet {
        io::stdout().write_all(loaded.describe().as_bytes())?;
    }
    Ok(())
}

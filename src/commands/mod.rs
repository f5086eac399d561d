//! The commands, one file each, and how their outcome becomes an exit code.
//!
//! 0 is fine, 1 failed at run time, 2 wrong usage, 78 configuration refused. Errors go to stderr in one line each.

mod analyze;
mod check;
mod compare;
mod completions;
mod demo;
mod doctor;
mod fit;
mod gateway;
mod health;
mod init;
mod layout;
mod log_input;
mod log_names;
mod man;
mod printed;
mod readers;
mod remedy;
mod replay;
mod rollout;
pub mod serve;
mod watch;

use std::io::{self, Write};
use std::num::NonZero;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime;

use crate::config::ConfigError;

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: u8 = 78;

#[derive(Debug, Parser)]
#[command(
    name = "gloss",
    version,
    about = "Notes in the margin of a workflow service's status answers: steps, progress, result, summary",
    after_help = "Start here:\n  gloss demo    see it work, with nothing else installed or running\n  \
                  gloss init    look for the service and its logs here, and write gloss.toml\n  \
                  gloss serve --upstream http://127.0.0.1:8000 --logs /srv/api/logs\n  \
                  gloss analyze /srv/api/logs/run_run_08ac1de6fa8d.log --format text\n  \
                  gloss watch run_08ac1de6fa8d --header 'x-api-key: KEY'"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Analyze(analyze::Args),
    Replay(replay::Args),
    Watch(watch::Args),
    Compare(compare::Args),
    Fit(fit::Args),
    Rollout(rollout::Args),
    Check(check::Args),
    Init(init::Args),
    Doctor(doctor::Args),
    Health(health::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Why a command ended badly.
#[derive(Debug)]
pub enum Failure {
    /// The configuration was refused.
    Config(ConfigError),
    /// Something went wrong while running.
    Runtime(anyhow::Error),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error.into())
    }
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Analyze(args) => analyze::run(&args).map_err(Failure::from),
        Command::Replay(args) => replay::run(&args).map_err(Failure::from),
        Command::Watch(args) => watch::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Fit(args) => fit::run(&args).map_err(Failure::from),
        Command::Rollout(args) => rollout::run(&args).map_err(Failure::from),
        Command::Check(args) => check::run(&args),
        Command::Init(args) => init::run(&args).map_err(Failure::from),
        Command::Doctor(args) => doctor::run(&args),
        Command::Health(args) => health::run(&args).map_err(Failure::from),
        Command::Completions(args) => completions::run(&args).map_err(Failure::from),
        Command::Man(args) => man::run(&args).map_err(Failure::from),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(error)) => {
            report(&error.to_string());
            ExitCode::from(EXIT_CONFIG)
        }
        // Whoever read the output has seen enough.
        Err(Failure::Runtime(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Runtime(error)) => {
            report(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The runtime that `serve`, `demo`, `watch`, `compare` and `doctor` run on. Where there is one core, one thread: nobody could
/// share its work, and being ready to share it costs each request.
fn runtime() -> io::Result<runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut builder = if cores == 1 {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        // A serialiser hides the writer's error from the chain.
        let hidden = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(hidden) == Some(io::ErrorKind::BrokenPipe)
    })
}

fn report(error: &str) {
    // Nothing is left to do if stderr is closed, too.
    let _ = writeln!(io::stderr(), "gloss: {}", error.replace('\n', " "));
}

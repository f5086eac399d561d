//! `gloss watch`: one run in the terminal, through the proxy, until it ends.
//!
//! Follows the live updates; where an answer is none (no notes, too many streams, an older gloss), asks again every two
//! seconds. A connection that breaks is made again; what the service refuses, and a run that failed, is an error.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod link;
mod live;
mod screen;
mod view;

use std::time::Duration;

use anyhow::{Result, bail};
use chrono::Utc;

use self::link::{Link, Said};
use self::screen::Screen;
use self::view::View;
use super::{Failure, gateway, runtime};
use crate::run_id::RunId;

/// How long until an answer that is no stream is asked for again.
const POLL: Duration = Duration::from_secs(2);
/// How long until a connection that broke is made again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often in a row that may be before it is given up.
const TRIES: u32 = 15;
/// How often the notes of a run that has ended are asked for again, where its log took too long to read: each time goes on
/// where the last one was.
const LATE_TRIES: u32 = 5;

const EXAMPLES: &str = "\
Examples:
  gloss watch run_08ac1de6fa8d --header 'x-api-key: KEY'
  gloss watch run_08ac1de6fa8d --header \"authorization: Bearer $TOKEN\"
  gloss watch run_08ac1de6fa8d --url https://api.example --plain

Ends with the run: 0 if it succeeded, 1 if it did not or could not be read. Without notes, whether it succeeded is \
what the service says, which calls a run completed that stopped at its turn limit.";

/// Watch a run in the terminal, through the proxy
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The run
    #[arg(value_name = "RUN_ID", value_parser = gateway::run_id)]
    run: RunId,
    #[command(flatten)]
    asking: gateway::Asking,
    /// Print a line for each change, also on a terminal
    #[arg(long)]
    plain: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(watch(args));
    runtime.shutdown_background();
    Ok(outcome?)
}

/// Shows states until one is the last.
async fn watch(args: &Args) -> Result<()> {
    let path = args.asking.route.replace("{run_id}", args.run.as_str());
    let mut link = Link::to(&args.asking.url, &path, &args.asking.header)?;
    let mut screen = Screen::new(args.run.as_str(), args.plain);
    let (mut last, mut failures, mut late) = (None, 0, 0);
    loop {
        let said = link.next().await;
        if !matches!(said, Said::Broken(_)) {
            failures = 0;
        }
        match said {
            Said::State { json, reason, streamed } => {
                let view = View::read(&json)?.because(reason);
                let waits = view.is_late(streamed) && late < LATE_TRIES;
                if view.has_ended() && !waits {
                    screen.show(&view)?;
                    return ended(screen, &view);
                }
                let view = if waits { view.awaiting_notes() } else { view };
                screen.show(&view)?;
                last = Some(view);
                late += u32::from(waits);
                if waits {
                    link.ask_anew();
                }
                if waits || !streamed {
                    tokio::time::sleep(POLL).await;
                }
            }
            // All but its notes is known.
            Said::Refused(_) | Said::Broken(_) if last.as_ref().is_some_and(View::has_ended) => {
                return last.map_or(Ok(()), |view| ended(screen, &view));
            }
            Said::Refused(why) => bail!("{} cannot be read: {why}", args.run),
            Said::Broken(why) => {
                failures += 1;
                // What was never there is not waited for.
                if last.is_none() || failures > TRIES {
                    bail!("{} cannot be read from {}: {why}", args.run, args.asking.url);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Shows what came of a run, and tells whether it succeeded.
fn ended(screen: Screen, view: &View) -> Result<()> {
    screen.finish(view, Utc::now())?;
    verdict(view)
}

fn verdict(view: &View) -> Result<()> {
    match view.failure() {
        None => Ok(()),
        Some(why) => bail!("the run {why}"),
    }
}

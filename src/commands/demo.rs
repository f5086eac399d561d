//! `gloss demo`: everything in one process, to see gloss at work with nothing installed or running.
//!
//! A sample upstream replays recorded runs into real log files in a temporary folder; gloss stands in front of it. The
//! folder goes when the demo ends. Clients of its own ask for everything in all manners, so that there is something to
//! see and to compare.

mod load;
mod program;

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::load::Clients;
use super::serve::{Gloss, drain_on_signal};
use super::{Failure, runtime};
use crate::config::{self, ListenAddress, Sources};
use crate::demo::{Options, SampleUpstream, runs};
use crate::stack;
use crate::telemetry::Metrics;

/// The key that the sample upstream accepts.
const API_KEY: &str = "demo-key";

/// See it work: a sample service, gloss in front of it, and curl lines to paste
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gloss demo\n  gloss demo --speed 10 --listen 127.0.0.1:9000\n  gloss demo --no-load"
)]
pub(super) struct Args {
    /// How much faster than recorded the live run goes
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Where clients connect [default: 127.0.0.1:8880]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where operators connect, or "off" [default: 127.0.0.1:8881]
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<String>,
    /// Ask for nothing: no clients but yours
    #[arg(long)]
    no_load: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("it has to be a number from 0.1 to 1000".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(demonstrate(args));
    runtime.shutdown_background();
    outcome
}

async fn demonstrate(args: &Args) -> Result<(), Failure> {
    let logs = TempDir::with_prefix("gloss-demo-").context("no temporary folder could be made")?;
    let upstream = TcpListener::bind(("127.0.0.1", 0)).await?;
    let upstream_address = upstream.local_addr()?;
    let loaded = config::load(&sources(args, upstream_address, &logs)?)?;
    let drain = CancellationToken::new();
    drain_on_signal(&drain)?;
    let metrics = Metrics::new();
    let gloss = Gloss::bind(loaded, metrics, Box::new(stack::tracker)).await?;
    let options = Options { speed: args.speed, log_dir: logs.path().to_owned(), api_key: API_KEY.to_owned() };
    let sample = tokio::spawn(SampleUpstream::serve(upstream, options, drain.clone()));
    describe(&mut io::stdout(), &gloss, upstream_address, &logs, args)?;
    if !args.no_load {
        let clients = Clients { gloss: gloss.address()?, key: API_KEY };
        tokio::spawn(clients.run(drain.clone()));
    }
    gloss.serve(drain).await;
    sample.await.map_err(|error| anyhow!("the sample upstream failed: {error}"))??;
    writeln!(io::stdout(), "\nThe demo has ended; its logs are gone.")?;
    Ok(())
}

/// The demo runs by the defaults, whatever the environment says, so that it shows the same everywhere.
fn sources(args: &Args, upstream: SocketAddr, logs: &TempDir) -> anyhow::Result<Sources> {
    let folder = logs.path().to_str().ok_or_else(|| anyhow!("the temporary folder's name is not UTF-8"))?;
    let mut flags = vec![
        ("--upstream", "upstream.url", format!("http://{upstream}")),
        ("--logs", "logs.sources", folder.to_owned()),
        ("gloss demo", "compare.enabled", "true".to_owned()),
    ];
    flags.extend(args.listen.clone().map(|address| ("--listen", "listen", address)));
    flags.extend(args.admin.clone().map(|address| ("--admin", "admin.listen", address)));
    Ok(Sources { flags, ..Sources::default() })
}

fn describe(
    out: &mut impl Write,
    gloss: &Gloss,
    upstream: SocketAddr,
    logs: &TempDir,
    args: &Args,
) -> anyhow::Result<()> {
    let (host, option) = match gloss.address()? {
        address @ ListenAddress::Tcp(_) => (address.to_string(), String::new()),
        ListenAddress::Unix(path) => {
            ("http://localhost".to_owned(), format!(" --unix-socket {}", path.display()))
        }
    };
    let base = format!("{host}/api/v1/workflows/claude-code/run");
    gloss.announce(out)?;
    writeln!(
        out,
        "\nA sample of the service runs on http://{upstream} and writes its logs to {}.",
        logs.path().display()
    )?;
    writeln!(out, "gloss stands in front of it. Its runs:\n")?;
    for run in runs() {
        writeln!(out, "  {}  {:<10} {}", run.id, run.workflow, run.shows)?;
    }
    if !args.no_load {
        writeln!(
            out,
            "\nSample clients start further runs and ask for all of them in every variant, some with a version of the notes\n\
             that does not exist, so that the page has something to show; --no-load leaves them out."
        )?;
    }
    let live = runs().first().ok_or_else(|| anyhow!("there is no recorded run"))?;
    let done = runs().get(1).unwrap_or(live);
    let curl = format!("curl -s{option} -H 'x-api-key: {API_KEY}'");
    writeln!(
        out,
        "\nPaste into another terminal. What the service itself says of the run that goes on, from"
    )?;
    writeln!(out, "the last of its long logs to the end (basic):\n")?;
    writeln!(out, "  {curl} {base}/{}/status | tail -c 640", live.id)?;
    writeln!(
        out,
        "\nAll of it with gloss's notes at its end, and without the logs (enhanced); `| python3 -m json.tool`"
    )?;
    writeln!(out, "or `| jq` behind this line indents the answer:\n")?;
    writeln!(out, "  {curl} -H 'Gloss: enhanced' '{base}/{}/status?include_logs=false'", live.id)?;
    writeln!(out, "\nA finished run, asked for by query, and the headers that say which answer it is:\n")?;
    writeln!(out, "  {curl} -i '{base}/{}/status?enhanced=true&include_logs=false'", done.id)?;
    writeln!(out, "\nThe run that goes on, live: as events, and as a display in the terminal:\n")?;
    let events = "-N -H 'Accept: text/event-stream'";
    writeln!(out, "  {curl} {events} '{base}/{}/status?enhanced=true'", live.id)?;
    let (program, url) = (program::to_type(), gloss.address()?);
    writeln!(out, "  {program} watch {} --url {url} --header 'x-api-key: {API_KEY}'", live.id)?;
    if let Some(admin) = gloss.admin_address() {
        writeln!(
            out,
            "\nThe operators' page, for a browser: runs as they go on, the comparison, the rollout:\n"
        )?;
        writeln!(out, "  {admin}/")?;
        writeln!(out, "\nWhat gloss counts:\n\n  curl -s {admin}/metrics")?;
    }
    writeln!(out, "\nCtrl-C ends the demo.")?;
    out.flush()?;
    Ok(())
}

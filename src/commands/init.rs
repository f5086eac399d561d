//! `gloss init`: looks for the service and its logs on this host, and writes a configuration file for them.
//!
//! It asks nothing of whoever runs it: what it does not find, or finds twice, a flag says. `host` knows the processes that
//! listen here, `services` asks them what they are, `folders` looks for logs; `choice` decides (pure) and `written` is the
//! file and what is told of it (pure). It changes nothing but the file, and replaces one only by `--force`.

mod choice;
mod folders;
mod host;
mod services;
mod written;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use http::{HeaderName, HeaderValue};

use self::choice::{Choice, Told};
use super::{gateway, runtime};

const EXAMPLES: &str = "\
Examples:
  # Look on this host, and write gloss.toml
  gloss init
  # What is told is not looked for
  gloss init --port 8000 --logs /srv/api/logs
  # Print the file instead of writing it
  gloss init --upstream https://api.example --out -

Looked at are the ports that programs of Python listen on, and 8000, 8080, 8881, 5000, 3000 and 80: each is asked for \
/openapi.json, once. Logs are looked for where the service's process has files open, in its folder, and in the usual \
ones. What another user's process has open is seen by root only.";

/// Look for the service and its logs on this host, and write a configuration file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The service behind, as http, https or unix URL; it is asked for its description, and need not have one
    #[arg(long, value_name = "URL", conflicts_with = "port")]
    upstream: Option<String>,
    /// The port of this host that the service listens on; may be repeated
    #[arg(long, value_name = "N")]
    port: Vec<u16>,
    /// Where the run logs are: a folder, or another source as in logs.sources
    #[arg(long, value_name = "DIR|URL")]
    logs: Option<String>,
    /// The route of a run's status, where it is not the usual one; the run's id is a segment in braces
    #[arg(long, value_name = "PATH", value_parser = gateway::route)]
    route: Option<String>,
    /// Where clients are to connect [default: 127.0.0.1:8880]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// A header to send to the service, such as 'x-api-key: KEY'; may be repeated; it is not written anywhere
    #[arg(long, value_name = "K: V", value_parser = gateway::header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The file to write; `-` prints it
    #[arg(long, value_name = "FILE", default_value = "gloss.toml")]
    out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let to_stdout = args.out == Path::new("-");
    if !to_stdout && !args.force && args.out.exists() {
        bail!("{} is there already: --force replaces it, --out names another", args.out.display());
    }
    let choice = choice(args)?;
    let file = written::file(&choice);
    if to_stdout {
        io::stdout().write_all(file.as_bytes())?;
        io::stderr().write_all(written::found(&choice, &again()).as_bytes())?;
        return Ok(());
    }
    write(&args.out, &file).with_context(|| format!("{} cannot be written", args.out.display()))?;
    let told = written::found(&choice, &again()) + &written::next(&choice, &args.out.display().to_string());
    io::stdout().write_all(told.as_bytes())?;
    Ok(())
}

/// How root calls this again: by its whole path, since folders of users' programs are not among those of sudo.
fn again() -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "gloss".to_owned(), |path| path.display().to_string());
    format!("sudo {program} init, with the same arguments and --force")
}

/// What is to be written, by what is told and what is found.
fn choice(args: &Args) -> Result<Choice> {
    let listeners = host::listeners();
    let runtime = runtime()?;
    let services = runtime.block_on(async {
        match &args.upstream {
            Some(url) => services::at(url, &args.header).await.map(|service| vec![service]),
            None => Ok(services::among(&listeners, &args.port, &args.header).await),
        }
    })?;
    runtime.shutdown_background();
    let trouble = args.logs.as_deref().and_then(place).and_then(|folder| folders::trouble(&folder));
    let told =
        Told { listen: args.listen.clone(), logs: args.logs.clone(), trouble, route: args.route.clone() };
    let service = choice::the_one(services, &listeners)?;
    let owner = service.port.and_then(|port| listeners.iter().find(|listener| listener.port == port));
    let folders = if told.logs.is_some() { Vec::new() } else { folders::with_logs(owner) };
    Ok(Choice::of(told, service, owner, folders))
}

/// The folder that `--logs` names, where it names one.
fn place(logs: &str) -> Option<PathBuf> {
    logs.strip_prefix("file://").or(Some(logs)).filter(|path| path.starts_with('/')).map(PathBuf::from)
}

/// Beside it and then in its place, so that a gloss that reads it never sees half of it. Its folder is made, where there is
/// none.
fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // It holds no secret, and whoever gloss runs as has to read it.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable)?;
    file.persist(path)?;
    Ok(())
}

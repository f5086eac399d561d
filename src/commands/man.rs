//! `gloss man`: the manual pages, from the definition of the commands; for packages, and for `man` to show.

#![expect(clippy::disallowed_methods, reason = "a command writes the files that it is for")]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Arguments;

/// Print the manual page of gloss, or write those of all commands into a folder
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "Examples:\n  gloss man | man -l -\n  gloss man --out ~/.local/share/man/man1"
)]
pub(super) struct Args {
    /// Where gloss.1, gloss-serve.1 and so on are written; the folder is made
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut gloss = Arguments::command().disable_help_subcommand(true);
    // Gives subcommands their full names.
    gloss.build();
    match &args.out {
        None => io::stdout().write_all(&page(&gloss)?)?,
        Some(folder) => {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            write_page(folder, &gloss)?;
            for command in gloss.get_subcommands().filter(|command| !command.is_hide_set()) {
                write_page(folder, command)?;
            }
        }
    }
    Ok(())
}

fn write_page(folder: &Path, command: &Command) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?).with_context(|| format!("{} cannot be written", file.display()))
}

/// A page; without its date, so that the same program always gives the same bytes.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let version = format!("gloss {}", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(version).manual("gloss").render(&mut bytes)?;
    bytes.write_all(endings(command).to_roff().as_bytes())?;
    Ok(bytes)
}

/// What holds for every command and no definition of flags says.
fn endings(command: &Command) -> Roff {
    let mut roff = Roff::new();
    section(
        &mut roff,
        "EXIT STATUS",
        &[
            ("0", "Fine."),
            ("1", "Failed at run time."),
            ("2", "Wrong usage."),
            ("78", "The configuration was refused; key, value, reason and hint are on stderr."),
        ],
    );
    if matches!(command.get_name(), "gloss" | "serve" | "check") {
        section(
            &mut roff,
            "ENVIRONMENT",
            &[
                (
                    "GLOSS_*",
                    "A key of the configuration: rollout.percent is GLOSS_ROLLOUT_PERCENT. Flags beat variables beat the file.",
                ),
                ("GLOSS_CONFIG", "The configuration file, where --config names none."),
            ],
        );
        section(
            &mut roff,
            "FILES",
            &[
                ("/etc/gloss/gloss.toml", "The configuration, where gloss runs as a service of the system."),
                ("/etc/gloss/gloss.env", "Variables of that service; for secrets."),
            ],
        );
    }
    roff
}

fn section(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, meaning) in entries {
        roff.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
    }
}

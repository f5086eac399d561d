//! `gloss completions`: what a shell needs to complete gloss's commands and flags, from their own definition.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;

/// Print a script that has a shell complete commands and flags
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gloss completions bash > ~/.local/share/bash-completion/completions/gloss\n  \
                        gloss completions zsh > ~/.zfunc/_gloss\n  \
                        gloss completions fish > ~/.config/fish/completions/gloss.fish"
)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "gloss", &mut script);
    io::stdout().write_all(&script)
}

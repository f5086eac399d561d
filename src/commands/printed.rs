//! `--format` of commands that print for people or for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;

// A documentation comment would become the commands' own.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Printed {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Printed {
    /// Writes to stdout what is wanted: the text as it is, or the value as indented JSON with a line's end.
    ///
    /// # Errors
    /// When the text cannot be made, or stdout takes nothing.
    pub(super) fn print(
        self,
        text: impl FnOnce() -> anyhow::Result<String>,
        value: impl FnOnce() -> Value,
    ) -> anyhow::Result<()> {
        let shown = match self.format {
            Format::Text => text()?,
            Format::Json => format!("{:#}\n", value()),
        };
        io::stdout().write_all(shown.as_bytes())?;
        Ok(())
    }
}

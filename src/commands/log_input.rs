//! Reading a run log from a file or from standard input, for the commands that work offline.
//!
//! Line by line or in pieces, so that a log of any size needs no more memory than its longest line. A file that cannot be read is
//! one readable error.

use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};

/// Opens `path`; `-` is standard input.
///
/// # Errors
///
/// When the file is not there or may not be read.
#[expect(clippy::disallowed_methods, reason = "a command of the shell, not the pure core")]
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(256 * 1024, file)))
}

/// Hands the whole input to `each`, in the pieces in which it is read.
///
/// # Errors
///
/// When reading fails midway, as it does for a directory.
pub(super) fn for_each_piece(
    path: &Path,
    input: &mut dyn BufRead,
    mut each: impl FnMut(&[u8]),
) -> Result<()> {
    loop {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece.with_context(|| format!("cannot read {}", path.display()))?,
        };
        if piece.is_empty() {
            return Ok(());
        }
        each(piece);
        let read = piece.len();
        input.consume(read);
    }
}

/// Hands each line, its line feed included, to `each` until there are no more or `each` returns false.
///
/// # Errors
///
/// When reading fails midway, as it does for a directory, or when `each` fails.
pub(super) fn for_each_line(
    path: &Path,
    input: &mut dyn BufRead,
    mut each: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read =
            input.read_until(b'\n', &mut line).with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 || !each(&line)? {
            return Ok(());
        }
    }
}

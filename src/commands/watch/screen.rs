//! Where a run is shown: drawn in place on a terminal, a line for each change otherwise.

use std::io;

use chrono::{DateTime, Utc};
use console::Term;

use super::view::View;

/// The width of texts that no terminal limits, in columns.
const PLAIN_WIDTH: usize = 100;

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    run: String,
    term: Term,
    in_place: bool,
    /// How many lines are drawn.
    drawn: usize,
    /// The last line that was printed.
    printed: String,
}

impl Screen {
    /// For a run of this name; `plain` never draws in place.
    pub(super) fn new(run: &str, plain: bool) -> Self {
        let term = Term::buffered_stdout();
        let in_place = term.is_term() && !plain;
        Self { run: run.to_owned(), term, in_place, drawn: 0, printed: String::new() }
    }

    /// Shows a state instead of the one before.
    pub(super) fn show(&mut self, view: &View, now: DateTime<Utc>) -> io::Result<()> {
        if !self.in_place {
            return self.print(view.line());
        }
        let (rows, columns) = self.term.size();
        // The cursor needs a line and a column of its own.
        let (rows, columns) = (usize::from(rows).saturating_sub(1), usize::from(columns).saturating_sub(1));
        let mut lines = view.lines(&self.run, now, columns, rows);
        lines.truncate(rows);
        self.term.clear_last_lines(self.drawn.min(rows))?;
        for line in &lines {
            self.term.write_line(line)?;
        }
        self.drawn = lines.len();
        self.term.flush()
    }

    /// Adds what came of the run.
    pub(super) fn finish(&mut self, view: &View) -> io::Result<()> {
        let columns =
            if self.in_place { usize::from(self.term.size().1).saturating_sub(1) } else { PLAIN_WIDTH };
        for line in view.ending(columns) {
            self.term.write_line(&line)?;
        }
        self.term.flush()
    }

    fn print(&mut self, line: String) -> io::Result<()> {
        if line != self.printed {
            self.term.write_line(&line)?;
            self.term.flush()?;
            self.printed = line;
        }
        Ok(())
    }
}

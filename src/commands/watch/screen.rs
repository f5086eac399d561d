//! Where a run is shown: drawn in place on a terminal, a line for each change otherwise.

use std::io;

use chrono::{DateTime, Utc};
use console::Term;

use super::live::Live;
use super::view::{Row, View};

/// The width of texts that no terminal limits, in columns.
const PLAIN_WIDTH: usize = 100;

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    run: String,
    term: Term,
    /// What is drawn in place; `None` where lines are printed.
    live: Option<Live>,
    /// The last line that was printed.
    printed: String,
}

impl Screen {
    /// For a run of this name; `plain` never draws in place.
    pub(super) fn new(run: &str, plain: bool) -> Self {
        let term = Term::buffered_stdout();
        let live = (term.is_term() && !plain).then(|| Live::on(term.clone()));
        Self { run: run.to_owned(), term, live, printed: String::new() }
    }

    /// Shows a state instead of the one before.
    pub(super) fn show(&mut self, view: &View) -> io::Result<()> {
        let Some(live) = &mut self.live else { return self.print(view.line()) };
        let (rows, columns) = self.term.size();
        // The cursor needs a line and a column of its own.
        let (rows, columns) = (usize::from(rows).saturating_sub(1), usize::from(columns).saturating_sub(1));
        let mut shown = view.rows(&self.run, columns, rows);
        shown.truncate(rows);
        live.show(&shown, columns);
        Ok(())
    }

    /// Shows the last state, of `now`, and what came of the run.
    pub(super) fn finish(mut self, view: &View, now: DateTime<Utc>) -> io::Result<()> {
        let columns = match self.live.take() {
            None => PLAIN_WIDTH,
            Some(live) => {
                live.clear()?;
                // All of it: what is printed may be scrolled.
                let columns = usize::from(self.term.size().1).saturating_sub(1);
                self.write(&view.rows(&self.run, columns, usize::MAX), now, columns)?;
                columns
            }
        };
        for line in view.ending(columns) {
            self.term.write_line(&line)?;
        }
        self.term.flush()
    }

    fn write(&self, rows: &[Row], now: DateTime<Utc>, columns: usize) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.term.write_line(&row.text(now, columns)))
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

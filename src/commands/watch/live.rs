//! Rows that are drawn in place on a terminal, and go on between two states: a wheel turns, the time that a step takes
//! runs, the time that is left runs down.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::fmt::Write;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::view::{BAR, Mark, Row, outlook};
use crate::commands::layout::{duration, shortened};

/// How often the terminal is written to at most, a second.
const FRAMES: u8 = 10;
/// How often a wheel turns on.
const WHEEL: Duration = Duration::from_millis(200);
/// How often what shows a time is drawn again.
const CLOCK: Duration = Duration::from_secs(1);
/// The bar counts thousandths.
const WHOLE: u64 = 1000;

/// The rows on the terminal.
#[derive(Debug)]
pub(super) struct Live {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
    shown: Vec<Row>,
}

impl Live {
    /// Nothing is drawn yet.
    pub(super) fn on(term: Term) -> Self {
        let target = ProgressDrawTarget::term(term, FRAMES);
        Self { all: MultiProgress::with_draw_target(target), bars: Vec::new(), shown: Vec::new() }
    }

    /// Shows these rows instead of those before; none is wider than `columns`.
    pub(super) fn show(&mut self, rows: &[Row], columns: usize) {
        for gone in self.bars.drain(rows.len().min(self.bars.len())..) {
            self.all.remove(&gone);
        }
        while self.bars.len() < rows.len() {
            // Hidden until it knows what to show.
            self.bars.push(ProgressBar::hidden());
        }
        for (at, row) in rows.iter().enumerate() {
            let bar = &self.bars[at];
            set(bar, row, columns);
            if at >= self.shown.len() {
                self.all.add(bar.clone());
            }
            match pulse(row) {
                Some(every) => bar.enable_steady_tick(every),
                None => bar.disable_steady_tick(),
            }
            bar.tick();
        }
        self.shown = rows.to_vec();
    }

    /// Takes all of it away.
    pub(super) fn clear(mut self) -> io::Result<()> {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        self.all.clear()
    }
}

impl Drop for Live {
    /// Leaves what was shown last, and the cursor below it.
    fn drop(&mut self) {
        for bar in &self.bars {
            bar.abandon();
        }
    }
}

/// How often a row changes by itself.
fn pulse(row: &Row) -> Option<Duration> {
    match row {
        Row::Activity(_) => Some(WHEEL),
        Row::Bar { end: Some(_), .. } | Row::Step { mark: Mark::Running, seconds: Some(_), .. } => {
            Some(CLOCK)
        }
        Row::Head(_) | Row::Bar { end: None, .. } | Row::Remedy(_) | Row::Step { .. } => None,
    }
}

/// Has a bar show the row.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage, clamped")]
fn set(bar: &ProgressBar, row: &Row, columns: usize) {
    match row {
        Row::Head(text) => {
            bar.set_style(style("{msg:.bold}"));
            bar.set_message(text.clone());
        }
        Row::Bar { percentage, done, end } => {
            let width = columns.saturating_sub(2).min(BAR);
            let room = columns.saturating_sub(width + 3);
            bar.set_length(WHOLE);
            bar.set_position((percentage.clamp(0.0, 100.0) * 10.0) as u64);
            bar.set_style(
                style(&format!("[{{bar:{width}.cyan}}] {{outlook}}"))
                    .progress_chars("█░")
                    .with_key("outlook", outlook_key(*percentage, done.clone(), *end, room)),
            );
        }
        Row::Activity(text) => {
            bar.set_style(style("{spinner:.cyan} {msg}"));
            bar.set_message(shortened(text, columns.saturating_sub(2)));
        }
        Row::Remedy(text) => {
            bar.set_style(style("{msg}"));
            bar.set_message(text.clone());
        }
        Row::Step { mark, text, seconds } => {
            let colour = match mark {
                Mark::Done => "green",
                Mark::Running => "cyan",
                Mark::Failed => "red",
                Mark::Skipped | Mark::Open => "dim",
            };
            let time = if seconds.is_some() { "{took:>8}" } else { "" };
            bar.set_style(
                style(&format!("  {{prefix:.{colour}}} {{msg}} {time}"))
                    .with_key("took", took_key(*mark, *seconds)),
            );
            bar.set_prefix(mark.symbol());
            bar.set_message(text.clone());
            bar.set_elapsed(Duration::from_secs(seconds.unwrap_or_default()));
        }
    }
}

/// How far it is and what is left at the moment of drawing.
fn outlook_key(
    percentage: f64,
    done: String,
    end: Option<DateTime<Utc>>,
    room: usize,
) -> impl Fn(&ProgressState, &mut dyn Write) + Clone + Send + Sync + 'static {
    move |_: &ProgressState, out: &mut dyn Write| {
        let text = outlook(percentage, &done, end, Utc::now());
        // What cannot be drawn is left out.
        let _ = if room > 0 { out.write_str(&shortened(&text, room)) } else { Ok(()) };
    }
}

/// How long a step took, or has taken at the moment of drawing.
fn took_key(
    mark: Mark,
    seconds: Option<u64>,
) -> impl Fn(&ProgressState, &mut dyn Write) + Clone + Send + Sync + 'static {
    move |state: &ProgressState, out: &mut dyn Write| {
        let so_far =
            if mark == Mark::Running { state.elapsed().as_secs() } else { seconds.unwrap_or_default() };
        let _ = out.write_str(&duration(so_far));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are written here")
}

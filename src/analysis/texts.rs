//! The run's last words: what becomes `final_result`. The only part of the state whose size the log decides.

use super::event::Finish;

/// The candidates for the final result, best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    stated: Option<String>,
    last_said: String,
    /// The upstream's own copy, cut at 200 characters.
    shortened: Option<String>,
}

impl Texts {
    /// Takes words of the main thread.
    pub(super) fn said(&mut self, text: &str) {
        if !text.trim().is_empty() {
            replace(&mut self.last_said, text);
        }
    }

    /// Whether the last words go on from these.
    pub(super) fn last_said_begins_with(&self, start: &str) -> bool {
        !start.is_empty() && self.last_said.len() > start.len() && self.last_said.starts_with(start)
    }

    /// The words so far were not the main thread's.
    pub(super) fn forget_said(&mut self) {
        self.last_said = String::new();
    }

    /// Takes a result event: its text counts for the last one only.
    pub(super) fn finished(&mut self, finish: &Finish<'_>) {
        self.stated = finish.result.as_deref().map(str::to_owned);
    }

    /// Takes a result event that has come again: its text, where it was cut the first time.
    pub(super) fn finished_again(&mut self, finish: &Finish<'_>) {
        if self.stated.is_none() {
            self.stated = finish.result.as_deref().map(str::to_owned);
        }
    }

    /// Takes the upstream's shortened copy.
    pub(super) fn closed(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.shortened = Some(text.to_owned());
        }
    }

    /// What the run reported at its end, whole, as far as the log has it.
    pub(super) fn final_result(&self) -> Option<&str> {
        let said = Some(self.last_said.as_str()).filter(|said| !said.is_empty());
        self.stated.as_deref().or(said).or(self.shortened.as_deref())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        of(&self.stated) + self.last_said.capacity() + of(&self.shortened)
    }
}

/// Replaces the text, and gives memory back that one huge text had taken.
fn replace(kept: &mut String, text: &str) {
    if kept.capacity() > 2 * text.len() + 4096 {
        *kept = String::new();
    }
    text.clone_into(kept);
}

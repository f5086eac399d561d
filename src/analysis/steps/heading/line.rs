//! A heading on a line of its own, with its marks or without.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::words::{COUNTED, NUMBER, STEP, begins_like_a_step, label, may_number, number, says_done};
use super::{Form, Heading, shown_name};

/// A longer line is a paragraph that begins like a heading, in characters; what of it is in bold may still be one.
const MAX_CHARS: usize = 120;

/// "Step 2: …", "Steps 3–5 — …", "Phase B. …", "Step 2/5: …".
static WORDED: LazyLock<Regex> = LazyLock::new(|| {
    let ends = r"(?P<sep>\s*[:：.、)）—–]|\s+-\s|\s*$)\s*(?P<title>.*)$";
    let total = r"(?:\s*(?:/|of|von|de|из|sur)\s*[0-9]{1,3})?";
    Regex::new(&format!(
        r"(?i)^(?P<word>{STEP})\s*[#№]?\s*(?P<number>{NUMBER})(?:[-–—](?P<last>[0-9]{{1,3}}))?{total}(?:\s*\([^)]{{1,40}}\))?{ends}"
    ))
    .expect("the pattern is fixed and compiles")
});

/// "第一步：…", "第2フェーズ：…", "3단계: …".
static COUNTED_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^(?:第\s*(?P<number>{NUMBER})\s*(?P<word>{COUNTED})|(?P<korean>[0-9]{{1,3}})\s*단계)(?P<sep>\s*[:：.、—–]|\s+-\s|\s*$|\s)\s*(?P<title>.*)$"
    ))
    .expect("the pattern is fixed and compiles")
});

/// "3. …", "Fix 2: …", "C1 — …".
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:(?P<word>\p{L}[\p{L}-]{0,15})\s*[#№]?\s*)?(?P<number>[0-9]{1,2}(?:\.[0-9]{1,2})?)(?:[-–](?P<last>[0-9]{1,2}))?(?P<sep>\s*[:：)、—–]|\.\s|\s+-\s)\s*(?P<title>.*)$",
    )
    .expect("the pattern is fixed and compiles")
});

/// What a line that has the form of a heading says.
pub(super) enum Line {
    /// It announces a step.
    Announces(Heading),
    /// It tells that a step is over.
    Reports,
}

/// Reads a trimmed line; `None` where it is no heading of a series.
pub(super) fn heading(line: &str) -> Option<Line> {
    let done = line.trim_start_matches(['#', '*', ' ']).starts_with(['✅', '✔', '✓', '☑']);
    let marked = Marked::of(line)?;
    let (form, found) = marked.captures()?;
    let of = |name| found.name(name).map(|part| part.as_str().trim());
    let title = of("title").unwrap_or_default();
    if done || says_done(title) {
        return Some(Line::Reports);
    }
    let first = number(of("number").or(of("korean"))?)?;
    let last = of("last").and_then(number).filter(|last| *last > first).unwrap_or(first);
    let word = of("word").unwrap_or(if of("korean").is_some() { "단계" } else { "" });
    let heading = Heading { form, label: label(word), number: first, last, name: marked.name() };
    begins_with_a_word(title).then_some(Line::Announces(heading))
}

/// A figure after the number is a finding ("exp057: 1.28e-12"), a table, or a date.
fn begins_with_a_word(title: &str) -> bool {
    title.chars().find(|c| c.is_alphanumeric()).is_none_or(char::is_alphabetic)
}

/// Whether [`WORDED`] is worth a try: a word that begins like one for a step, and a number within it or right behind it.
fn may_be_worded(line: &str) -> bool {
    let after = line.trim_start_matches(char::is_alphabetic);
    let word = &line[..line.len() - after.len()];
    let after = after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '№'));
    (after.starts_with(may_number) || word.chars().skip(1).any(may_number)) && begins_like_a_step(word)
}

/// Whether [`COUNTED_FIRST`] is.
fn may_be_counted(line: &str) -> bool {
    line.starts_with('第') || (line.starts_with(char::is_numeric) && line.contains("단계"))
}

/// Whether [`NUMBERED`] is: a number, or one word and a number.
fn may_be_numbered(line: &str) -> bool {
    let after_word = line.trim_start_matches(|c: char| c.is_alphabetic() || c == '-');
    let number = after_word.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '№'));
    number.starts_with(char::is_numeric)
}

/// A line without the marks around it.
struct Marked<'a> {
    line: &'a str,
    plain: String,
    /// Whether it was set as a heading, or begins in bold.
    set_off: bool,
}

impl<'a> Marked<'a> {
    /// Items of lists, tables and quotations are no headings.
    fn of(line: &'a str) -> Option<Self> {
        let text = line.trim_start_matches('#');
        let titled = text.len() < line.len() && text.starts_with([' ', '\t']);
        if line.starts_with(['|', '>', '-', '+', '•', '`']) || line.starts_with("* ") {
            return None;
        }
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '*');
        let plain = text.trim_start_matches(|c: char| !c.is_alphanumeric()).replace("**", "");
        Some(Self { line: text, plain, set_off: titled || text.starts_with("**") })
    }

    fn captures(&self) -> Option<(Form, Captures<'_>)> {
        let worded = may_be_worded(&self.plain).then(|| WORDED.captures(&self.plain)).flatten();
        let counted = || may_be_counted(&self.plain).then(|| COUNTED_FIRST.captures(&self.plain)).flatten();
        let worded = worded.or_else(counted);
        if let Some(found) = worded {
            return (self.set_off || self.is_plain_heading(&found)).then_some((Form::Worded, found));
        }
        let may_count = self.set_off && may_be_numbered(&self.plain);
        let found = may_count.then(|| NUMBERED.captures(&self.plain)).flatten()?;
        let titled = found.name("title").is_some_and(|title| !title.as_str().is_empty());
        titled.then_some((Form::Numbered, found))
    }

    /// Without marks only a short line that is set off by a colon or a dash.
    fn is_plain_heading(&self, found: &Captures<'_>) -> bool {
        let part = |name| found.name(name).map_or("", |part| part.as_str().trim());
        matches!(part("sep"), ":" | "：" | "—" | "–" | "-")
            && !part("title").is_empty()
            && self.plain.chars().count() <= MAX_CHARS
    }

    /// The line, as far as it is a title: of a long one that begins in bold, up to the end of its first sentence.
    fn name(&self) -> String {
        let Some((bold, _)) = self.line.strip_prefix("**").and_then(|rest| rest.split_once("**")) else {
            return shown_name(&self.plain);
        };
        if self.plain.chars().count() <= MAX_CHARS {
            return shown_name(&self.plain);
        }
        let after_bold = self.plain.get(bold.len()..).unwrap_or_default();
        let end = after_bold.find(". ").map_or(usize::MAX, |end| bold.len() + end);
        let sentence = self.plain.get(..end).filter(|sentence| sentence.chars().count() <= MAX_CHARS);
        shown_name(sentence.unwrap_or(bold))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const PIECES: &[&str] = &[
        "Fix", "C", "é", "ª", "Ⅷ", "ͅ", "ßtep", "步", "-", " ", "\u{a0}", "#", "№", "1", "12", "3.4", "٣",
        "½", "A", "二", "二十", "s", "–", ":", "：", ".", ". ", ")", "、", " - ", "—", "title",
    ];

    proptest! {
        #[test]
        fn no_numbered_heading_is_passed_over(pieces in vec(select(PIECES), 0..9)) {
            let line = pieces.concat();
            prop_assert!(may_be_numbered(&line) || !NUMBERED.is_match(&line), "{:?}", line);
        }

        #[test]
        fn no_worded_heading_is_passed_over(
            word in select(STEP.split('|').map(|word| word.replace('?', "")).collect::<Vec<_>>()),
            is_capital in any::<bool>(),
            pieces in vec(select(PIECES), 0..9),
        ) {
            let word = if is_capital { word.to_uppercase() } else { word };
            let line = format!("{word}{}", pieces.concat());
            prop_assert!(may_be_worded(&line) || !WORDED.is_match(&line), "{:?}", line);
        }
    }
}

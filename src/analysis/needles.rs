//! Which of a few words a text holds: the cheap look before a pattern is tried.
//!
//! A pattern takes up to milliseconds to compile and then a microsecond for each line, and most texts hold nothing that it
//! could match. What is found here is never more than a reason to look closer, or exact where [`is_plain`] says that the
//! rules of ASCII are enough.

use aho_corasick::{AhoCorasick, MatchKind};

/// Words with what each stands for.
#[derive(Debug)]
pub(super) struct Needles<T: 'static> {
    words: &'static [(&'static str, T)],
    automaton: AhoCorasick,
}

/// A word that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'t, T> {
    /// What it stands for.
    pub(super) meaning: T,
    /// The text before it.
    pub(super) before: &'t str,
    /// The text after it.
    pub(super) after: &'t str,
}

impl<T: Copy> Needles<T> {
    /// Looks for words in just this spelling.
    pub(super) fn new(words: &'static [(&'static str, T)]) -> Self {
        Self::build(words, false)
    }

    /// Looks for words of ASCII letters in upper and lower case.
    pub(super) fn in_any_case(words: &'static [(&'static str, T)]) -> Self {
        Self::build(words, true)
    }

    fn build(words: &'static [(&'static str, T)], any_case: bool) -> Self {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(any_case)
            .build(words.iter().map(|(word, _)| word))
            .expect("a few constant words");
        Self { words, automaton }
    }

    /// All places where one of the words stands, also within one another.
    pub(super) fn find<'t>(&self, text: &'t str) -> impl Iterator<Item = Found<'t, T>> {
        self.automaton.find_overlapping_iter(text).map(move |found| Found {
            meaning: self.words[found.pattern().as_usize()].1,
            before: &text[..found.start()],
            after: &text[found.end()..],
        })
    }
}

impl<T> Found<'_, T> {
    /// Whether no letter, figure or underscore stands right before the word, as far as ASCII goes.
    pub(super) fn begins_a_word(&self) -> bool {
        !self.before.bytes().next_back().is_some_and(is_word_byte)
    }

    /// Whether no letter of ASCII stands right before the word.
    pub(super) fn begins_letters(&self) -> bool {
        !self.before.bytes().next_back().is_some_and(|byte| byte.is_ascii_alphabetic())
    }

    /// Whether no letter, figure or underscore stands right behind it.
    pub(super) fn ends_a_word(&self) -> bool {
        !self.after.bytes().next().is_some_and(is_word_byte)
    }
}

/// Whether a byte is a letter, figure or underscore of ASCII.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether every character beyond ASCII is punctuation or a symbol of the usual kinds: then a pattern's words and letters
/// in either case are those of ASCII.
pub(super) fn is_plain(text: &str) -> bool {
    text.is_ascii() || text.chars().all(|c| c.is_ascii() || is_usual_symbol(c))
}

/// Dashes, quotes, bullets, ellipses, arrows, boxes, ticks and pictures. No marks that combine with a letter.
fn is_usual_symbol(c: char) -> bool {
    matches!(c,
        '\u{a0}' | '\u{a7}' | '\u{ab}' | '\u{b0}' | '\u{b7}' | '\u{bb}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{203e}' | '\u{2190}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}'
        | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f900}'..='\u{1f9ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_within_one_another_and_their_edges_are_known() {
        let needles = Needles::in_any_case(&[("lint", 1), ("eslint", 2)]);
        let found: Vec<_> = needles
            .find("run ESLint now, splint")
            .map(|found| (found.meaning, found.begins_a_word(), found.ends_a_word()))
            .collect();
        assert_eq!(found, [(2, true, true), (1, false, true), (1, false, true)]);
        assert_eq!(Needles::new(&[("lint", 1)]).find("ESLint LINT").count(), 0);
    }

    #[test]
    fn what_patterns_take_for_word_characters_is_not_plain() {
        let word = regex::Regex::new(r"[\w\d]|(?i:[a-z])").unwrap();
        for c in (0x80..=0x1ffff).filter_map(char::from_u32).filter(|c| is_usual_symbol(*c)) {
            assert!(!word.is_match(&c.to_string()), "{:x}", u32::from(c));
        }
        assert!(is_plain("– “quoted” … ✅ → done") && !is_plain("größer") && !is_plain("\u{212a}"));
    }
}

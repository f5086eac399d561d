//! Which of a few words a text holds: the cheap look before a pattern is tried.
//!
//! A pattern takes up to milliseconds to compile and then a microsecond for each line, and most texts hold nothing that it
//! could match. Words with what stands around them may also be all that there is to look for: then there is no pattern.

/// The first bytes of a word, by which it is noticed.
const NOTICED: usize = 3;

/// Words with what each stands for, made ready by the compiler.
#[derive(Debug)]
pub(super) struct Needles<T: 'static> {
    words: &'static [(&'static str, T)],
    any_case: bool,
    /// By place in a word and byte there: a bit for each word that has it.
    having: [[u64; 256]; NOTICED],
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
    /// Looks for words of ASCII, at most 64 of at least three letters, in just this spelling.
    pub(super) const fn new(words: &'static [(&'static str, T)]) -> Self {
        Self::build(words, false)
    }

    /// Looks for such words with their ASCII letters in upper and lower case.
    pub(super) const fn in_any_case(words: &'static [(&'static str, T)]) -> Self {
        Self::build(words, true)
    }

    const fn build(words: &'static [(&'static str, T)], any_case: bool) -> Self {
        assert!(words.len() <= u64::BITS as usize, "a bit is a word");
        let mut having = [[0; 256]; NOTICED];
        let mut word = 0;
        while word < words.len() {
            let bytes = words[word].0.as_bytes();
            assert!(
                bytes.is_ascii() && bytes.len() >= NOTICED,
                "a word is of ASCII and long enough to be noticed"
            );
            let mut place = 0;
            while place < NOTICED {
                having[place][bytes[place] as usize] |= 1 << word;
                if any_case {
                    having[place][bytes[place].to_ascii_lowercase() as usize] |= 1 << word;
                    having[place][bytes[place].to_ascii_uppercase() as usize] |= 1 << word;
                }
                place += 1;
            }
            word += 1;
        }
        Self { words, any_case, having }
    }

    /// All places where one of the words stands, also within one another, by where they begin.
    pub(super) fn find<'t>(&self, text: &'t str) -> impl Iterator<Item = Found<'t, T>> {
        let starts = text.as_bytes().array_windows().enumerate();
        let noticed = starts.map(|(at, start)| (at, self.noticed(*start))).filter(|(_, words)| *words != 0);
        noticed.flat_map(move |(at, words)| {
            bits(words).filter_map(move |word| {
                let (word, meaning) = self.words[word];
                let end = at + word.len();
                let there = text.as_bytes().get(at..end)?;
                let is_it = if self.any_case {
                    there.eq_ignore_ascii_case(word.as_bytes())
                } else {
                    there == word.as_bytes()
                };
                is_it.then(|| Found { meaning, before: &text[..at], after: &text[end..] })
            })
        })
    }

    /// The words that begin like this.
    #[inline]
    fn noticed(&self, [first, second, third]: [u8; NOTICED]) -> u64 {
        let of = |place: usize, byte: u8| self.having[place][usize::from(byte)];
        of(0, first) & of(1, second) & of(2, third)
    }
}

/// The places of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}

impl<T> Found<'_, T> {
    /// Whether no letter, figure or underscore of any script stands right before the word.
    pub(super) fn begins_a_word(&self) -> bool {
        !ends_in_a_word(self.before)
    }

    /// Whether none of ASCII stands there.
    pub(super) fn begins_an_ascii_word(&self) -> bool {
        !self.before.bytes().next_back().is_some_and(is_word_byte)
    }

    /// Whether no letter of ASCII stands right before the word.
    pub(super) fn begins_letters(&self) -> bool {
        !self.before.bytes().next_back().is_some_and(|byte| byte.is_ascii_alphabetic())
    }

    /// Whether no letter, figure or underscore of any script stands right behind it.
    pub(super) fn ends_a_word(&self) -> bool {
        !begins_in_a_word(self.after)
    }
}

/// Whether the last character is one of a word.
pub(super) fn ends_in_a_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_word_character)
}

/// Whether the first character is one of a word.
pub(super) fn begins_in_a_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word_character)
}

/// What `\w` is to a pattern.
pub(super) fn is_word_character(c: char) -> bool {
    u8::try_from(c).ok().filter(u8::is_ascii).map_or_else(|| regex_syntax::is_word_character(c), is_word_byte)
}

/// Whether a byte is a letter, figure or underscore of ASCII.
fn is_word_byte(byte: u8) -> bool {
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    static LINTS: Needles<u8> = Needles::in_any_case(&[("lint", 1), ("eslint", 2)]);

    #[test]
    fn words_are_found_within_one_another_and_their_edges_are_known() {
        let found: Vec<_> = LINTS
            .find("run ESLint now, splint")
            .map(|found| (found.meaning, found.begins_a_word(), found.ends_a_word()))
            .collect();
        assert_eq!(found, [(2, true, true), (1, false, true), (1, false, true)]);
        assert_eq!(Needles::new(&[("lint", 1)]).find("ESLint LINT").count(), 0);
    }

    #[test]
    fn letters_of_any_script_are_of_a_word() {
        let edges = |text: &str| {
            let found = LINTS.find(text).next().unwrap();
            (found.begins_a_word(), found.begins_an_ascii_word(), found.ends_a_word())
        };
        assert_eq!(edges("élinté"), (false, true, false));
        assert_eq!(edges("–lint…"), (true, true, true));
        assert_eq!(edges("_lint1"), (false, false, false));
    }

    proptest! {
        #[test]
        fn every_place_of_every_word_is_found(
            pieces in vec(select(&["lint", "LINT", "es", "ES", "Es", "é", "l", "i", "t", "esl", " "]), 0..12),
        ) {
            let text = pieces.concat();
            let places = |word: &str| {
                let at = |at: &usize| {
                    text.as_bytes()[*at..].get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
                };
                (0..text.len()).filter(at).collect::<Vec<_>>()
            };
            for (word, meaning) in [("lint", 1), ("eslint", 2)] {
                let found = LINTS.find(&text).filter(|found| found.meaning == meaning);
                let found: Vec<_> = found.map(|found| found.before.len()).collect();
                prop_assert_eq!(found, places(word), "{:?}", text);
            }
        }
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

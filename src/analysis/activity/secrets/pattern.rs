//! A pattern of ASCII characters for texts of any.
//!
//! What letters, blanks and words are takes tables of all of Unicode, which make a pattern ten times as slow to compile and
//! keep the quick engines from searching with it. So the pattern never sees Unicode: it sees a text of as many bytes as the
//! original has characters, in which what is beyond ASCII is a blank, or no part of a word. The letter before `token` in
//! `größe_token=…` therefore hides nothing: more is found than by the tables, and, since what would not be found by them is
//! not passed over but searched again, nothing less.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::analysis::needles::is_word_character;

/// A constant pattern of ASCII characters, none of whose matches are empty.
#[derive(Debug)]
pub(super) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

/// So many matches that hang on a letter beyond ASCII are searched again: each may be as long as the text.
const MAX_SEARCHED_AGAIN: usize = 64;

impl Pattern {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// What is to be hidden.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let pattern = self.compiled.get_or_init(|| {
            let built = RegexBuilder::new(self.text).unicode(false).build();
            built.expect("a constant pattern")
        });
        let seen = Seen::of(text);
        let (mut places, mut from, mut searched_again) = (Vec::new(), 0, 0);
        while let Some(found) = pattern.captures_at(&seen.bytes, from) {
            let (whole, value) = (found.get_match(), found.name("value"));
            places.push(seen.original(value.unwrap_or(whole).range()));
            let name_end = value.map_or(whole.end(), |value| value.start());
            let hangs_on_letter = seen.has_letter(whole.start().saturating_sub(1)..name_end);
            let again = hangs_on_letter && searched_again < MAX_SEARCHED_AGAIN;
            searched_again += usize::from(again);
            from = if again { whole.start() + 1 } else { whole.end() };
        }
        places
    }
}

/// The text with what `mask` makes of each group `value` that fits in any of the patterns, or of each match where there is no
/// such group; borrowed where there is none.
pub(super) fn replace<'t>(patterns: &[&Pattern], text: &'t str, mask: fn(&str) -> String) -> Cow<'t, str> {
    let mut hidden: Vec<_> = patterns.iter().flat_map(|pattern| pattern.places(text)).collect();
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort_unstable_by_key(|place| place.start);
    hidden.dedup_by(|next, place| {
        let overlaps = next.start < place.end;
        place.end = if overlaps { place.end.max(next.end) } else { place.end };
        overlaps
    });
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for place in hidden {
        out.push_str(&text[from..place.start]);
        from = place.end;
        out.push_str(&mask(&text[place]));
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// A text as a pattern sees it: each character a byte.
struct Seen<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where in the text each character begins, and its end; nothing where the bytes are those of the text.
    starts: Vec<usize>,
}

/// Stands for a blank beyond ASCII. The spaces in a pattern are only those of ASCII.
const BLANK: u8 = 0x0b;
/// Stands for what else may be of a word.
const LETTER: u8 = 0xff;
/// Stands for any other character beyond ASCII.
const SYMBOL: u8 = 0xfe;
/// The letters beyond ASCII that are other cases of one of ASCII's, `s` and `k`, as which they are seen.
pub(super) const LONG_S: char = '\u{17f}';
pub(super) const KELVIN: char = '\u{212a}';

impl<'t> Seen<'t> {
    fn of(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { bytes: Cow::Borrowed(text.as_bytes()), starts: Vec::new() };
        }
        let byte = |c: char| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => byte,
            Ok(_) | Err(_) if c == LONG_S => b's',
            Ok(_) | Err(_) if c == KELVIN => b'k',
            Ok(_) | Err(_) if c.is_whitespace() => BLANK,
            Ok(_) | Err(_) if is_word_character(c) => LETTER,
            Ok(_) | Err(_) => SYMBOL,
        };
        let bytes = text.chars().map(byte).collect();
        let starts = text.char_indices().map(|(start, _)| start).chain([text.len()]).collect();
        Self { bytes: Cow::Owned(bytes), starts }
    }

    /// What a range of the bytes is in the text.
    fn original(&self, range: Range<usize>) -> Range<usize> {
        if self.starts.is_empty() { range } else { self.starts[range.start]..self.starts[range.end] }
    }

    fn has_letter(&self, range: Range<usize>) -> bool {
        !self.starts.is_empty() && memchr::memchr(LETTER, &self.bytes[range]).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::{COMMANDS, NAMED, PERHAPS_NAMED, SHAPES, USER_INFO};
    use super::*;

    /// Parts of secrets and of what stands around them, so that many texts nearly have one.
    const PIECES: &[&str] = &[
        " ",
        " ",
        "\n",
        "\t",
        "\x0b",
        "\"",
        "'",
        ":",
        "=",
        "-",
        "--",
        "_",
        ".",
        "/",
        "@",
        ";",
        "|",
        "$",
        "`",
        "(",
        "curl",
        "-u ",
        "--user=",
        "-b ",
        "login",
        "docker",
        "redis-cli",
        "-a ",
        "mysql",
        "-p",
        "sshpass ",
        "openssl",
        "-K ",
        "gh secret set",
        "vault login ",
        "aws configure set ",
        "Authorization",
        "bearer ",
        "Cookie",
        "x-api-key",
        "API_KEY",
        "password",
        "client_secret",
        "--token",
        "token",
        "Signature",
        "pwd",
        "_PASS=",
        "TOKENS",
        "https://",
        "user",
        "host",
        "sk-",
        "ghp_",
        "AKIA",
        "eyJ",
        "xoxb-",
        "SG.",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "aB3dE6gH9jK2mN5p",
        "0123456789",
        "abcdefabcdefabcdefabcdef",
        "ZYXWVUTSRQPO",
    ];

    /// What is beyond ASCII and no part of a word: blanks, punctuation, symbols.
    const SYMBOLS: &[&str] =
        &["\u{a0}", "\u{3000}", "\u{2028}", "\u{85}", "–", "“", "”", "…", "✅", "→", "€", "。", "\u{200b}"];

    /// Letters, figures and marks beyond ASCII.
    const LETTERS: &[&str] = &[
        "é",
        "ö",
        "ß",
        "größe",
        "пароль",
        "トークン",
        "ª",
        "٣",
        "Ⅷ",
        "\u{301}",
        "字",
        "ſ",
        "\u{212a}",
        "paſſword",
    ];

    /// The patterns, and the same as they are to Unicode.
    static PATTERNS: LazyLock<[(&Pattern, regex::Regex); 5]> = LazyLock::new(|| {
        [&USER_INFO, &SHAPES, &NAMED, &COMMANDS, &PERHAPS_NAMED]
            .map(|pattern| (pattern, regex::Regex::new(pattern.text).unwrap()))
    });

    fn shown(hidden: &str) -> String {
        format!("<{hidden}>")
    }

    fn places_by_unicode(unicode: &regex::Regex, text: &str) -> Vec<Range<usize>> {
        let found = unicode.captures_iter(text);
        found.map(|found| found.name("value").unwrap_or(found.get_match()).range()).collect()
    }

    fn texts(others: &'static [&'static str]) -> impl Strategy<Value = String> {
        let piece = prop_oneof![4 => select(PIECES), 1 => select(others)];
        (vec(piece, 0..18), "[ -~\n\t\r]{0,40}", 0..18_usize).prop_map(|(mut pieces, any, at)| {
            pieces.insert(at.min(pieces.len()), &any);
            pieces.concat()
        })
    }

    proptest! {
        #[test]
        fn without_letters_beyond_ascii_the_same_is_found_as_by_unicode(text in texts(SYMBOLS)) {
            for (pattern, unicode) in &*PATTERNS {
                prop_assert_eq!(pattern.places(&text), places_by_unicode(unicode, &text), "{:?}", text);
            }
        }

        #[test]
        fn what_is_hidden_by_unicode_is_hidden(text in texts(LETTERS)) {
            for (pattern, unicode) in &*PATTERNS {
                let places = pattern.places(&text);
                let is_hidden = |at: usize| places.iter().any(|place| place.contains(&at));
                for mut place in places_by_unicode(unicode, &text) {
                    prop_assert!(place.all(is_hidden), "{:?} in {:?}, {:?}", place, text, places);
                }
            }
        }
    }

    #[test]
    fn what_fits_nowhere_is_not_copied() {
        let pattern = Pattern::new("(?P<name>a)(?P<value>b)");
        assert!(matches!(replace(&[&pattern], "ba", shown), Cow::Borrowed("ba")));
        assert!(matches!(replace(&[&pattern], "bäa", shown), Cow::Borrowed("bäa")));
        assert_eq!(replace(&[&pattern], "xabyab", shown), "xa<b>ya<b>");
        assert_eq!(replace(&[&pattern], "äab", shown), "äa<b>");
    }

    #[test]
    fn letters_blanks_and_long_words_beyond_ascii_are_counted_as_characters() {
        assert_eq!(replace(&[&NAMED], "größe_password=größe\u{a0}x", shown), "größe_password=<größe>\u{a0}x");
        assert_eq!(replace(&[&NAMED], "--token\u{3000}größe", shown), "--token\u{3000}<größe>");
        let far = format!("curl {} -u a:", "ж".repeat(190));
        assert_eq!(replace(&[&COMMANDS], &format!("{far}b"), shown), format!("{far}<b>"));
    }

    #[test]
    fn what_is_found_for_a_letter_beyond_ascii_hides_nothing_else() {
        let text = "évault login \"vault login hunter2";
        assert_eq!(replace(&[&COMMANDS], text, shown), "évault login <\"vault> login <hunter2>");
        let many = format!("{}--token x", "éTOKEN=".repeat(2 * MAX_SEARCHED_AGAIN));
        assert!(replace(&[&NAMED], &many, shown).len() < many.len() + 5);
    }
}

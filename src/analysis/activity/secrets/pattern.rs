//! A pattern of ASCII characters for texts of any.
//!
//! What letters, blanks and words are takes tables of all of Unicode, which make a pattern ten times as slow to compile and
//! keep the quick engines from searching with it. So the pattern never sees Unicode: it sees a text of as many bytes as the
//! original has characters, in which a blank of any kind is a space and what else is beyond ASCII is no part of a word. The
//! letter before `token` in `größe_token=…` therefore hides nothing: a little more is found than by the tables, and nothing
//! less.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// A constant pattern of ASCII characters.
#[derive(Debug)]
pub(super) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

/// A place where the pattern fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'t> {
    /// What its group `name` holds; empty without one.
    pub(super) name: &'t str,
    /// What its group `value` holds; empty without one.
    pub(super) value: &'t str,
}

/// Where a pattern and its groups fit, in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    whole: Range<usize>,
    name: Range<usize>,
    value: Range<usize>,
}

impl Pattern {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The text with what `with` makes of each place; borrowed where there is none.
    pub(super) fn replace<'t>(&self, text: &'t str, with: fn(Found<'_>) -> String) -> Cow<'t, str> {
        let places = self.places(text);
        if places.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for place in places {
            out.push_str(&text[from..place.whole.start]);
            out.push_str(&with(Found { name: &text[place.name], value: &text[place.value] }));
            from = place.whole.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// Where the pattern fits, one place behind the other.
    fn places(&self, text: &str) -> Vec<Place> {
        let pattern = self.compiled.get_or_init(|| {
            let built = RegexBuilder::new(self.text).unicode(false).build();
            built.expect("a constant pattern")
        });
        let seen = Seen::of(text);
        let found = pattern.captures_iter(&seen.bytes).map(|found| {
            let group = |name| found.name(name).map_or(0..0, |group| seen.original(group.range()));
            let whole = found.get_match();
            Place { whole: seen.original(whole.range()), name: group("name"), value: group("value") }
        });
        found.collect()
    }
}

/// A text as a pattern sees it: each character a byte.
struct Seen<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where in the text each character begins, and its end; nothing where the bytes are those of the text.
    starts: Vec<usize>,
}

/// Stands for a character beyond ASCII that is no blank.
const OTHER: u8 = 0xff;

impl<'t> Seen<'t> {
    fn of(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { bytes: Cow::Borrowed(text.as_bytes()), starts: Vec::new() };
        }
        let byte = |c: char| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => byte,
            Ok(_) | Err(_) if c.is_whitespace() => b' ',
            Ok(_) | Err(_) => OTHER,
        };
        let bytes = text.chars().map(byte).collect();
        let starts = text.char_indices().map(|(start, _)| start).chain([text.len()]).collect();
        Self { bytes: Cow::Owned(bytes), starts }
    }

    /// What a range of the bytes is in the text.
    fn original(&self, range: Range<usize>) -> Range<usize> {
        if self.starts.is_empty() { range } else { self.starts[range.start]..self.starts[range.end] }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::{NAMED, PERHAPS_NAMED, SHAPES, USER_INFO};
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
    const LETTERS: &[&str] = &["é", "ö", "ß", "größe", "пароль", "トークン", "ª", "٣", "Ⅷ", "\u{301}", "字"];

    /// The patterns, and the same as they are to Unicode.
    static PATTERNS: LazyLock<[(&Pattern, regex::Regex); 4]> = LazyLock::new(|| {
        [&USER_INFO, &SHAPES, &NAMED, &PERHAPS_NAMED]
            .map(|pattern| (pattern, regex::Regex::new(pattern.text).unwrap()))
    });

    fn shown(found: Found<'_>) -> String {
        format!("<{}|{}>", found.name, found.value)
    }

    fn places_by_unicode(unicode: &regex::Regex, text: &str) -> Vec<Place> {
        let found = unicode.captures_iter(text).map(|found| {
            let group = |name| found.name(name).map_or(0..0, |group| group.range());
            Place { whole: found.get_match().range(), name: group("name"), value: group("value") }
        });
        found.collect()
    }

    /// The part of a place that is hidden.
    fn hidden(place: &Place) -> Range<usize> {
        if place.value.is_empty() { place.whole.clone() } else { place.value.clone() }
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
                let is_hidden = |at: usize| places.iter().any(|place| hidden(place).contains(&at));
                for place in places_by_unicode(unicode, &text) {
                    prop_assert!(hidden(&place).all(is_hidden), "{:?} in {:?}, {:?}", place, text, places);
                }
            }
        }
    }

    #[test]
    fn what_fits_nowhere_is_not_copied() {
        let pattern = Pattern::new("(?P<name>a)(?P<value>b)");
        assert!(matches!(pattern.replace("ba", shown), Cow::Borrowed("ba")));
        assert!(matches!(pattern.replace("bäa", shown), Cow::Borrowed("bäa")));
        assert_eq!(pattern.replace("xabyab", shown), "x<a|b>y<a|b>");
        assert_eq!(pattern.replace("äab", shown), "ä<a|b>");
    }

    #[test]
    fn letters_blanks_and_long_words_beyond_ascii_are_counted_as_characters() {
        assert_eq!(NAMED.replace("größe_password=größe\u{a0}x", shown), "größ<e_password=|größe>\u{a0}x");
        assert_eq!(NAMED.replace("--token\u{3000}größe", shown), "<--token\u{3000}|größe>");
        let far = format!("curl {} -u a:b", "ж".repeat(190));
        assert_eq!(NAMED.replace(&far, shown), format!("<curl {} -u a:|b>", "ж".repeat(190)));
    }
}

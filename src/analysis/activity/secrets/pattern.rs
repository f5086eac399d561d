//! A pattern that is compiled for texts of ASCII first, and for others only when there is one.
//!
//! What letters, blanks and words are takes tables of all of Unicode, which make a pattern ten times as slow to compile; in a
//! text of ASCII, which nearly every command and error is, the tables say nothing else than without.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use regex::{Regex, bytes};

/// A constant pattern of ASCII characters.
#[derive(Debug)]
pub(super) struct Pattern {
    text: &'static str,
    ascii: OnceLock<bytes::Regex>,
    unicode: OnceLock<Regex>,
}

/// A place where the pattern fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'t> {
    /// What its group `name` holds; empty without one.
    pub(super) name: &'t str,
    /// What its group `value` holds; empty without one.
    pub(super) value: &'t str,
}

impl Pattern {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, ascii: OnceLock::new(), unicode: OnceLock::new() }
    }

    /// The text with what `with` makes of each place; borrowed where there is none.
    pub(super) fn replace<'t>(&self, text: &'t str, with: fn(Found<'_>) -> String) -> Cow<'t, str> {
        if text.is_ascii() { self.replace_ascii(text, with) } else { self.replace_any(text, with) }
    }

    fn replace_ascii<'t>(&self, text: &'t str, with: fn(Found<'_>) -> String) -> Cow<'t, str> {
        let pattern = self.ascii.get_or_init(|| {
            let built = bytes::RegexBuilder::new(self.text).unicode(false).build();
            built.expect("a constant pattern")
        });
        let places = pattern.captures_iter(text.as_bytes()).map(|found| {
            let group = |name| found.name(name).map_or("", |group| &text[group.range()]);
            let whole = found.get(0).map_or(0..0, |whole| whole.range());
            (whole, Found { name: group("name"), value: group("value") })
        });
        replaced(text, places, with)
    }

    fn replace_any<'t>(&self, text: &'t str, with: fn(Found<'_>) -> String) -> Cow<'t, str> {
        let pattern = self.unicode.get_or_init(|| Regex::new(self.text).expect("a constant pattern"));
        let places = pattern.captures_iter(text).map(|found| {
            let group = |name| found.name(name).map_or("", |group| group.as_str());
            let whole = found.get(0).map_or(0..0, |whole| whole.range());
            (whole, Found { name: group("name"), value: group("value") })
        });
        replaced(text, places, with)
    }
}

fn replaced<'t>(
    text: &'t str,
    places: impl Iterator<Item = (Range<usize>, Found<'t>)>,
    with: fn(Found<'_>) -> String,
) -> Cow<'t, str> {
    let (mut out, mut from) = (String::new(), 0);
    for (place, found) in places {
        out.push_str(&text[from..place.start]);
        out.push_str(&with(found));
        from = place.end;
    }
    // No pattern fits where there is nothing.
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
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

    fn shown(found: Found<'_>) -> String {
        format!("<{}|{}>", found.name, found.value)
    }

    proptest! {
        #[test]
        fn in_ascii_both_ways_find_the_same(
            pieces in vec(select(PIECES), 0..16),
            any in "[ -~\n\t\r]{0,40}",
            at in 0..16_usize,
        ) {
            let mut pieces: Vec<&str> = pieces;
            pieces.insert(at.min(pieces.len()), &any);
            let text = pieces.concat();
            for pattern in [&USER_INFO, &SHAPES, &NAMED, &PERHAPS_NAMED] {
                let (ascii, unicode) = (pattern.replace_ascii(&text, shown), pattern.replace_any(&text, shown));
                prop_assert_eq!(ascii, unicode, "{:?}", text);
            }
        }
    }

    #[test]
    fn what_fits_nowhere_is_not_copied() {
        let pattern = Pattern::new("(?P<name>a)(?P<value>b)");
        assert!(matches!(pattern.replace("ba", shown), Cow::Borrowed("ba")));
        assert_eq!(pattern.replace("xabyab", shown), "x<a|b>y<a|b>");
        assert_eq!(pattern.replace("äab", shown), "ä<a|b>");
    }
}

//! Python's strings, numbers and opaque objects.

use super::{Extent, Translator};

impl Translator<'_> {
    /// A string, at its quote. Of one whose end is missing the start is kept where a `partial` one is of use, with an
    /// ellipsis at its end.
    pub(super) fn string(&mut self, partial: bool) -> Extent {
        let start = self.out.len();
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Extent::Nothing;
        };
        self.rest = &self.rest[1..];
        self.out.push('"');
        if self.characters(quote) {
            self.out.push('"');
            return Extent::Whole;
        }
        self.rest = "";
        if !partial {
            self.out.truncate(start);
            return Extent::Nothing;
        }
        self.out.push_str(if self.out.ends_with("...") { "\"" } else { "…\"" });
        Extent::Part
    }

    /// The characters of a string up to and with its closing quote; whether there was one.
    fn characters(&mut self, quote: char) -> bool {
        while let Some(end) = self.rest.find([quote, '\\']) {
            let (chunk, after) = self.rest.split_at(end);
            push_escaped(&mut self.out, chunk);
            self.rest = &after[1..];
            if after.starts_with(quote) {
                return true;
            }
            if self.escape().is_none() {
                return false;
            }
        }
        push_escaped(&mut self.out, self.rest);
        false
    }

    /// An escape, after its backslash; `None` where its end is missing.
    fn escape(&mut self) -> Option<()> {
        let kind = self.rest.chars().next()?;
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let after = &self.rest[kind.len_utf8()..];
        let character = match kind {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            '\\' | '\'' | '"' => kind,
            _ if digits > 0 => {
                let code = u32::from_str_radix(after.get(..digits)?, 16).ok()?;
                // Half of a surrogate pair is no character.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                // Python keeps the backslash of what is no escape.
                self.out.push_str("\\\\");
                kind
            }
        };
        self.rest = after.get(digits..)?;
        push_escaped(&mut self.out, character.encode_utf8(&mut [0; 4]));
        Some(())
    }

    /// A number; one at the very end may go on.
    pub(super) fn number(&mut self) -> Extent {
        let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E' | '_');
        let Some(end) = self.rest.find(|c: char| !is_digit(c)) else { return Extent::Nothing };
        let (digits, after) = self.rest.split_at(end);
        self.rest = after;
        let whole = digits.parse::<i64>().map(|number| number.to_string());
        let text = whole.ok().or_else(|| {
            let number = digits.parse::<f64>().ok()?;
            serde_json::Number::from_f64(number).map(|number| number.to_string())
        });
        self.out.push_str(text.as_deref().unwrap_or("null"));
        Extent::Whole
    }

    /// `<what has no literal form>`.
    pub(super) fn opaque(&mut self) -> Extent {
        let Some(end) = self.rest.find('>') else { return Extent::Nothing };
        self.rest = &self.rest[end + 1..];
        self.out.push_str("null");
        Extent::Whole
    }
}

/// Adds text to a JSON string.
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character < ' ' => {
                let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
                let code = u32::from(character);
                out.extend(['\\', 'u', '0', '0', digit(code / 16), digit(code % 16)]);
            }
            _ => out.push(character),
        }
    }
}

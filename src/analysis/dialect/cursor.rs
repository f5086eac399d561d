//! A place in a piece of JSON that moves on over values: the parser of the hot path.
//!
//! It reads what `serde_json` reads and refuses what that refuses, but skips what nobody asked for at the speed of a search
//! for quotes. Not for text with raw control characters within strings, which are to be looked for before
//! ([`has_controls`]); and halves of surrogate pairs are only noticed ([`Cursor::saw_surrogates`]), not judged, where a
//! string is skipped.

mod marks;

use std::borrow::Cow;

use marks::Marks;

/// Reads a text from its start. Everything that gives `None` has met something that is no JSON.
#[derive(Debug, Clone)]
pub(in crate::analysis) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    marks: Marks,
    surrogates: bool,
}

/// A number as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::analysis) enum Figure<'a> {
    /// Whole and short, with its figures as they stand there.
    Whole(i64, &'a str),
    /// Any other.
    Other(f64),
    /// Whole and too large for the first.
    Large(u64),
}

/// The kinds of values, told by their first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Kind {
    Text,
    Number,
    Object,
    List,
    True,
    False,
    Null,
}

/// What a backslash begins with the byte behind it.
#[derive(Debug, Clone, Copy)]
enum Escape {
    /// An escape of two bytes.
    Short,
    /// One with four figures to come.
    Unicode,
    None,
}

static ESCAPES: [Escape; 256] = {
    let mut escapes = [Escape::None; 256];
    let (short, mut place) = (br#""\/bfnrt"#, 0);
    while place < short.len() {
        escapes[short[place] as usize] = Escape::Short;
        place += 1;
    }
    escapes[b'u' as usize] = Escape::Unicode;
    escapes
};

/// Whether a text has raw control characters.
///
/// Looks at whole blocks without leaving early, which the compiler turns into vector instructions.
pub(in crate::analysis) fn has_controls(text: &str) -> bool {
    let has_one = |block: &[u8]| block.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20;
    text.as_bytes().chunks(256).any(has_one)
}

impl<'a> Cursor<'a> {
    pub(in crate::analysis) fn new(text: &'a str) -> Self {
        Self { text, at: 0, marks: Marks::new(text.as_bytes()), surrogates: false }
    }

    /// How many bytes have been read.
    pub(in crate::analysis) fn offset(&self) -> usize {
        self.at
    }

    /// Whether an escaped half of a surrogate pair was among them, as a rule with its other half.
    pub(in crate::analysis) fn saw_surrogates(&self) -> bool {
        self.surrogates
    }

    /// Whether nothing but blanks is left.
    pub(in crate::analysis) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// What kind of value comes next.
    pub(in crate::analysis) fn kind(&mut self) -> Option<Kind> {
        Some(match self.peek()? {
            b'"' => Kind::Text,
            b'{' => Kind::Object,
            b'[' => Kind::List,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' => Kind::True,
            b'f' => Kind::False,
            b'n' => Kind::Null,
            _ => return None,
        })
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Begins an object or a list, whose kind was seen.
    pub(in crate::analysis) fn open(&mut self) {
        self.at += 1;
    }

    /// Moves on to the next value of the object that was begun, and gives its key; an inner `None` at its end. `is_first`
    /// is true at first.
    #[expect(clippy::option_option, reason = "no JSON, the end, and a key are three things")]
    pub(in crate::analysis) fn key(&mut self, is_first: &mut bool) -> Option<Option<Cow<'a, str>>> {
        if !self.goes_on(b'}', is_first)? {
            return Some(None);
        }
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = self.marks.next(self.text.as_bytes(), start)?;
        let key = if self.text.as_bytes()[end] == b'"' {
            self.at = end + 1;
            Cow::Borrowed(&self.text[start..end])
        } else {
            self.text()?
        };
        self.colon()?;
        Some(Some(key))
    }

    /// Moves on to the next element of the list that was begun; false at its end. `is_first` is true at first.
    pub(in crate::analysis) fn element(&mut self, is_first: &mut bool) -> Option<bool> {
        self.goes_on(b']', is_first)
    }

    fn goes_on(&mut self, end: u8, is_first: &mut bool) -> Option<bool> {
        let was_first = std::mem::take(is_first);
        match self.peek()? {
            byte if byte == end => {
                self.at += 1;
                Some(false)
            }
            _ if was_first => Some(true),
            b',' => {
                self.at += 1;
                // A comma before the end is no JSON.
                (self.peek()? != end).then_some(true)
            }
            _ => None,
        }
    }

    fn colon(&mut self) -> Option<()> {
        (self.peek()? == b':').then(|| self.at += 1)
    }

    /// The string that comes next, as it is meant.
    pub(in crate::analysis) fn text(&mut self) -> Option<Cow<'a, str>> {
        let (raw, is_escaped) = self.string()?;
        if is_escaped { unescaped(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(raw)) }
    }

    /// The string that comes next, as it stands there, and whether it has escapes.
    fn string(&mut self) -> Option<(&'a str, bool)> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let (mut at, mut is_escaped) = (start, false);
        loop {
            at = self.marks.next(bytes, at)?;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Some((&self.text[start..at], is_escaped));
            }
            is_escaped = true;
            at += self.escape(at)?;
        }
    }

    /// How long the escape is that begins there.
    fn escape(&mut self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        match ESCAPES[usize::from(*bytes.get(at + 1)?)] {
            Escape::Short => Some(2),
            Escape::Unicode => {
                let digits = bytes.get(at + 2..at + 6)?;
                self.surrogates |= digits[0] | 0x20 == b'd';
                digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
            }
            Escape::None => None,
        }
    }

    /// The number that comes next.
    pub(in crate::analysis) fn number(&mut self) -> Option<Figure<'a>> {
        let text = self.figures()?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_short = digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0";
        if is_short {
            return text.parse().ok().map(|number| Figure::Whole(number, text));
        }
        // Its author's reading of fractions, to the last bit, and refusal of what is too large.
        let number: serde_json::Number = serde_json::from_str(text).ok()?;
        match (number.as_u64(), number.as_i64()) {
            (Some(large), _) => Some(Figure::Large(large)),
            (None, Some(whole)) => Some(Figure::Whole(whole, text)),
            (None, None) => number.as_f64().map(Figure::Other),
        }
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn figures(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.take_if(|byte| byte == b'-');
        let is_zero = self.take_if(|byte| byte == b'0');
        let whole = self.digits();
        if is_zero == (whole > 0) {
            return None;
        }
        if self.take_if(|byte| byte == b'.') && self.digits() == 0 {
            return None;
        }
        if self.take_if(|byte| matches!(byte, b'e' | b'E')) {
            self.take_if(|byte| matches!(byte, b'+' | b'-'));
            if self.digits() == 0 {
                return None;
            }
        }
        Some(&self.text[start..self.at])
    }

    fn take_if(&mut self, is_it: impl Fn(u8) -> bool) -> bool {
        let takes = self.text.as_bytes().get(self.at).is_some_and(|byte| is_it(*byte));
        self.at += usize::from(takes);
        takes
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Moves over the value that comes next, whatever it is, and gives it as it stands there.
    pub(in crate::analysis) fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Some(&self.text[start..self.at])
    }

    /// Moves over the value that comes next. Any depth will do: what is open is remembered, not recursed into.
    pub(in crate::analysis) fn skip(&mut self) -> Option<()> {
        let mut open = Open::default();
        loop {
            let mut is_first = true;
            match self.kind()? {
                Kind::Text => drop(self.string()?),
                Kind::Number => drop(self.figures()?),
                Kind::True => self.word("true")?,
                Kind::False => self.word("false")?,
                Kind::Null => self.word("null")?,
                kind @ (Kind::Object | Kind::List) => {
                    self.open();
                    open.push(kind == Kind::Object);
                    if self.enter(&mut open, &mut is_first)? {
                        continue;
                    }
                }
            }
            // A value has ended; so may what it stands in.
            loop {
                if open.is_empty() {
                    return Some(());
                }
                if self.enter(&mut open, &mut false)? {
                    break;
                }
            }
        }
    }

    /// Moves on to the next value of what is open, or out of it.
    fn enter(&mut self, open: &mut Open, is_first: &mut bool) -> Option<bool> {
        let is_object = open.last();
        let goes_on = self.goes_on(if is_object { b'}' } else { b']' }, is_first)?;
        if !goes_on {
            open.pop();
        } else if is_object {
            if self.peek()? != b'"' {
                return None;
            }
            self.string()?;
            self.colon()?;
        }
        Some(goes_on)
    }
}

/// What is open around a value: a bit for each, set for an object.
#[derive(Debug, Default)]
struct Open {
    bits: u64,
    depth: usize,
    /// The bits of what lies further out.
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    fn last(&self) -> bool {
        self.bits & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.depth == 0
    }
}

/// The contents of a string whose escapes are known to be well-formed; `None` where half of a surrogate pair is missing.
fn unescaped(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (kind, after) = rest[at + 1..].split_at_checked(1)?;
        rest = after;
        out.push(match kind {
            "b" => '\x08',
            "f" => '\x0c',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let (character, after) = unicode(rest)?;
                rest = after;
                character
            }
            other => other.chars().next()?,
        });
    }
    out.push_str(rest);
    Some(out)
}

/// The character of an escape, after its `\u`.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let first = unit(text)?;
    let rest = &text[4..];
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, rest));
    }
    let rest = rest.strip_prefix("\\u")?;
    let pair = [first, unit(rest)?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, &rest[4..]))
}

#[cfg(test)]
mod tests;

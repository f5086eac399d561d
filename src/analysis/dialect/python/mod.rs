//! Python's `repr` of an object to JSON, wherever the text was cut.
//!
//! Total: any text has a translation or none, and nothing recurses deeper than [`MAX_DEPTH`]. What the cut took the
//! end of is left out: half a number, list or object is no fact. Only a message, its content, the blocks of that and
//! their inputs keep the members that are whole. Not for Python source: adjacent strings, sets and operators have no
//! meaning here.

mod text;

#[cfg(test)]
mod tests;

/// Deeper values than this are taken for cut.
const MAX_DEPTH: u8 = 60;
/// So much of a text is read, in bytes; the translation is at most six times as long.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A JSON object that says what the text said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) json: String,
    /// Whether nothing is missing.
    pub(super) whole: bool,
}

/// Translates the object at the start of `repr`; `None` where there is none.
///
/// `Name(key=value, …)` becomes an object whose `type` is what `type_of` makes of the name; arguments without a key
/// are left out. Names without arguments, `None`, `inf`, `nan` and `<…>` become null.
pub(super) fn translate(repr: &str, type_of: fn(&str) -> &str) -> Option<Translation> {
    let read = &repr[..repr.floor_char_boundary(MAX_BYTES)];
    let mut translator = Translator { rest: read, out: String::with_capacity(read.len() + 64), type_of };
    let extent = translator.value(Level::ROOT, None);
    let whole = extent == Extent::Whole;
    translator.out.starts_with('{').then_some(Translation { json: translator.out, whole })
}

/// How much of a value was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// What is certain of it was written.
    Part,
    /// Nothing was written.
    Nothing,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
struct Level {
    depth: u8,
    /// Whether whole members are kept when the value's end is missing.
    open: bool,
}

impl Level {
    const ROOT: Self = Self { depth: 0, open: true };

    /// The level of a member; elements of a list have no key.
    fn child(self, key: Option<&str>) -> Self {
        let open = match (self.depth, key) {
            (0, Some("content" | "data")) | (1, None) | (2, Some("input")) => self.open,
            _ => false,
        };
        Self { depth: self.depth.saturating_add(1), open }
    }
}

/// What a container's members look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    List { end: char },
    Dict,
    Call,
}

impl Container {
    fn end(self) -> char {
        match self {
            Self::List { end } => end,
            Self::Dict => '}',
            Self::Call => ')',
        }
    }

    fn close(self) -> char {
        match self {
            Self::List { .. } => ']',
            Self::Dict | Self::Call => '}',
        }
    }
}

struct Translator<'r> {
    rest: &'r str,
    out: String,
    type_of: fn(&str) -> &str,
}

impl<'r> Translator<'r> {
    fn value(&mut self, level: Level, key: Option<&str>) -> Extent {
        self.skip_blanks();
        if level.depth > MAX_DEPTH {
            return Extent::Nothing;
        }
        let Some(first) = self.rest.chars().next() else { return Extent::Nothing };
        match first {
            '\'' | '"' => self.string(level.depth <= 3 && key == Some("text")),
            'b' if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                self.string(false)
            }
            '[' => self.container(Container::List { end: ']' }, level),
            '(' => self.container(Container::List { end: ')' }, level),
            '{' => self.container(Container::Dict, level),
            '<' => self.opaque(),
            '0'..='9' | '-' | '+' | '.' => self.number(),
            _ => self.word(level),
        }
    }

    /// A list, tuple or dict, at its opening bracket.
    fn container(&mut self, container: Container, level: Level) -> Extent {
        let start = self.out.len();
        self.out.push(if matches!(container, Container::List { .. }) { '[' } else { '{' });
        self.rest = &self.rest[1..];
        self.members(container, level, start)
    }

    /// The members after the opening bracket, of what was begun at `start` of the translation.
    fn members(&mut self, container: Container, level: Level, start: usize) -> Extent {
        let mut extent = self.members_to_the_end(container, level);
        if extent != Extent::Whole && !level.open {
            self.out.truncate(start);
            extent = Extent::Nothing;
        } else {
            self.out.push(container.close());
        }
        extent
    }

    fn members_to_the_end(&mut self, container: Container, level: Level) -> Extent {
        loop {
            self.skip_blanks();
            if self.take(container.end()) {
                return Extent::Whole;
            }
            let before = self.out.len();
            if !self.out.ends_with(['[', '{']) {
                self.out.push(',');
            }
            match self.member(container, level) {
                Member::Written(Extent::Whole) => {}
                Member::Written(Extent::Part) => return Extent::Part,
                Member::Left => self.out.truncate(before),
                Member::Written(Extent::Nothing) => {
                    self.out.truncate(before);
                    return Extent::Part;
                }
            }
            self.skip_blanks();
            if !self.take(',') && !self.rest.starts_with(container.end()) {
                return Extent::Part;
            }
        }
    }

    fn member(&mut self, container: Container, level: Level) -> Member {
        let key_at = self.out.len();
        match container {
            Container::List { .. } => return Member::Written(self.value(level.child(None), None)),
            Container::Dict => {
                let key = self.string(false) == Extent::Whole;
                self.skip_blanks();
                if !key || !self.take(':') {
                    return Member::Written(Extent::Nothing);
                }
            }
            Container::Call => {
                let Some(key) = self.argument_name() else {
                    // Written and then left out again by the caller.
                    let extent =
                        self.value(Level { depth: level.depth.saturating_add(1), open: false }, None);
                    let whole = extent == Extent::Whole;
                    return if whole { Member::Left } else { Member::Written(Extent::Nothing) };
                };
                self.out.push('"');
                self.out.push_str(key);
                self.out.push('"');
            }
        }
        let key = self.out[key_at..].trim_matches('"').to_owned();
        self.out.push(':');
        Member::Written(self.value(level.child(Some(&key)), Some(&key)))
    }

    /// Takes `name=`, if that comes next.
    fn argument_name(&mut self) -> Option<&'r str> {
        let end = self.rest.find(|c: char| !is_name(c)).filter(|end| *end > 0)?;
        let (name, after) = self.rest.split_at(end);
        self.rest = after.strip_prefix('=')?;
        Some(name)
    }

    /// `Name`, `Name(…)` or a constant.
    fn word(&mut self, level: Level) -> Extent {
        let end = self.rest.find(|c: char| !is_name(c) && c != '.').unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        if name.is_empty() || after.is_empty() {
            // A name at the very end may be the start of a longer one.
            return Extent::Nothing;
        }
        self.rest = after;
        if self.take('(') {
            let start = self.out.len();
            let kind = (self.type_of)(name);
            self.out.push_str("{\"type\":\"");
            self.out.push_str(kind);
            self.out.push('"');
            return self.members(Container::Call, level, start);
        }
        self.out.push_str(match name {
            "True" => "true",
            "False" => "false",
            _ => "null",
        });
        Extent::Whole
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What became of a member.
enum Member {
    Written(Extent),
    /// It was whole, and nothing of it is wanted.
    Left,
}

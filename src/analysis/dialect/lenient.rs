//! Reading JSON that may be of other types than expected: a field of the wrong type is absent, never an error.
//!
//! Real logs have null, numbers and lists where strings belong, and the other way round. Nothing here copies what it
//! can borrow, and what no field asks for is skipped without being built.

use std::borrow::Cow;

use super::cursor::{Cursor, Figure, Kind};

/// Something that takes what it knows of the next value, and is absent where that is of another type.
pub(in crate::analysis) trait Lenient<'a>: Default {
    /// Moves over the next value; `None` where there is no JSON.
    fn take(cursor: &mut Cursor<'a>) -> Option<Self>;
}

/// Declares a struct that takes what it knows of an object; a repeated key's last value wins.
///
/// `cut` counts the values that the log had replaced by a marker (`<large_content:N_chars>`).
macro_rules! lenient {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[$fmeta:meta])* $($key:literal)|+ => $field:ident : $ty:ty ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $vis struct $name<'a> {
            $( $(#[$fmeta])* $vis $field: $ty, )*
            /// How many values of the object stand for something longer.
            $vis cut: u32,
            $vis lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> $crate::analysis::dialect::lenient::Lenient<'a> for $name<'a> {
            fn take(cursor: &mut $crate::analysis::dialect::cursor::Cursor<'a>) -> Option<Self> {
                let mut taken = Self::default();
                if cursor.kind()? != $crate::analysis::dialect::cursor::Kind::Object {
                    $crate::analysis::dialect::lenient::absent(cursor)?;
                    return Some(taken);
                }
                cursor.open();
                let mut is_first = true;
                while let Some(key) = cursor.key(&mut is_first)? {
                    match &*key {
                        $( $($key)|+ => {
                            taken.$field = $crate::analysis::dialect::lenient::Lenient::take(cursor)?;
                        } )*
                        _ => {
                            let skipped = $crate::analysis::dialect::lenient::Unread::of(cursor.raw()?);
                            taken.cut += u32::from($crate::analysis::dialect::lenient::is_cut(Some(skipped)));
                        }
                    }
                }
                Some(taken)
            }
        }
    };
}
pub(in crate::analysis) use lenient;

/// Moves over a value of a type that was not expected.
pub(in crate::analysis) fn absent(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.kind()? {
        // One that no type holds is no JSON to any reader.
        Kind::Number => cursor.number().map(drop),
        Kind::Text | Kind::Object | Kind::List | Kind::True | Kind::False | Kind::Null => cursor.skip(),
    }
}

/// A value that is there and was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) struct Unread<'a>(&'a str);

impl<'a> Unread<'a> {
    pub(in crate::analysis) fn of(json: &'a str) -> Self {
        Self(json)
    }

    /// The value as JSON.
    pub(in crate::analysis) fn json(self) -> &'a str {
        self.0
    }
}

/// Absent where it is null.
impl<'a> Lenient<'a> for Option<Unread<'a>> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        let json = cursor.raw()?;
        Some((json != "null").then_some(Unread(json)))
    }
}

/// A string; a number counts as its digits (ids are both), anything else is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Text<'a>(pub(in crate::analysis) Option<Cow<'a, str>>);

impl Text<'_> {
    pub(in crate::analysis) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(in crate::analysis) fn or_empty(&self) -> &str {
        self.get().unwrap_or_default()
    }

    /// The string, unless it is empty.
    pub(in crate::analysis) fn filled(&self) -> Option<&str> {
        self.get().filter(|text| !text.trim().is_empty())
    }

    /// Whether the log put a marker in place of the string.
    pub(in crate::analysis) fn is_cut(&self) -> bool {
        self.get().is_some_and(is_cut_marker)
    }
}

impl<'a> Lenient<'a> for Text<'a> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self(match cursor.kind()? {
            Kind::Text => Some(cursor.text()?),
            Kind::Number => Some(match cursor.number()? {
                Figure::Whole(_, figures) => Cow::Borrowed(figures),
                Figure::Large(large) => Cow::Owned(large.to_string()),
                Figure::Other(other) => Cow::Owned(other.to_string()),
            }),
            Kind::Object | Kind::List | Kind::True | Kind::False | Kind::Null => {
                cursor.skip()?;
                None
            }
        }))
    }
}

/// A number; anything else is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::analysis) struct Number(pub(in crate::analysis) Option<f64>);

impl Number {
    /// The number as a count: whole and not negative, 0 when absent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and negative counts mean none"
    )]
    pub(in crate::analysis) fn count(self) -> u64 {
        self.0.map_or(0, |number| number as u64)
    }
}

impl<'a> Lenient<'a> for Number {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        if cursor.kind()? != Kind::Number {
            cursor.skip()?;
            return Some(Self(None));
        }
        Some(Self(Some(match cursor.number()? {
            Figure::Whole(whole, _) => whole as f64,
            Figure::Large(large) => large as f64,
            Figure::Other(other) => other,
        })))
    }
}

/// True or false; anything else is absent, which mostly means false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Flag(pub(in crate::analysis) bool);

impl<'a> Lenient<'a> for Flag {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        let is_true = cursor.kind()? == Kind::True;
        absent(cursor)?;
        Some(Self(is_true))
    }
}

/// A list; anything else is an empty one. Elements beyond `MAX` are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct Many<T, const MAX: usize = 1000>(pub(in crate::analysis) Vec<T>);

impl<T, const MAX: usize> Default for Many<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Lenient<'a>, const MAX: usize> Lenient<'a> for Many<T, MAX> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        let mut taken = Vec::new();
        if cursor.kind()? != Kind::List {
            absent(cursor)?;
            return Some(Self(taken));
        }
        cursor.open();
        let mut is_first = true;
        while cursor.element(&mut is_first)? {
            if taken.len() < MAX {
                taken.push(T::take(cursor)?);
            } else {
                cursor.skip()?;
            }
        }
        Some(Self(taken))
    }
}

/// Absent where it is null.
impl<'a, T: Lenient<'a>, const MAX: usize> Lenient<'a> for Option<Many<T, MAX>> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        if cursor.kind()? == Kind::Null {
            cursor.skip().map(|()| None)
        } else {
            Lenient::take(cursor).map(Some)
        }
    }
}

/// Either a string or something with fields.
#[derive(Debug, Clone)]
pub(in crate::analysis) enum TextOr<'a, T> {
    /// A string.
    Text(Cow<'a, str>),
    /// An object or a list.
    Other(T),
}

impl<T: Default> Default for TextOr<'_, T> {
    fn default() -> Self {
        Self::Other(T::default())
    }
}

impl<'a, T: Lenient<'a>> Lenient<'a> for TextOr<'a, T> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        if cursor.kind()? == Kind::Text {
            cursor.text().map(Self::Text)
        } else {
            T::take(cursor).map(Self::Other)
        }
    }
}

/// Reads a piece of JSON that was kept unread; `None` where it is absent or of another shape.
pub(in crate::analysis) fn read<'a, T: Lenient<'a>>(unread: Option<Unread<'a>>) -> Option<T> {
    read_text(unread?.json())
}

/// Reads a text that is JSON and nothing else, without raw control characters in its strings.
pub(in crate::analysis) fn read_text<'a, T: Lenient<'a>>(json: &'a str) -> Option<T> {
    let mut cursor = Cursor::new(json);
    let read = T::take(&mut cursor)?;
    cursor.is_at_end().then_some(read)
}

/// Whether the log put a marker in place of the value.
pub(in crate::analysis) fn is_cut(unread: Option<Unread<'_>>) -> bool {
    unread.is_some_and(|unread| {
        let text = unread.json();
        text.starts_with("\"<large_") && is_cut_marker(text.trim_matches('"'))
    })
}

/// Whether the text is a marker of the upstream's logger, such as `<large_content:5744_chars>`.
pub(in crate::analysis) fn is_cut_marker(text: &str) -> bool {
    let inner = |start: &str, end: &str| {
        text.strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    inner("<large_content:", "_chars>") || inner("<large_list:", "_items>")
}

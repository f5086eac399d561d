//! Reading JSON that may be of other types than expected: a field of the wrong type is absent, never an error.
//!
//! Real logs have null, numbers and lists where strings belong, and the other way round. Nothing here copies what it
//! can borrow, and what no field asks for is skipped without being built.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Fills the methods of a visitor for kinds of values that it takes for absent.
macro_rules! absent {
    ($($kind:ident),*) => { $( $crate::analysis::dialect::lenient::absent!(@ $kind); )* };
    (@ null) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ number) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ text) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ list) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (@ object) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}
pub(in crate::analysis) use absent;

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

        impl<'de: 'a, 'a> serde::de::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut taken = $name::default();
                        while let Some(key) = map.next_key::<$crate::analysis::dialect::lenient::Text<'de>>()? {
                            match key.or_empty() {
                                $( $($key)|+ => taken.$field = map.next_value()?, )*
                                _ => {
                                    let skipped: Option<&'de serde_json::value::RawValue> = map.next_value()?;
                                    taken.cut += u32::from($crate::analysis::dialect::lenient::is_cut(skipped));
                                }
                            }
                        }
                        Ok(taken)
                    }
                    $crate::analysis::dialect::lenient::absent!(null, bool, number, text, list);
                }
                deserializer.deserialize_any(Fields(std::marker::PhantomData))
            }
        }
    };
}
pub(in crate::analysis) use lenient;

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

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Any<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }
            absent!(null, bool, list, object);
        }
        deserializer.deserialize_any(Any(PhantomData))
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

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }
            absent!(null, bool, text, list, object);
        }
        deserializer.deserialize_any(Any)
    }
}

/// True or false; anything else is absent, which mostly means false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Flag(pub(in crate::analysis) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }
            absent!(null, number, text, list, object);
        }
        deserializer.deserialize_any(Any)
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

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Many<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Any<T, MAX> {
            type Value = Many<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut taken = Vec::new();
                while taken.len() < MAX {
                    match list.next_element()? {
                        Some(element) => taken.push(element),
                        None => return Ok(Many(taken)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Many(taken))
            }
            absent!(null, bool, number, text, object);
        }
        deserializer.deserialize_any(Any(PhantomData))
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

impl<'de: 'a, 'a, T: Deserialize<'de> + Default> Deserialize<'de> for TextOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'a, T>(PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de> + Default> Visitor<'de> for Any<'a, T> {
            type Value = TextOr<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an object or a list")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(TextOr::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::SeqAccessDeserializer::new(list)).map(TextOr::Other)
            }
            absent!(null, bool, number);
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// Reads a piece of JSON that was kept unread; `None` where it is absent or of another shape.
pub(in crate::analysis) fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Whether the log put a marker in place of the value.
pub(in crate::analysis) fn is_cut(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| {
        let text = raw.get();
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

//! JSON values whose objects keep the order of their keys, as a Python dict does.
//!
//! The sample upstream promises an order of keys; `serde_json::Value` sorts them. For the rest of the crate, which
//! reads logs and never promises an order, this type is of no use.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The members of an object, in order.
pub(super) type Dict = Vec<(String, Value)>;

/// What Python's `json.loads` makes of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `null`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or exponent.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Str(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Dict(Dict),
}

impl Value {
    /// Builds an object from its members, kept in the order given.
    pub(super) fn dict<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Dict(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The member `key` of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Str(_) | Self::List(_) => None,
        }
    }

    /// The string member `key` of an object.
    pub(super) fn str(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Self::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole-number member `key` of an object.
    pub(super) fn int(&self, key: &str) -> Option<i64> {
        match self.get(key) {
            Some(Self::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// The elements of the array member `key` of an object; none where there is no such array.
    pub(super) fn list(&self, key: &str) -> &[Self] {
        match self.get(key) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        // Python has no bound here; beyond i64 the nearest float is close enough for a sample.
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = elements.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Dict::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Value::Dict(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_the_order_of_its_keys() {
        let value: Value = serde_json::from_str(r#"{"b":1,"a":[null,true,-2,1.5,"x"]}"#).unwrap();
        let expected = Value::dict([
            ("b", Value::Int(1)),
            ("a", Value::List(vec![Value::None, true.into(), Value::Int(-2), Value::Float(1.5), "x".into()])),
        ]);
        assert_eq!(value, expected);
        assert_eq!(value.int("b"), Some(1));
        assert_eq!(value.list("a").len(), 5);
        assert_eq!(value.str("a"), None);
    }

    #[test]
    fn a_number_beyond_a_machine_word_becomes_a_float() {
        let value: Value = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(value, Value::Float(18_446_744_073_709_551_615.0));
    }
}

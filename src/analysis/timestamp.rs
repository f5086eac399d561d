//! Moments as answers show them.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Timelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A moment, written as RFC 3339 in UTC with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    /// The moment without its fraction of a second.
    pub fn to_second(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(0))
    }

    /// The moment without what is finer than a millisecond.
    pub fn to_millisecond(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(3))
    }
}

impl Timestamp {
    /// Writes it, with as many digits of the second as it needs: none, three, six or nine.
    ///
    /// By hand for the years of four digits: an answer has some fifty of them, and chrono takes ten times as long.
    pub fn write_to(self, text: &mut String) {
        let at = self.0;
        let Some(year) = u32::try_from(at.year()).ok().filter(|year| *year <= 9999) else {
            text.push_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            return;
        };
        let mut digits = |number: u32, count: u32, behind: char| {
            for place in (0..count).rev() {
                text.push(char::from(b'0' + (number / 10_u32.pow(place) % 10) as u8));
            }
            text.push(behind);
        };
        digits(year, 4, '-');
        digits(at.month(), 2, '-');
        digits(at.day(), 2, 'T');
        digits(at.hour(), 2, ':');
        digits(at.minute(), 2, ':');
        // A leap second is the 59th with more than a second's nanoseconds.
        let (second, nanos) =
            (at.second() + at.nanosecond() / 1_000_000_000, at.nanosecond() % 1_000_000_000);
        if nanos == 0 {
            return digits(second, 2, 'Z');
        }
        digits(second, 2, '.');
        match (nanos % 1_000_000, nanos % 1000) {
            (0, _) => digits(nanos / 1_000_000, 3, 'Z'),
            (_, 0) => digits(nanos / 1000, 6, 'Z'),
            _ => digits(nanos, 9, 'Z'),
        }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(30);
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(30);
        self.write_to(&mut text);
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_chrono_writes_them() {
        let nanos =
            [0, 1, 10, 999, 1000, 120_000, 1_000_000, 120_000_000, 999_999_999, 1_000_000_000, 1_999_000_000];
        for seconds in [-70_000_000_000, -1, 0, 951_782_399, 1_760_000_000, 253_402_300_799, 253_402_300_800]
        {
            for nanos in nanos {
                // Not all of them are leap seconds.
                let Some(at) = DateTime::from_timestamp(seconds, nanos) else { continue };
                assert_eq!(Timestamp(at).to_string(), at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            }
        }
    }
}

//! What Python prints of a value, read back: `{'a': [1, None]}`, `TextBlock(text='x')`. No bounds, no mending.

use serde_json::{Map, Value, json};

/// The value of the whole text; `None` where it is none, or where something was cut off. Of a call, its named arguments,
/// with the called name under `class`.
pub(super) fn value_of(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value()?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        match self.rest.trim_start().chars().next()? {
            '\'' | '"' => self.string().map(Value::String),
            '[' => self.list('[', ']'),
            '(' => self.list('(', ')'),
            '{' => self.dict(),
            _ => self.word(),
        }
    }

    fn takes(&mut self, what: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn string(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let quote = text.chars().next()?;
        let (mut value, mut characters) = (String::new(), text[1..].chars());
        loop {
            match characters.next()? {
                '\\' => match characters.next()? {
                    'n' => value.push('\n'),
                    't' => value.push('\t'),
                    'r' => value.push('\r'),
                    'x' => value.push(code(&mut characters, 2)?),
                    'u' => value.push(code(&mut characters, 4)?),
                    'U' => value.push(code(&mut characters, 8)?),
                    other => value.push(other),
                },
                end if end == quote => break,
                other => value.push(other),
            }
        }
        self.rest = characters.as_str();
        Some(value)
    }

    fn list(&mut self, open: char, close: char) -> Option<Value> {
        let mut list = Vec::new();
        self.takes(open);
        while !self.takes(close) {
            list.push(self.value()?);
            self.takes(',');
        }
        Some(Value::Array(list))
    }

    fn dict(&mut self) -> Option<Value> {
        let mut members = Map::new();
        self.takes('{');
        while !self.takes('}') {
            let name = self.value()?;
            if !self.takes(':') {
                return None;
            }
            members.insert(super::text(&name), self.value()?);
            self.takes(',');
        }
        Some(Value::Object(members))
    }

    /// A name, a number, or the call of a class.
    fn word(&mut self) -> Option<Value> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !(c.is_alphanumeric() || "_.+-".contains(c))).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        match word {
            "" => None,
            "None" => Some(Value::Null),
            "True" => Some(json!(true)),
            "False" => Some(json!(false)),
            class if self.takes('(') => self.arguments(class),
            number => serde_json::from_str(number).ok(),
        }
    }

    fn arguments(&mut self, class: &str) -> Option<Value> {
        let mut members = Map::from_iter([("class".to_owned(), json!(class))]);
        while !self.takes(')') {
            let text = self.rest.trim_start();
            let (name, rest) = text.split_once('=')?;
            self.rest = rest;
            members.insert(name.to_owned(), self.value()?);
            self.takes(',');
        }
        Some(Value::Object(members))
    }
}

fn code(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let digits: String = characters.by_ref().take(digits).collect();
    Some(char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or(char::REPLACEMENT_CHARACTER))
}

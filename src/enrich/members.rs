//! Members of a JSON object as they are written. Pure.

use std::ops::Range;

/// Members in their order: `"name":value,"name":value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    text: String,
    each: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: Range<usize>,
    whole: Range<usize>,
}

impl Members {
    /// None yet, with room for so many, which are so many bytes together.
    pub fn with_capacity(members: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), each: Vec::with_capacity(members) }
    }

    /// Puts one more at the end. `name` has to be plain, without anything that JSON escapes, and `value` a JSON text.
    pub fn push(&mut self, name: &str, value: &str) {
        self.push_with(name, |text| text.push_str(value));
    }

    /// The same, with a value that `write` puts behind what is there.
    pub fn push_with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        let start = self.text.len();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        write(&mut self.text);
        self.each.push(Member { name: start + 1..start + 1 + name.len(), whole: start..self.text.len() });
    }

    /// Each as its name and as it is written.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        self.each.iter().map(move |member| (text(&member.name), text(&member.whole)))
    }

    /// All of them as they are written; empty where there are none.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How much memory they hold, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.each.capacity() * size_of::<Member>()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Members {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let mut members = Self::default();
        for (name, value) in all {
            members.push(name.as_ref(), value.as_ref());
        }
        members
    }
}

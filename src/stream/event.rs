//! Server-Sent Events as text, written and read (the HTML standard, section 9.2). Pure.
//!
//! The rules fit on a page, and what crates there are for them bring a body type or a client of their own.

use std::time::Duration;

/// An event as it is sent. Every line of `data` becomes a line of its own; `id` has to be free of line ends.
pub fn event(name: &str, id: Option<&str>, data: &str) -> String {
    let mut text = format!("event: {name}\n");
    if let Some(id) = id {
        text.push_str("id: ");
        text.push_str(id);
        text.push('\n');
    }
    for line in data.replace("\r\n", "\n").split(['\n', '\r']) {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

/// A comment, which clients skip.
pub fn comment(text: &str) -> String {
    format!(": {text}\n\n")
}

/// Asks the client to wait for so long before it connects again.
pub fn retry(after: Duration) -> String {
    format!("retry: {}\n\n", after.as_millis())
}

/// An event as it was received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What kind it is; empty where the sender named none.
    pub name: String,
    /// The sender's mark of how far it is, where this event has one.
    pub id: Option<String>,
    /// Its lines, joined.
    pub data: String,
}

/// Reads events from bytes as they come. Holds one event at most.
#[derive(Debug, Default)]
pub struct EventReader {
    line: Vec<u8>,
    after_return: bool,
    event: Event,
    has_data: bool,
}

impl EventReader {
    /// Reads more bytes, cut anywhere, and returns what they complete. Events without data are none.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            let ends_a_pair = std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n';
            match byte {
                b'\n' if ends_a_pair => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                other => self.line.push(*other),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, waiting times, and what is not known.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(text: &str) -> Vec<Event> {
        EventReader::default().read(text.as_bytes())
    }

    fn expected(name: &str, id: Option<&str>, data: &str) -> Event {
        Event { name: name.into(), id: id.map(Into::into), data: data.into() }
    }

    #[test]
    fn an_event_is_its_fields_and_an_empty_line() {
        assert_eq!(event("status", Some("42"), "{}"), "event: status\nid: 42\ndata: {}\n\n");
        assert_eq!(event("end", None, ""), "event: end\ndata: \n\n");
        assert_eq!(comment("still here"), ": still here\n\n");
        assert_eq!(retry(Duration::from_secs(2)), "retry: 2000\n\n");
    }

    #[test]
    fn no_line_end_within_the_data_ends_the_event() {
        for (data, lines) in
            [("a\nb", "a\nb"), ("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("\n\n", "\n\n"), ("a\n", "a\n")]
        {
            assert_eq!(received(&event("status", None, data)), [expected("status", None, lines)], "{data:?}");
        }
        let forged = received(&event("status", None, "x\n\nevent: end\ndata: y"));
        assert_eq!(forged.len(), 1, "{forged:?}");
    }

    #[test]
    fn events_are_read_however_their_bytes_are_cut() {
        let text = [
            retry(Duration::from_secs(1)),
            event("status", Some("7"), "{\"größe\":\n1}"),
            comment("here"),
            event("end", Some("7.end"), "{}"),
        ]
        .concat()
        .replace('\n', "\r\n");
        let all = [expected("status", Some("7"), "{\"größe\":\n1}"), expected("end", Some("7.end"), "{}")];
        for size in 1..text.len() {
            let mut reader = EventReader::default();
            let events: Vec<_> = text.as_bytes().chunks(size).flat_map(|cut| reader.read(cut)).collect();
            assert_eq!(events, all, "cut into {size} bytes");
        }
    }

    #[test]
    fn what_is_no_field_is_skipped_and_an_unfinished_event_waits() {
        assert_eq!(received(":c\nevent\nx: y\ndata:z\n\n"), [expected("", None, "z")]);
        assert_eq!(received("event: status\n\n"), []);
        assert_eq!(received("data: half\n"), []);
    }
}

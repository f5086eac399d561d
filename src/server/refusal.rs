//! Why gloss itself ended a client's connection, and what it says where hyper has no words for it.

use super::framing::Violation;

/// Why a connection was ended by gloss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many connections as are allowed.
    ConnectionLimit,
    /// Framing by which two readers could disagree on where a request ends.
    Framing,
    /// What came is not HTTP.
    Malformed,
    /// A head of more bytes or more headers than allowed, or a longer target.
    HeadTooLarge,
    /// A head that did not arrive in time.
    HeadTimeout,
    /// A client that did not take its answer.
    WriteTimeout,
    /// An HTTP/2 client that did not take one of its answers: that stream was reset, and the connection goes on.
    StreamTimeout,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ConnectionLimit,
        Self::Framing,
        Self::Malformed,
        Self::HeadTooLarge,
        Self::HeadTimeout,
        Self::WriteTimeout,
        Self::StreamTimeout,
    ];

    /// The word for it in metrics and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionLimit => "connection-limit",
            Self::Framing => "framing",
            Self::Malformed => "malformed",
            Self::HeadTooLarge => "head-too-large",
            Self::HeadTimeout => "head-timeout",
            Self::WriteTimeout => "write-timeout",
            Self::StreamTimeout => "stream-timeout",
        }
    }

    /// What hyper's error says of a connection that gloss did not end on purpose; `None` if the client left.
    pub(super) fn of(error: &hyper::Error) -> Option<Self> {
        match error {
            error if error.is_parse_too_large() => Some(Self::HeadTooLarge),
            error if error.is_parse() => Some(Self::Malformed),
            error if error.is_timeout() => Some(Self::HeadTimeout),
            _ => None,
        }
    }

    pub(super) fn code(self) -> u8 {
        // Their order in `ALL`, from 1; 0 is none.
        (1..).zip(Self::ALL).find(|(_, one)| *one == self).map_or(0, |(code, _)| code)
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::BareLineFeed
            | Violation::LengthBesideCoding
            | Violation::Length
            | Violation::Chunk => Self::Framing,
        }
    }
}

/// An answer of gloss's own to a client whose request cannot be waited for; the connection ends after it.
pub(super) fn raw_answer(status: &str, error: &str, detail: &str, header: &str) -> Vec<u8> {
    let body = serde_json::json!({ "detail": detail }).to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         proxy-status: gloss; error={error}\r\n{header}connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_a_word_and_survives_being_kept_as_a_number() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal), "{}", refusal.as_str());
        }
        assert_eq!(Refusal::from_code(0), None);
    }
}

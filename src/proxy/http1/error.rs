//! How a connection to the upstream fails.

use std::io;

use thiserror::Error;

/// What went wrong on a connection.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// As the HTTP library has it.
    #[error(transparent)]
    Library(#[from] hyper::Error),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It ended within a message.
    #[error("the connection ended before the message did")]
    Ended,
    /// The head is none.
    #[error("the head is malformed: {0}")]
    Head(&'static str),
    /// The head is too long, or has too many headers.
    #[error("the head is too large")]
    LargeHead,
    /// A chunk is none, or has too much beside its data.
    #[error("the body is not in the chunked coding that its head tells of")]
    Body,
}

impl ConnectionError {
    /// Whether what came is no HTTP.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::Library(error) => error.is_parse(),
            Self::Head(_) | Self::LargeHead | Self::Body => true,
            Self::Io(_) | Self::Ended => false,
        }
    }

    /// Whether a head was too large.
    pub fn is_large_head(&self) -> bool {
        match self {
            Self::Library(error) => error.is_parse_too_large(),
            Self::LargeHead => true,
            Self::Io(_) | Self::Ended | Self::Head(_) | Self::Body => false,
        }
    }
}

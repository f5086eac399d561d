//! How a request was asked and what became of it, in the few words that labels have. Pure.

use std::fmt;

use http::{Method, StatusCode, Version};
use prometheus_client::encoding::{EncodeLabel, LabelSetEncoder};

/// A method, as labels and log lines name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KnownMethod {
    /// CONNECT.
    Connect,
    /// DELETE.
    Delete,
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// PATCH.
    Patch,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// QUERY.
    Query,
    /// TRACE.
    Trace,
    /// Any other.
    Other,
}

impl KnownMethod {
    pub(super) const ALL: [Self; 11] = [
        Self::Connect,
        Self::Delete,
        Self::Get,
        Self::Head,
        Self::Options,
        Self::Patch,
        Self::Post,
        Self::Put,
        Self::Query,
        Self::Trace,
        Self::Other,
    ];

    /// The one that this is; names of methods are case-sensitive.
    pub fn of(method: &Method) -> Self {
        if *method == Method::GET {
            // Nearly every request is a poll.
            return Self::Get;
        }
        let known = Self::ALL.into_iter().find(|known| known.as_str() == method.as_str());
        known.unwrap_or(Self::Other)
    }

    /// Its name; `_OTHER` where it is not known.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Query => "QUERY",
            Self::Trace => "TRACE",
            Self::Other => "_OTHER",
        }
    }
}

/// A version of HTTP that gloss speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KnownVersion {
    /// HTTP/1.0.
    Http10 = 1,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl KnownVersion {
    /// The one that this is.
    pub fn of(version: Version) -> Option<Self> {
        match version {
            Version::HTTP_10 => Some(Self::Http10),
            Version::HTTP_11 => Some(Self::Http11),
            Version::HTTP_2 => Some(Self::Http2),
            _ => None,
        }
    }

    /// As the conventions write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// What became of a request, as far as labels tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpOutcome {
    /// How it was asked.
    pub method: KnownMethod,
    /// In which version of HTTP.
    pub version: Option<KnownVersion>,
    /// The status of the answer; `None` when there was none.
    pub status: Option<StatusCode>,
    /// What went wrong, one of a few words; a status that is an error by itself needs none.
    pub error: Option<&'static str>,
}

impl HttpOutcome {
    /// The status, where it is one that HTTP knows.
    fn status(&self) -> Option<u16> {
        self.status.map(|status| status.as_u16()).filter(|status| (100..=599).contains(status))
    }

    /// All but `error` in one number: hashing is on the way of every request.
    pub(super) fn packed(&self) -> u64 {
        let version = self.version.map_or(0, |version| version as u64);
        let status = u64::from(self.status.map_or(0, |status| status.as_u16()));
        status << 8 | (self.method as u64) << 4 | version << 2 | u64::from(self.error.is_some())
    }

    /// Writes the labels; statuses from `error_from` on are errors by themselves.
    pub(super) fn encode(&self, labels: &mut LabelSetEncoder<'_>, error_from: u16) -> fmt::Result {
        ("http_request_method", self.method.as_str()).encode_as_label(labels)?;
        if let Some(status) = self.status() {
            ("http_response_status_code", status).encode_as_label(labels)?;
        }
        if let Some(version) = self.version {
            ("network_protocol_version", version.as_str()).encode_as_label(labels)?;
        }
        match (self.error, self.status()) {
            (Some(error), _) => ("error_type", error).encode_as_label(labels),
            (None, Some(status)) if status >= error_from => ("error_type", status).encode_as_label(labels),
            (None, _) => Ok(()),
        }
    }
}

/// What one label is written by.
pub(super) trait EncodeAsLabel {
    fn encode_as_label(&self, labels: &mut LabelSetEncoder<'_>) -> fmt::Result;
}

impl<T: EncodeLabel> EncodeAsLabel for T {
    fn encode_as_label(&self, labels: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.encode(labels.encode_label())
    }
}

//! What a storage's failure means for a log, in words of its own: those of the crate and the storage may quote URLs,
//! keys and tokens.

use std::error::Error as _;

use http::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};

use super::transport::Refused;
use crate::runlog::LogError;

/// Why an operation gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such object.
    Missing,
    /// It is as it was when it was seen last.
    Unchanged,
    /// It is not what it was when it was found.
    Changed,
    /// It does not reach to where it was asked from.
    Shorter,
    /// The server does not do such a thing: send a part, or list.
    Unable,
    /// It will not be given out, for this reason.
    Refused(String),
    /// It may be given out later; now there is this.
    Trouble(&'static str),
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        if let Some(refused) = cause::<Refused>(&error) {
            return Self::of_refusal(refused);
        }
        match &error {
            object_store::Error::NotModified { .. } => Self::Unchanged,
            object_store::Error::NotFound { .. } => Self::Missing,
            object_store::Error::NotSupported { .. } => Self::Unable,
            _ => Self::Trouble(trouble(&error)),
        }
    }
}

impl Failure {
    fn of_refusal(refused: &Refused) -> Self {
        match refused.status {
            StatusCode::NOT_FOUND if refused.code == "NoSuchBucket" => {
                Self::Refused("there is no such bucket".into())
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::Missing,
            StatusCode::PRECONDITION_FAILED => Self::Changed,
            StatusCode::RANGE_NOT_SATISFIABLE => Self::Shorter,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Self::Unable,
            status => Self::Refused(format!("the storage answers {} {}", status.as_u16(), refused.code)),
        }
    }
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing => Self::Missing,
            Failure::Refused(why) => Self::Unreadable(why.trim_end().to_owned()),
            Failure::Unable => {
                Self::Unreadable("the server sends no part of it, nor lists what it has".into())
            }
            Failure::Unchanged | Failure::Changed | Failure::Shorter => {
                Self::Unreadable("it changed while it was read".into())
            }
            Failure::Trouble(_) => Self::Stuck,
        }
    }
}

fn trouble(error: &object_store::Error) -> &'static str {
    match cause::<HttpError>(error).map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => "it cannot be reached",
        Some(HttpErrorKind::Timeout) => "it does not answer in time",
        Some(HttpErrorKind::Request | HttpErrorKind::Interrupted) => "it breaks connections",
        Some(HttpErrorKind::Decode) => "it answers nonsense",
        Some(_) => "requests to it fail",
        None => "it fails, throttles, or answers what cannot be understood",
    }
}

/// The error of this kind that lies behind another, however deep.
fn cause<E: std::error::Error + 'static>(error: &object_store::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        let refused = Refused { status: StatusCode::from_u16(status).unwrap(), code: code.into() };
        let http = HttpError::new(HttpErrorKind::Unknown, refused);
        object_store::Error::Generic { store: "S3", source: Box::new(http) }.into()
    }

    #[test]
    fn a_refusal_says_by_which_status_and_name() {
        assert_eq!(refused(404, "NoSuchKey"), Failure::Missing);
        assert_eq!(refused(404, "NoSuchBucket"), Failure::Refused("there is no such bucket".into()));
        assert_eq!(refused(412, ""), Failure::Changed);
        assert_eq!(refused(416, "InvalidRange"), Failure::Shorter);
        let denied = LogError::from(refused(403, "AccessDenied"));
        assert_eq!(denied, LogError::Unreadable("the storage answers 403 AccessDenied".into()));
        assert_eq!(LogError::from(refused(403, "")), LogError::Unreadable("the storage answers 403".into()));
    }

    #[test]
    fn what_may_pass_is_no_refusal() {
        let http = HttpError::new(HttpErrorKind::Timeout, std::io::Error::other("http://key@host"));
        let slow = object_store::Error::Generic { store: "S3", source: Box::new(http) };
        let failure = Failure::from(slow);
        assert_eq!(failure, Failure::Trouble("it does not answer in time"));
        assert_eq!(LogError::from(failure), LogError::Stuck);
    }
}

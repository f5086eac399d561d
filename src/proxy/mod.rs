//! The data path: a client's request out to the upstream, and its answer back, both streamed.
//!
//! `forward` puts a request into the form that goes out, `client` sends it on a connection of the `pool` (once more
//! where that is safe), `upgrade` joins the two sides after a 101, and `rescue` turns what failed into an answer.
//! Nothing here knows what a status answer is.

mod body;
mod client;
mod connect;
mod dial;
mod error;
mod forward;
pub mod headers;
mod hops;
mod pool;
mod request_body;
mod rescue;
mod tls;
mod upgrade;
mod upstream;

pub use body::{Body, Gathered, Passed};
pub use client::{Client, ClientParams};
pub use error::ProxyError;
pub use forward::{Forward, ForwardParams};
pub use hops::{ClientAddress, Forwarding, HopParams};
pub use request_body::{BodyError, RequestBody};
pub use rescue::{Rescue, RescueLayer};
pub use tls::{TlsParams, TlsSetupError};
pub use upgrade::Tunnels;
pub use upstream::{Upstream, UpstreamError, UpstreamUrlError};

//! The data path: a client's request out to the upstream, and its answer back, both streamed.
//!
//! `from_client` is a request as it comes in, `forward` puts it into the form that goes out, `hops` says in it where it
//! came from where that is wanted, `client` sends it on a connection of the `pool` (once more where that is safe) or on
//! a new one that `connect` makes (to an `upstream`, by `dial` and `tls`), through `http1` or, where bytes go both
//! ways, through the HTTP library, `upgrade` joins the two sides after a 101, and `rescue` turns what failed into an
//! answer. Nothing here knows what a status answer is.
//!
//! What the client sees of each fault, the status with the error of `Proxy-Status` (RFC 9209); whatever the answer that
//! was asked for, since without an answer there is nothing to add notes to:
//!
//! | fault | the client sees |
//! | --- | --- |
//! | nobody listens, or the socket file has no listener | 502 `connection_refused` |
//! | there is no such socket file, or it may not be opened | 502 `destination_unavailable` |
//! | no route | 502 `destination_ip_unroutable` |
//! | the name has no address | 502 `dns_error` |
//! | no connection, or no TLS, within `upstream.connect_timeout` | 504 `connection_timeout` |
//! | a certificate that is expired, untrusted or for another name | 502 `tls_certificate_error`, nothing is sent |
//! | no TLS at all, or none in common | 502 `tls_protocol_error`, or `tls_alert_received` where the upstream says so |
//! | a pooled connection was closed and nothing had been written | nothing: the request goes out on another one |
//! | a pooled connection breaks as the request is sent | GET, HEAD, OPTIONS, and PUT and DELETE without a body: nothing, one second try on a fresh connection; others: 502 `connection_terminated` |
//! | a fresh connection ends, or is reset, before the head is complete | 502 `connection_terminated` |
//! | no head within `upstream.response_timeout` after the last movement of the request, pauses of the client aside | 504 `http_response_timeout` |
//! | no HTTP, or a 101 that nobody asked for | 502 `http_protocol_error` |
//! | a head of more than 2 MiB or 1000 headers | 502 `http_response_header_section_size` |
//! | the end, a reset or a bad chunk within the body | the upstream's head and what came; then the connection is closed without the rest or a last chunk, and so never looks complete |
//! | an answer before the request's body was sent | that answer; the upstream connection serves no other request until the body is through |
//! | the same, and the upstream reads no more of the body | that answer; when nothing of the body has moved for 5 s the upstream connection is closed, what the client still sends is read and thrown away for a while, and its connection is closed in good order |
//! | 1xx other than 101 | nothing: they end here; 100 is gloss's own to send |
//! | an upgrade is declined | the answer with `Connection: close`; neither connection is used again |
//! | the client's own body breaks off | 400 `http_request_error` where it can still be told; the upstream sees no end of the body |
//! | the client pauses within its body for longer than `server.body_timeout`, or brings less than `server.body_min_rate` | the same with 408 |
//! | more headers than `server.max_headers` | 431; for HTTP/2 `http_request_error` |
//!
//! A client that leaves: while its answer streams, the next write fails and the upstream connection is closed. While it
//! waits, a connection that it breaks off and an HTTP/2 request that it resets drop the request at once, or within
//! seconds where its next request waits to be read; a connection that it closes could still be waiting, and is found
//! out by the server's probes after a minute; on a socket in the file system, within seconds. While it does not take
//! its answer, `server.write_timeout` runs, for each HTTP/2 stream by itself.
//!
//! What the HTTP library does not let through, and a client or an upstream may notice:
//!
//! | what | becomes |
//! | --- | --- |
//! | a reason phrase beyond ASCII | it is lost |
//! | `Expect: 100-continue` | the header passes, but the 100 is gloss's own, said as soon as the upstream is connected, and not waited for from the upstream |
//! | trailers that `Trailer` does not announce, or for an HTTP/1 client that has not said `TE: trailers` | they are left out, the body is complete |
//! | `OPTIONS http://host` (RFC 9112, section 3.2.4: `*`) | `OPTIONS /`, as for `OPTIONS http://host/`: the two are read alike |
//! | an answer of unknown length for an HTTP/1.0 client | it ends with the connection; one that breaks off ends by a reset, which takes with it what the client has not received, and which a socket in the file system does not have: there it looks complete |

mod asking;
mod body;
mod calls;
mod client;
mod collected;
mod connect;
mod deadline;
mod dial;
mod error;
mod forward;
mod from_client;
pub mod headers;
mod held;
mod hops;
mod http1;
mod pool;
mod request_body;
mod rescue;
mod tls;
mod upgrade;
mod upload;
mod upstream;

pub use asking::AskAgain;
pub use body::{Body, Gathered, HandedOver, Passed};
pub use calls::UpstreamTime;
pub use client::{Client, ClientParams};
pub use deadline::Deadline;
pub use error::ProxyError;
pub use forward::{Forward, ForwardParams};
pub(crate) use from_client::asked_for;
pub use from_client::{ClientAddress, FromClient};
pub use held::{Held, HeldLimit};
pub use hops::{Forwarding, HopParams};
pub use http1::ConnectionError;
pub use request_body::{BodyError, BodyPatience, Overheard, RequestBody};
pub use rescue::{Rescue, RescueLayer, Rescued};
pub use tls::{TlsParams, TlsSetupError};
pub use upgrade::{Occupied, Tunnels};
pub use upstream::{Upstream, UpstreamError, UpstreamUrlError};

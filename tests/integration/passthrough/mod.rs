//! Everything but the status route passes (section 4 of the contract): methods, targets, headers, bodies both ways,
//! upgrades, and the versions of HTTP that clients speak.

/// Bodies of requests and answers, streamed.
mod bodies;
/// Lines and headers, and what is refused.
mod heads;
/// What is told of the way that a message came, and how header names are written.
mod hops;
/// HTTP/1.0 and HTTP/2, and other protocols after an upgrade.
mod protocols;

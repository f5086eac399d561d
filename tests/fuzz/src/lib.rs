//! What must hold of any bytes, as plain functions that panic where it does not: the bodies of the fuzz targets.
//!
//! `replay.rs` runs them as a usual test over the committed corpus and seeded mutations of it.

pub mod analysis;
pub mod config;
pub mod log;
pub mod merge;
pub mod request;

mod bytes;
#[path = "../../properties/reference/mod.rs"]
mod reference;

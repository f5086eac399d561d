//! One file a command.
pub mod analyze;
mod log_input;
pub mod replay;

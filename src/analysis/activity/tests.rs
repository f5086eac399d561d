//! What is said of which call.

//! See `gloss_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gloss_fuzz::config::check(bytes));

//! See `gloss_fuzz::log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gloss_fuzz::log::check(bytes));

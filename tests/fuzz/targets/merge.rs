//! See `gloss_fuzz::merge`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gloss_fuzz::merge::check(bytes));

//! See `gloss_fuzz::analysis`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gloss_fuzz::analysis::check(bytes));

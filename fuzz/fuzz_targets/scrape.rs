//! Feeds the target `scrape` of lb-fuzz to libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lb_fuzz::targets::scrape(bytes));

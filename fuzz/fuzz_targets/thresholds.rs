//! Feeds the target `thresholds` of lb-fuzz to libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (lb_fuzz::find("thresholds").expect("the target exists").run)(bytes);
});

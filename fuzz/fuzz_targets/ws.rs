//! See [`wsdump_fuzz::ws`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::ws::run(data));

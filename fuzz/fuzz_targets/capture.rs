//! See [`wsdump_fuzz::capture`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::capture::run(data));

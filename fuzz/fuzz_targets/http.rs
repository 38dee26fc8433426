//! See [`wsdump_fuzz::http`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::http::run(data));

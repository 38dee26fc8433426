//! See [`wsdump_fuzz::inflate`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::inflate::run(data));

//! See [`wsdump_fuzz::program`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::program::run(data));

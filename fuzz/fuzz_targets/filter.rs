//! See [`wsdump_fuzz::filter`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::filter::run(data));

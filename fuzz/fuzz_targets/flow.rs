//! See [`wsdump_fuzz::flow`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::flow::run(data));

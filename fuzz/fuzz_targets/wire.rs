//! See [`wsdump_fuzz::wire`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::wire::run(data));

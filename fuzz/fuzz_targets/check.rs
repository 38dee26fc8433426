//! See [`wsdump_fuzz::check`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::check::run(data));

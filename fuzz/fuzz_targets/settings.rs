//! See [`wsdump_fuzz::settings`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsdump_fuzz::settings::run(data));

//! What the fuzz targets of wsdump do with their input, and what has to hold of it.
//!
//! A target is a function of bytes that panics where something does not hold. Its input is
//! laid out as its documentation says; every input has a meaning, so that no mutation is
//! lost.

pub mod capture;
mod capture_run;
pub mod check;
pub mod filter;
pub mod flow;
pub mod http;
pub mod inflate;
pub mod input;
pub mod program;
pub mod settings;
pub mod wire;
pub mod ws;

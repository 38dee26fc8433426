//! Packet-capture WebSocket analyzer.

pub mod analyzer;
pub mod anomaly;
pub mod capture;
pub mod event;
pub mod flow;
pub mod http;
pub mod limits;
pub mod report;
pub mod time;
pub mod wire;
pub mod ws;

pub use analyzer::{Analyzer, Config, Summary};
pub use limits::Limits;

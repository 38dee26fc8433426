//! Packet-capture WebSocket analyzer.

pub mod anomaly;
pub mod capture;
pub mod event;
pub mod flow;
pub mod http;
pub mod limits;
pub mod time;
pub mod wire;
pub mod ws;

pub use limits::Limits;

//! Packet-capture WebSocket analyzer.

pub mod capture;
pub mod time;
pub mod wire;

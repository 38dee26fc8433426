//! Captures made in memory, and what wsdump says about them.
//!
//! A test writes a conversation ([`Tcp`], [`Upgrade`], [`Frame`]), gets a list of packets
//! ([`Trace`]), and compares the lines that [`tell`] makes of the events.

#![allow(dead_code, unused_imports, unreachable_pub)] // Each test crate uses its part.

pub mod loss;
pub mod packet;
pub mod pairs;
pub mod random;
pub mod render;
pub mod tcp;
pub mod websocket;

pub use packet::{Captured, Trace, Wrap};
pub use render::{Kind, Line, Lines, limited, tell, tell_with};
pub use tcp::Tcp;
pub use websocket::{Deflater, Frame, Upgrade, binary, close, cont, frame, ping, pong, text};

pub use Who::{Client, Server};

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Client,
    Server,
}

impl Who {
    pub fn other(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }
}
